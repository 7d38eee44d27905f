"""Volumes written: what is read back is what was written, and the bytes are always the same."""

from __future__ import annotations

import time

import nibabel as nib
import numpy as np
import pytest

from normwise.errors import ImageError
from normwise.images import LabelVolume, Volume, read_labels, read_volume, write_volume

TILTED = np.array([[1.9, 0.3, 0.1, -90.25], [-0.3, 1.9, 0.2, -126.5], [-0.1, -0.2, 2.1, -72], [0, 0, 0, 1]])
SHEARED = np.array([[2.0, 0.5, 0, -90], [0, 2, 0, -126], [0, 0, 2, -72], [0, 0, 0, 1]])


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("affine", [np.eye(4), np.diag([2.0, 2, 3, 1]), TILTED, SHEARED])
def test_what_was_written_is_read(tmp_path, affine, name):
    voxels = np.random.default_rng(0).normal(size=(5, 6, 7)).astype(np.float32)
    write_volume(Volume(voxels, affine), tmp_path / name)
    back = read_volume(tmp_path / name)
    np.testing.assert_array_equal(back.voxels, voxels)
    np.testing.assert_allclose(back.affine, affine, atol=1e-5)
    np.testing.assert_array_equal(nib.load(tmp_path / name).get_fdata(), voxels)
    np.testing.assert_allclose(nib.load(tmp_path / name).affine, affine, atol=1e-5)


@pytest.mark.parametrize(("largest", "dtype"), [(255, "u1"), (256, "i2"), (32768, "i4")])
def test_labels_take_the_smallest_type(tmp_path, largest, dtype):
    labels = np.zeros((3, 4, 5), np.int32)
    labels[1] = largest
    write_volume(LabelVolume(labels, np.eye(4)), tmp_path / "a.nii.gz")
    assert nib.load(tmp_path / "a.nii.gz").get_data_dtype() == np.dtype(dtype)
    np.testing.assert_array_equal(read_labels(tmp_path / "a.nii.gz").voxels, labels)


def test_a_view_is_written_as_it_looks(tmp_path):
    voxels = np.arange(60, dtype=np.float32).reshape(3, 4, 5)
    write_volume(Volume(voxels.T[::-1], np.eye(4)), tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(read_volume(tmp_path / "a.nii.gz").voxels, voxels.T[::-1])


def test_the_same_volume_gives_the_same_bytes(tmp_path, monkeypatch):
    volume = Volume(np.arange(60.0).reshape(3, 4, 5), np.eye(4))
    write_volume(volume, tmp_path / "a.nii.gz")
    monkeypatch.setattr(time, "time", lambda: 2e9)
    write_volume(Volume(np.asfortranarray(volume.voxels), np.eye(4)), tmp_path / "another.nii.gz")
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "another.nii.gz").read_bytes()


def test_other_endings_are_refused(tmp_path):
    with pytest.raises(ImageError) as caught:
        write_volume(Volume(np.zeros((2, 2, 2)), np.eye(4)), tmp_path / "a.mgz")
    assert caught.value.code == "IMG-604"
