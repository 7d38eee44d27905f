"""Errors of predicted numbers, with intervals over people: accuracy, coverage, calibration, gaps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from normwise.evaluate.inference.associations import rank_correlation
from normwise.evaluate.inference.intervals import PeopleWeights, bootstrap_estimate, wilson
from normwise.evaluate.out_of_fold import Statistic, ratio
from normwise.evaluate.regression.cross_validation import NumberPredictions
from normwise.results import Coverage, Estimate, GapGroup, RegressionArm

__all__ = ["compare_errors", "estimate_number"]

Floats = NDArray[np.float64]
Names = NDArray[np.object_]
Figure = Callable[[Floats, Floats], Statistic]
"""True and another number of each scan → a function of their weights."""

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
        spearman=asked.of(rank_correlation, found.predicted, everybody),
        slope=asked.of(_slope, found.predicted, everybody),
        bias=asked.of(_mean, gap, everybody),
        gap_rho=asked.of(rank_correlation, gap, of_group[normal]),
        corrected_rho=asked.of(rank_correlation, found.corrected, of_group[normal]),
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
    """A figure under the weights, averaged over the repeats, of each on the scans predicted in it."""

    found: NumberPredictions
    weights: PeopleWeights
    confidence: float

    def of(self, figure: Figure, numbers: Floats, members: NDArray[np.bool_]) -> Estimate:
        values = []
        for row in numbers:
            rows = np.flatnonzero(np.isfinite(row) & members)
            if len(rows):
                values.append(self.weights.under(_on(rows, figure(self.found.values[rows], row[rows]))))
        if not values:
            return Estimate(None, None, None)
        return bootstrap_estimate(np.mean(values, axis=0), self.weights, self.confidence)


def _on(rows: NDArray[np.intp], statistic: Statistic) -> Statistic:
    return lambda weights: statistic(weights[:, rows])


def _mean(_: Floats, numbers: Floats) -> Statistic:
    return lambda weights: ratio(weights @ numbers, weights.sum(axis=1))


def _root_mean(true: Floats, squares: Floats) -> Statistic:
    mean = _mean(true, squares)
    return lambda weights: np.asarray(np.sqrt(mean(weights)))


def _explained(true: Floats, predicted: Floats) -> Statistic:
    """1 − Σ (y − ŷ)² / Σ (y − ȳ)², with the mean of each weighted sample."""
    squares = (true - predicted) ** 2
    return lambda weights: 1.0 - ratio(weights @ squares, _spread(true, true, weights))


def _slope(true: Floats, predicted: Floats) -> Statistic:
    """Slope of the true number on the predicted one."""
    return lambda weights: ratio(_spread(true, predicted, weights), _spread(predicted, predicted, weights))


def _spread(one: Floats, other: Floats, weights: Floats) -> Floats:
    """Weighted sum of products about the means of each sample; 0 where only rounding is left of it."""
    one, other = one - one.mean(), other - other.mean()
    products = one * other
    spread = weights @ products - ratio((weights @ one) * (weights @ other), weights.sum(axis=1))
    # Of a sample of equal numbers rounding leaves a little, by which nothing may be divided.
    return np.where(np.abs(spread) <= _ROUNDING * (weights @ np.abs(products)), 0.0, spread)
