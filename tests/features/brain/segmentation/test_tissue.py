"""Shares of tissue are found again in a brain that was made of them."""

from __future__ import annotations

import numpy as np
import pytest

from normwise.features.brain.registration.reference import load_reference
from normwise.features.brain.segmentation.tissue import classify_tissue
from normwise.features.brain.settings import ChainSettings

LEVELS = (300.0, 700.0, 1000.0)  # fluid, grey, white


def made(noise: float):
    brain = load_reference().coarser(3)
    total = np.maximum(brain.grey + brain.white, 1)
    grey, white = brain.grey / total, brain.white / total
    # Sharper than the template's average of many people, as one person's tissue is.
    truth = np.stack([1 - grey - white, grey, white]) ** 4
    truth = truth / truth.sum(axis=0) * brain.mask
    rng = np.random.default_rng(0)
    image = np.tensordot(LEVELS, truth, axes=1) + noise * rng.standard_normal(brain.mask.shape)
    shape = np.array(brain.mask.shape)
    field = np.zeros((4, 4, 4, 3), np.float32)
    wide = np.diag([100.0, 100.0, 100.0, 1.0])
    wide[:3, 3] = -150
    arrays = {
        "corrected": image.astype(np.float32),
        "mask": brain.mask.astype(np.uint8),
        "box": np.stack([0 * shape, shape]),
        "head_affine": brain.affine,
        "template_to_head": np.eye(4),
        "backward": field,
        "warp_affine": wide,
    }
    return arrays, truth, brain.mask


@pytest.mark.parametrize("noise", [10.0, 40.0])
def test_shares_of_a_mixture_are_found(noise) -> None:
    arrays, truth, mask = made(noise)
    found = classify_tissue(arrays, ChainSettings())
    for share, name, wanted in zip(truth, ("csf", "grey", "white"), LEVELS, strict=True):
        assert found[name].min() >= 0
        assert found[name][~mask].max() == 0
        assert np.corrcoef(share[mask], found[name][mask])[0, 1] > 0.9
        assert found[name].sum() == pytest.approx(share.sum(), rel=0.15)
        # No voxel of a template is of one tissue alone, so the peaks lie a little within.
        assert found["peaks"][("csf", "grey", "white").index(name)] == pytest.approx(wanted, abs=90)
    assert sum(found[name] for name in ("csf", "grey", "white")).max() <= 1.0001


def test_brightness_has_no_unit() -> None:
    arrays, _, _ = made(20.0)
    first = classify_tissue(arrays, ChainSettings())
    second = classify_tissue({**arrays, "corrected": arrays["corrected"] * np.float32(0.25)}, ChainSettings())
    np.testing.assert_allclose(first["grey"], second["grey"], atol=1e-3)
    np.testing.assert_allclose(first["peaks"], 4 * second["peaks"], rtol=1e-4)
