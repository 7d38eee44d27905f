from __future__ import annotations

import pytest

from cohorts import cohort_of
from normwise.errors import FeatureError
from normwise.features import extract_features

PEOPLE = "ID,Age,Sex,dx,folder\n01,70,F,normal,a\n02,71,M,AD,b\n03,72,M,AD,c\n"
ASEG = "# ColHeaders Index SegId NVoxels Volume_mm3 StructName\n1 17 40 {volume} Left-Hippocampus\n"


def subjects(folder, names):
    for number, name in enumerate(names):
        stats = folder / "freesurfer" / name / "stats"
        stats.mkdir(parents=True)
        (stats / "aseg.stats").write_text(ASEG.format(volume=4000.5 + number))


@pytest.mark.parametrize(("names", "pattern"), [("01 02", "freesurfer"), ("a b", "freesurfer/{folder}")])
def test_a_subjects_dir_is_read_by_id_or_by_a_column(tmp_path, names, pattern):
    subjects(tmp_path, names.split())
    cohort, study = cohort_of(tmp_path, PEOPLE, {"extractor": "freesurfer", "subjects_dir": pattern})
    table = extract_features(cohort, study)
    assert table.values["hippocampus_left.volume_mm3"].to_dict() == {"01": 4000.5, "02": 4001.5}
    assert {scan: error.code for scan, error in table.failures.items()} == {"03": "FEA-213"}
    note = table.notes["hippocampus_left.volume_mm3"]
    assert (note.unit, note.place) == ("mm3", "hippocampus_left")


def test_wide_tables_get_the_same_names(tmp_path):
    (tmp_path / "aseg.tsv").write_text(
        "Measure:volume\tLeft-Hippocampus\tBrainSegVol\n01\t4000\t9e5\n02\t4001\t8e5\n03\t4002\t8e5\n"
    )
    (tmp_path / "lh.tsv").write_text(
        "lh.aparc.thickness\tlh_insula_thickness\teTIV\n01\t3.1\t1.5e6\n02\t3.0\t1.5e6\n03\t2.9\t1.5e6\n"
    )
    cohort, study = cohort_of(tmp_path, PEOPLE, {"extractor": "freesurfer", "table": ["aseg.tsv", "lh.tsv"]})
    table = extract_features(cohort, study)
    assert list(table.values.columns) == [
        "hippocampus_left.volume_mm3",
        "brain_seg_vol.volume_mm3",
        "insula_left.thickness_mm",
        "intracranial.volume_mm3",
    ]
    chosen = study.features.model_copy(update={"columns": ["Left-*", "insula_*"]})
    table = extract_features(cohort, study.model_copy(update={"features": chosen}))
    assert list(table.values.columns) == ["hippocampus_left.volume_mm3", "insula_left.thickness_mm"]


@pytest.mark.parametrize(
    ("features", "code"),
    [
        ({}, "FEA-215"),
        ({"subjects_dir": "nowhere"}, "FEA-208"),
        ({"subjects_dir": "x/{name}"}, "FEA-109"),
        ({"table": "nowhere.tsv"}, "FEA-208"),
    ],
)
def test_what_the_study_lacks_is_said(tmp_path, features, code):
    cohort, study = cohort_of(tmp_path, PEOPLE, {"extractor": "freesurfer", **features})
    with pytest.raises(FeatureError) as caught:
        extract_features(cohort, study)
    assert caught.value.code == code


@pytest.mark.realdata
def test_abides_tables_together(real_data):
    from normwise.cohort import read_cohort
    from normwise.schema.study import Study

    study = Study.model_validate(
        {
            "cohort": {
                "root": real_data / "abide", "table": "Phenotypic_V1_0b_preprocessed1.csv", "id": "SUB_ID",
                "label": "DX_GROUP", "classes": {"control": ["2"], "autism": ["1"]}, "normal": "control",
                "demographics": ["AGE_AT_SCAN", "SEX"], "site": "SITE_ID", "categorical": ["SEX"],
                "include": ["SITE_ID == CALTECH"],
            },
            "features": {
                "extractor": "freesurfer", "table": ["aseg_table.tsv", "?h.aparc_table_*.tsv"],
                "table_id": r"~ _0*(\d+)$", "columns": ["*", "!*hypointensities*", "!5th_ventricle*"],
            },
        }
    )  # fmt: skip
    cohort = read_cohort(study)
    table = extract_features(cohort, study)
    assert len(table.values) == 37
    assert {"hippocampus_left.volume_mm3", "insula_right.thickness_mm"} <= set(table.values.columns)
    assert table.values["hippocampus_left.volume_mm3"].between(2500, 6500).all()
