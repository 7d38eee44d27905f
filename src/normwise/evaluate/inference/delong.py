"""DeLong's variance of an area under the ROC curve, for folds, repeats and several sessions a person.

Each person's influence on the area is what `DeLong et al. (1988)` call a structural component less its mean,
found from midranks in n log n (Sun and Xu 2014). With folds the area is a mean over the pairs of people
tested in the same fold, and the influence of a person is the same mean over their pairs (LeDell, Petersen
and van der Laan 2015); with several sessions it is summed over them (Obuchowski 1997). With one fold, one
repeat and one scan a person it is DeLong's variance to the last bit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import norm, rankdata

from normwise.evaluate.inference.intervals import wilson
from normwise.evaluate.metrics.ranking import contrasts_of, pairs_of
from normwise.evaluate.out_of_fold import Floats, OutOfFold
from normwise.results import Estimate

__all__ = ["area_influence", "delong", "delong_difference", "placements"]

Names = NDArray[np.object_]


def placements(above: Floats, below: Floats) -> tuple[Floats, Floats]:
    """Return the share of ``below`` that each of ``above`` beats, and the share of ``above`` that beats each.

    A tie counts a half: DeLong's V10 and V01, from midranks.

    Parameters
    ----------
    above, below : ndarray of shape (n_above,), (n_below,)
        Scores of patients and of others.

    Examples
    --------
    >>> [part.tolist() for part in placements(np.array([2.0, 3.0]), np.array([1.0, 2.0]))]
    [[0.75, 1.0], [1.0, 0.75]]
    """
    joint = rankdata(np.concatenate([above, below]))
    wins = (joint[: len(above)] - rankdata(above)) / len(below)
    losses = 1.0 - (joint[len(above) :] - rankdata(below)) / len(above)
    return wins, losses


def area_influence(scores: OutOfFold) -> tuple[float, Floats]:
    """Return the AUC, as the metric of that name, and each scan's influence on it.

    Parameters
    ----------
    scores : OutOfFold
        Predictions of one arm.

    Returns
    -------
    tuple of float and ndarray of shape (n_scans,)
        The area, NaN where it is not defined, and influences that sum to zero.
    """
    areas, influences = [], []
    for contrast in contrasts_of(scores):
        won, compared = np.zeros(len(scores.labels)), np.zeros(len(scores.labels))
        for up, down, layer in pairs_of(scores, contrast):
            wins, losses = placements(layer[up], layer[down])
            won[up] += wins * len(down)
            won[down] += losses * len(up)
            compared[up] += len(down)
            compared[down] += len(up)
        total = compared.sum() / 2  # each pair was counted from both ends
        area = won.sum() / 2 / total if total else np.nan
        areas.append(area)
        influences.append((won - area * compared) / total if total else np.zeros_like(won))
    return float(np.mean(areas)), np.mean(influences, axis=0)


def delong(scores: OutOfFold, groups: Names, confidence: float) -> Estimate:
    """Return the AUC with DeLong's interval on the logit scale, over people.

    The logit keeps the interval inside 0 and 1 (Pepe 2003, section 5.2.5). An area of 0 or 1 has no variance:
    its other end is Wilson's, for as many people as the smaller class has.

    Parameters
    ----------
    scores : OutOfFold
        Predictions of one arm.
    groups : ndarray of shape (n_scans,)
        Person of each scan.
    confidence : float
        Coverage, as 0.95.
    """
    area, influence = area_influence(scores)
    if not np.isfinite(area):
        return Estimate(None, None, None)
    if area in (0.0, 1.0):
        fewest = min(len(set(groups[scores.rows(name)])) for name in scores.classes)
        return Estimate(area, *(float(end) for end in wilson(area, fewest, confidence)))
    error = float(np.sqrt(_variance(scores, groups, influence)))
    half = float(norm.ppf((1.0 + confidence) / 2.0)) * error / (area * (1.0 - area))
    middle = np.log(area / (1.0 - area))
    return Estimate(area, float(expit(middle - half)), float(expit(middle + half)))


def delong_difference(
    one: OutOfFold, other: OutOfFold, groups: Names, confidence: float
) -> tuple[Estimate, float | None]:
    """Return the difference of two AUCs over the same scans, with DeLong's interval and two-sided p-value.

    Parameters
    ----------
    one, other : OutOfFold
        Two arms, or two runs, whose rows are the same scans in the same order.
    groups : ndarray of shape (n_scans,)
        Person of each scan.
    confidence : float
        Coverage, as 0.95.

    Returns
    -------
    tuple of Estimate and float or None
        The difference, and p; None where the two order everybody alike.
    """
    (area, influence), (against, opposed) = area_influence(one), area_influence(other)
    difference = area - against
    if not np.isfinite(difference):
        return Estimate(None, None, None), None
    error = float(np.sqrt(_variance(one, groups, influence - opposed)))
    if error < 1e-12:
        return Estimate(difference, difference, difference), None
    half = float(norm.ppf((1.0 + confidence) / 2.0)) * error
    p = float(2.0 * norm.sf(abs(difference) / error))
    return Estimate(difference, difference - half, difference + half), p


def _variance(scores: OutOfFold, groups: Names, influence: Floats) -> float:
    """Sum the squared influences of people, each class with its own m / (m − 1)."""
    rows = np.flatnonzero(np.isin(scores.labels, scores.classes) & scores.tested)
    people, first, person_of = np.unique(groups[rows].astype(str), return_index=True, return_inverse=True)
    summed = np.bincount(person_of, weights=influence[rows], minlength=len(people))
    classes = scores.labels[rows][first].astype(str)
    total = 0.0
    for name in np.unique(classes):
        part = summed[classes == name]
        total += float((part**2).sum()) * len(part) / max(1, len(part) - 1)
    return total
