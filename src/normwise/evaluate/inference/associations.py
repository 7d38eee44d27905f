"""Whether errors, or the scores of healthy people, follow a demographic or the site: by rank, over people."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from normwise.evaluate.inference.intervals import PeopleWeights, bootstrap_estimate
from normwise.evaluate.metrics.adjusted import EDGE, fold_scales
from normwise.evaluate.out_of_fold import Floats, OutOfFold, Statistic, ratio
from normwise.results import Association, Estimate, ScoreAssociation

__all__ = ["error_associations", "rank_correlation", "rank_difference", "score_associations"]

Names = NDArray[np.object_]

_FEWEST = 5  # people with a number, or of a level and beside it: of fewer no interval is worth the name


def error_associations(
    scores: OutOfFold, weights: PeopleWeights, numbers: Mapping[str, Floats], confidence: float
) -> list[Association]:
    """Correlate the signed out-of-fold error with numeric demographics, by rank.

    The error of a person is the mean over the repeats of (1 if patient, else 0) − P(patient): where its rank
    correlation with age is negative, the old are called patients too often (after Falahati et al. 2016).

    Parameters
    ----------
    scores : OutOfFold
        Predictions of one arm.
    weights : PeopleWeights
        Of the same scans.
    numbers : mapping of str to ndarray of shape (n_scans,)
        The demographics.
    confidence : float
        Coverage of the intervals.
    """
    error = scores.patient.astype(float) - scores.mean_score
    rows = np.flatnonzero(np.isfinite(error) & np.isin(scores.labels, scores.classes))
    own = weights.take(rows)
    return [
        Association(
            column,
            bootstrap_estimate(own.under(rank_correlation(error[rows], values[rows])), own, confidence),
        )
        for column, values in numbers.items()
    ]


def score_associations(
    scores: OutOfFold,
    groups: Names,
    weights: PeopleWeights,
    numbers: Mapping[str, Floats],
    categories: Mapping[str, Names],
    confidence: float,
) -> list[ScoreAssociation]:
    """Say how far the out-of-fold scores of the negative class follow each demographic and the site.

    A healthy person's score should say nothing of the demographics. Of a number it is Spearman's correlation;
    of each level of a category 2 P(S > S') − 1 for a person of the level and one of another, ties a half:
    the rank-biserial correlation (Glass 1966), from −1 to 1 and 0 without any difference. With two levels the
    second is compared with the first; with k > 2 the intervals have coverage 1 − α/k, so that together they
    hold with the stated one (Bonferroni).

    A person's score is the mean over the repeats of the log-odds of being a patient, less the mean of the
    negative class in the same fold and in units of the fold's spread within classes: each fold has another
    model, and a fold of older people is tested by a model of the younger. Where no fold holds people who
    differ, as where sites are the folds, the scores of a repeat are compared as they are.

    Parameters
    ----------
    scores : OutOfFold
        Predictions of one arm.
    groups : ndarray of shape (n_scans,)
        Person of each scan.
    weights : PeopleWeights
        Of the same scans.
    numbers, categories : mapping of str to ndarray of shape (n_scans,)
        Values of each.
    confidence : float
        Coverage of the intervals.
    """
    rows = scores.rows(scores.negative)
    rows = rows[scores.known[:, rows].any(axis=0)]
    found: list[ScoreAssociation] = []
    for name, column in numbers.items():
        held = rows[np.isfinite(column[rows])]
        own, values = weights.take(held), _scores_within_folds(scores, held, column)
        count = len(set(groups[held]))
        drawn = own.under(rank_correlation(values, column[held])) if count >= _FEWEST else None
        found.append(_association(name, "", drawn, own, count, confidence))
    for name, texts in categories.items():
        levels, place = np.unique(texts.astype(str), return_inverse=True)
        levels_here = np.unique(place[rows])
        if len(levels_here) < 2:
            continue
        own, values = weights.take(rows), _scores_within_folds(scores, rows, place.astype(float))
        shown = levels_here[1:] if len(levels_here) == 2 else levels_here
        for level in shown:
            of_level = place[rows] == level
            counts = [len(set(groups[rows[part]])) for part in (of_level, ~of_level)]
            drawn = own.under(rank_difference(values, of_level)) if min(counts) >= _FEWEST else None
            together = 1.0 - (1.0 - confidence) / len(shown)
            found.append(_association(name, str(levels[level]), drawn, own, counts[0], together))
    return found


def _association(
    name: str, level: str, drawn: Floats | None, weights: PeopleWeights, people: int, confidence: float
) -> ScoreAssociation:
    value = Estimate(None, None, None) if drawn is None else bootstrap_estimate(drawn, weights, confidence)
    return ScoreAssociation(name, level, people, value)


def _scores_within_folds(scores: OutOfFold, rows: NDArray[np.intp], values: Floats) -> Floats:
    """Return each person's mean log-odds, less the mean of the fold and in units of its spread."""
    log_odds = logit(np.clip(scores.scores, EDGE, 1.0 - EDGE))
    known, patients = scores.known, np.flatnonzero(scores.patient)
    folds = np.where(known, scores.folds, -1)
    differ = any(
        len(np.unique(values[rows[repeat[rows] == fold]])) > 1
        for repeat in folds
        for fold in np.unique(repeat[rows][repeat[rows] >= 0])
    )
    blocks = folds if differ else np.where(known, 0, -1)
    total = np.zeros(len(scores.labels))
    for score, repeat in zip(log_odds, blocks, strict=True):
        for block in np.unique(repeat[rows][repeat[rows] >= 0]):
            down, up = rows[repeat[rows] == block], patients[repeat[patients] == block]
            total[down] += (score[down] - score[down].mean()) / fold_scales([(up, down, score)])[0]
    mean: Floats = total[rows] / known[:, rows].sum(axis=0)
    return mean


def rank_correlation(one: Floats, other: Floats) -> Statistic:
    """Return Spearman's correlation as a function of weights; whole weights count as repeated people.

    Parameters
    ----------
    one, other : ndarray of shape (n_scans,)
        Finite values.

    Examples
    --------
    >>> rank_correlation(np.array([1.0, 2, 3]), np.array([2.0, 4, 9]))(np.ones((1, 3))).tolist()
    [1.0]
    """
    first, second = _Midranks(one), _Midranks(other)
    # In the order of the first, whose ranks then need no gathering.
    level_of_second = second.level_of[first.order]

    def statistic(weights: Floats) -> Floats:
        ordered, other_ordered = first.sort(weights), second.sort(weights)
        sums, other_sums = first.sums(ordered), second.sums(other_ordered)
        ranks, other_ranks = _centred(sums), _centred(other_sums)
        spreads = [
            np.einsum("ij,ij->i", above * part, part)
            for above, part in ((sums, ranks), (other_sums, other_ranks))
        ]
        ordered *= first.spread(ranks)
        together = np.einsum("ij,ij->i", ordered, np.take(other_ranks, level_of_second, axis=1))
        return ratio(together, np.sqrt(spreads[0] * spreads[1]))

    return statistic


def rank_difference(values: Floats, level: NDArray[np.bool_]) -> Statistic:
    """Return the rank-biserial correlation of a level against the rest as a function of weights.

    Twice the difference of the mean ranks over the number of people (Glass 1966).

    Parameters
    ----------
    values : ndarray of shape (n_scans,)
        Finite values.
    level : ndarray of bool of shape (n_scans,)
        Who is of the level.

    Examples
    --------
    >>> level = np.array([False, True, True, False])
    >>> rank_difference(np.array([1.0, 2, 3, 4]), level)(np.ones((1, 4))).tolist()
    [0.0]
    >>> rank_difference(np.array([1.0, 3, 4, 2]), level)(np.ones((1, 4))).tolist()
    [1.0]
    """
    ranks = _Midranks(values)
    sides = np.stack([level, ~level], axis=1).astype(float)[ranks.order]

    def statistic(weights: Floats) -> Floats:
        ordered = ranks.sort(weights)
        counts = ordered @ sides
        middle = ranks.spread(_centred(ranks.sums(ordered)))
        means = ratio((ordered * middle) @ sides, counts)
        difference: Floats = 2.0 * (means[:, 0] - means[:, 1]) / counts.sum(axis=1)
        return difference

    return statistic


class _Midranks:
    """Scans in the order of their values, and those of equal value together as a level.

    Ranks of whole weights are whole or half numbers, so that no sum of them has a rounding error.
    """

    def __init__(self, values: Floats) -> None:
        levels, self.level_of = np.unique(values, return_inverse=True)
        self.order = np.argsort(self.level_of, kind="stable")
        self.sizes = np.bincount(self.level_of, minlength=len(levels))
        self.starts = np.cumsum(self.sizes) - self.sizes
        self.tied = len(levels) < len(values)

    def sort(self, weights: Floats) -> Floats:
        """Return a copy of weights of shape (n_draws, n_scans) in the order of the values."""
        return np.take(weights, self.order, axis=1)

    def sums(self, ordered: Floats) -> Floats:
        """Sum ordered weights by level, (n_draws, n_levels)."""
        return np.add.reduceat(ordered, self.starts, axis=1) if self.tied else ordered

    def spread(self, of_levels: Floats) -> Floats:
        """Return numbers of levels for each ordered scan."""
        return np.repeat(of_levels, self.sizes, axis=1) if self.tied else of_levels


def _centred(sums: Floats) -> Floats:
    """Return the midrank of each level less the mean rank: the weight below, half of its own, half of all."""
    ranks = np.cumsum(sums, axis=1)
    ranks -= sums / 2
    ranks -= sums.sum(axis=1, keepdims=True) / 2
    return ranks
