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
    tables = []
    for contrast in contrasts:
        above, below, _ = contrast
        place = np.zeros(len(scores.labels), dtype=np.intp)
        place[above], place[below] = np.arange(len(above)), np.arange(len(below))
        wins = np.zeros((len(above), len(below)))
        count = np.zeros_like(wins)
        for up, down, score in pairs_of(scores, contrast):
            cell = np.ix_(place[up], place[down])
            high, low = score[up][:, None], score[down][None, :]
            wins[cell] += (high > low) + 0.5 * (high == low)
            count[cell] += 1.0
        tables.append((above, below, wins, count))

    def statistic(weights: Floats) -> Floats:
        values = []
        for above, below, wins, count in tables:
            up, down = weights[:, above], weights[:, below]
            won = ((up @ wins) * down).sum(axis=1)
            compared = ((up @ count) * down).sum(axis=1)
            values.append(ratio(won, compared))
        mean: Floats = np.mean(values, axis=0)
        return mean

    return statistic


def average_precision(scores: OutOfFold) -> Statistic:
    """Mean precision over the steps of sensitivity, each repeat's people ranked together.

    Σ (R_k − R_{k−1}) P_k over the thresholds, at the cohort's prevalence; the repeats are averaged. Ranked
    together, because the precision of a fold of a few patients says little.
    """
    patient = scores.patient.astype(float)
    repeats = []
    for score, known in zip(scores.scores, scores.known, strict=True):
        rows = np.flatnonzero(known & np.isin(scores.labels, scores.classes))
        order = rows[np.argsort(-score[rows], kind="stable")]
        ranked = score[order]
        ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1) if len(ranked) else order
        repeats.append((order, ends))

    def statistic(weights: Floats) -> Floats:
        values = []
        for order, ends in repeats:
            part = weights[:, order]
            flagged = np.cumsum(part, axis=1)[:, ends]
            hits = np.cumsum(part * patient[order], axis=1)[:, ends]
            # Nobody flagged yet adds no step either.
            precision = np.divide(hits, flagged, out=np.zeros_like(hits), where=flagged > 0)
            gained = (np.diff(hits, axis=1, prepend=0.0) * precision).sum(axis=1)
            values.append(ratio(gained, (part @ patient[order]) if len(order) else gained))
        mean: Floats = np.mean(values, axis=0)
        return mean

    return statistic
