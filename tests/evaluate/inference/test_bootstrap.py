"""Bootstrap over people: sessions stay together, classes keep their size, intervals cover."""

from __future__ import annotations

import numpy as np
import pytest

from normwise.evaluate.inference.intervals import bootstrap_weights, estimate_of
from normwise.evaluate.metrics.registry import METRICS
from normwise.evaluate.out_of_fold import OutOfFold


def test_sessions_share_their_persons_weight_and_classes_keep_their_size() -> None:
    groups = np.repeat([f"p{n}" for n in range(20)], 2).astype(object)
    labels = np.repeat(np.array(["normal", "AD"], dtype=object)[np.arange(20) % 2], 2)
    weights = bootstrap_weights(labels, groups, draws=50, rng=np.random.default_rng(0))
    assert np.array_equal(weights[:, ::2], weights[:, 1::2])
    assert (weights[:, labels == "AD"].sum(axis=1) == 20).all()
    assert len(np.unique(weights, axis=0)) > 40


def test_an_undefined_value_has_no_interval() -> None:
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
