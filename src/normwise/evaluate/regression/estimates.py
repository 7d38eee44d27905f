"""Errors of predicted numbers, with intervals over people: accuracy, coverage, calibration, gaps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from normwise.evaluate.inference.associations import weighted_rank_correlation
from normwise.evaluate.inference.intervals import PeopleWeights, bootstrap_estimate, wilson
from normwise.evaluate.out_of_fold import ratio
from normwise.evaluate.regression.cross_validation import NumberPredictions
from normwise.results import Coverage, Estimate, GapGroup, RegressionArm

__all__ = ["compare_errors", "estimate_number"]

Floats = NDArray[np.float64]
Names = NDArray[np.object_]
Statistic = Callable[[Floats, Floats, Floats], Floats]
"""True and another number of each scan, and weights of shape (n_draws, n_scans) → (n_draws,)."""

_ROUNDING = 1e-12  # of a sum of products, above what rounding leaves of it


def estimate_number(
    found: NumberPredictions,
    labels: Names,
    groups: Names,
    weights: PeopleWeights,
    *,
    normal: str,
    levels: Sequence[float],
    confidence: float,
) -> RegressionArm:
    """Estimate the figures of one arm.

    Parameters
    ----------
    found : NumberPredictions
        Out-of-fold predictions.
    labels, groups : ndarray of shape (n_scans,)
        Who is normal, and the person of each scan.
    weights : PeopleWeights
        Of the bootstrap.
    normal : str
        The label of normal people.
    levels : sequence of float
        Of the prediction intervals.
    confidence : float
        Of the intervals over people.
    """
    asked = _Asked(found, weights, confidence)
    everybody = np.ones(len(labels), dtype=bool)
    gap = found.predicted - found.values
    coverage = []
    known = np.isfinite(found.predicted)
    predicted = known.any(axis=0)
    for place, level in enumerate(levels):
        width = found.half_widths[..., place]
        share = asked.of(_mean, np.where(np.isnan(width), np.nan, np.abs(gap) <= width), everybody)
        held = share.estimate
        if held is not None and held in (0.0, 1.0):  # no bootstrap sample has another share
            share = Estimate(held, *wilson(held, len(set(groups[predicted])), confidence))
        mean = float(2.0 * np.nanmean(width)) if np.isfinite(width).any() else np.inf
        coverage.append(Coverage(level, share, mean if np.isfinite(mean) else None))
    of_group = {name: labels == name for name in dict.fromkeys([normal, *labels])}
    tested = found.folds >= 0
    return RegressionArm(
        mae=asked.of(_mean, np.abs(gap), everybody),
        rmse=asked.of(_root_mean, gap**2, everybody),
        r2=asked.of(_explained, found.predicted, everybody),
        spearman=asked.of(_rank_correlation, found.predicted, everybody),
        slope=asked.of(_slope, found.predicted, everybody),
        bias=asked.of(_mean, gap, everybody),
        gap_rho=asked.of(_rank_correlation, gap, of_group[normal]),
        corrected_rho=asked.of(_rank_correlation, found.corrected, of_group[normal]),
        intervals=coverage,
        groups=[
            GapGroup(
                name=str(name),
                people=len(set(groups[members & predicted])),
                mae=asked.of(_mean, np.abs(gap), members),
                gap=asked.of(_mean, gap, members),
                corrected=asked.of(_mean, found.corrected, members),
            )
            for name, members in of_group.items()
        ],
        unpredicted=float((tested & ~known).sum() / tested.sum()),
        beyond=float(found.beyond.sum() / max(known.sum(), 1)),
        settings=found.settings,
    )


def compare_errors(
    one: NumberPredictions, other: NumberPredictions, weights: PeopleWeights, confidence: float
) -> Estimate:
    """Return the mean absolute error of one arm less another's, paired over people."""
    errors = np.abs(one.predicted - one.values) - np.abs(other.predicted - other.values)
    return _Asked(one, weights, confidence).of(_mean, errors, np.ones(len(one.values), dtype=bool))


@dataclass(frozen=True)
class _Asked:
    """A statistic under the weights, averaged over the repeats, of each on the scans predicted in it."""

    found: NumberPredictions
    weights: PeopleWeights
    confidence: float

    def of(self, statistic: Statistic, numbers: Floats, members: NDArray[np.bool_]) -> Estimate:
        matrix = self.weights.matrix
        values = []
        for row in numbers:
            rows = np.flatnonzero(np.isfinite(row) & members)
            if len(rows):
                values.append(statistic(self.found.values[rows], row[rows], matrix[:, rows]))
        if not values:
            return Estimate(None, None, None)
        return bootstrap_estimate(np.mean(values, axis=0), self.weights, self.confidence)


def _mean(_: Floats, numbers: Floats, weights: Floats) -> Floats:
    return ratio(weights @ numbers, weights.sum(axis=1))


def _root_mean(true: Floats, squares: Floats, weights: Floats) -> Floats:
    return np.asarray(np.sqrt(_mean(true, squares, weights)))


def _explained(true: Floats, predicted: Floats, weights: Floats) -> Floats:
    """1 − Σ (y − ŷ)² / Σ (y − ȳ)², with the mean of each weighted sample."""
    left = weights @ (true - predicted) ** 2
    return 1.0 - ratio(left, _spread(true, true, weights))


def _slope(true: Floats, predicted: Floats, weights: Floats) -> Floats:
    """Slope of the true number on the predicted one."""
    return ratio(_spread(true, predicted, weights), _spread(predicted, predicted, weights))


def _spread(one: Floats, other: Floats, weights: Floats) -> Floats:
    """Weighted sum of products about the means of each sample; 0 where only rounding is left of it."""
    one, other = one - one.mean(), other - other.mean()
    products = one * other
    spread = weights @ products - ratio((weights @ one) * (weights @ other), weights.sum(axis=1))
    # Of a sample of equal numbers rounding leaves a little, by which nothing may be divided.
    return np.where(np.abs(spread) <= _ROUNDING * (weights @ np.abs(products)), 0.0, spread)


def _rank_correlation(true: Floats, numbers: Floats, weights: Floats) -> Floats:
    return weighted_rank_correlation(true, numbers, weights)
