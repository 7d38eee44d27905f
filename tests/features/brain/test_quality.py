"""Checks: what a chain gets right passes, each thing that goes wrong fails by its own name."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import affine_transform, gaussian_filter, zoom

import fake_chain
from normwise.features.brain.quality import check_chain, measure_sharpness
from normwise.features.brain.settings import ChainSettings
from normwise.features.brain.stage_cache import StageStore, run_cached_stages
from normwise.features.feature_table import describe_quality, failed_checks

NAMES = fake_chain.NAMES


@pytest.fixture
def arrays(monkeypatch):
    monkeypatch.setattr("normwise.features.brain.chain.STAGES", fake_chain.STAGES)
    found, _ = run_cached_stages(fake_chain.head(spacing=4.2), ChainSettings(), StageStore(None))
    grid = np.zeros((12, 12, 12, 3), np.float32)
    inside = found["mask"] > 0
    return found | {
        "affine": np.eye(4),
        "template_to_head": np.eye(4),
        "affine_fit": np.array([0.97]),
        "flip_misfits": np.array([0.3, 0.2, 0.4]),
        "forward": grid,
        "warp_affine": np.diag([2.0, 2.0, 2.0, 1.0]),
        "propagated": found["labels"],
        "template_brain": inside.astype(np.uint8),
    }


def failed(arrays):
    return {check.name for check in failed_checks(check_chain(arrays, NAMES))}


def test_a_sound_chain_passes(arrays):
    checks = check_chain(arrays, NAMES)
    assert failed(arrays) == set(), describe_quality(checks)
    assert [check.stage for check in checks] == sorted(
        (check.stage for check in checks),
        key=["conform", "mask", "align", "warp", "tissue", "propagate", "labels"].index,
    )
    assert len({(check.stage, check.name) for check in checks}) == len(checks)


def test_a_mask_of_half_the_head_fails(arrays):
    arrays["mask"] = arrays["mask"].copy()
    arrays["mask"][:20] = 0
    assert failed(arrays) == {"brain mask", "overlap of mask and template"}


def test_a_template_blown_up_fails(arrays):
    arrays["template_to_head"] = np.diag([1.5, 1.5, 1.5, 1.0])
    assert failed(arrays) == {"scale of the template"}


@pytest.mark.parametrize("turn", [np.eye(3), np.diag([-1.0, 1, 1]), np.eye(3)[[1, 0, 2]]])
def test_a_warp_that_folds_fails_on_any_grid(arrays, turn):
    arrays["warp_affine"][:3, :3] = 2.0 * turn
    points = np.moveaxis(np.indices((12, 12, 12)), 0, -1) @ (2.0 * turn).T
    arrays["forward"] = (-0.9 * points).astype(np.float32)  # shrinks to a tenth, and stays in order
    assert failed(arrays) == set()
    arrays["forward"] = (-1.1 * points).astype(np.float32)  # turns inside out
    assert failed(arrays) == {"share of the warp that folds"}


def test_tissue_without_contrast_fails(arrays):
    rng = np.random.default_rng(0)
    arrays["corrected"] = rng.normal(30, 5, arrays["corrected"].shape).astype(np.float32)
    assert failed(arrays) == {"contrast of white to grey matter"}


def test_no_pure_tissue_at_all_fails(arrays):
    arrays["grey"], arrays["white"] = arrays["grey"] * 0.5, arrays["white"] * 0.5
    assert "contrast of white to grey matter" in failed(arrays)


def test_a_region_that_vanished_fails_by_its_name(arrays):
    arrays["labels"] = np.where(arrays["labels"] == 53, 0, arrays["labels"])
    assert failed(arrays) == {"hippocampus right"}


def test_a_chain_that_stopped_early_is_checked_as_far_as_it_came(arrays):
    some = {name: arrays[name] for name in ("head", "head_affine", "mask", "box")}
    assert [check.stage for check in check_chain(some, NAMES)] == ["conform", "conform", "mask"]


def test_a_value_that_is_no_number_fails_and_is_said(arrays):
    arrays["forward"] = np.full((12, 12, 12, 3), np.nan, np.float32)
    arrays["template_to_head"] = np.full((4, 4), np.nan)
    assert failed(arrays) == {"scale of the template", "share of the warp that folds"}
    [scale] = [check for check in check_chain(arrays, NAMES) if check.name == "scale of the template"]
    assert scale.value is None
    assert not scale.passed
    assert "unknown" in scale.text


@pytest.mark.parametrize(("edge", "passed"), [(3.0000002, True), (3.01, False)])
def test_the_longest_voxel_edge_of_the_image_as_it_was_read(arrays, edge, passed):
    arrays["affine"] = np.diag([2.0, edge, 2.0, 1.0])[[1, 0, 2, 3]]
    assert failed(arrays) == (set() if passed else {"longest voxel edge"})


@pytest.mark.parametrize(("fit", "passed"), [(0.801, True), (0.799, False), (np.nan, False)])
def test_the_fit_of_the_affine(arrays, fit, passed):
    arrays["affine_fit"] = np.array([fit])
    assert failed(arrays) == (set() if passed else {"fit of the template"})


@pytest.mark.parametrize(
    ("place", "name"), [(0, "upside down and back to front"), (1, "upside down"), (2, "back to front")]
)
def test_a_head_that_fits_better_turned_is_named_by_the_turn(arrays, place, name):
    arrays["flip_misfits"][place] = 0.99
    assert failed(arrays) == set()
    arrays["flip_misfits"][place] = 1.01
    assert failed(arrays) == {f"misfit upright over {name}"}
    assert f"misfit upright over {name} 1.01 (at most 1)" in describe_quality(check_chain(arrays, NAMES))


@pytest.mark.parametrize(("beyond", "passed"), [(0.11, True), (0.12, False)])
def test_a_mask_that_the_warped_template_does_not_cover(arrays, beyond, passed):
    inside = np.flatnonzero(arrays["mask"])
    template = arrays["mask"].copy()
    template.ravel()[inside[: round(beyond * inside.size)]] = 0  # dura, as a share of the mask
    arrays["template_brain"] = template
    assert failed(arrays) == (set() if passed else {"overlap of mask and template"})


def textured(spacing=1.0, size=48):
    """Detail of the same scale along every axis, of 2 mm and more."""
    rng = np.random.default_rng(0)
    return gaussian_filter(rng.standard_normal((size,) * 3), 1.6 / spacing).astype(np.float32)


def resliced(head, axis, slices, order):
    """Average so many voxels to a slice, and resample the slices to the grid that was."""
    along = np.moveaxis(head, axis, 0)
    thick = along.reshape(-1, slices, *along.shape[1:]).mean(axis=1)
    back = np.diag([1 / slices, 1.0, 1.0])
    start = [-(slices - 1) / 2 / slices, 0, 0]
    again = affine_transform(thick, back, start, output_shape=along.shape, order=order, mode="nearest")
    return np.moveaxis(again, 0, axis)


MASK = np.pad(np.ones((40,) * 3, bool), 4)


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("order", [0, 1, 3])
def test_slices_that_were_resampled_stay_dull(axis, order):
    head = textured()
    assert measure_sharpness(head, MASK, np.eye(4)) > 0.9
    assert measure_sharpness(resliced(head, axis, 6, order), MASK, np.eye(4)) < 0.65
    assert measure_sharpness(resliced(head, axis, 2, 1), MASK, np.eye(4)) > 0.65


@pytest.mark.parametrize("spacing", [(1, 1, 1.2), (0.9, 0.9, 1), (1, 1, 1.5), (2, 1, 1), (1, 1, 3)])
def test_a_grid_that_is_finer_in_plane_is_as_sharp_along_every_axis(spacing):
    fine = textured(0.5, 96)
    size = np.array([48 // edge for edge in spacing], int)
    head = zoom(fine, size / 96, order=1, grid_mode=True, mode="nearest")
    grid = np.diag([*(48 / size), 1.0])
    assert measure_sharpness(head, np.ones(head.shape, bool), grid) > 0.65


def test_a_head_without_detail_has_no_sharpness():
    flat = np.ones((9, 9, 9), np.float32)
    assert np.isnan(measure_sharpness(flat, flat > 0, np.eye(4)))
