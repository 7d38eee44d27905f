"""Intensity and thickness of given label maps with the image beside them, on a ball of known tissue."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from cohorts import cohort_of
from normwise.errors import FeatureError
from normwise.features import extract_features

PEOPLE = "ID,Age,Sex,dx\n1,70,F,normal\n2,71,M,AD\n3,72,F,AD\n"


def head_beside(path, map_path, white=110.0, grey=70.0, fluid=25.0, shade=0.0, step=1.0):
    """Write the image of a map, with noise, shading from left to right, and voxels of so many mm."""
    made = nib.load(map_path)
    labels = np.asarray(made.dataobj)
    image = np.full(labels.shape, float(fluid))
    image[np.isin(labels, (3, 42, 17, 53)) | (labels > 1000)] = grey
    image[np.isin(labels, (2, 41, 77))] = white
    image += np.random.default_rng(0).normal(0, 2, image.shape)
    affine = made.affine
    rows = nib.affines.apply_affine(affine, np.moveaxis(np.indices(labels.shape), 0, -1))[..., 0]
    image *= 1 + shade * rows / np.abs(rows).max()
    if step != 1.0:
        times = int(1 / step)
        image = image.repeat(times, 0).repeat(times, 1).repeat(times, 2)
        affine = affine @ np.diag([step, step, step, 1.0])
        affine[:3, 3] -= affine[:3, :3] @ np.full(3, (times - 1) / 2)
    nib.save(nib.Nifti1Image(image.astype(np.float32), affine), path)


def ball(path, thick=3.0, cortex=(1005, 2005), side=72):
    """Write a map in FreeSurfer's orientation: a ball of white matter in a cortex so many mm thick."""
    place = np.moveaxis(np.indices((side, side, side)), 0, -1) - (side - 1) / 2 + 0.2
    radius = np.linalg.norm(place, axis=-1)
    left = place[..., 0] > 0  # the first axis runs to the left
    voxels = np.zeros((side, side, side), np.int32)
    voxels[radius < 26 + thick] = 1
    voxels = np.where(voxels == 1, np.where(left, *cortex), 0)
    voxels[radius < 26] = np.where(left, 2, 41)[radius < 26]
    for number, label in enumerate((17, 53, 10, 49, 11, 50, 12, 51, 4, 43)):
        voxels[30 + 3 * (number // 2), 34 + 4 * (number % 2) : 37 + 4 * (number % 2), 30:36] = label
    voxels[20:22, 36:38, 36:38] = 77  # a hole in the white matter that is none
    affine = np.array([[-1.0, 0, 0, 36], [0, 0, 1, -36], [0, -1, 0, 36], [0, 0, 0, 1]])
    nib.save(nib.Nifti1Image(voxels.astype(np.int32), affine), path)


def measured_beside(folder, images="{ID}.nii.gz", **features):
    features = {"extractor": "brain", "labels": "{ID}_map.nii.gz", **features}
    cohort, study = cohort_of(folder, PEOPLE, features, images=images)
    return extract_features(cohort, study, cache_dir=folder / "cache")


def test_with_the_image_beside_intensity_and_thickness_are_measured(tmp_path):
    for person, thick in zip("123", (2.0, 3.0, 4.0), strict=True):
        ball(tmp_path / f"{person}_map.nii.gz", thick)
    head_beside(tmp_path / "1.nii.gz", tmp_path / "1_map.nii.gz")
    head_beside(tmp_path / "2.nii.gz", tmp_path / "2_map.nii.gz", shade=0.15)
    head_beside(tmp_path / "3.nii.gz", tmp_path / "3_map.nii.gz", white=990, grey=630, fluid=225, step=0.5)
    table = measured_beside(tmp_path)
    assert table.failures == {}
    values = table.values
    thickness = values[["ctx_cuneus_left.thickness_mm", "ctx_cuneus_right.thickness_mm"]]
    assert np.abs(thickness.to_numpy() - np.array([[2.0], [3.0], [4.0]])).max() < 0.25
    assert values["ctx_cuneus_left.intensity_mean"].tolist() == pytest.approx([70 / 110] * 3, abs=0.01)
    assert values["cerebral_white_matter_left.intensity_median"].tolist() == pytest.approx([1] * 3, abs=0.01)
    row = values.loc["1"]
    assert row["ctx_cuneus_left.intensity_sd"] == pytest.approx(2 / 110, rel=0.1)
    assert row["ctx_cuneus_left.intensity_p95"] == pytest.approx((70 + 1.645 * 2) / 110, abs=0.003)
    assert row["ctx_cuneus_left.intensity_p5"] == pytest.approx((70 - 1.645 * 2) / 110, abs=0.003)
    assert "hippocampus_left.thickness_mm" not in values
    assert table.notes["ctx_cuneus_left.thickness_mm"].unit == "mm"
    assert [check.name for check in table.quality["1"]] == ["contrast of white to grey matter"]


def test_a_cortex_in_one_piece_counts_for_the_brain_and_has_a_thickness(tmp_path):
    for person in "123":
        ball(tmp_path / f"{person}_map.nii.gz", cortex=(3, 42))
        head_beside(tmp_path / f"{person}.nii.gz", tmp_path / f"{person}_map.nii.gz")
    row = measured_beside(tmp_path).values.loc["1"]
    assert row["cerebral_cortex_left.thickness_mm"] == pytest.approx(3, abs=0.25)
    assert (
        row["brain.volume_mm3"]
        > row["cerebral_cortex_left.volume_mm3"] + row["cerebral_cortex_right.volume_mm3"]
    )


def test_volumes_alone_need_no_image_and_are_the_same_pipeline(tmp_path):
    for person in "123":
        ball(tmp_path / f"{person}_map.nii.gz")
        (tmp_path / f"{person}.nii.gz").write_bytes(b"no image")
    volumes = ["*.volume_mm3", "*.brain_share"]
    beside = measured_beside(tmp_path, columns=volumes)
    assert beside.failures == {}
    assert beside.hash == measured_beside(tmp_path, None, columns=volumes).hash
    with pytest.raises(FeatureError) as caught:
        measured_beside(tmp_path, None, columns=["*.thickness_mm"])
    assert caught.value.code == "FEA-107"


def test_an_image_of_another_space_or_contrast_costs_its_person(tmp_path):
    for person in "123":
        ball(tmp_path / f"{person}_map.nii.gz")
        head_beside(tmp_path / f"{person}.nii.gz", tmp_path / f"{person}_map.nii.gz")
    head_beside(tmp_path / "2.nii.gz", tmp_path / "2_map.nii.gz", white=70, grey=110)
    moved = nib.load(tmp_path / "3.nii.gz")
    affine = moved.affine.copy()
    affine[0, 3] += 40
    nib.save(nib.Nifti1Image(np.asarray(moved.dataobj), affine), tmp_path / "3.nii.gz")
    table = measured_beside(tmp_path)
    assert {scan: error.code for scan, error in table.failures.items()} == {"2": "FEA-521", "3": "FEA-301"}
    assert list(table.values.index) == ["1"]
