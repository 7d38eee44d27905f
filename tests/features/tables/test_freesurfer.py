from __future__ import annotations

import pytest

from cohorts import cohort_of
from normwise.errors import FeatureError
from normwise.features import extract_features
from normwise.features.tables.freesurfer import feature_name, note_of, read_subject, wide_name

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
    from normwise.schema import Study

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


@pytest.mark.parametrize(
    ("column", "corner", "wanted"),
    [
        ("Left-Hippocampus", "Measure:volume", "hippocampus_left.volume_mm3"),
        ("Left-Hippocampus", "Measure:mean", "hippocampus_left.mean"),
        ("lh_bankssts_thickness", "lh.aparc.thickness", "bankssts_left.thickness_mm"),
        ("rh_G_cuneus_area", "rh.aparc.a2009s.area", "g_cuneus_right.area_mm2"),
        ("lh_MeanThickness_thickness", "lh.aparc.thickness", "mean_thickness_left.thickness_mm"),
        ("BrainSegVolNotVent", "lh.aparc.thickness", "brain_seg_vol_not_vent.volume_mm3"),
        ("eTIV", "rh.aparc.area", "intracranial.volume_mm3"),
        ("EstimatedTotalIntraCranialVol", "Measure:volume", "intracranial.volume_mm3"),
        ("3rd-Ventricle", "Measure:volume", "3rd_ventricle.volume_mm3"),
        ("lhCortexVol", "Measure:volume", "cortex_vol_left.volume_mm3"),
        ("FD", "subject", "FD"),
    ],
)
def test_columns_get_place_measure_and_unit(column, corner, wanted):
    assert wide_name(column, corner) == wanted


def test_both_routes_give_one_name():
    assert wide_name("Left-Thalamus", "Measure:volume") == feature_name("Left-Thalamus", "volume_mm3")


def test_notes_say_the_unit():
    assert note_of("insula_left.thickness_mm", "t.tsv").unit == "mm"
    assert note_of("FD", "t.tsv").description == "FD, as in t.tsv"


WHOLE_ASEG = """# Title Segmentation Statistics
# Measure Cortex, lhCortexVol, Left hemisphere cortical gray matter volume, 230000.5, mm^3
# Measure EstimatedTotalIntraCranialVol, eTIV, Estimated Total Intracranial Volume, 1525462.6, mm^3
# ColHeaders  Index SegId NVoxels Volume_mm3 StructName normMean normStdDev normMin normMax normRange
  1   4     5000     5100.5  Left-Lateral-Ventricle            30.1    12.0     2.0   100.0   98.0
  2  17     4021     4088.2  Left-Hippocampus                  80.1     9.0    20.0   130.0  110.0
"""
APARC = """# Measure Cortex, NumVert, Number of Vertices, 120000, unitless
# Measure Cortex, MeanThickness, Mean Thickness, 2.51, mm
# Measure EstimatedTotalIntraCranialVol, eTIV, Estimated Total Intracranial Volume, 1525462.6, mm^3
# ColHeaders StructName NumVert SurfArea GrayVol ThickAvg ThickStd MeanCurv GausCurv FoldInd CurvInd
bankssts  1500  1010  2400  2.456 0.51 0.11 0.02 15 1.2
"""


def write(folder, **files):
    (folder / "stats").mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / "stats" / f"{name.replace('_', '.')}.stats").write_text(text)
    return folder


def test_all_three_files_are_read(tmp_path):
    found = read_subject(write(tmp_path, aseg=WHOLE_ASEG, lh_aparc=APARC, rh_aparc=APARC), "s")
    assert found["hippocampus_left.volume_mm3"] == "4088.2"
    assert found["cortex_vol_left.volume_mm3"] == "230000.5"
    assert found["intracranial.volume_mm3"] == "1525462.6"
    assert found["bankssts_left.thickness_mm"] == found["bankssts_right.thickness_mm"] == "2.456"
    assert found["bankssts_left.area_mm2"] == "1010"
    assert found["bankssts_left.volume_mm3"] == "2400"
    assert found["mean_thickness_right.thickness_mm"] == "2.51"


def test_one_file_is_enough(tmp_path):
    assert "hippocampus_left.volume_mm3" in read_subject(write(tmp_path, aseg=WHOLE_ASEG), "s")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "FEA-214"),
        (WHOLE_ASEG.replace("# ColHeaders", "# Columns"), "FEA-214"),
        (WHOLE_ASEG + " 3  18  100 \n", "FEA-214"),
        ("\ufffe\x00", "FEA-214"),
    ],
)
def test_a_damaged_file_is_named(tmp_path, text, code):
    with pytest.raises(FeatureError) as caught:
        read_subject(write(tmp_path, aseg=text), "sub-7")
    assert caught.value.code == code
    assert caught.value.subject == "sub-7"


def test_an_unfinished_subject_is_named(tmp_path):
    with pytest.raises(FeatureError) as caught:
        read_subject(tmp_path, "sub-7")
    assert caught.value.code == "FEA-213"
