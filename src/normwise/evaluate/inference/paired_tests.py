"""Paired tests of two arms, or two runs, over the same people."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from normwise.evaluate.inference.bootstrap import PeopleWeights
from normwise.evaluate.inference.delong import delong_difference
from normwise.evaluate.inference.estimates import bootstrap_estimate
from normwise.evaluate.inference.intervals import bootstrap_p
from normwise.evaluate.metrics.registry import METRICS
from normwise.evaluate.out_of_fold import Floats, OutOfFold
from normwise.results import Comparison, Estimate

__all__ = ["TESTED_METRICS", "corrected_t", "fold_values", "paired_tests"]

Names = NDArray[np.object_]

TESTED_METRICS = ("auc", "balanced_accuracy", "brier")
"""Metrics whose differences get a p-value: order, decisions, probabilities. More would test too much."""


def paired_tests(
    names: tuple[str, str],
    one: OutOfFold,
    other: OutOfFold,
    groups: Names,
    weights: PeopleWeights,
    values: tuple[dict[str, Floats], dict[str, Floats]],
    confidence: float,
) -> list[Comparison]:
    """Compare two sets of predictions of the same scans.

    Parameters
    ----------
    names : tuple of str
        What the two are called.
    one, other : OutOfFold
        Rows are the same scans in the same order.
    groups : ndarray of shape (n_scans,)
        Person of each scan.
    weights : PeopleWeights
        The weights behind ``values``.
    values : tuple of dict of str to ndarray
        Each one's values under the weights, of the metrics in `TESTED_METRICS` at least.
    confidence : float
        Coverage of the intervals.

    Returns
    -------
    list of Comparison
        A bootstrap a metric; for the AUC also DeLong's test and, on the same folds, the corrected t.
    """
    found = []
    for metric in TESTED_METRICS:
        drawn = values[0][metric] - values[1][metric]
        estimate = bootstrap_estimate(drawn, weights, confidence)
        p = bootstrap_p(drawn[1 : 1 + weights.draws]) if estimate.estimate is not None else None
        found.append(Comparison(*names, metric, "paired bootstrap", estimate, p))
    difference, p = delong_difference(one, other, groups, confidence)
    found.append(Comparison(*names, "auc", "DeLong", difference, p))
    if one.folds.shape == other.folds.shape and (one.folds == other.folds).all():
        gaps = fold_values(one, "auc") - fold_values(other, "auc")
        tested = np.array([(layer == fold).sum() for layer in one.folds for fold in _folds_of(layer)])
        defined = np.isfinite(gaps)
        if defined.sum() > 2:
            per_repeat = tested[defined].mean() / one.tested.sum()
            estimate, p = corrected_t(gaps[defined], per_repeat / (1.0 - per_repeat), confidence)
            found.append(Comparison(*names, "auc", "corrected t over folds", estimate, p))
    return found


def corrected_t(gaps: Floats, ratio_of_sizes: float, confidence: float) -> tuple[Estimate, float | None]:
    """Test differences of overlapping folds with the corrected resampled t (Nadeau and Bengio 2003, eq. 9).

    The variance of the mean is (1/J + n_test/n_train) s², not s²/J, for the training parts share people
    (over repeated folds as in Bouckaert and Frank 2004).

    Parameters
    ----------
    gaps : ndarray of shape (J,)
        One difference a fold and repeat.
    ratio_of_sizes : float
        n_test / n_train.
    confidence : float
        Coverage of the interval.

    Returns
    -------
    tuple of Estimate and float or None
        The mean difference, and the two-sided p-value with J − 1 degrees of freedom; None without any spread.

    Examples
    --------
    >>> gap, p = corrected_t(np.array([0.02, 0.04, 0.0, 0.06, 0.03]), 0.25, 0.95)
    >>> round(gap.estimate, 3), round(p, 3)
    (0.03, 0.116)
    """
    count = len(gaps)
    mean = float(gaps.mean())
    error = float(np.sqrt((1.0 / count + ratio_of_sizes) * gaps.var(ddof=1)))
    if error < 1e-15:
        return Estimate(mean, mean, mean), None
    half = float(student.ppf((1.0 + confidence) / 2.0, count - 1)) * error
    p = float(2.0 * student.sf(abs(mean) / error, count - 1))
    return Estimate(mean, mean - half, mean + half), p


def fold_values(scores: OutOfFold, metric: str) -> Floats:
    """Return a metric's value in each fold of each repeat; NaN where it is not defined."""
    values = []
    for repeat, layer in enumerate(scores.folds):
        for fold in _folds_of(layer):
            rows = np.flatnonzero(layer == fold)
            single = scores.take(rows, [repeat])
            values.append(METRICS[metric](single)(np.ones((1, len(rows))))[0])
    return np.array(values)


def _folds_of(layer: NDArray[np.intp]) -> NDArray[np.intp]:
    return np.unique(layer[layer >= 0])
