"""Metrics of out-of-fold predictions, each as a function of people's weights.

A metric turns the predictions into a few sums once; its value for any weights of the people (ones for the
estimate, bootstrap counts for the interval) is then a matrix product. One set of weights serves every arm,
which makes the differences between arms paired.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

__all__ = ["METRICS", "OutOfFold", "Statistic", "confusion_of", "roc_of"]

Floats = NDArray[np.float64]
Statistic = Callable[[Floats], Floats]
"""Weights of shape (n_draws, n_scans) → values of shape (n_draws,), NaN where not defined."""


@dataclass(frozen=True)
class OutOfFold:
    """Predictions of people who were not trained on, one layer a repeat.

    Attributes
    ----------
    labels : ndarray of shape (n_scans,)
        True classes; rows that are never tested hold a class outside ``classes``.
    classes : tuple of str
        The classes told apart.
    negative : str
        The class that a false alarm is raised about.
    probabilities : ndarray of shape (n_repeats, n_scans, n_classes)
        NaN where none could be computed.
    decided : ndarray of int of shape (n_repeats, n_scans)
        Position of the decided class; −1 for no decision.
    folds : ndarray of int of shape (n_repeats, n_scans)
        The fold in which each scan was tested; −1 for never.
    """

    labels: NDArray[np.object_]
    classes: tuple[str, ...]
    negative: str
    probabilities: Floats
    decided: NDArray[np.intp]
    folds: NDArray[np.intp]

    def rows(self, name: str) -> NDArray[np.intp]:
        """Rows of a class that were tested."""
        return np.flatnonzero((self.labels == name) & (self.folds >= 0).any(axis=0))


def auc(scores: OutOfFold) -> Statistic:
    """Area under the ROC curve; with more than two classes Hand and Till's mean over pairs of classes.

    Only people tested in the same fold are compared: scores of different folds come from different models,
    and pairs across folds bias the pooled area downwards where nothing can be learnt (Parker, Günter and
    Bedo 2007). Pairs of all folds and repeats are added up; ties count a half (Hand and Till 2001, equations
    3 and 7).
    """
    tables = []
    pairs: list[tuple[str, str]] = list(permutations(scores.classes, 2))
    if len(scores.classes) == 2:
        pairs = [(name, scores.negative) for name in scores.classes if name != scores.negative]
    for upper, lower in pairs:
        above, below = scores.rows(upper), scores.rows(lower)
        column = scores.classes.index(upper)
        wins = np.zeros((len(above), len(below)))
        count = np.zeros_like(wins)
        for layer, folds in zip(scores.probabilities[:, :, column], scores.folds, strict=True):
            high, low = layer[above][:, None], layer[below][None, :]
            together = (folds[above][:, None] == folds[below][None, :]) & np.isfinite(high) & np.isfinite(low)
            wins += together * ((high > low) + 0.5 * (high == low))
            count += together
        tables.append((above, below, wins, count))

    def statistic(weights: Floats) -> Floats:
        values = []
        for above, below, wins, count in tables:
            up, down = weights[:, above], weights[:, below]
            won = ((up @ wins) * down).sum(axis=1)
            compared = ((up @ count) * down).sum(axis=1)
            values.append(_ratio(won, compared))
        mean: Floats = np.mean(values, axis=0)
        return mean

    return statistic


def sensitivity(scores: OutOfFold) -> Statistic:
    """Share of decided patients who were not called the negative class."""
    column = scores.classes.index(scores.negative)
    patients = np.concatenate([scores.rows(name) for name in scores.classes if name != scores.negative])
    return _share(scores, patients, lambda decided: decided != column)


def specificity(scores: OutOfFold) -> Statistic:
    """Share of decided people of the negative class who were called so."""
    column = scores.classes.index(scores.negative)
    return _share(scores, scores.rows(scores.negative), lambda decided: decided == column)


def balanced_accuracy(scores: OutOfFold) -> Statistic:
    """Mean over the classes of the share of decided people who were called by their class."""
    recalls = [
        _share(scores, scores.rows(name), partial(np.equal, column))
        for column, name in enumerate(scores.classes)
    ]

    def statistic(weights: Floats) -> Floats:
        mean: Floats = np.mean([recall(weights) for recall in recalls], axis=0)
        return mean

    return statistic


METRICS: dict[str, Callable[[OutOfFold], Statistic]] = {
    "auc": auc,
    "balanced_accuracy": balanced_accuracy,
    "sensitivity": sensitivity,
    "specificity": specificity,
}
"""A new metric is one function and one line here."""


def confusion_of(scores: OutOfFold) -> list[list[float]]:
    """Count scans a repeat by true class (rows) and decided class, then "no decision" (columns).

    Examples
    --------
    >>> one = OutOfFold(np.array(["a", "b"], dtype=object), ("a", "b"), "a", np.zeros((1, 2, 2)),
    ...                 np.array([[0, -1]]), np.array([[0, 0]]))
    >>> confusion_of(one)
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    table = []
    for name in scores.classes:
        rows = scores.rows(name)
        tested = scores.folds[:, rows] >= 0
        decided = scores.decided[:, rows]
        counts = [float((tested & (decided == column)).sum()) for column in range(len(scores.classes))]
        counts.append(float((tested & (decided < 0)).sum()))
        table.append([count / len(scores.folds) for count in counts])
    return table


def roc_of(scores: OutOfFold) -> tuple[list[float], list[float]]:
    """ROC of the mean out-of-fold score of each scan: false positive rates and sensitivities.

    Returns
    -------
    tuple of list of float
        From (0, 0) to (1, 1); empty where a class has no scores.
    """
    column = scores.classes.index(scores.negative)
    known = np.isfinite(scores.probabilities).all(axis=2)
    layers = np.where(known, 1.0 - scores.probabilities[:, :, column], 0.0)
    counted = known.sum(axis=0)
    score = np.divide(layers.sum(axis=0), counted, out=np.full(counted.shape, np.nan), where=counted > 0)
    tested = np.isin(scores.labels, scores.classes) & np.isfinite(score)
    positive = scores.labels[tested] != scores.negative
    if not positive.any() or positive.all():
        return [], []
    order = np.argsort(-score[tested], kind="stable")
    ranked, found = score[tested][order], positive[order]
    ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    hits, alarms = np.cumsum(found)[ends], np.cumsum(~found)[ends]
    return [0.0, *(alarms / (~found).sum()).tolist()], [0.0, *(hits / found.sum()).tolist()]


def _share(
    scores: OutOfFold, rows: NDArray[np.intp], right: Callable[[NDArray[np.intp]], NDArray[np.bool_]]
) -> Statistic:
    """Weighted share of right decisions among the decisions made on ``rows``, over all repeats."""
    decided = scores.decided[:, rows]
    made = decided >= 0
    hits = (made & right(decided)).sum(axis=0).astype(float)
    total = made.sum(axis=0).astype(float)

    def statistic(weights: Floats) -> Floats:
        part = weights[:, rows]
        return _ratio(part @ hits, part @ total)

    return statistic


def _ratio(above: Floats, below: Floats) -> Floats:
    ratio: Floats = np.divide(above, below, out=np.full(np.shape(below), np.nan), where=below > 0)
    return ratio
