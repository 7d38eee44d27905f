from __future__ import annotations

import pytest

from normwise.errors import FeatureError
from normwise.features.atlases.lookup_table import read_lookup

TEXTS = {
    "FreeSurfer": "#No. Label Name:  R G B A\n\n0   Unknown   0 0 0 0\n17  Left-Hippocampus  220 216 20 0\n",
    "CSV": "index,name\n0,Unknown\n17,Left-Hippocampus\n",
    "TSV, other order": "name\tcolour\tLabel\nUnknown\tblack\t0\nLeft-Hippocampus\tyellow\t17\n",
    "no header": "0\tUnknown\n17\tLeft-Hippocampus\n",
    "blanks": "0 Unknown\n17 Left-Hippocampus\n",
    "quoted": 'index;name\n0;Unknown\n17;"Left-Hippocampus"\n',
    "Windows": "\ufeffindex,name\r\n0,Unknown\r\n17,Left-Hippocampus\r\n",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_every_usual_form_is_read(tmp_path, text):
    path = tmp_path / "lut.txt"
    path.write_bytes(text.encode())
    assert read_lookup(path) == {0: "Unknown", 17: "Left-Hippocampus"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("index,name\n17,a\n17,b\n", "FEA-106"),
        ("index,name\nseventeen,a\n", "FEA-106"),
        ("index,name\n17,\n", "FEA-106"),
        ("index,name\n17.5,a\n", "FEA-106"),
    ],
)
def test_a_doubtful_line_is_named(tmp_path, text, code):
    path = tmp_path / "lut.csv"
    path.write_text(text)
    with pytest.raises(FeatureError) as caught:
        read_lookup(path)
    assert caught.value.code == code
    assert caught.value.subject == str(path)


def test_what_is_no_text_is_refused(tmp_path):
    path = tmp_path / "lut.txt"
    path.write_bytes(b"\x1f\x8b\xff\xfe\x00")
    for each in (path, tmp_path / "absent.txt"):
        with pytest.raises(FeatureError) as caught:
            read_lookup(each)
        assert caught.value.code == "FEA-105"
