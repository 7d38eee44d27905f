"""Intervals against a published example, scipy, closed forms and known values; the bootstrap over people."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from scipy.stats import binomtest, bootstrap

from normwise.evaluate.inference import intervals
from normwise.evaluate.inference.intervals import (
    acceleration_of,
    bca,
    bootstrap_p,
    bootstrap_weights,
    draw_people,
    estimate_of,
    wilson,
)
from normwise.evaluate.metrics.registry import METRICS
from normwise.evaluate.out_of_fold import OutOfFold

# The spatial test data of Efron and Tibshirani 1993, An Introduction to the Bootstrap, table 14.1 (A).
# For the variance of A, chapter 14 gives 171.5, acceleration .061 and the 90 % BCa interval (115.8, 259.6).
SPATIAL = np.array(
    [48, 36, 20, 29, 42, 42, 20, 42, 22, 41, 45, 14, 6, 0, 33, 28, 34, 4, 32, 24, 47, 41, 24, 26, 30, 41.0]
)
ALL = np.zeros(len(SPATIAL), dtype=int)


def spatial_draws(count: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return SPATIAL[rng.integers(0, len(SPATIAL), (count, len(SPATIAL)))].var(axis=1)


def left_out() -> np.ndarray:
    return np.array([np.delete(SPATIAL, row).var() for row in range(len(SPATIAL))])


def test_bca_agrees_with_the_published_example() -> None:
    speed = acceleration_of(left_out(), ALL)
    assert round(speed, 3) == 0.061
    found = bca(float(SPATIAL.var()), spatial_draws(20_000), speed, 0.90)
    assert round(found.estimate, 1) == 171.5
    # The book drew 2,000 samples, whose 0.990 quantile has a standard error of about 4.
    assert found.low == pytest.approx(115.8, abs=2.0)
    assert found.high == pytest.approx(259.6, abs=4.0)


def test_bca_agrees_with_scipy() -> None:
    found = bca(float(SPATIAL.var()), spatial_draws(20_000), acceleration_of(left_out(), ALL), 0.95)
    other = bootstrap((SPATIAL,), np.var, n_resamples=9999, method="BCa", rng=np.random.default_rng(1))
    assert found.low == pytest.approx(other.confidence_interval.low, abs=2.5)
    assert found.high == pytest.approx(other.confidence_interval.high, abs=5.0)


def test_the_acceleration_of_two_samples_is_scipys() -> None:
    rng = np.random.default_rng(3)
    one, other = rng.exponential(size=20), rng.exponential(size=31)
    without = [np.delete(one, row).mean() - other.mean() for row in range(20)]
    without += [one.mean() - np.delete(other, row).mean() for row in range(31)]
    speed = acceleration_of(np.array(without), np.repeat([0, 1], [20, 31]))
    # Davison and Hinkley's formula for several samples by hand, with l = x - mean(x) for a mean.
    lengths = [(one - one.mean(), 20), (-(other - other.mean()), 31)]
    cubes = sum((values**3).sum() / count**3 for values, count in lengths)
    squares = sum((values**2).sum() / count**2 for values, count in lengths)
    assert speed == pytest.approx(cubes / (6 * squares**1.5))


@pytest.mark.parametrize(("hits", "people"), [(0, 12), (7, 12), (12, 12), (88, 100)])
def test_wilson_agrees_with_scipy(hits: int, people: int) -> None:
    other = binomtest(hits, people).proportion_ci(method="wilson")
    assert wilson(hits / people, people, 0.95) == pytest.approx((other.low, other.high), abs=1e-12)


def test_an_undefined_value_has_no_interval() -> None:
    assert estimate_of(float("nan"), np.array([0.1]), 0.95).estimate is None
    assert bca(0.5, np.full(3, np.nan), 0.0, 0.95).low is None
    assert bootstrap_p(np.full(3, np.nan)) is None


def test_a_statistic_that_never_varies_has_a_point_for_an_interval() -> None:
    found = bca(1.0, np.ones(50), acceleration_of(np.ones(9), np.zeros(9, dtype=int)), 0.95)
    assert (found.low, found.high) == (1.0, 1.0)


def test_a_p_value_is_never_zero_and_one_where_nothing_differs() -> None:
    assert bootstrap_p(np.ones(999)) == pytest.approx(0.002)
    assert bootstrap_p(np.zeros(999)) == 1.0


def test_sessions_share_their_persons_weight_and_classes_keep_their_size() -> None:
    groups = np.repeat([f"p{n}" for n in range(20)], 2).astype(object)
    labels = np.repeat(np.array(["normal", "AD"], dtype=object)[np.arange(20) % 2], 2)
    weights = bootstrap_weights(labels, groups, draws=50, rng=np.random.default_rng(0))
    assert np.array_equal(weights[:, ::2], weights[:, 1::2])
    assert (weights[:, labels == "AD"].sum(axis=1) == 20).all()
    assert len(np.unique(weights, axis=0)) > 40


def test_weights_made_in_blocks_are_those_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    groups = np.repeat([f"p{n}" for n in range(20)], 2).astype(object)
    labels = np.repeat(np.array(["normal", "AD"], dtype=object)[np.arange(20) % 2], 2)
    tested = np.arange(40) >= 4
    whole = draw_people(labels, groups, tested, draws=30, rng=np.random.default_rng(5)).under(np.copy)
    drawn = bootstrap_weights(labels[tested], groups[tested], draws=30, rng=np.random.default_rng(5))
    assert whole.shape == (1 + 30 + 18, 40)
    assert (whole[0] == 1).all()
    np.testing.assert_array_equal(whole[1:31, tested], drawn)
    assert not whole[1:, ~tested].any()
    assert (whole[31:].sum(axis=1) == 36 - 2).all()
    monkeypatch.setattr(intervals, "_CELLS", 100)
    weights = draw_people(labels, groups, tested, draws=30, rng=np.random.default_rng(5))
    np.testing.assert_array_equal(weights.under(np.copy), whole)
    some = weights.take(np.array([6, 7, 10]))
    assert len(some.strata) == 2  # of the others nobody is there to be left out
    np.testing.assert_array_equal(some.take(np.array([2, 0])).under(np.copy)[:31], whole[:31][:, [10, 6]])
    np.testing.assert_array_equal(some.under(np.copy)[31:], [[0, 0, 1], [1, 1, 0]])


def test_a_bootstrap_of_many_people_is_never_held_as_numbers() -> None:
    people = 5000
    labels = np.array(["a", "b"], dtype=object)[np.arange(people) % 2]
    groups = np.arange(people).astype(object)
    tracemalloc.start()
    try:
        weights = draw_people(
            labels, groups, np.ones(people, dtype=bool), draws=2000, rng=np.random.default_rng(0)
        )
        weights.under(lambda block: block.sum(axis=1))
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 2000 * people + 40e6  # a byte each and what is worked on; as numbers they were 96 MB


def test_an_undefined_estimate_of_draws_has_no_interval() -> None:
    assert estimate_of(float("nan"), np.array([0.1]), 0.95).estimate is None


@pytest.mark.slow
def test_auc_intervals_cover_the_known_auc() -> None:
    # Scores N(0, 1) and N(1, 1): AUC = Φ(1/√2) = 0.7602.
    rng = np.random.default_rng(0)
    labels = np.array(["a", "b"], dtype=object)[np.arange(120) % 2]
    covered = 0
    for _ in range(300):
        score = rng.normal(size=120) + (labels == "b")
        table = np.stack([-score, score], axis=1)[None]
        scores = OutOfFold(labels, ("a", "b"), "a", table, np.zeros((1, 120), int), np.zeros((1, 120), int))
        weights = bootstrap_weights(labels, np.arange(120).astype(object), draws=300, rng=rng)
        statistic = METRICS["auc"](scores)
        found = estimate_of(float(statistic(np.ones((1, 120)))[0]), statistic(weights), 0.95)
        covered += found.low <= 0.7602 <= found.high
    assert 0.91 <= covered / 300 <= 0.98
