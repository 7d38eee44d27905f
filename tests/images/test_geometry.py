"""Grids compared and labels moved, in millimetres."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import affine_transform

from normwise.errors import ImageError
from normwise.images import LabelVolume, Volume, check_same_grid, resample_labels, same_grid


def _affine(spacing=2.0, origin=(0.0, 0.0, 0.0)):
    affine = np.diag([spacing] * 3 + [1.0])
    affine[:3, 3] = origin
    return affine


def _labels(shape=(6, 7, 8), affine=None):
    return LabelVolume(
        np.arange(1, np.prod(shape) + 1).reshape(shape), _affine() if affine is None else affine
    )


def test_a_grid_lies_on_itself_within_the_tolerance():
    labels = _labels()
    assert same_grid(labels, _labels(affine=_affine(origin=(0.009, 0, 0))))
    assert not same_grid(labels, _labels(affine=_affine(origin=(0.011, 0, 0))))
    assert same_grid(labels, _labels(affine=_affine(origin=(0.5, 0, 0))), tolerance_mm=0.6)
    assert not same_grid(labels, _labels((6, 7, 9)))


def test_a_small_error_of_the_voxel_size_adds_up_over_the_grid():
    long = (200, 2, 2)
    assert not same_grid(_labels(long), _labels(long, _affine(2.0001)))
    assert same_grid(_labels((6, 7, 8)), _labels((6, 7, 8), _affine(2.0001)))


def test_two_grids_apart_are_named_with_their_distance():
    image = Volume(np.zeros((6, 7, 8)), _affine(origin=(0, -0.8, 0)))
    with pytest.raises(ImageError, match=r"differ by 0.8 mm in y \(tolerance 0.01 mm\)") as caught:
        check_same_grid(image, _labels(), "sub-0042")
    assert (caught.value.code, caught.value.subject) == ("IMG-104", "sub-0042")
    with pytest.raises(ImageError, match="different numbers of voxels"):
        check_same_grid(image, _labels((6, 7, 9)), "sub-0042")
    check_same_grid(image, image, "sub-0042")


def test_the_same_grid_keeps_the_labels():
    labels = _labels()
    assert resample_labels(labels, labels) is labels


def test_a_shifted_grid_takes_the_labels_that_lie_there():
    labels = _labels()
    onto = Volume(np.zeros((6, 7, 8)), _affine(origin=(4, -2, 0)))
    moved = resample_labels(labels, onto)
    np.testing.assert_array_equal(moved.voxels[:4, 1:], labels.voxels[2:, :-1])
    assert not moved.voxels[4:].any()
    assert not moved.voxels[:, 0].any()
    np.testing.assert_array_equal(moved.affine, onto.affine)


def test_a_finer_grid_repeats_and_a_coarser_one_picks():
    labels = _labels()
    fine = resample_labels(labels, Volume(np.zeros((12, 14, 16)), _affine(1.0, (-0.5, -0.5, -0.5))))
    np.testing.assert_array_equal(fine.voxels, labels.voxels.repeat(2, 0).repeat(2, 1).repeat(2, 2))
    coarse = resample_labels(fine, Volume(np.zeros((6, 7, 8)), _affine(2.0)))
    np.testing.assert_array_equal(coarse.voxels, labels.voxels)


@pytest.mark.parametrize("seed", range(5))
def test_the_nearest_voxel_is_the_nearest(seed):
    rng = np.random.default_rng(seed)
    labels = LabelVolume(rng.integers(1, 50, (6, 7, 8)), _affine(2.0, rng.normal(size=3)))
    onto = Volume(np.zeros((9, 8, 7)), _affine(1.3, rng.normal(size=3)))
    moved = resample_labels(labels, onto)
    for index in np.ndindex(onto.shape):
        distance = np.abs(labels.world(np.indices(labels.shape).reshape(3, -1).T) - onto.world(index))
        inside = (distance.max(axis=1) <= 1.0).any()
        expected = labels.voxels.ravel()[(distance**2).sum(axis=1).argmin()] if inside else 0
        assert moved.voxels[index] == expected


def test_a_tilted_grid_is_looked_up_too():
    labels = _labels()
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]]
    onto = Volume(np.zeros((5, 5, 5)), turn @ _affine(1.0, (2, 3, 4)))
    moved = resample_labels(labels, onto)
    matrix = np.linalg.inv(labels.affine) @ onto.affine
    expected = affine_transform(labels.voxels, matrix[:3, :3], matrix[:3, 3], output_shape=(5, 5, 5), order=0)
    np.testing.assert_array_equal(moved.voxels, expected)
    nearest = np.rint((np.linalg.inv(labels.affine) @ [*onto.world([2, 2, 2]), 1])[:3]).astype(int)
    assert moved.voxels[2, 2, 2] == labels.voxels[tuple(nearest)]


def test_left_and_right_are_not_exchanged():
    voxels = np.zeros((4, 4, 4))
    voxels[0], voxels[3] = 1, 2  # 1 on the left
    labels = LabelVolume(voxels, _affine(2.0, (-3, -3, -3)))
    mirrored = np.diag([-2.0, 2, 2, 1])
    mirrored[:3, 3] = (3, -3, -3)  # the grid runs from right to left
    moved = resample_labels(labels, Volume(np.zeros((4, 4, 4)), mirrored))
    assert (moved.voxels[0] == 2).all()
    assert moved.world([0, 0, 0])[0] == 3


def test_labels_elsewhere_are_refused():
    with pytest.raises(ImageError) as caught:
        resample_labels(_labels(), Volume(np.zeros((3, 3, 3)), _affine(origin=(500, 0, 0))))
    assert caught.value.code == "IMG-105"
