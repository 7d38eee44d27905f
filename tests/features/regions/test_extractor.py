from __future__ import annotations

import numpy as np
import pytest

from cohorts import cohort_of
from normwise.errors import FeatureError, NormwiseWarning
from normwise.features import extract_features
from normwise.features.regions.extractor import default_statistics
from normwise.schema import RegionsSection
from phantoms import brain, save

PEOPLE = "ID,Age,Sex,dx\n01,70,F,normal\n02,71,M,AD\n03,72,M,AD\n04,73,F,normal\n"


def scans(folder, seed=0):
    """Three brains that differ by noise; the third is stored from right to left, the fourth is damaged."""
    rng = np.random.default_rng(seed)
    image = brain()
    for name, orientation in (("01", "RAS"), ("02", "LPI"), ("03", "LAS")):
        noisy = (image.voxels + rng.normal(0, 2, image.shape)).astype(np.float32)
        save(noisy, image.affine, folder / f"{name}.nii.gz", orientation)
    whole = (folder / "01.nii.gz").read_bytes()
    (folder / "04.nii.gz").write_bytes(whole[: len(whole) // 2])


def test_the_few_statistics_that_tell_people_apart_are_the_default():
    assert default_statistics("aal") == ["csf_share", "gm_share"]
    assert default_statistics("maps/{ID}.nii.gz") == ["volume_mm3"]
    assert RegionsSection().atlas == "neuromorphometrics"


def test_a_bad_image_costs_that_person_only(tmp_path):
    scans(tmp_path)
    cohort, study = cohort_of(
        tmp_path, PEOPLE, {"extractor": "regions", "atlas": "aal"}, images="{ID}.nii.gz"
    )
    table = extract_features(cohort, study, cache_dir=tmp_path / "cache")
    assert list(table.values.index) == ["01", "02", "03"]
    assert table.values.shape[1] == 240
    assert list(table.failures) == ["04"]
    assert table.failures["04"].code.startswith("IMG-")
    assert table.failures["04"].subject == "04"
    note = table.notes["hippocampus_left.csf_share"]
    assert (note.unit, note.place, note.label) == ("share", "hippocampus_left", 4101)
    again = extract_features(cohort, study, cache_dir=tmp_path / "cache", jobs=2)
    assert again.values.equals(table.values)
    assert again.hash == table.hash
    without = extract_features(cohort, study)
    assert without.values.equals(table.values)


def test_a_model_gets_the_features_it_needs(tmp_path):
    scans(tmp_path)
    cohort, study = cohort_of(
        tmp_path, PEOPLE, {"extractor": "regions", "atlas": "aal"}, images="{ID}.nii.gz"
    )
    needed = ["hippocampus_right.gm_share", "hippocampus_left.csf_share"]
    table = extract_features(cohort.keep(["02"]), study, wanted=needed)
    assert list(table.values.columns) == needed == list(table.notes)
    table = extract_features(cohort.keep(["02"]), study, wanted=[*needed, "elsewhere.gm_share"])
    assert table.failures["02"].code == "FEA-204"


def test_columns_and_statistics_are_chosen(tmp_path):
    scans(tmp_path)
    features = {"extractor": "regions", "atlas": "aal", "statistics": ["p95", "mean"], "columns": ["hippo*"]}
    cohort, study = cohort_of(tmp_path, PEOPLE, features, images="{ID}.nii.gz")
    table = extract_features(cohort.leave_out({"04": FeatureError("FEA-000", "x")}), study)
    assert list(table.values.columns) == [
        "hippocampus_left.mean", "hippocampus_left.p95", "hippocampus_right.mean", "hippocampus_right.p95",
    ]  # fmt: skip


def test_each_scan_may_bring_its_own_labels(tmp_path):
    image = brain()
    scans(tmp_path)
    labels = np.zeros(image.shape, np.uint8)
    labels[10:20, 10:20, 10:20] = 4
    labels[25:30, 20:30, 20:30] = 8
    smaller = np.where(labels == 8, 0, labels).astype(np.uint8)
    save(labels, image.affine, tmp_path / "labels_01.nii.gz", "ASL")
    save(smaller, image.affine, tmp_path / "labels_02.nii.gz")
    (tmp_path / "lut.csv").write_text("index,name\n8,Insula_R\n4,Cuneus_L\n")
    features = {"extractor": "regions", "atlas": "labels_{ID}.nii.gz", "lut": "lut.csv"}
    cohort, study = cohort_of(tmp_path, PEOPLE, features, images="{ID}.nii.gz")
    table = extract_features(cohort, study)
    assert list(table.values.columns) == ["insula_right.volume_mm3", "cuneus_left.volume_mm3"]
    assert table.values.loc["01"].to_numpy() == pytest.approx([32000.0, 64000.0])
    assert set(table.failures) == {"02", "03", "04"}
    assert table.failures["02"].code == "FEA-204", "a region that is not there has no volume"


LUT = """index,name
17,Left-Hippocampus
53,Right-Hippocampus
77,WM-hypointensities
18,Left-Amygdala
99,Graft
"""


def maps(folder, *labels, **features):
    """A cohort of small images, each with a map of its own that has 8 voxels of each of these labels."""
    rows = "ID,Age,Sex,dx\n"
    for number, each in enumerate(labels):
        name = f"{number:02d}"
        rows += f"{name},{70 + number},F,{'AD' if number % 2 else 'normal'}\n"
        voxels = np.zeros((8, 8, 8), np.int16)
        for place, label in enumerate(each):
            voxels[place, 0] = label
        save((voxels + np.arange(8)).astype(np.float32), np.eye(4), folder / f"{name}.nii.gz")
        save(voxels, np.eye(4), folder / f"labels_{name}.nii.gz")
    (folder / "lut.csv").write_text(LUT)
    settings = {"extractor": "regions", "atlas": "labels_{ID}.nii.gz", "lut": "lut.csv", **features}
    return cohort_of(folder, rows, settings, images="{ID}.nii.gz")


@pytest.mark.parametrize("statistics", [["volume_mm3"], ["mean"], ["volume_mm3", "mean"]])
def test_who_lacks_a_region_that_most_have_fails_by_name_whatever_is_measured(tmp_path, statistics):
    cohort, study = maps(tmp_path, (17, 53), (17, 53), (17,), (17, 53), statistics=statistics)
    table = extract_features(cohort, study, cache_dir=tmp_path / "cache")
    assert list(table.values.index) == ["00", "01", "03"]
    assert list(table.failures) == ["02"]
    assert table.failures["02"].code == "FEA-204"
    assert table.failures["02"].problem == "hippocampus_right is absent."
    alone = extract_features(
        cohort.keep(["02"]), study, cache_dir=tmp_path / "cache", wanted=list(table.values.columns)
    )
    assert alone.failures["02"].code == "FEA-204", "a model that needs the region can't do without"
    assert alone.hash == table.hash


def test_a_lesion_may_be_absent_and_its_brightness_is_left_out(tmp_path):
    features = {"statistics": ["volume_mm3", "mean"]}
    cohort, study = maps(tmp_path, (17, 77), (17,), (17,), **features)
    with pytest.warns(NormwiseWarning, match=r"FEA-904  1 columns, as wm_hypointensities\.mean"):
        table = extract_features(cohort, study, cache_dir=tmp_path / "cache")
    assert not table.failures
    assert table.values["wm_hypointensities.volume_mm3"].tolist() == [8.0, 0.0, 0.0]
    assert list(table.notes) == [
        "hippocampus_left.volume_mm3", "hippocampus_left.mean", "wm_hypointensities.volume_mm3",
    ]  # fmt: skip
    needed = ["wm_hypointensities.volume_mm3", "hippocampus_left.volume_mm3"]
    alone = extract_features(cohort.keep(["01"]), study, cache_dir=tmp_path / "cache", wanted=needed)
    assert alone.values.loc["01"].tolist() == [0.0, 8.0], "a model's lesion that a new person lacks is 0 mm³"
    assert alone.notes["wm_hypointensities.volume_mm3"].label == 77


def test_a_study_names_what_else_may_be_absent(tmp_path):
    labels = (17, 99), (17,), (17, 99), (17, 99)
    cohort, study = maps(tmp_path, *labels)
    assert list(extract_features(cohort, study).failures) == ["01"]
    cohort, named = maps(tmp_path, *labels, may_be_absent=["graf*"])
    table = extract_features(cohort, named)
    assert table.values["graft.volume_mm3"].tolist() == [8.0, 0.0, 8.0, 8.0]
    assert table.hash != extract_features(cohort, study).hash


def test_a_region_that_most_lack_is_no_column(tmp_path):
    cohort, study = maps(tmp_path, (17,), (17, 99), (17,), (17, 18, 99))
    with pytest.warns(NormwiseWarning, match=r"FEA-901  amygdala_left\.volume_mm3 in"):
        table = extract_features(cohort, study)
    assert list(table.values.columns) == ["hippocampus_left.volume_mm3", "graft.volume_mm3"]
    assert set(table.failures) == {"00", "02"}, "half is not most"


def test_a_region_without_a_table_is_found_again_by_its_number(tmp_path):
    cohort, study = maps(tmp_path, (17, 53), (17,), lut=None, may_be_absent=["label_53"])
    table = extract_features(
        cohort.keep(["01"]), study, wanted=["label_53.volume_mm3", "label_17.volume_mm3"]
    )
    assert table.values.loc["01"].tolist() == [0.0, 8.0]


@pytest.mark.parametrize("statistic", ["volume_mm3", "mean"])
def test_a_region_that_a_coarse_grid_loses_is_no_column(tmp_path, statistic):
    labels = np.zeros((20, 20, 20), np.uint8)
    labels[:18, :18, 2:10], labels[4:16, 4:16, 1] = 4, 8
    save(labels, np.eye(4), tmp_path / "map.nii.gz")
    for name in ("01", "02"):
        coarse = np.arange(125, dtype=np.float32).reshape(5, 5, 5)
        save(coarse, np.diag([4.0, 4, 4, 1]), tmp_path / f"{name}.nii.gz")
    features = {"extractor": "regions", "atlas": "map.nii.gz", "statistics": [statistic]}
    rows = "ID,Age,Sex,dx\n01,70,F,normal\n02,71,M,AD\n"
    cohort, study = cohort_of(tmp_path, rows, features, images="{ID}.nii.gz")
    with pytest.warns(NormwiseWarning, match=rf"FEA-901  label_8\.{statistic}"):
        table = extract_features(cohort, study)
    assert list(table.values.columns) == [f"label_4.{statistic}"]
    assert not table.failures


def test_a_map_of_ones_own_is_placed_on_every_image(tmp_path):
    image = brain()
    scans(tmp_path)
    labels = np.zeros(image.shape, np.uint8)
    labels[10:20, 10:20, 10:20] = 4
    save(labels, image.affine, tmp_path / "map.nii.gz", "LPI")
    features = {"extractor": "regions", "atlas": "map.nii.gz", "statistics": ["volume_mm3"]}
    cohort, study = cohort_of(tmp_path, PEOPLE, features, images="{ID}.nii.gz")
    table = extract_features(cohort, study)
    assert table.values["label_4.volume_mm3"].to_numpy() == pytest.approx(64000.0)


@pytest.mark.parametrize(
    ("features", "images", "code"),
    [
        ({}, None, "FEA-107"),
        ({"statistics": ["kurtosis"]}, "{ID}.nii.gz", "FEA-104"),
        ({"atlas": "nowhere"}, "{ID}.nii.gz", "FEA-102"),
        ({"atlas": "{name}.nii.gz"}, "{ID}.nii.gz", "FEA-109"),
        ({"columns": ["hypo*"]}, "{ID}.nii.gz", "FEA-201"),
    ],
)
def test_what_is_wrong_with_the_study_is_said_once(tmp_path, features, images, code):
    scans(tmp_path)
    settings = {"extractor": "regions", "atlas": "aal", **features}
    cohort, study = cohort_of(tmp_path, PEOPLE, settings, images=images)
    with pytest.raises(FeatureError) as caught:
        extract_features(cohort, study)
    assert caught.value.code == code


def test_who_asks_regions_for_thickness_is_told_what_measures_it(tmp_path):
    scans(tmp_path)
    settings = {"extractor": "regions", "atlas": "{ID}.nii.gz", "statistics": ["thickness"]}
    cohort, study = cohort_of(tmp_path, PEOPLE, settings, images="{ID}.nii.gz")
    with pytest.raises(FeatureError) as caught:
        extract_features(cohort, study)
    assert (caught.value.code, "features.labels" in caught.value.advice) == ("FEA-104", True)


@pytest.mark.realdata
@pytest.mark.filterwarnings("ignore:FEA-902")
def test_tissue_follows_the_brain_volume_that_others_measured(real_data):
    """nWBV of OASIS: share of the intracranial volume that is brain, by its authors' own segmentation."""
    from normwise.cohort import read_cohort
    from normwise.schema import Study

    study = Study.model_validate(
        {
            "cohort": {
                "root": real_data / "oasis1", "table": "oasis_cross-sectional.csv", "id": "ID",
                "group_pattern": r"^(OAS1_\d+)_", "images": "volumes/{ID}.nii.gz", "label": "CDR",
                "classes": {"normal": ["0"]}, "targets": [], "demographics": ["Age", "M/F"],
                "include": ["CDR == 0"],
            },
            "features": {"extractor": "regions"},
        }
    )  # fmt: skip
    cohort = read_cohort(study)
    cohort = cohort.keep(cohort.frame.sort_values("Age").index[::7])
    table = extract_features(cohort, study, jobs=2)
    assert {error.code for error in table.failures.values()} <= {"FEA-302"}
    cohort = cohort.leave_out(table.failures)
    fluid = table.values.filter(like=".csf_share").mean(axis=1)
    assert np.corrcoef(fluid, cohort.raw["nWBV"].astype(float))[0, 1] < -0.85
    assert np.corrcoef(fluid, cohort.frame["Age"])[0, 1] > 0.7


@pytest.mark.realdata
def test_heads_that_were_never_registered_are_refused_by_a_template(tmp_path, real_data):
    features = {"extractor": "regions"}
    root = str(real_data / "ixi")
    rows = "ID,Age,Sex,dx,scan\n012,38,M,normal,IXI012-HH-1211\n013,46,M,AD,IXI013-HH-1212\n"
    images = root + "/{scan}-T1_ds.nii.gz"
    cohort, study = cohort_of(tmp_path, rows, features, images=images)
    table = extract_features(cohort, study)
    assert {error.code for error in table.failures.values()} == {"FEA-302"}
    own = {
        "extractor": "regions", "atlas": root + "/{scan}-T1_ds_DLMUSE.nii.gz",
        "lut": root + "/list_MUSE_single.csv", "statistics": ["volume_mm3", "gm_share"],
    }  # fmt: skip
    cohort, study = cohort_of(tmp_path, rows, own, images=images)
    table = extract_features(cohort, study)
    assert not table.failures
    hippocampus = table.values["hippocampus_left.volume_mm3"]
    assert hippocampus.between(2500, 6500).all()
    assert table.values["hippocampus_left.gm_share"].between(0.6, 0.95).all()
