"""Out-of-fold predictions of one arm: probabilities and decisions of people who were not trained on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from normwise.reprs import ShortRepr

__all__ = ["Floats", "OfSums", "OutOfFold", "Statistic", "ratio"]

Floats = NDArray[np.float64]
Statistic = Callable[[Floats], Floats]
"""Weights of shape (n_draws, n_scans) → values of shape (n_draws,), NaN where not defined."""


@dataclass(frozen=True)
class OfSums:
    """A statistic of weighted sums, such as counts or a mean.

    Attributes
    ----------
    columns : ndarray of shape (n_scans, n_sums)
        What is summed over the scans.
    value : callable
        Sums of shape (n_draws, n_sums) → values of shape (n_draws,).
    """

    columns: Floats
    value: Callable[[Floats], Floats]

    def __call__(self, weights: Floats) -> Floats:
        """Return the values under weights of shape (n_draws, n_scans)."""
        return self.value(weights @ self.columns)


@dataclass(frozen=True, repr=False)
class OutOfFold(ShortRepr):
    """Predictions of people who were not trained on, one row a repeat.

    Attributes
    ----------
    labels : ndarray of shape (n_scans,)
        True classes; rows that are never tested hold a class outside ``classes``.
    classes : tuple of str
        The target classes.
    negative : str
        The class that a false alarm is raised about.
    probabilities : ndarray of shape (n_repeats, n_scans, n_classes)
        NaN where none could be computed.
    decided : ndarray of int of shape (n_repeats, n_scans)
        Position of the decided class; −1 for no decision.
    folds : ndarray of int of shape (n_repeats, n_scans)
        The fold in which each scan was tested; −1 for never.
    prevalence : float or None
        Share of patients for which predictive values and the expected cost are stated; None for the cohort's.
    costs : tuple of tuple of float or None
        Cost by true class (row), then decided class (column); None for 1 a wrong decision.
    """

    labels: NDArray[np.object_]
    classes: tuple[str, ...]
    negative: str
    probabilities: Floats
    decided: NDArray[np.intp]
    folds: NDArray[np.intp]
    prevalence: float | None = None
    costs: tuple[tuple[float, ...], ...] | None = None

    def rows(self, name: str) -> NDArray[np.intp]:
        """Rows of a class that were tested."""
        return np.flatnonzero((self.labels == name) & self.tested)

    @property
    def tested(self) -> NDArray[np.bool_]:
        """Whether each scan was tested at all, of shape (n_scans,)."""
        return np.asarray((self.folds >= 0).any(axis=0))

    @property
    def patient(self) -> NDArray[np.bool_]:
        """Whether each scan is of a tested class that is not the negative one, of shape (n_scans,)."""
        patient: NDArray[np.bool_] = (
            self.tested & np.isin(self.labels, self.classes) & np.asarray(self.labels != self.negative)
        )
        return patient

    @property
    def scores(self) -> Floats:
        """Probability of any class but the negative one, of shape (n_repeats, n_scans); NaN where unknown."""
        column = self.classes.index(self.negative)
        if len(self.classes) == 2:
            return self.probabilities[:, :, 1 - column]  # itself, without a rounding of 1 − p
        score: Floats = 1.0 - self.probabilities[:, :, column]
        return score

    @property
    def known(self) -> NDArray[np.bool_]:
        """Where there are probabilities, of shape (n_repeats, n_scans)."""
        return np.asarray(np.isfinite(self.probabilities).all(axis=2) & (self.folds >= 0))

    @property
    def mean_score(self) -> Floats:
        """Each scan's score averaged over the repeats, of shape (n_scans,); NaN where it has none."""
        known = self.known
        return ratio(np.where(known, self.scores, 0.0).sum(axis=0), known.sum(axis=0).astype(float))

    def take(self, rows: NDArray[np.intp], repeats: Sequence[int] | None = None) -> OutOfFold:
        """Return the predictions of some scans alone, in all repeats or in some."""
        cells = np.ix_(np.arange(len(self.folds)) if repeats is None else np.asarray(repeats), rows)
        return replace(
            self,
            labels=self.labels[rows],
            probabilities=self.probabilities[cells],
            decided=self.decided[cells],
            folds=self.folds[cells],
        )


def ratio(above: Floats, below: Floats) -> Floats:
    """Divide; NaN where the divisor is not above zero.

    Examples
    --------
    >>> ratio(np.array([1.0, 1.0]), np.array([2.0, 0.0])).tolist()
    [0.5, nan]
    """
    quotient: Floats = np.divide(above, below, out=np.full(np.shape(below), np.nan), where=below > 0)
    return quotient
