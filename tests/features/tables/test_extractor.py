from __future__ import annotations

import pytest

from cohorts import cohort_of
from normwise.errors import FeatureError
from normwise.features import extract_features

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


def test_tables_that_contradict_each_other_are_refused(tmp_path):
    (tmp_path / "one.tsv").write_text("ID\teTIV\n01\t1500\n")
    (tmp_path / "two.tsv").write_text("ID\teTIV\n01\t1600\n")
    cohort, study = cohort_of(tmp_path, PEOPLE, {"extractor": "table", "table": "*.tsv"})
    with pytest.raises(FeatureError) as caught:
        extract_features(cohort, study)
    assert caught.value.code == "FEA-211"


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
    from normwise.schema.study import Study

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
