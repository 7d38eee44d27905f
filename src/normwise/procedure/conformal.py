"""Which classes are possible for a person, at a stated coverage: conformal prediction sets.

A class belongs to a person's set where its probability is no smaller than what most members of the class had
when they were held out. The quantile is taken a class at a time (Mondrian, or class-conditional, conformal
prediction: Vovk, Gammerman and Shafer 2005, section 4.5), so that the coverage holds for patients as well as
for normal people, however few they are. The score is one minus the probability of the class (Sadinle, Lei and
Wasserman 2019).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["highest_coverage", "least_probabilities", "likely_classes", "lower_quantile", "scores_needed"]

Floats = NDArray[np.float64]


def lower_quantile(scores: Floats, coverage: float) -> float:
    """Return the value that a new score reaches with at least the stated probability.

    The k-th smallest of the n scores with k = floor((n + 1)(1 − coverage)): a new score, exchangeable with
    them, is at or above it with at least that probability (Vovk, Gammerman and Shafer 2005, proposition 2.4).
    With too few scores for any to fall below, 0, which every probability reaches.

    Parameters
    ----------
    scores : ndarray of shape (n_scans,)
        Probabilities, out of fold.
    coverage : float
        Between 0 and 1.

    Examples
    --------
    >>> lower_quantile(np.arange(1, 21) / 20, 0.9)
    0.1
    >>> lower_quantile(np.array([0.4, 0.6]), 0.9)
    0.0
    """
    ranked = np.sort(scores)
    # The small number keeps (n + 1)(1 − c) from falling just below a whole number by rounding.
    rank = int(np.floor((len(ranked) + 1) * (1.0 - coverage) + 1e-9))
    return float(ranked[rank - 1]) if rank >= 1 else 0.0


def scores_needed(coverage: float) -> int:
    """Return how many scores `lower_quantile` needs, so that one of them may fall below it.

    Examples
    --------
    >>> scores_needed(0.9), scores_needed(0.95), scores_needed(0.5)
    (9, 19, 1)
    """
    return int(np.ceil(1.0 / (1.0 - coverage) - 1e-9)) - 1


def highest_coverage(n_scores: int) -> float:
    """Return the highest coverage that so many scores can promise, in whole hundredths, rounded down.

    Examples
    --------
    >>> highest_coverage(8), highest_coverage(9), highest_coverage(18), highest_coverage(19)
    (0.88, 0.9, 0.94, 0.95)
    """
    return 100 * n_scores // (n_scores + 1) / 100


def least_probabilities(
    probabilities: Floats, labels: NDArray[np.object_], classes: tuple[str, ...], coverage: float
) -> tuple[float, ...]:
    """Return for each class the probability from which on it is possible.

    Parameters
    ----------
    probabilities : ndarray of shape (n_scans, n_classes)
        Out-of-fold probabilities of training people; rows with NaN are left out.
    labels : ndarray of shape (n_scans,)
        True classes.
    classes : tuple of str
        Order of the columns.
    coverage : float
        Wished share, in every class, of people whose own class is possible.

    Examples
    --------
    >>> table = np.array([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7], [0.2, 0.8]])
    >>> names = np.array(["normal", "normal", "AD", "AD"], dtype=object)
    >>> least_probabilities(table, names, ("normal", "AD"), 0.5)
    (0.6, 0.7)
    """
    known = np.isfinite(probabilities).all(axis=1)
    return tuple(
        lower_quantile(probabilities[known & (labels == name), column], coverage)
        for column, name in enumerate(classes)
    )


def likely_classes(probabilities: Floats, least: tuple[float, ...]) -> NDArray[np.bool_]:
    """Return which classes are possible for each person, of shape (n_scans, n_classes).

    Examples
    --------
    >>> likely_classes(np.array([[0.95, 0.05], [0.65, 0.35]]), (0.6, 0.3)).tolist()
    [[True, False], [True, True]]
    """
    possible: NDArray[np.bool_] = probabilities >= np.asarray(least)
    return possible
