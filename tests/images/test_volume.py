"""What a volume refuses to be, and what it knows of itself."""

from __future__ import annotations

import numpy as np
import pytest

from normwise.errors import ImageError
from normwise.images import LabelVolume, Volume


def test_types_are_kept_or_made():
    floats = np.ones((2, 2, 2), np.float32)
    assert Volume(floats, np.eye(4)).voxels is floats
    assert Volume(np.ones((2, 2, 2), np.int16), np.eye(4)).voxels.dtype == np.float32
    assert LabelVolume(np.ones((2, 2, 2)), np.eye(4)).voxels.dtype == np.int32


def test_spacing_and_voxel_volume_come_from_the_affine():
    sheared = np.array([[2.0, 1, 0, 5], [0, 2, 0, 6], [0, 0, 3, 7], [0, 0, 0, 1]])
    volume = Volume(np.zeros((2, 2, 2)), sheared)
    assert volume.spacing == pytest.approx((2, np.sqrt(5), 3))
    assert volume.voxel_mm3 == pytest.approx(12)
    np.testing.assert_allclose(volume.world([[1, 1, 1], [0, 0, 0.5]]), [[8, 8, 10], [5, 6, 8.5]])


def test_a_spacing_that_agrees_may_be_given():
    assert Volume(np.zeros((2, 2, 2)), np.eye(4), (1.0, 1.0, 1.0)).spacing == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("code", "shape", "affine", "spacing"),
    [
        ("IMG-601", (2, 2), np.eye(4), ()),
        ("IMG-602", (2, 2, 2), np.eye(3), ()),
        ("IMG-602", (2, 2, 2), np.diag([1.0, 0, 1, 1]), ()),
        ("IMG-602", (2, 2, 2), np.diag([1.0, np.nan, 1, 1]), ()),
        ("IMG-603", (2, 2, 2), np.eye(4), (1.0, 1.0, 2.0)),
    ],
)
def test_what_is_no_volume_is_refused(code, shape, affine, spacing):
    with pytest.raises(ImageError) as caught:
        Volume(np.zeros(shape), affine, spacing)
    assert caught.value.code == code
