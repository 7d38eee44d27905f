from __future__ import annotations

import numpy as np
import pytest

from normwise.features.regions.tissue import TissueModel, shading

MODEL = TissueModel(np.array([24.0, 92.0, 150.0]), np.array([8.0, 8.0, 6.0]))


def scene(rng, n=20_000):
    places = rng.uniform(-60, 60, (n, 3)).astype(np.float32)
    tissue = rng.choice([24.0, 92.0, 150.0], n, p=[0.1, 0.5, 0.4])
    return places, tissue + rng.normal(0, 3, n)


def test_a_planted_field_is_taken_out():
    rng = np.random.default_rng(0)
    places, values = scene(rng)
    planted = np.exp(0.12 * places[:, 1] / 60 - 0.08 * (places[:, 2] / 60) ** 2)
    found = shading(values * planted, places, MODEL)
    ratio = found / planted
    assert np.std(ratio / ratio.mean()) < 0.01
    assert np.std(planted / planted.mean()) > 0.06


def test_an_even_image_stays_even():
    rng = np.random.default_rng(1)
    places, values = scene(rng)
    assert shading(values, places, MODEL) == pytest.approx(1.0, abs=0.02)


def test_without_white_matter_nothing_is_corrected():
    rng = np.random.default_rng(2)
    places = rng.uniform(-60, 60, (3000, 3)).astype(np.float32)
    found = shading(rng.normal(92, 3, 3000), places, MODEL)
    assert (found == 1.0).all()
    assert found.dtype == np.float32
