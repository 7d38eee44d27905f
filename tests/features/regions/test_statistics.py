from __future__ import annotations

import numpy as np
import pytest

from normwise.features.regions.statistics import STATISTICS, joint_counts, region_statistics

ALL = ["mean", "sd", "median", "p5", "p95"]
REFERENCE = {
    "mean": np.mean,
    "sd": lambda values: np.std(values, ddof=1) if len(values) > 1 else 0.0,
    "median": np.median,
    "p5": lambda values: np.percentile(values, 5),
    "p95": lambda values: np.percentile(values, 95),
}


def numbers(kind, rng, size=5000):
    if kind == "whole":
        return rng.integers(-40, 300, size).astype(np.float32)
    if kind == "wide":  # whole numbers, but too far apart for a table of counts
        return rng.integers(-(2**23), 2**23, size).astype(np.float32)
    values = rng.normal(0, 50, size).astype(np.float32)
    return np.abs(values) if kind == "positive" else values


@pytest.mark.parametrize("kind", ["whole", "wide", "fraction", "positive"])
def test_statistics_are_numpys_own_region_by_region(kind):
    rng = np.random.default_rng(0)
    values = numbers(kind, rng)
    regions = rng.integers(0, 30, values.size)
    regions[regions == 7] = 8  # an empty region, and a region of one voxel
    regions[regions == 29] = 28
    regions[0] = 29
    found = region_statistics(values, regions, 31, ALL)
    for region in range(31):
        inside = values[regions == region].astype(np.float64)
        for name in ALL:
            wanted = REFERENCE[name](inside) if inside.size else np.nan
            assert found[name][region] == pytest.approx(wanted, rel=1e-9, abs=1e-6, nan_ok=True), (
                name,
                region,
            )


@pytest.mark.parametrize("n_regions", [255, 256, 257, 65_536, 65_537])
def test_any_number_of_regions_is_told_apart(n_regions):
    rng = np.random.default_rng(n_regions)
    last = np.r_[n_regions - 1, rng.integers(0, n_regions, 500)]
    regions = rng.permutation(np.repeat(last, 3))
    values = rng.normal(size=regions.size).astype(np.float32)
    found = region_statistics(values, regions, n_regions, ["median", "p95"])
    for region in (0, n_regions - 1, *last[:20]):
        own = values[regions == region]
        expected = [np.nan] * 2 if not own.size else np.percentile(own.astype(np.float64), [50, 95])
        np.testing.assert_allclose([found[name][region] for name in found], expected, rtol=1e-6)


def test_a_large_offset_costs_no_digits():
    rng = np.random.default_rng(1)
    spread = rng.normal(0, 1, 2000)
    values = (spread + 20000).astype(np.float32)
    found = region_statistics(values, np.zeros(2000, int), 1, ["sd"])
    assert found["sd"][0] == pytest.approx(np.std(values.astype(np.float64), ddof=1), rel=1e-9)


def test_only_what_is_asked_for_is_returned():
    values, regions = np.arange(4, dtype=np.float32), np.zeros(4, int)
    assert list(region_statistics(values, regions, 1, ["p95", "volume_mm3", "mean"])) == ["p95", "mean"]
    assert region_statistics(values, regions, 1, ["csf_share"]) == {}


def test_no_voxel_at_all_gives_nan():
    nothing = np.empty(0, np.float32)
    found = region_statistics(nothing, np.empty(0, int), 3, ALL)
    assert all(np.isnan(column).all() and column.shape == (3,) for column in found.values())


def test_counts_add_up():
    rng = np.random.default_rng(2)
    bins, regions = rng.integers(0, 9, 500), rng.integers(0, 5, 500).astype(np.int16)
    counts = joint_counts(bins, regions, 5, 9)
    assert counts.sum() == 500
    assert counts[3, 4] == np.sum((regions == 3) & (bins == 4))


def test_every_statistic_says_its_unit_and_meaning():
    assert all(note.unit and note.description for note in STATISTICS.values())
