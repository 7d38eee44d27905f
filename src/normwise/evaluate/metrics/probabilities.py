"""Metrics of the probabilities themselves: Brier score, log loss, calibration slope and intercept."""

from __future__ import annotations

import numpy as np
from scipy.special import logit

from normwise.classify import Recalibration
from normwise.evaluate.out_of_fold import Floats, OfSums, OutOfFold, Statistic, ratio

__all__ = ["brier", "calibration_intercept", "calibration_slope", "log_loss"]

_EDGE = 1e-6  # a forest's 0 and 1 have no log-odds


def brier(scores: OutOfFold) -> Statistic:
    """Mean squared error of the probabilities: of P(patient) with two classes, else summed over classes."""
    truth = np.stack([scores.labels == name for name in scores.classes], axis=1).astype(float)
    lost = ((scores.probabilities - truth) ** 2).sum(axis=2)
    return _mean(scores, lost / 2 if len(scores.classes) == 2 else lost)


def log_loss(scores: OutOfFold) -> Statistic:
    """Mean −log of the true class's probability, held above the smallest step from 1 (2.2e-16)."""
    column = np.array([scores.classes.index(name) if name in scores.classes else 0 for name in scores.labels])
    true = scores.probabilities[:, np.arange(len(column)), column]
    return _mean(scores, -np.log(np.clip(true, np.finfo(float).eps, 1.0)))


def calibration_slope(scores: OutOfFold) -> Statistic:
    """Slope b of logit P(patient) = a + b · logit p, fitted by maximum likelihood (Cox 1958).

    1 where the probabilities spread as they should, below 1 where they are too extreme.
    """
    return _recalibration(scores, slope=True)


def calibration_intercept(scores: OutOfFold) -> Statistic:
    """Intercept a of logit P(patient) = a + logit p: calibration in the large (Van Calster et al. 2019).

    0 where as many patients were predicted as there are, below 0 where too many.
    """
    return _recalibration(scores, slope=False)


def _mean(scores: OutOfFold, values: Floats) -> Statistic:
    """Weighted mean of one value a repeat and scan over those that are known."""
    known = scores.known & np.isin(scores.labels, scores.classes)
    total = np.where(known, values, 0.0).sum(axis=0)
    count = known.sum(axis=0).astype(float)
    return OfSums(np.stack([total, count], axis=1), lambda sums: ratio(sums[:, 0], sums[:, 1]))


def _recalibration(scores: OutOfFold, *, slope: bool) -> Statistic:
    """Fit the logistic recalibration by Newton's method, for every set of weights."""
    known = scores.known & np.isin(scores.labels, scores.classes)
    repeat, scan = np.nonzero(known)
    odds = logit(np.clip(scores.scores[repeat, scan], _EDGE, 1.0 - _EDGE))
    truth = scores.patient[scan].astype(float)
    if not truth.any() or truth.all() or (slope and np.ptp(odds) == 0):
        return lambda weights: np.full(len(weights), np.nan)
    # Everybody's own solution is close to that of any sample of them.
    flat = np.array([0.0, 0.0 if slope else 1.0])
    own = Recalibration(odds, truth, flat, slope=slope).fit(np.ones((1, len(scan))))[0]
    found = Recalibration(odds, truth, own if np.isfinite(own).all() else flat, slope=slope)
    every = len(scan) == len(scores.labels) and bool((np.diff(scan) == 1).all())

    def statistic(weights: Floats) -> Floats:
        fitted: Floats = found.fit(weights if every else np.take(weights, scan, axis=1))[:, 1 if slope else 0]
        return fitted

    return statistic
