"""Metrics of the order in which people are ranked: areas under the ROC and the precision–recall curve."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from normwise.evaluate.out_of_fold import Floats, OutOfFold, Statistic, ratio

__all__ = [
    "Contrast", "area_influence", "auc", "auc_one_vs_rest", "average_precision", "contrasts_of",
    "influence_of", "pairs_of", "placements",
]  # fmt: skip

Rows = NDArray[np.intp]
Contrast = tuple[Rows, Rows, Floats]
"""Rows that should score higher, rows that should score lower, and scores of shape (n_repeats, n_scans)."""


def auc(scores: OutOfFold) -> Statistic:
    """Area under the ROC curve; with more than two classes Hand and Till's mean over pairs of classes.

    Only people tested in the same fold are compared: scores of different folds come from different models,
    and pairs across folds bias the pooled area downwards where nothing can be learnt (Parker, Günter and
    Bedo 2007). Where no fold holds both classes, as in leave-one-out, there are no other pairs, and people
    of all folds of a repeat are compared. Pairs of all folds and repeats are added up; ties count a half
    (Hand and Till 2001, equations 3 and 7).
    """
    return _mean_area(scores, contrasts_of(scores))


def auc_one_vs_rest(scores: OutOfFold) -> Statistic:
    """Mean over the classes of the area that tells each from all others, by pairs as in `auc`."""
    contrasts = []
    for column, name in enumerate(scores.classes):
        rest = np.concatenate([scores.rows(other) for other in scores.classes if other != name])
        contrasts.append((scores.rows(name), rest, scores.probabilities[:, :, column]))
    return _mean_area(scores, contrasts)


def contrasts_of(scores: OutOfFold) -> list[Contrast]:
    """List the contrasts whose areas are averaged: one with two classes, else every ordered pair."""
    pairs: list[tuple[str, str]] = list(permutations(scores.classes, 2))
    if len(scores.classes) == 2:
        pairs = [(name, scores.negative) for name in scores.classes if name != scores.negative]
    return [
        (scores.rows(upper), scores.rows(lower), scores.probabilities[:, :, scores.classes.index(upper)])
        for upper, lower in pairs
    ]


def pairs_of(scores: OutOfFold, contrast: Contrast) -> Iterable[tuple[Rows, Rows, Floats]]:
    """Give the people who are compared, one block at a time: the folds, or else whole repeats.

    Yields
    ------
    tuple of ndarray, ndarray, ndarray
        Rows above, rows below, and the repeat's scores of shape (n_scans,); both hold somebody.
    """
    above, below, repeats = contrast
    for whole in (False, True):
        found = False
        for score, folds in zip(repeats, scores.folds, strict=True):
            usable = np.isfinite(score) & (folds >= 0)
            blocks = np.where(usable, 0 if whole else folds, -1)
            for block in np.unique(blocks[blocks >= 0]):
                up, down = above[blocks[above] == block], below[blocks[below] == block]
                if len(up) and len(down):
                    found = True
                    yield up, down, score
        if found:
            return


def area_influence(scores: OutOfFold) -> tuple[float, Floats]:
    """Return the AUC, as the metric of that name, and each scan's influence on it.

    The influence is what DeLong et al. (1988) call a structural component less its mean. With folds it is the
    mean over the pairs of people tested in the same fold, as the area is (LeDell, Petersen and van der Laan
    2015).

    Parameters
    ----------
    scores : OutOfFold
        Predictions of one arm.

    Returns
    -------
    tuple of float and ndarray of shape (n_scans,)
        The area, NaN where it is not defined, and influences that sum to zero.
    """
    found = [influence_of(pairs_of(scores, each), len(scores.labels)) for each in contrasts_of(scores)]
    return float(np.mean([area for area, _ in found])), np.mean([part for _, part in found], axis=0)


def influence_of(blocks: Iterable[tuple[Rows, Rows, Floats]], n_scans: int) -> tuple[float, Floats]:
    """Return the area over the pairs of some blocks of people, and each scan's influence on it.

    Parameters
    ----------
    blocks : iterable of tuple of ndarray, ndarray, ndarray
        As of `pairs_of`: rows above, rows below, scores of shape (n_scans,).
    n_scans : int
        Rows in all.
    """
    won, compared = np.zeros(n_scans), np.zeros(n_scans)
    for up, down, score in blocks:
        wins, losses = placements(score[up], score[down])
        won[up] += wins * len(down)
        won[down] += losses * len(up)
        compared[up] += len(down)
        compared[down] += len(up)
    total = compared.sum() / 2  # each pair was counted from both ends
    area = won.sum() / 2 / total if total else np.nan
    return float(area), (won - area * compared) / total if total else np.zeros(n_scans)


def placements(above: Floats, below: Floats) -> tuple[Floats, Floats]:
    """Return the share of ``below`` that each of ``above`` beats, and the share of ``above`` that beats each.

    A tie counts a half: DeLong's V10 and V01, in n log n (Sun and Xu 2014).

    Parameters
    ----------
    above, below : ndarray of shape (n_above,), (n_below,)
        Scores of patients and of others.

    Examples
    --------
    >>> [part.tolist() for part in placements(np.array([2.0, 3.0]), np.array([1.0, 2.0]))]
    [[0.75, 1.0], [1.0, 0.75]]
    """
    lower, upper = np.sort(below), np.sort(above)
    wins = (lower.searchsorted(above, "left") + lower.searchsorted(above, "right")) / (2 * len(below))
    beaten = (upper.searchsorted(below, "left") + upper.searchsorted(below, "right")) / (2 * len(above))
    return wins, 1.0 - beaten


def _mean_area(scores: OutOfFold, contrasts: list[Contrast]) -> Statistic:
    ranked = [[_rank(*block) for block in pairs_of(scores, contrast)] for contrast in contrasts]

    def statistic(weights: Floats) -> Floats:
        values = []
        for blocks in ranked:
            won, compared = np.zeros((2, len(weights)))
            for up, down, places in blocks:
                above = np.take(weights, up, axis=1)
                below = _summed(np.take(weights, down, axis=1))
                beaten = np.take(below, places[0], axis=1)
                if len(places) > 1:
                    beaten = (beaten + np.take(below, places[1], axis=1)) / 2
                won += np.einsum("ij,ij->i", above, beaten)
                compared += above.sum(axis=1) * below[:, -1]
            values.append(ratio(won, compared))
        mean: Floats = np.mean(values, axis=0)
        return mean

    return statistic


def _rank(up: Rows, down: Rows, score: Floats) -> tuple[Rows, Rows, list[Rows]]:
    """Sort two groups of scans by score, and count how many of the second lie below each of the first.

    Where scores tie there are two counts, without the ties and with them, whose mean counts.
    """
    up, down = (rows[np.argsort(score[rows], kind="stable")] for rows in (up, down))
    left, right = (np.searchsorted(score[down], score[up], side) for side in ("left", "right"))
    return up, down, [left] if np.array_equal(left, right) else [left, right]


def _summed(weights: Floats) -> Floats:
    """Return the sums of the first 0, 1, 2 … columns."""
    sums = np.zeros((weights.shape[0], weights.shape[1] + 1))
    np.cumsum(weights, axis=1, out=sums[:, 1:])
    return sums


def average_precision(scores: OutOfFold) -> Statistic:
    """Mean precision over the steps of sensitivity, each repeat's people ranked together.

    Σ (R_k − R_{k−1}) P_k over the thresholds, at the cohort's prevalence; the repeats are averaged. Ranked
    together, because the precision of a fold of a few patients says little.
    """
    patient = scores.patient
    repeats = []
    for score, known in zip(scores.scores, scores.known, strict=True):
        rows = np.flatnonzero(known & np.isin(scores.labels, scores.classes))
        order = rows[np.argsort(-score[rows], kind="stable")]
        of_patients = order[patient[order]]
        # How many are flagged at each patient's threshold, and how many patients.
        flagged = np.searchsorted(-score[order], -score[of_patients], side="right")
        hits = np.searchsorted(-score[of_patients], -score[of_patients], side="right")
        repeats.append((order, of_patients, flagged, hits))

    def statistic(weights: Floats) -> Floats:
        values = []
        for order, of_patients, flagged, hits in repeats:
            own = np.take(weights, of_patients, axis=1)
            found = _summed(own)
            all_flagged = np.take(_summed(np.take(weights, order, axis=1)), flagged, axis=1)
            # Nobody flagged yet adds no step either.
            precision = np.divide(
                np.take(found, hits, axis=1),
                all_flagged,
                out=np.zeros_like(all_flagged),
                where=all_flagged > 0,
            )
            values.append(ratio(np.einsum("ij,ij->i", own, precision), found[:, -1]))
        mean: Floats = np.mean(values, axis=0)
        return mean

    return statistic
