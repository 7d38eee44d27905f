"""Metrics of the probabilities themselves: Brier score, log loss, calibration slope and intercept."""

from __future__ import annotations

import numpy as np
from scipy.special import logit

from normwise.evaluate.out_of_fold import (
    Floats,
    OutOfFold,
    Statistic,
    ratio,
)

__all__ = ["brier", "calibration_intercept", "calibration_slope", "log_loss"]

_EDGE = 1e-6  # a forest's 0 and 1 have no log-odds
_SEPARATED = 20.0
_STEPS, _SMALL_STEP, _LONG_STEP = 50, 1e-5, 2.0
_CELLS = 40_000  # numbers worked on at a time: so many stay in a processor's cache


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

    def statistic(weights: Floats) -> Floats:
        return ratio(weights @ total, weights @ count)

    return statistic


def _recalibration(scores: OutOfFold, *, slope: bool) -> Statistic:
    """Fit the logistic recalibration by Newton's method, for every set of weights."""
    known = scores.known & np.isin(scores.labels, scores.classes)
    repeat, scan = np.nonzero(known)
    odds = logit(np.clip(scores.scores[repeat, scan], _EDGE, 1.0 - _EDGE))
    truth = scores.patient[scan].astype(float)
    both = truth.any() and not truth.all()

    def statistic(weights: Floats) -> Floats:
        if not both or (slope and np.ptp(odds) == 0):
            return np.full(len(weights), np.nan)
        # Everybody's own solution is close to that of any sample of them.
        flat = np.array([0.0, 0.0 if slope else 1.0])
        own = _newton(np.ones((1, len(scan))), odds, truth, flat, slope=slope)[0]
        begin = own if np.isfinite(own).all() else flat
        rows = max(1, _CELLS // len(scan))
        parts = [
            _newton(weights[first : first + rows][:, scan], odds, truth, begin, slope=slope)
            for first in range(0, len(weights), rows)
        ]
        fitted: Floats = np.concatenate(parts)[:, 1 if slope else 0]
        return fitted

    return statistic


def _newton(w: Floats, odds: Floats, truth: Floats, begin: Floats, *, slope: bool) -> Floats:
    """Return intercept and slope for each row of weights, of shape (n_rows, 2); NaN where separated."""
    solution = np.tile(begin, (len(w), 1))
    done = np.zeros(len(w), dtype=bool)
    rows = np.arange(len(w))
    powers = np.stack([np.ones_like(odds), odds, odds**2], axis=1)
    observed = w @ (truth[:, None] * powers[:, :2])
    for _ in range(_STEPS):
        # 1 / (1 + exp(−a − b x)) in place: this loop is most of the time of a bootstrap.
        p = solution[rows, 1:] * -odds
        p -= solution[rows, :1]
        with np.errstate(over="ignore"):  # exp(∞) is the right answer far out: p = 0
            np.exp(p, out=p)
        p += 1.0
        np.reciprocal(p, out=p)
        spread = w * p
        score = observed - spread @ powers[:, :2]
        spread *= 1.0 - p
        h_aa, h_ab, h_bb = (spread @ powers).T
        step = np.zeros_like(score)
        if slope:
            determinant = h_aa * h_bb - h_ab**2
            safe = np.where(determinant > 0, determinant, np.nan)
            step[:, 0] = (h_bb * score[:, 0] - h_ab * score[:, 1]) / safe
            step[:, 1] = (h_aa * score[:, 1] - h_ab * score[:, 0]) / safe
        else:
            step[:, 0] = score[:, 0] / np.where(h_aa > 0, h_aa, np.nan)
        # A long step from far away overshoots; the likelihood is concave, so a bounded one gets there.
        size = np.abs(step).max(axis=1)
        solution[rows] += step * np.minimum(1.0, _LONG_STEP / np.maximum(size, 1e-300))[:, None]
        # Newton squares its error: a step this small leaves one far below any rounding that is shown.
        done[rows] = size < _SMALL_STEP
        going = (size >= _SMALL_STEP) & np.isfinite(size)
        if not going.any():
            break
        if not going.all():
            rows, w, observed = rows[going], w[going], observed[going]
    # Where the classes are separated the likelihood only stops to rise when its numbers run out.
    finite = done & (np.abs(solution) < _SEPARATED).all(axis=1)
    return np.where(finite[:, None], solution, np.nan)
