"""Checks: what a chain gets right passes, each thing that goes wrong fails by its own name."""

from __future__ import annotations

import numpy as np
import pytest

import fake_chain
from normwise.features.brain.quality import check_chain
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
        "template_to_head": np.eye(4),
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
        key=["mask", "align", "warp", "tissue", "propagate", "labels"].index,
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
    assert [check.stage for check in check_chain(some, NAMES)] == ["mask"]


def test_a_value_that_is_no_number_fails_and_is_said(arrays):
    arrays["forward"] = np.full((12, 12, 12, 3), np.nan, np.float32)
    arrays["template_to_head"] = np.full((4, 4), np.nan)
    assert failed(arrays) == {"scale of the template", "share of the warp that folds"}
    [scale] = [check for check in check_chain(arrays, NAMES) if check.stage == "align"]
    assert scale.value is None
    assert not scale.passed
    assert "unknown" in scale.text
