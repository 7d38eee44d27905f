from __future__ import annotations

import numpy as np
import pytest

from cohorts import cohort_of
from normwise.errors import FeatureError
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
    assert table.values.loc["02"].to_numpy() == pytest.approx([0.0, 64000.0])
    assert set(table.failures) == {"03", "04"}
    mean = {**features, "statistics": ["mean"]}
    cohort, study = cohort_of(tmp_path, PEOPLE, mean, images="{ID}.nii.gz")
    table = extract_features(cohort, study)
    assert table.failures["02"].code == "FEA-204", "a region that is not there has no mean"


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
