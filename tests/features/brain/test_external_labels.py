"""Label maps of other programs: counted as they stand, left and right by name, foreign numbers refused."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from cohorts import cohort_of
from normwise.errors import FeatureError
from normwise.features import extract_features

PEOPLE = "ID,Age,Sex,dx\n1,70,F,normal\n2,71,M,AD\n3,72,F,AD\n"
LABELS = (2, 41, 3, 42, 17, 53, 10, 49, 1002, 2002, 1006, 2006)


def label_map(path, labels=LABELS, left_hippocampus=60):
    """Write a map in FreeSurfer's own orientation, so many voxels a region, one mm³ each."""
    voxels = np.zeros((20, 20, 20), np.int32)
    for place, label in enumerate(labels):
        count = left_hippocampus if label == 17 else 50
        voxels.ravel()[place * 100 : place * 100 + count] = label
    path.parent.mkdir(parents=True, exist_ok=True)
    affine = np.array([[-1.0, 0, 0, 10], [0, 0, 1, -10], [0, -1, 0, 10], [0, 0, 0, 1]])
    kind = nib.MGHImage if path.name.endswith(".mgz") else nib.Nifti1Image
    nib.save(kind(voxels, affine), path)


def measured(folder, pattern, **features):
    cohort, study = cohort_of(folder, PEOPLE, {"extractor": "brain", "labels": pattern, **features})
    return extract_features(cohort, study, cache_dir=folder / "cache")


@pytest.mark.parametrize("name", ["mri/aparc+aseg.mgz", "synthseg.nii.gz"])
def test_volumes_asymmetry_and_shares(tmp_path, name):
    for person in "123":
        label_map(tmp_path / person / name)
    table = measured(tmp_path, f"{{ID}}/{name}")
    row = table.values.loc["1"]
    assert row["hippocampus_left.volume_mm3"] == 60
    assert row["hippocampus_right.volume_mm3"] == 50
    assert row["hippocampus.asymmetry"] == pytest.approx(20 / 110)
    assert not table.values.columns.str.startswith("amygdala").any(), "a region that no map has is no column"
    assert row["hippocampus_left.brain_share"] == pytest.approx(60 / row["brain.volume_mm3"])
    assert table.notes["hippocampus_left.volume_mm3"].label == 17
    assert table.failures == {}


def test_a_map_that_fails_costs_its_person(tmp_path):
    label_map(tmp_path / "1.nii.gz")
    label_map(tmp_path / "2.nii.gz", labels=(1, 2, 3))
    table = measured(tmp_path, "{ID}.nii.gz")
    assert list(table.values.index) == ["1"]
    assert {scan: error.code for scan, error in table.failures.items()} == {"2": "FEA-523", "3": "IMG-100"}


def test_who_lacks_a_region_that_the_others_have_fails_by_name(tmp_path):
    more = (*LABELS, 11, 50, 12, 51)
    label_map(tmp_path / "1.nii.gz", labels=more)
    label_map(tmp_path / "2.nii.gz", labels=tuple(label for label in more if label != 53))
    label_map(tmp_path / "3.nii.gz", labels=more)
    table = measured(tmp_path, "{ID}.nii.gz")
    assert list(table.values.index) == ["1", "3"]
    assert table.failures["2"].code == "FEA-204"
    assert table.failures["2"].problem == "hippocampus_right is absent."
    kept = measured(tmp_path, "{ID}.nii.gz", may_be_absent=["hippocampus_right"])
    assert kept.values["hippocampus_right.volume_mm3"].tolist() == [50, 0, 50]
    assert kept.values.loc["2", "hippocampus.asymmetry"] == 2


def test_a_look_up_table_of_ones_own(tmp_path):
    for person in "123":
        label_map(tmp_path / f"{person}.nii.gz", labels=(1, 2))
    (tmp_path / "lut.tsv").write_text("index\tname\n1\tHippocampus_L\n2\tHippocampus_R\n")
    table = measured(tmp_path, "{ID}.nii.gz", lut="lut.tsv", columns=["hippocampus_*.volume_mm3"])
    assert list(table.values.columns) == ["hippocampus_left.volume_mm3", "hippocampus_right.volume_mm3"]


def test_another_table_is_another_pipeline(tmp_path):
    for person in "123":
        label_map(tmp_path / f"{person}.nii.gz")
    (tmp_path / "lut.tsv").write_text("index\tname\n17\tLeft-Hippocampus\n53\tRight-Hippocampus\n")
    plain = measured(tmp_path, "{ID}.nii.gz")
    assert plain.hash != measured(tmp_path, "{ID}.nii.gz", lut="lut.tsv").hash
    assert plain.hash == measured(tmp_path, "{ID}.nii.gz").hash


def test_an_unknown_column_in_the_path(tmp_path):
    with pytest.raises(FeatureError) as caught:
        measured(tmp_path, "{IDD}.nii.gz")
    assert caught.value.code == "FEA-109"
