from __future__ import annotations

import numpy as np
import pytest

from normwise.errors import FeatureError
from normwise.features.regions.statistics import joint_counts
from normwise.features.regions.tissue import (
    N_BINS,
    WHITE_BIN,
    TissueModel,
    _polynomial,
    bias_field,
    first_white,
    fit_tissue,
    quantise,
    tissue_shares,
)

PEAKS = {"usual": (24, 92, 150), "bright fluid": (50, 110, 150), "low contrast": (30, 115, 150)}


def regions_of(peaks, rng, noise=5.0, voxels=20_000):
    """Regions with known shares: pure, mixed, ventricles, deep white, and a few stray bright vessels."""
    shares = np.array(
        [[0.9, 0.1, 0.0], [0.1, 0.8, 0.1], [0.0, 0.15, 0.85], [0.25, 0.6, 0.15], [0.05, 0.45, 0.5]]
    )
    values, regions, truth = [], [], []
    for region, share in enumerate(shares):
        kind = rng.choice(3, voxels, p=share)
        inside = np.eye(3)[kind]
        mixed = rng.random(voxels) < 0.3  # a third of the voxels hold some of a neighbouring tissue
        partner = np.where(kind == 1, rng.choice([0, 2], voxels), 1)
        part = rng.uniform(0, 1, voxels)[:, None]
        inside = np.where(mixed[:, None], inside * part + np.eye(3)[partner] * (1 - part), inside)
        values.append(inside @ np.array(peaks) + rng.normal(0, noise, voxels))
        regions.append(np.full(voxels, region))
        truth.append(inside.mean(axis=0))
    values, regions = np.concatenate(values), np.concatenate(regions)
    stray = rng.random(values.size) < 0.005
    values[stray] = rng.uniform(200, 500, stray.sum())
    return values, regions, np.array(truth)


def shares_of(values, regions):
    counts = joint_counts(quantise(values, first_white(values)), regions, int(regions.max()) + 1, N_BINS)
    model = fit_tissue(counts)
    return np.stack(list(tissue_shares(counts, model).values()), axis=1), model


@pytest.mark.parametrize("peaks", PEAKS.values(), ids=PEAKS)
def test_known_shares_are_found(peaks):
    values, regions, truth = regions_of(peaks, np.random.default_rng(0))
    shares, _ = shares_of(values, regions)
    assert np.abs(shares - truth).max() < 0.06
    assert shares.sum(axis=1) == pytest.approx(1.0)


def test_the_unit_of_intensity_does_not_matter():
    values, regions, _ = regions_of(PEAKS["usual"], np.random.default_rng(1))
    first, _ = shares_of(values, regions)
    second, _ = shares_of(values * 37.5, regions)
    assert np.abs(first - second).max() < 1e-6


def test_stripped_background_counts_as_no_tissue():
    values, regions, _ = regions_of(PEAKS["usual"], np.random.default_rng(2))
    before, _ = shares_of(values, regions)
    hole = (regions == 1) & (np.arange(values.size) % 4 == 0)
    after, _ = shares_of(np.where(hole, 0.0, values), regions)
    assert after[1, 0] == pytest.approx(0.25 + 0.75 * before[1, 0], abs=0.03)
    assert after[3] == pytest.approx(before[3], abs=0.03)


def test_what_is_no_t1_brain_is_refused():
    rng = np.random.default_rng(3)
    counts = joint_counts(quantise(rng.normal(150, 3, 5000), 150.0), np.zeros(5000, int), 1, N_BINS)
    with pytest.raises(FeatureError) as caught:
        fit_tissue(counts)
    assert caught.value.code == "FEA-304"
    with pytest.raises(FeatureError) as caught:
        first_white(np.zeros(10, np.float32))
    assert caught.value.code == "FEA-303"


def test_an_empty_region_has_no_shares_and_disturbs_none():
    values, regions, _ = regions_of(PEAKS["usual"], np.random.default_rng(4))
    with_gap, _ = shares_of(values, regions + (regions > 1))
    assert np.isnan(with_gap[2]).all()
    without, _ = shares_of(values, regions)
    assert np.delete(with_gap, 2, axis=0) == pytest.approx(without, abs=1e-9)


def test_quantising_keeps_white_matter_in_its_place():
    assert quantise(np.array([-5.0, 0.0, 400.0, 1e9]), 400.0).tolist() == [0, 0, WHITE_BIN, N_BINS - 1]


MODEL = TissueModel(np.array([24.0, 92.0, 150.0]), np.array([8.0, 8.0, 6.0]))


def scene(rng, n=20_000):
    places = rng.uniform(-60, 60, (n, 3)).astype(np.float32)
    tissue = rng.choice([24.0, 92.0, 150.0], n, p=[0.1, 0.5, 0.4])
    return places, tissue + rng.normal(0, 3, n)


def test_a_planted_field_is_taken_out():
    rng = np.random.default_rng(0)
    places, values = scene(rng)
    planted = np.exp(0.12 * places[:, 1] / 60 - 0.08 * (places[:, 2] / 60) ** 2)
    found = bias_field(values * planted, places, MODEL)
    ratio = found / planted
    assert np.std(ratio / ratio.mean()) < 0.01
    assert np.std(planted / planted.mean()) > 0.06


def test_an_even_image_stays_even():
    rng = np.random.default_rng(1)
    places, values = scene(rng)
    assert bias_field(values, places, MODEL) == pytest.approx(1.0, abs=0.02)


def test_without_white_matter_nothing_is_corrected():
    rng = np.random.default_rng(2)
    places = rng.uniform(-60, 60, (3000, 3)).astype(np.float32)
    found = bias_field(rng.normal(92, 3, 3000), places, MODEL)
    assert (found == 1.0).all()
    assert found.dtype == np.float32


@pytest.mark.parametrize("order", ["C", "F"])
def test_the_terms_of_the_field_are_the_powers_of_place(order):
    places = np.random.default_rng(3).uniform(-90, 90, (20_011, 3)).astype(np.float32)
    x, y, z = (((places - places.mean(axis=0)) / 50).astype(np.float32)).T
    powers = [(i, j, k) for i in range(3) for j in range(3 - i) for k in range(3 - i - j)]
    wanted = np.column_stack([x**i * y**j * z**k for i, j, k in powers])
    np.testing.assert_array_equal(_polynomial(np.asarray(places, order=order)), wanted)
