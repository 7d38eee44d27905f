"""Intervals over people: the bootstrap draws persons, with all their sessions, within their class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from normwise.results import Estimate

__all__ = ["bootstrap_weights", "estimate_of"]

Floats = NDArray[np.float64]


def bootstrap_weights(
    labels: NDArray[np.object_], groups: NDArray[np.object_], *, draws: int, rng: np.random.Generator
) -> Floats:
    """Return how often each scan stands in each bootstrap sample of people.

    People are drawn with replacement within the class of their first scan, so that every sample holds as many
    patients as the cohort; all scans of a person share one weight (cluster bootstrap; Davison and Hinkley
    1997, section 3.8).

    Parameters
    ----------
    labels, groups : ndarray of shape (n_scans,)
        Class and person of each scan.
    draws : int
        Number of samples.
    rng : Generator
        Source of randomness.

    Returns
    -------
    ndarray of shape (draws, n_scans)
        Whole numbers as floats.

    Examples
    --------
    >>> labels, people = np.array(["a", "a", "b"], dtype=object), np.array(["p", "p", "q"], dtype=object)
    >>> bootstrap_weights(labels, people, draws=2, rng=np.random.default_rng(0)).tolist()
    [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    """
    people, first, person_of = np.unique(groups.astype(str), return_index=True, return_inverse=True)
    counts = np.zeros((draws, len(people)))
    classes = labels[first].astype(str)
    for name in np.unique(classes):
        members = np.flatnonzero(classes == name)
        counts[:, members] = rng.multinomial(
            len(members), np.full(len(members), 1 / len(members)), size=draws
        )
    return counts[:, person_of]


def estimate_of(value: float, draws: Floats, confidence: float) -> Estimate:
    """Return a value with its percentile interval (Efron and Tibshirani 1993, chapter 13).

    Parameters
    ----------
    value : float
        The estimate; NaN where it is not defined.
    draws : ndarray of shape (n_draws,)
        The statistic on bootstrap samples; samples where it is not defined are passed over.
    confidence : float
        Coverage, as 0.95.

    Examples
    --------
    >>> estimate_of(0.5, np.linspace(0, 1, 101), 0.9)
    Estimate(estimate=0.5, low=0.05, high=0.95)
    """
    defined = draws[np.isfinite(draws)]
    if not np.isfinite(value) or not len(defined):
        return Estimate(None, None, None)
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(defined, [tail, 1.0 - tail])
    return Estimate(float(value), round(float(low), 12), round(float(high), 12))
