"""Volumes handed to nibabel and nilearn, and taken back."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from normwise.errors import ImageError
from normwise.images import (
    LabelVolume,
    Volume,
    from_nibabel,
    labels_from_nibabel,
    read_volume,
    to_nibabel,
    write_volume,
)

AFFINE = np.array([[2.0, 0.1, 0, -90], [-0.1, 2.0, 0, -126], [0, 0, 3.0, -72], [0, 0, 0, 1]])


def volume() -> Volume:
    return Volume(np.random.default_rng(0).normal(size=(4, 5, 6)), AFFINE)


def test_there_and_back_is_the_same_volume() -> None:
    back = from_nibabel(to_nibabel(volume()))
    assert np.array_equal(back.voxels, volume().voxels)
    np.testing.assert_allclose(back.affine, AFFINE, atol=1e-5)


def test_nibabel_is_given_what_it_would_read_from_the_file(tmp_path: Path) -> None:
    write_volume(volume(), tmp_path / "a.nii")
    read, given = nib.load(tmp_path / "a.nii"), to_nibabel(volume())
    assert np.array_equal(read.get_fdata(), given.get_fdata())
    np.testing.assert_allclose(read.affine, given.affine, atol=1e-5)
    assert given.header.get_xyzt_units()[0] == "mm"
    assert given.header.get_sform(coded=True)[1] == 2
    nib.save(given, tmp_path / "b.nii")
    assert np.array_equal(read_volume(tmp_path / "b.nii").voxels, volume().voxels)


def test_labels_stay_whole_numbers() -> None:
    labels = LabelVolume(np.arange(120).reshape(4, 5, 6) * 300, AFFINE)
    image = to_nibabel(labels)
    assert image.get_data_dtype() == np.int32
    back = labels_from_nibabel(image)
    assert back.voxels.dtype == np.int32
    assert np.array_equal(back.voxels, labels.voxels)


def test_axes_are_turned_as_those_of_a_file_are() -> None:
    voxels = np.arange(120, dtype=np.float32).reshape(4, 5, 6)
    back = from_nibabel(nib.Nifti1Image(voxels, np.diag([-2.0, 2.0, 3.0, 1.0])))
    assert np.array_equal(back.voxels, voxels[::-1])
    assert back.affine[0].tolist() == [2.0, 0.0, 0.0, -6.0]


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image, nib.MGHImage])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.int16])
def test_any_image_of_nibabel_is_taken(kind: type, dtype: type) -> None:
    voxels = np.arange(120).reshape(4, 5, 6).astype(dtype)
    assert np.array_equal(from_nibabel(kind(voxels, np.eye(4))).voxels, voxels.astype(np.float32))


def test_what_was_computed_is_not_stored_as_the_file_was() -> None:
    header = nib.Nifti1Header()
    header.set_data_dtype(np.uint8)
    voxels = np.linspace(0.0, 1e-3, 120).reshape(4, 5, 6)
    image = nib.Nifti1Image(voxels, np.eye(4), header)
    assert np.array_equal(from_nibabel(image).voxels, voxels.astype(np.float32))
    assert image.get_data_dtype() == np.uint8  # it is not changed


def test_a_fourth_axis_of_one_volume_is_none() -> None:
    voxels = np.arange(120.0).reshape(4, 5, 6, 1)
    assert from_nibabel(nib.Nifti1Image(voxels, np.eye(4))).shape == (4, 5, 6)


def numbers(**changes: float) -> np.ndarray:
    voxels = np.arange(120.0).reshape(4, 5, 6)
    voxels[0, 0, 0] = changes.get("first", 0.0)
    return voxels


@pytest.mark.parametrize(
    ("image", "code"),
    [
        (nib.Nifti1Image(numbers(first=np.nan), np.eye(4)), "IMG-501"),
        (nib.Nifti1Image(np.ones((4, 5, 6)), np.eye(4)), "IMG-502"),
        (nib.Nifti1Image(np.zeros((4, 5, 6, 2)), np.eye(4)), "IMG-306"),
        (nib.Nifti1Image(numbers(), np.diag([2000.0, 2000.0, 2000.0, 1.0])), "IMG-403"),
        (nib.Nifti1Image(numbers(), None, nib.Nifti1Header()), "IMG-401"),
    ],
)
def test_what_no_file_may_hold_no_image_may(image: nib.Nifti1Image, code: str) -> None:
    with pytest.raises(ImageError) as caught:
        from_nibabel(image)
    assert caught.value.code == code


def test_fractions_are_no_labels() -> None:
    with pytest.raises(ImageError) as caught:
        labels_from_nibabel(nib.Nifti1Image(numbers(first=0.5), np.eye(4)))
    assert caught.value.code == "IMG-503"
