"""Displacements point from the template to the head and back, whichever package finds them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates

from normwise.features.brain.registration import warp
from normwise.features.brain.settings import ChainSettings

SHIFT = (1.5, -1.0, 0.5)  # voxels; another in each direction, so that no swap or sign passes


@pytest.mark.parametrize("package", ["dipy", pytest.param("ants", marks=pytest.mark.slow)])
def test_a_local_shift_is_found_with_its_sign(package, monkeypatch) -> None:
    pytest.importorskip(package)
    monkeypatch.setitem(warp._STEPS, "default", [30, 20, 10])
    monkeypatch.setattr(warp, "_LONG_STEPS", (30, 20, 10))
    rng = np.random.default_rng(0)
    texture = gaussian_filter(rng.standard_normal((40, 42, 44)), 2.5)
    places = np.indices(texture.shape, dtype=np.float64)
    middle = np.array(texture.shape)[:, None, None, None] / 2
    bump = np.exp(-((places - middle) ** 2).sum(axis=0) / (2 * 7.0**2))
    fixed = texture / np.abs(texture).max() + 2
    # moving(p + forward(p)) = fixed(p): to first order moving(q) = fixed(q - shift(q)).
    moving = map_coordinates(
        fixed, places - bump * np.array(SHIFT)[:, None, None, None], order=3, mode="nearest"
    )
    find = warp._by_dipy if package == "dipy" else warp._by_ants
    forward, backward = find(fixed.astype(np.float32), moving.astype(np.float32), ChainSettings())
    centre = bump > 0.8
    np.testing.assert_allclose(np.asarray(forward)[centre].mean(axis=0), np.multiply(SHIFT, 0.9), atol=0.35)
    np.testing.assert_allclose(np.asarray(backward)[centre].mean(axis=0), np.multiply(SHIFT, -0.9), atol=0.35)


def test_a_field_comes_into_the_grids_own_millimetres() -> None:
    field = np.zeros((1, 1, 1, 3))
    field[..., 0] = 1.0
    turn = np.array(
        [[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]
    )  # the first voxel axis points along the second mm axis
    np.testing.assert_allclose(warp._in_mm(field, turn, np.array([2.0, 3, 4])).ravel(), [0, 2, 0], atol=1e-6)
