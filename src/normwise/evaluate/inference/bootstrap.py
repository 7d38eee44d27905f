"""Weights of people: the bootstrap draws persons, with all their sessions, within their class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from normwise.evaluate.out_of_fold import Floats

__all__ = ["PeopleWeights", "bootstrap_weights", "draw_people", "leave_out_weights"]

Names = NDArray[np.object_]

_MOST_UNITS = 400  # more hardly change an acceleration, and cost as much as more bootstrap samples


@dataclass(frozen=True)
class PeopleWeights:
    """Weights under which every metric is asked for its value.

    Attributes
    ----------
    matrix : ndarray of shape (1 + n_draws + n_units, n_scans)
        Ones; then bootstrap counts; then ones with one unit of people left out.
    draws : int
        Number of bootstrap samples.
    strata : ndarray of int of shape (n_units,)
        The class of each unit that is left out.
    """

    matrix: Floats
    draws: int
    strata: NDArray[np.intp]

    def take(self, rows: NDArray[np.intp]) -> PeopleWeights:
        """Return the weights of some scans; units outside them are left out of nothing, and go."""
        part = self.matrix[:, rows]
        touched = (part[1 + self.draws :] == 0).any(axis=1)
        kept = np.concatenate([np.ones(1 + self.draws, dtype=bool), touched])
        return PeopleWeights(part[kept], self.draws, self.strata[touched])


def draw_people(
    labels: Names, groups: Names, tested: NDArray[np.bool_], *, draws: int, rng: np.random.Generator
) -> PeopleWeights:
    """Draw the weights of an evaluation.

    Parameters
    ----------
    labels, groups : ndarray of shape (n_scans,)
        Class and person of each scan.
    tested : ndarray of bool of shape (n_scans,)
        Scans that only train have no predictions; drawing them would only change who else is drawn.
    draws : int
        Bootstrap samples.
    rng : Generator
        Source of randomness.
    """
    counts = bootstrap_weights(labels[tested], groups[tested], draws=draws, rng=rng)
    without, strata = leave_out_weights(labels[tested], groups[tested])
    matrix = np.zeros((1 + draws + len(strata), len(labels)))
    matrix[0] = 1.0
    matrix[1 : 1 + draws, tested] = counts
    matrix[1 + draws :, tested] = without
    return PeopleWeights(matrix, draws, strata)


def bootstrap_weights(labels: Names, groups: Names, *, draws: int, rng: np.random.Generator) -> Floats:
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
    classes, person_of = _people(labels, groups)
    counts = np.zeros((draws, len(classes)))
    for name in np.unique(classes):
        members = np.flatnonzero(classes == name)
        counts[:, members] = rng.multinomial(
            len(members), np.full(len(members), 1 / len(members)), size=draws
        )
    return counts[:, person_of]


def leave_out_weights(
    labels: Names, groups: Names, most: int = _MOST_UNITS
) -> tuple[Floats, NDArray[np.intp]]:
    """Return weights that leave out one unit at a time: a person, or a few where there are very many.

    Parameters
    ----------
    labels, groups : ndarray of shape (n_scans,)
        Class and person of each scan.
    most : int
        Units at most, shared among the classes by their size.

    Returns
    -------
    tuple of ndarray of shape (n_units, n_scans) and ndarray of int of shape (n_units,)
        Zeros and ones, and the class of each unit.

    Examples
    --------
    >>> labels, people = np.array(["a", "a", "b"], dtype=object), np.array(["p", "p", "q"], dtype=object)
    >>> leave_out_weights(labels, people)[0].tolist()
    [[0.0, 0.0, 1.0], [1.0, 1.0, 0.0]]
    """
    classes, person_of = _people(labels, groups)
    weights, strata = [], []
    for stratum, name in enumerate(np.unique(classes)):
        members = np.flatnonzero(classes == name)
        units = len(members) if len(classes) <= most else max(2, most * len(members) // len(classes))
        for unit in np.array_split(members, min(units, len(members))):
            weights.append(1.0 - np.isin(person_of, unit))
            strata.append(stratum)
    return np.array(weights), np.array(strata, dtype=np.intp)


def _people(labels: Names, groups: Names) -> tuple[Names, NDArray[np.intp]]:
    """Return each person's class, that of their first scan, and the person of each scan."""
    _, first, person_of = np.unique(groups.astype(str), return_index=True, return_inverse=True)
    return labels[first].astype(str), person_of
