"""Laws of geometry: turning to RAS moves no voxel, and what is written is read."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from normwise.images import LabelVolume, Volume, read_labels, resample_labels, write_volume
from normwise.images.affines import canonical

EDGES = st.tuples(*[st.sampled_from([0.7, 1.0, 2.0, 3.5])] * 3)
SHAPES = st.tuples(*[st.integers(1, 5)] * 3)


def _affine(seed, edges):
    rng = np.random.default_rng(seed)
    affine = np.eye(4)
    affine[:3, :3] = Rotation.random(random_state=rng).as_matrix() * edges
    if seed % 2:
        affine[:3, 0] *= -1  # both hands
    affine[:3, 3] = rng.normal(scale=50, size=3)
    return affine


@given(seed=st.integers(0, 10_000), edges=EDGES, shape=SHAPES)
def test_turning_moves_no_voxel(seed, edges, shape):
    affine = _affine(seed, edges)
    values = np.arange(np.prod(shape)).reshape(shape)
    turned, placed = canonical(values, affine)
    before, after = Volume(values, affine), Volume(turned, placed)
    for value in range(values.size):
        where = before.world(np.argwhere(values == value)[0])
        np.testing.assert_allclose(after.world(np.argwhere(turned == value)[0]), where, atol=1e-9)
    assert after.voxel_mm3 == pytest.approx(before.voxel_mm3)


@given(seed=st.integers(0, 10_000), edges=EDGES)
def test_turned_axes_point_right_front_up(seed, edges):
    _, placed = canonical(np.zeros((2, 3, 4)), _affine(seed, edges))
    # Of all ways to order and flip axes, none has a larger sum of cosines with the world's axes.
    assert (placed[:3, :3] / np.linalg.norm(placed[:3, :3], axis=0)).trace() > 1.0


@given(seed=st.integers(0, 10_000), edges=EDGES, shape=SHAPES)
def test_labels_go_there_and_back(seed, edges, shape):
    """A grid three times as fine, placed so that each voxel is cut in 27, gives every label back."""
    rng = np.random.default_rng(seed)
    labels = LabelVolume(rng.integers(1, 9, shape), _affine(seed, edges))
    fine = labels.affine @ np.diag([1 / 3, 1 / 3, 1 / 3, 1.0])
    fine[:3, 3] = labels.world([-1 / 3] * 3)
    cut = resample_labels(labels, Volume(np.zeros(np.array(shape) * 3), fine))
    np.testing.assert_array_equal(cut.voxels, labels.voxels.repeat(3, 0).repeat(3, 1).repeat(3, 2))
    np.testing.assert_array_equal(resample_labels(cut, labels).voxels, labels.voxels)


@given(seed=st.integers(0, 10_000), edges=EDGES, shape=SHAPES)
def test_what_is_written_is_read_in_its_place(tmp_path_factory, seed, edges, shape):
    path = tmp_path_factory.mktemp("written") / "labels.nii.gz"
    labels = LabelVolume(np.random.default_rng(seed).integers(1, 9, shape), _affine(seed, edges))
    write_volume(labels, path)
    turned, placed = canonical(labels.voxels, labels.affine)
    back = read_labels(path)
    np.testing.assert_array_equal(back.voxels, turned)
    np.testing.assert_allclose(back.affine, placed, atol=1e-4)
