from __future__ import annotations

import pytest

from normwise.errors import FeatureError
from normwise.features.tables.extractor import join_tables


def refusal(folder, text, ids, table_id=None):
    path = folder / "t.csv"
    path.write_text(text)
    with pytest.raises(FeatureError) as caught:
        join_tables(ids, [path], table_id, None)
    assert caught.value.code == "FEA-210"
    return caught.value


@pytest.mark.parametrize(
    ("cells", "ids"),
    [
        (("sub-01", "sub-02"), ("01", "02")),
        (("007", "012"), ("7", "12")),
        (("sub-007", "sub-012"), ("7", "12")),
        (("7.0", "12.0"), ("7", "12")),
        (("/data/fs/s07/", "/data/fs/s12/"), ("s07", "s12")),
        (("a7_ses-1", "b2_ses-1"), ("a7", "b2")),
        (("sub-a7_ses-1", "sub-b2_ses-1"), ("a7", "b2")),
        (("s7.nii.gz", "s12.nii.gz"), ("s7", "s12")),
        (("Yale_0050551", "NYU_0050552"), ("50551", "50552")),
    ],
)
def test_what_to_type_joins_the_table(tmp_path, cells, ids):
    text = "who,insula\n" + "".join(f"{cell},{number}.5\n" for number, cell in enumerate(cells))
    refused = refusal(tmp_path, text, ids)
    table_id = refused.advice.removeprefix("give features.table_id = '").partition("', which")[0]
    assert refused.advice.endswith("finds 2 of 2 scans")
    [joined] = join_tables(ids, [tmp_path / "t.csv"], table_id, None)
    assert joined.text["insula"].to_dict() == dict(zip(ids, ("0.5", "1.5"), strict=True))


@pytest.mark.parametrize(
    ("text", "table_id", "cause"),
    [
        ("who,insula\nx,1\n", r"who ~ ^sub-(\d+)$", "fits no cell of 'who'"),
        ("row,who\n1,s07\n2,s12\n", None, "its ids are in the column 'who'"),
        ("who,a\ns07,1\ns12,2\n", r"who ~ (\d+)$", "the pattern cuts its ids"),
        ("who,a\nS07,1\nS12,2\n", None, "differ in capital and small letters"),
        ("who,a\nx,1\ny,2\n", None, "none of its columns holds the cohort's ids"),
    ],
)
def test_the_cause_is_named(tmp_path, text, table_id, cause):
    assert cause in refusal(tmp_path, text, ("s07", "s12"), table_id).problem


def test_ids_that_the_table_cut_are_named(tmp_path):
    refused = refusal(tmp_path, "who,a\n07,1\n12,2\n", ("sub-07", "sub-12"))
    assert "the cohort's ids have a prefix sub-, which those in 'who' lack" in refused.problem


def test_a_few_equal_numbers_are_no_ids(tmp_path):
    ids = [str(number) for number in range(1, 41)]
    rows = "".join(f"x{number:02d}y,{number if number < 5 else 90 + number}\n" for number in range(1, 41))
    assert "'count'" not in refusal(tmp_path, "who,count\n" + rows, ids).problem
