from __future__ import annotations

import pytest

from normwise.errors import FeatureError
from normwise.features.atlases.region_names import is_background, read_lookup, region_name, region_names


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        ("Left-Hippocampus", "hippocampus_left"),
        ("Right_ACgG_anterior_cingulate_gyrus", "acgg_anterior_cingulate_gyrus_right"),
        ("Hippocampus_L", "hippocampus_left"),
        ("ctx-rh-bankssts", "ctx_bankssts_right"),
        ("ctx_lh_G_and_S_frontomargin", "ctx_g_and_s_frontomargin_left"),
        ("lh_bankssts", "bankssts_left"),
        ("AccumbensArea_R", "accumbens_area_right"),
        ("Cerebellum_WM_R", "cerebellum_wm_right"),
        ("CSF", "csf"),
        ("Brain-Stem", "brain_stem"),
        ("Left", "left"),
        ("Left_Caudal_Medial_Visual_Cortex(BA_17/18)", "caudal_medial_visual_cortex_ba_17_18_left"),
        ("G_Frontal_Sup-1-L", "g_frontal_sup_1_left"),
    ],
)
def test_sides_go_to_the_end_and_words_get_underscores(raw, wanted):
    assert region_name(raw) == wanted


def test_a_region_is_never_lost_to_a_shared_name():
    names = region_names({5: "Insula_L", 9: "insula-l", 2: "???", 7: "Cuneus"})
    assert names == {5: "insula_left_5", 9: "insula_left_9", 2: "label_2", 7: "cuneus"}
    assert len(set(names.values())) == 4


def test_background_is_told_from_regions():
    assert all(map(is_background, ["Unknown", "ctx-lh-unknown", "Background", "ctx_rh_Medial_wall"]))
    assert not any(map(is_background, ["Left-Hippocampus", "WM-hypointensities", "CSF"]))


TEXTS = {
    "FreeSurfer": "#No. Label Name:  R G B A\n\n0   Unknown   0 0 0 0\n17  Left-Hippocampus  220 216 20 0\n",
    "CSV": "index,name\n0,Unknown\n17,Left-Hippocampus\n",
    "TSV, other order": "name\tcolour\tLabel\nUnknown\tblack\t0\nLeft-Hippocampus\tyellow\t17\n",
    "no header": "0\tUnknown\n17\tLeft-Hippocampus\n",
    "blanks": "0 Unknown\n17 Left-Hippocampus\n",
    "quoted": 'index;name\n0;Unknown\n17;"Left-Hippocampus"\n',
    "of pandas": "index,name\n0.0,Unknown\n17.0,Left-Hippocampus\n",
    "of pandas, no header": "0.0\tUnknown\n17.\tLeft-Hippocampus\n",
    "of pandas, in colours": "0.0 Unknown 0 0 0 0\n17.0 Left-Hippocampus 220 216 20 0\n",
    "Windows": "\ufeffindex,name\r\n0,Unknown\r\n17,Left-Hippocampus\r\n",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_every_usual_form_is_read(tmp_path, text):
    path = tmp_path / "lut.txt"
    path.write_bytes(text.encode())
    assert read_lookup(path) == {0: "Unknown", 17: "Left-Hippocampus"}


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("index,name\n17,a\n17,b\n", "label 17 is twice"),
        ("index,name\n17,a\n17.0,b\n", "label 17 is twice"),
        ("index,name\nseventeen,a\n", "a label that is no number"),
        ("index,name\n17,\n", "no name"),
        ("index,name\n,a\n", "no label"),
        ("index,name\n17.5,a\n", "no whole number"),
        ("17.5,a\n18,b\n", "entry 1 of the look-up table has a label that is no whole number"),
        ("index,name\n1234567890,a\n", "at most nine digits"),
        ("index,name\n-17,a\n", "below 0"),
    ],
)
def test_a_doubtful_line_is_named_with_its_fault(tmp_path, text, cause):
    path = tmp_path / "lut.csv"
    path.write_text(text)
    with pytest.raises(FeatureError) as caught:
        read_lookup(path)
    assert caught.value.code == "FEA-106"
    assert caught.value.subject == str(path)
    assert cause in caught.value.problem


def test_what_is_no_text_is_refused(tmp_path):
    path = tmp_path / "lut.txt"
    path.write_bytes(b"\x1f\x8b\xff\xfe\x00")
    for each in (path, tmp_path / "absent.txt"):
        with pytest.raises(FeatureError) as caught:
            read_lookup(each)
        assert caught.value.code == "FEA-105"
