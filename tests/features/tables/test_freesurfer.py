from __future__ import annotations

import pytest

from cohorts import cohort_of
from normwise.errors import FeatureError, NormwiseWarning
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


FOLDER = """# Title Segmentation Statistics
{version}# Measure BrainSeg, BrainSegVol, Brain Segmentation Volume, 1193318.000000, mm^3
# Measure lhCortex, lhCortexVol, Left hemisphere cortical gray matter volume, 230000.5, mm^3
# Measure Cortex, CortexVol, Total cortical gray matter volume, 470000.000000, mm^3
# Measure lh{white}WhiteMatter, lh{white}WhiteMatterVol, Left hemisphere white matter volume, 240000, mm^3
# Measure MaskVol-to-eTIV, MaskVol-to-eTIV, Ratio of MaskVol to eTIV, 1.075310, unitless
# Measure lhSurfaceHoles, lhSurfaceHoles, Number of defect holes in lh surfaces prior to fixing, 20, unitless
# Measure EstimatedTotalIntraCranialVol, eTIV, Estimated Total Intracranial Volume, {etiv}, mm^3
# ColHeaders  Index SegId NVoxels Volume_mm3 StructName normMean normStdDev normMin normMax normRange
  1  10  7000  {thalamus}  {name}  81.1 8.5 33.0 97.0 64.0
  2  53  4000  {hippocampus}  Right-Hippocampus  66.1 8.5 33.0 97.0 64.0
  3  77     0  {lesion}  WM-hypointensities  0.0 0.0 0.0 0.0 0.0
"""
CORTEX = """# Measure Cortex, NumVert, Number of Vertices, 146127, unitless
# Measure Cortex, WhiteSurfArea, White Surface Total Area, 96312, mm^2
# Measure Cortex, MeanThickness, Mean Thickness, 2.41386, mm
# Measure Cortex, CortexVol, Total cortical gray matter volume, 470000.000000, mm^3
# ColHeaders StructName NumVert SurfArea GrayVol ThickAvg ThickStd MeanCurv GausCurv FoldInd CurvInd
insula 1400 950 2500 2.4 0.5 0.1 0.02 10 1.2
"""
NEW = {"version": "", "white": "Cerebral", "name": "Left-Thalamus"}
OLD = {"version": "", "white": "Cortical", "name": "Left-Thalamus-Proper"}
MANY = "ID,Age,Sex,dx\n" + "".join(f"{n:02d},{70 + n},F,{'AD' if n % 2 else 'normal'}\n" for n in range(1, 5))


def subject(folder, scan, parcellation="aparc", **words):
    stats = folder / "fs" / scan / "stats"
    stats.mkdir(parents=True)
    plain = {"etiv": 1525462, "thalamus": 7000 + int(scan), "hippocampus": 4000 + int(scan), "lesion": 0.0}
    (stats / "aseg.stats").write_text(FOLDER.format(**plain | NEW | words))
    for side in ("lh", "rh"):
        (stats / f"{side}.{parcellation}.stats").write_text(CORTEX)


def of_folder(folder, **features):
    return cohort_of(folder, MANY, {"extractor": "freesurfer", "subjects_dir": "fs", **features})


def test_folder_and_wide_tables_give_the_same_names_and_units(tmp_path):
    for number in range(1, 5):
        subject(tmp_path, f"{number:02d}")
    heads = {
        "Measure:volume": (
            "Left-Thalamus Right-Hippocampus WM-hypointensities BrainSegVol lhCortexVol CortexVol "
            "lhCerebralWhiteMatterVol MaskVol-to-eTIV lhSurfaceHoles EstimatedTotalIntraCranialVol"
        ),
        **{
            f"{side}.aparc.{measure}": f"{side}_insula_{measure} {whole} BrainSegVol eTIV"
            for side in ("lh", "rh")
            for measure, whole in (
                ("area", f"{side}_WhiteSurfArea_area"), ("thickness", f"{side}_MeanThickness_thickness"),
                ("volume", f"{side}_insula_volume"),
            )
        },
    }  # fmt: skip
    for corner, columns in heads.items():
        names = list(dict.fromkeys(columns.split()))
        rows = ["\t".join([f"{n:02d}", *("1.5" for _ in names)]) for n in range(1, 5)]
        text = "\n".join(["\t".join([corner, *names]), *rows])
        (tmp_path / f"{corner.replace(':', '.')}.tsv").write_text(text + "\n")
    cohort, study = of_folder(tmp_path)
    folder = extract_features(cohort, study)
    cohort, wide = cohort_of(
        tmp_path, MANY, {"extractor": "freesurfer", "table": ["*.volume.tsv", "*.aparc.*.tsv"]}
    )
    tables = extract_features(cohort, wide)
    units = {name: note.unit for name, note in folder.notes.items()}
    assert units == {name: note.unit for name, note in tables.notes.items()}
    assert units["maskvol_to_etiv.ratio"] == units["surface_holes_left.count"] == "1"
    assert folder.values["cortex_vol.volume_mm3"].tolist() == [470000.0] * 4
    assert "cortex_vol_right.volume_mm3" not in units, "the whole brain's is no hemisphere's"
    for each, kind in ((study, folder), (wide, tables)):
        for columns in (["Left-Thalamus", "lh_insula_*"], ["Left-Thal*", "insula_left*"]):
            chosen = each.features.model_copy(update={"columns": columns})
            table = extract_features(cohort, each.model_copy(update={"features": chosen}))
            assert set(table.values.columns) == {
                "thalamus_left.volume_mm3", "insula_left.area_mm2", "insula_left.volume_mm3",
                "insula_left.thickness_mm",
            }, kind  # fmt: skip


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (OLD, NEW, "7 or later for 3, before 6 for 1 scans"),
        (
            {"version": "# cvs_version 7.1.1\n"},
            {"version": "# cvs_version 7.4.1\n"},
            "7.1.1 for 1, 7.4.1 for 3",
        ),
    ],
)
def test_releases_have_one_name_for_one_structure_and_are_named(tmp_path, first, second, said):
    subject(tmp_path, "01", **first)
    for name in ("02", "03", "04"):
        subject(tmp_path, name, **second)
    cohort, study = of_folder(tmp_path)
    with pytest.warns(NormwiseWarning, match=f"FEA-905.*{said}"):
        table = extract_features(cohort, study)
    assert table.values["thalamus_left.volume_mm3"].tolist() == [7001.0, 7002.0, 7003.0, 7004.0]
    assert table.values["cerebral_white_matter_vol_left.volume_mm3"].notna().all()
    assert not table.failures
    with pytest.warns(NormwiseWarning, match="FEA-905"):
        asked = extract_features(cohort, study, wanted=["thalamus_proper_left.volume_mm3"])
    assert asked.values["thalamus_proper_left.volume_mm3"].tolist() == [7001.0, 7002.0, 7003.0, 7004.0]
    cohort, named = of_folder(tmp_path, columns=["thalamus_proper_*"])
    with pytest.warns(NormwiseWarning, match="FEA-905"):
        chosen = extract_features(cohort, named)
    assert list(chosen.values.columns) == ["thalamus_left.volume_mm3"]


def test_a_wide_table_of_two_releases_has_one_column(tmp_path):
    (tmp_path / "aseg.tsv").write_text(
        "Measure:volume\tLeft-Thalamus-Proper\tLeft-Thalamus\tLeft-Hippocampus\n"
        "01\t7001\t0.0\t4001\n02\t0.0\t7002\t4002\n03\t\t7003\t4003\n04\t7004\tn/a\t4004\n"
    )
    cohort, study = cohort_of(tmp_path, MANY, {"extractor": "freesurfer", "table": "aseg.tsv"})
    with pytest.warns(NormwiseWarning, match="FEA-905.*7 or later for 2, before 7 for 2 scans"):
        table = extract_features(cohort, study)
    assert table.values["thalamus_left.volume_mm3"].tolist() == [7001.0, 7002.0, 7003.0, 7004.0]
    text = (tmp_path / "aseg.tsv").read_text()
    (tmp_path / "aseg.tsv").write_text(text.replace("01\t7001\t0.0", "01\t7001\t7009"))
    with pytest.raises(FeatureError) as caught, pytest.warns(NormwiseWarning, match="FEA-905"):
        extract_features(cohort, study)
    assert caught.value.code == "FEA-211"
    assert caught.value.seen == "Left-Thalamus-Proper 7001, Left-Thalamus 7009 for 01"


def test_a_structure_of_size_zero_is_absent(tmp_path):
    for name in ("01", "02", "03"):
        subject(tmp_path, name)
    subject(tmp_path, "04", hippocampus="0.0", lesion="12.0")
    cohort, study = of_folder(tmp_path)
    table = extract_features(cohort, study)
    assert list(table.values.index) == ["01", "02", "03"]
    assert table.failures["04"].code == "FEA-204"
    assert table.failures["04"].problem == "hippocampus_right is absent."
    assert table.values["wm_hypointensities.volume_mm3"].tolist() == [0.0, 0.0, 0.0]
    alone = extract_features(cohort.keep(["04"]), study, wanted=["hippocampus_right.volume_mm3"])
    assert alone.failures["04"].code == "FEA-204"
    cohort, named = of_folder(tmp_path, may_be_absent=["hippocampus_*"])
    assert not extract_features(cohort, named).failures


def test_fastsurfers_parcellation_is_read(tmp_path):
    for name in ("01", "02", "03"):
        subject(tmp_path, name, "aparc.DKTatlas.mapped")
    subject(tmp_path, "04", "aparc")
    cohort, study = of_folder(tmp_path)
    table = extract_features(cohort, study)
    assert table.values["insula_left.thickness_mm"].tolist() == [2.4] * 3
    assert table.failures["04"].code == "FEA-213"
    assert "aparc, and the cohort's by aparc.DKTatlas.mapped" in table.failures["04"].problem
    cohort, own = of_folder(tmp_path, parcellation="aparc")
    other = extract_features(cohort, own)
    assert list(other.values.index) == ["04"], "the study decides"
    assert other.hash != table.hash
    cohort, deep = of_folder(tmp_path, columns=["thalamus_*"])
    assert not extract_features(cohort, deep).failures, "who needs no cortex needs no parcellation"


def test_only_segmented_subjects_are_named_one_by_one(tmp_path):
    for name in ("01", "02", "03", "04"):
        stats = tmp_path / "fs" / name / "stats"
        stats.mkdir(parents=True)
        (stats / "aseg+DKT.stats").write_text(FOLDER)
    cohort, study = of_folder(tmp_path)
    table = extract_features(cohort, study)
    assert table.values.empty
    assert [error.code for error in table.failures.values()] == ["FEA-213"] * 4
    assert "there are aseg+DKT.stats" in table.failures["01"].seen
    assert "--seg_only" in table.failures["01"].advice


@pytest.mark.parametrize(
    ("people", "names", "measured"),
    [
        ("sub-01 sub-02", "01 02", {"sub-01", "sub-02"}),
        ("01 02", "sub-01 sub-02", {"01", "02"}),
        ("sub-01 sub-02", "sub-01 02", {"sub-01", "sub-02"}),
        ("sub-01 01", "01", {"01"}),  # that folder is another's
    ],
)
def test_folders_may_lack_the_prefix_of_bids(tmp_path, people, names, measured):
    subjects(tmp_path, names.split())
    rows = "".join(
        f"{name},7{place},F,{'AD' if place else 'normal'}\n" for place, name in enumerate(people.split())
    )
    cohort, study = cohort_of(
        tmp_path, f"ID,Age,Sex,dx\n{rows}", {"extractor": "freesurfer", "subjects_dir": "freesurfer"}
    )
    table = extract_features(cohort, study)
    assert set(table.values.index) == measured
    assert {error.code for error in table.failures.values()} <= {"FEA-213"}


def test_other_names_of_folders_are_said(tmp_path):
    subjects(tmp_path, ["1", "2", "bert"])
    table = extract_features(
        *cohort_of(tmp_path, PEOPLE, {"extractor": "freesurfer", "subjects_dir": "freesurfer"})
    )
    assert table.failures["01"].seen == "no 01 in freesurfer, which has folders of 3 subjects: 1, 2, bert"


@pytest.mark.parametrize(
    ("there", "said"),
    [
        (["lh.aparc", "rh.aparc"], None),
        (["lh.aparc"], "rh.aparc.stats"),
        (["lh.aparc.a2009s", "rh.aparc.a2009s"], "--features.parcellation aparc.a2009s"),
        ([], None),  # the segmentation is all that there is
        (["lh.aparc.pial", "rh.aparc.pial"], "lh.aparc.stats, rh.aparc.stats, so"),
    ],
)
def test_files_that_nobody_has_are_said(tmp_path, recwarn, there, said):
    subjects(tmp_path, ["01", "02", "03"])
    heads = "# ColHeaders StructName NumVert SurfArea GrayVol ThickAvg\ninsula 1400 950 2500 2.5\n"
    for name in ("01", "02"):  # the third lacks them, and is another's matter
        for file in there:
            (tmp_path / "freesurfer" / name / "stats" / f"{file}.stats").write_text(heads)
    extract_features(*cohort_of(tmp_path, PEOPLE, {"extractor": "freesurfer", "subjects_dir": "freesurfer"}))
    texts = [str(each.message) for each in recwarn if getattr(each.message, "code", "") == "FEA-909"]
    assert len(texts) == (said is not None)
    assert said is None or said in texts[0]
