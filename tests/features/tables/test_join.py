from __future__ import annotations

import pytest

from normwise.errors import FeatureError
from normwise.features.tables.join import join_tables, table_paths


@pytest.fixture
def volumes(tmp_path):
    path = tmp_path / "volumes.tsv"
    path.write_text(
        "Measure:volume\tinsula\nYale_0050551\t7.1\nYale_0050552\t6.8\nNYU_0050001\t7.0\nNYU_0050001\t7.5\n"
    )
    return path


def test_ids_are_taken_out_by_a_pattern(volumes):
    [joined] = join_tables(
        ["50552", "50551", "50999", "50001"], [volumes], r"Measure:volume ~ _0*(\d+)$", None
    )
    assert joined.text["insula"].to_dict() == {"50552": "6.8", "50551": "7.1"}
    assert list(joined.text.index) == ["50552", "50551"], "the cohort's order"
    assert {scan: error.code for scan, error in joined.failures.items()} == {
        "50999": "FEA-206",
        "50001": "FEA-207",
    }
    assert joined.id_column == "Measure:volume"


def test_a_pattern_alone_means_the_first_column(volumes):
    [joined] = join_tables(["50552"], [volumes], r"~ _0*(\d+)$", "participant_id")
    assert joined.text["insula"].to_dict() == {"50552": "6.8"}


def test_without_a_pattern_ids_are_equal_or_not(volumes):
    [joined] = join_tables(["Yale_0050551"], [volumes], "Measure:volume", None)
    assert joined.text["insula"].to_dict() == {"Yale_0050551": "7.1"}
    with pytest.raises(FeatureError) as caught:
        join_tables(["50551"], [volumes], "Measure:volume", None)
    assert caught.value.code == "FEA-210"
    assert "Yale_0050551" in caught.value.seen


def test_leading_zeros_count(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("ID,a\n007,1\n7,2\n")
    [joined] = join_tables(["007"], [path], None, "ID")
    assert joined.text["a"].to_dict() == {"007": "1"}


@pytest.mark.parametrize("table_id", ["subject", r"insula ~ \d+", "insula ~ (", "~ x"])
def test_a_wrong_id_or_pattern_is_named(volumes, table_id):
    with pytest.raises(FeatureError) as caught:
        join_tables(["50551"], [volumes], table_id, None)
    assert caught.value.code == "FEA-209"


def test_tables_are_named_by_path_list_or_pattern(tmp_path):
    for name in ("b.tsv", "a.tsv", "odd[1].tsv"):
        (tmp_path / name).write_text("x")
    assert [path.name for path in table_paths(tmp_path, "?.tsv")] == ["a.tsv", "b.tsv"]
    assert [path.name for path in table_paths(tmp_path, ["b.tsv", "*.tsv"])] == [
        "b.tsv",
        "a.tsv",
        "odd[1].tsv",
    ]
    assert [path.name for path in table_paths(tmp_path, "odd[1].tsv")] == ["odd[1].tsv"]
    with pytest.raises(FeatureError) as caught:
        table_paths(tmp_path, "c*.tsv")
    assert caught.value.code == "FEA-208"
