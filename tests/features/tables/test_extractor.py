from __future__ import annotations

import pytest

from cohorts import cohort_of
from normwise.errors import FeatureError
from normwise.features import extract_features
from normwise.features.tables.extractor import join_tables, table_paths

PEOPLE = "ID,Age,Sex,dx,MMSE,lh_a,rh_a\n01,70,F,normal,30,1.5,2\n02,71,M,AD,20,2.5,x\n03,72,M,AD,21,3.5,n/a\n"


def test_columns_of_the_participants_table(tmp_path):
    cohort, study = cohort_of(tmp_path, PEOPLE, {"extractor": "table", "columns": ["?h_a"]})
    table = extract_features(cohort, study)
    assert table.values.to_dict("index") == {"01": {"lh_a": 1.5, "rh_a": 2.0}}
    assert {scan: error.code for scan, error in table.failures.items()} == {"02": "FEA-203", "03": "FEA-204"}
    assert table.notes["lh_a"].description == "lh_a, as in people.csv"


def test_the_participants_table_needs_names(tmp_path):
    cohort, study = cohort_of(tmp_path, PEOPLE, {"extractor": "table"})
    with pytest.raises(FeatureError) as caught:
        extract_features(cohort, study)
    assert caught.value.code == "FEA-212"


@pytest.mark.parametrize("column", ["Age", "Sex", "dx", "ID"])
def test_a_demographic_the_label_or_the_id_is_no_feature(tmp_path, column):
    cohort, study = cohort_of(tmp_path, PEOPLE, {"extractor": "table", "columns": ["lh_a", column]})
    with pytest.raises(FeatureError) as caught:
        extract_features(cohort, study)
    assert caught.value.code == "FEA-202"


def test_a_pattern_passes_other_roles_over(tmp_path):
    cohort, study = cohort_of(tmp_path, PEOPLE, {"extractor": "table", "columns": ["*", "!rh_a"]})
    assert list(extract_features(cohort, study).values.columns) == ["MMSE", "lh_a"]


def test_second_tables_are_joined_by_id(tmp_path):
    (tmp_path / "one.tsv").write_text("ID\tinsula\teTIV\n03\t7\t1500\n01\t8\t1600\n02\t9\t1700\n")
    (tmp_path / "two.tsv").write_text("ID\tcuneus\teTIV\n01\t3\t1600\n02\t4\t1700\n")
    cohort, study = cohort_of(tmp_path, PEOPLE, {"extractor": "table", "table": ["one.tsv", "two.tsv"]})
    table = extract_features(cohort, study)
    assert list(table.values.columns) == ["insula", "eTIV", "cuneus"]
    assert table.values.loc["02"].tolist() == [9.0, 1700.0, 4.0]
    assert {scan: error.code for scan, error in table.failures.items()} == {"03": "FEA-206"}


@pytest.mark.parametrize("name", ["", "Unnamed: 0", "index", "X", "n"])
def test_the_index_of_a_second_table_is_no_feature_unless_it_is_named(tmp_path, name):
    rows = "".join(f"{row},{scan},{2 + row}.5\n" for row, scan in enumerate(("01", "02", "03")))
    (tmp_path / "more.csv").write_text(f"{name},ID,gm\n{rows}")
    cohort, study = cohort_of(tmp_path, PEOPLE, {"extractor": "table", "table": "more.csv"})
    with pytest.warns(UserWarning, match="FEA-901.*an index, by its name"):
        assert list(extract_features(cohort, study).values.columns) == ["gm"]
    named = study.features.model_copy(update={"columns": ["*"]})
    assert extract_features(cohort, study.model_copy(update={"features": named})).values.shape[1] == 2


def test_tables_that_contradict_each_other_are_refused(tmp_path):
    (tmp_path / "one.tsv").write_text("ID\teTIV\n01\t1500\n")
    (tmp_path / "two.tsv").write_text("ID\teTIV\n01\t1600\n")
    cohort, study = cohort_of(tmp_path, PEOPLE, {"extractor": "table", "table": "*.tsv"})
    with pytest.raises(FeatureError) as caught:
        extract_features(cohort, study)
    assert caught.value.code == "FEA-211"


def two_tables(folder, first, second, **features):
    (folder / "a.csv").write_text("ID,icv,visit\n" + first)
    (folder / "b.csv").write_text("ID,icv,insula,visit\n" + second)
    people = "ID,Age,Sex,dx\n01,70,F,normal\n02,71,M,AD\n"
    return cohort_of(folder, people, {"extractor": "table", "table": ["a.csv", "b.csv"], **features})


def test_tables_agree_in_what_they_print_differently(tmp_path):
    cohort, study = two_tables(tmp_path, "01,1525462.625,1\n02,n/a,1\n", "01,1525462.6,7,1.0\n02,1.5e6,8,1\n")
    table = extract_features(cohort, study)
    assert table.values["icv"].tolist() == [1525462.625, 1.5e6]
    assert not table.failures


@pytest.mark.parametrize(("cell", "unlike"), [("1525470", False), ("1525490", True)])
def test_tables_that_differ_are_both_named_with_their_cells(tmp_path, cell, unlike):
    cohort, study = two_tables(
        tmp_path, "01,1525462,1\n02,9,1\n", f"01,{cell},7,2\n02,9,8,1\n", columns=["icv"]
    )
    if not unlike:
        assert not extract_features(cohort, study).failures
        return
    with pytest.raises(FeatureError) as caught:
        extract_features(cohort, study)
    assert caught.value.subject == "a.csv (ID), b.csv (ID)"
    assert caught.value.seen == f"'1525462' in a.csv and '{cell}' in b.csv for 01; 1 of 2 scans differ"
    chosen = study.features.model_copy(update={"columns": ["insula"]})
    table = extract_features(cohort, study.model_copy(update={"features": chosen}))
    assert table.values["insula"].tolist() == [7.0, 8.0], "what is not chosen may differ"


def test_the_hash_tells_how_not_whom(tmp_path):
    settings = {"extractor": "table", "columns": ["lh_a"]}
    cohort, study = cohort_of(tmp_path, PEOPLE, settings)
    others, other_study = cohort_of(tmp_path, PEOPLE.replace("1.5", "9.5"), settings)
    assert extract_features(cohort, study).hash == extract_features(others, other_study).hash
    _, changed = cohort_of(tmp_path, PEOPLE, {**settings, "columns": ["lh_a", "MMSE"]})
    assert extract_features(cohort, changed).hash != extract_features(cohort, study).hash


@pytest.mark.realdata
def test_abides_wide_tables_join_on_the_digits(real_data):
    from normwise.cohort import read_cohort
    from normwise.schema import Study

    study = Study.model_validate(
        {
            "cohort": {
                "root": real_data / "abide", "table": "Phenotypic_V1_0b_preprocessed1.csv", "id": "SUB_ID",
                "label": "DX_GROUP", "classes": {"control": ["2"], "autism": ["1"]}, "normal": "control",
                "demographics": ["AGE_AT_SCAN", "SEX"], "site": "SITE_ID", "categorical": ["SEX"],
            },
            "features": {
                "extractor": "table", "table": "lh.aparc_table_thickness.tsv",
                "table_id": r"lh.aparc.thickness ~ _0*(\d+)$",
            },
        }
    )  # fmt: skip
    cohort = read_cohort(study)
    table = extract_features(cohort, study)
    assert len(table.values) == 1035
    assert table.values.shape[1] == 35
    assert {error.code for error in table.failures.values()} == {"FEA-206"}
    assert table.values["lh_insula_thickness"].between(1.5, 4.5).all()


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
