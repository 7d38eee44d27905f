"""Left stays left: one lopsided phantom, stored in every order and direction of axes."""

from __future__ import annotations

import itertools

import nibabel as nib
import numpy as np
import pytest

from normwise.images import read_labels, read_volume

CODES = [
    "".join(code)
    for order in itertools.permutations(("RL", "AP", "SI"))
    for code in itertools.product(*order)
]


def _stored_as(code):
    """Return the phantom's voxels and affine with the axes that ``code`` names.

    The phantom is a box with one bright voxel on the person's right, at the front, at the top.
    """
    world = np.diag([2.0, 2.5, 3.0, 1.0])
    world[:3, 3] = (-8, -10, -12)
    data = np.zeros((7, 8, 9), np.float32)
    data[6, 7, 8] = 100  # x = 4, y = 7.5, z = 12 mm
    data[0, 1, 2] = 10  # x = -8, y = -7.5, z = -6 mm: on the left
    image = nib.Nifti1Image(data, world)
    turn = nib.orientations.ornt_transform(nib.io_orientation(world), nib.orientations.axcodes2ornt(code))
    return image.as_reoriented(turn)


@pytest.mark.parametrize("code", CODES)
def test_right_is_right_however_it_was_stored(tmp_path, code):
    image = _stored_as(code)
    assert "".join(nib.aff2axcodes(image.affine)) == code
    nib.save(image, tmp_path / "a.nii.gz")
    for read in (read_volume, read_labels):
        volume = read(tmp_path / "a.nii.gz")
        assert volume.shape == (7, 8, 9)
        assert volume.spacing == pytest.approx((2.0, 2.5, 3.0))
        assert (volume.affine.diagonal() > 0).all()
        bright = np.argwhere(volume.voxels == 100)
        np.testing.assert_array_equal(bright, [[6, 7, 8]])
        np.testing.assert_allclose(volume.world(bright), [[4, 7.5, 12]], atol=1e-5)
        np.testing.assert_allclose(
            volume.world(np.argwhere(volume.voxels == 10)), [[-8, -7.5, -6]], atol=1e-5
        )


@pytest.mark.parametrize("degrees", [10, 30, -40])
def test_a_tilted_head_keeps_its_places(tmp_path, degrees):
    angle = np.deg2rad(degrees)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    image = _stored_as("LPI")
    tilted = nib.Nifti1Image(image.dataobj, turn @ image.affine)
    nib.save(tilted, tmp_path / "a.nii.gz")
    volume = read_volume(tmp_path / "a.nii.gz")
    expected = (turn @ [4, 7.5, 12, 1])[:3]
    np.testing.assert_allclose(volume.world(np.argwhere(volume.voxels == 100)[0]), expected, atol=1e-4)
    assert volume.voxel_mm3 == pytest.approx(15.0, rel=1e-5)
