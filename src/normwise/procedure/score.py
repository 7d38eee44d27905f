"""What demographics explain of a classifier's score among the normals, and the score without it.

Every slope of the normalizer is estimated, and its error is shared by all older people. A classifier that is
trained on older patients learns these errors, so that its score follows age among people who have nothing.
The score of normals who were not trained on shows it, and what demographics explain of that score is taken
out of everybody's, before threshold, calibration and referral.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from normwise.errors import NormwiseWarning
from normwise.schema import FittedParts, Roles

__all__ = ["InnerScores", "ScoreNormalizer", "fit_score", "measure_separation", "warn_unadjusted"]

Floats = NDArray[np.float64]

_FLOOR = 1e-12  # as `normwise.procedure.calibration` clips a probability before it takes the logarithm
_LEAST = 1e-4  # in the regression a probability below counts as this: a sure mistake is no leverage
_ROUNDING = 1e-9  # log-odds by which a classifier that tells nothing apart separates its training rows
_LARGEST = 1e6  # of a slope in log-odds; the score itself lies within 28


@dataclass(frozen=True)
class InnerScores:
    """Predictions of training rows by classifiers that were not trained on them.

    Two classifiers of the same settings may differ in the size of their log-odds (those of a support vector
    machine are scaled on few rows), so that each is measured by how far it separates its own training rows.

    Attributes
    ----------
    probabilities : ndarray of shape (n_rows, n_classes)
        NaN where a row was never tested or can't be encoded.
    separation : ndarray of shape (n_rows, 2, n_classes - 1)
        What `measure_separation` says of the classifier that predicted each row.
    """

    probabilities: Floats
    separation: Floats


def measure_separation(probabilities: Floats, columns: NDArray[np.intp], negative: int) -> Floats:
    """Return how a classifier, or each of several, places the classes of its own training rows.

    Parameters
    ----------
    probabilities : ndarray of shape (..., n_rows, n_classes)
        Of the rows that it was trained on.
    columns : ndarray of int of shape (n_rows,)
        Column of each row's class.
    negative : int
        Column of the class that the others' log-odds are taken against.

    Returns
    -------
    ndarray of shape (..., 2, n_classes - 1)
        For each other class the middle between its mean log-odds and that of the negative class, and the
        distance between the two.

    Examples
    --------
    >>> odds = np.array([-3.0, -1.0, 0.0, 2.0])
    >>> table = np.c_[1 / (1 + np.exp(odds)), 1 / (1 + np.exp(-odds))]
    >>> measure_separation(table, np.array([0, 0, 1, 1]), 0).round(6).tolist()
    [[-0.5], [3.0]]
    """
    odds = _log_odds(probabilities, negative)
    others = np.delete(np.arange(probabilities.shape[-1]), negative)
    low = odds[..., columns == negative, :].mean(axis=-2)
    each = [odds[..., columns == column, place].mean(axis=-1) for place, column in enumerate(others)]
    high = np.stack(each, axis=-1)
    return np.stack([(high + low) / 2.0, high - low], axis=-2)


def _log_odds(probabilities: Floats, negative: int) -> Floats:
    logs = np.log(np.clip(probabilities, _LEAST, 1.0))
    odds: Floats = np.delete(logs - logs[..., [negative]], negative, axis=-1)
    return odds


@dataclass(frozen=True)
class ScoreNormalizer:
    """The regression of the log-odds on demographics among normals who were not trained on.

    Attributes
    ----------
    negative : int
        Column of the class that the others' log-odds are taken against.
    slopes : tuple of tuple of float
        A row for each coordinate of the normalizer's design but the constant, a column for each other class.

    Examples
    --------
    >>> score = ScoreNormalizer(0, ((1.0,),))
    >>> score.apply(np.array([[0.5, 0.5], [0.5, 0.5]]), np.array([[1.0, 0.0], [1.0, 1.0]])).round(3).tolist()
    [[0.5, 0.5], [0.731, 0.269]]
    """

    negative: int
    slopes: tuple[tuple[float, ...], ...]

    def explained(self, basis: Floats) -> Floats:
        """Return what demographics explain of each log-odds, (n_people, n_classes - 1); 0 at their mean.

        Parameters
        ----------
        basis : ndarray of shape (n_people, p)
            Coordinates in the normalizer's design, the constant first (`normwise.normalize.design.Design`).
        """
        if not self.slopes:  # no demographic varies among the normals
            return np.zeros((len(basis), 1))
        slopes = np.asarray(self.slopes, dtype=np.float64)
        # Not by a product of matrices, whose last bit may depend on who else is asked for.
        explained: Floats = np.einsum("ij,jk->ik", basis[:, 1:], slopes)
        return explained

    def apply(self, probabilities: Floats, basis: Floats) -> Floats:
        """Return probabilities without what demographics explain, of the same shape.

        Parameters
        ----------
        probabilities : ndarray of shape (n_people, n_classes)
            Of people who can be computed.
        basis : ndarray of shape (n_people, p)
            As for `explained`.
        """
        from scipy.special import softmax

        logs = np.log(np.clip(probabilities, _FLOOR, 1.0))
        others = np.arange(logs.shape[1]) != self.negative
        logs[:, others] -= self.explained(basis)
        adjusted: Floats = softmax(logs, axis=1)
        return adjusted

    def check_parts(self, parts: FittedParts) -> None:
        """Refuse slopes that no regression has; see `normwise.schema.FittedParts`."""
        parts.whole("negative", 0)
        rows = parts.part("slopes")
        numbers = np.asarray(rows, dtype=np.float64)
        fits = rows == () or (numbers.ndim == 2 and bool((np.abs(numbers) <= _LARGEST).all()))
        parts.expect("slopes", holds=fits, instead="a table of finite numbers")


def fit_score(inner: InnerScores, basis: Floats, negative: int, unit: Floats) -> ScoreNormalizer:
    """Regress the log-odds of normals on their demographics by least squares.

    Parameters
    ----------
    inner : InnerScores
        Of normals, each by a classifier that was not trained on them.
    basis : ndarray of shape (n_normals, p)
        Their coordinates in the normalizer's design, the constant first.
    negative : int
        Column of the class that the others' log-odds are taken against.
    unit : ndarray of shape (n_classes - 1,)
        How far the classifier whose score is adjusted separates its own training rows.

    Examples
    --------
    >>> age = np.linspace(-1.0, 1.0, 50)
    >>> positive = 1.0 / (1.0 + np.exp(-0.7 * age))
    >>> inner = InnerScores(np.c_[1.0 - positive, positive], np.tile([[0.0], [2.0]], (50, 1, 1)))
    >>> [round(slope, 6) for slope, in fit_score(inner, np.c_[np.ones(50), age], 0, np.array([3.0])).slopes]
    [1.05]
    """
    middle, width = inner.separation[:, 0], inner.separation[:, 1]
    odds = _log_odds(inner.probabilities, negative) - middle
    slopes = np.zeros((basis.shape[1] - 1, odds.shape[1]))
    for place in range(odds.shape[1]):
        separates = np.abs(width[:, place]) > _ROUNDING
        if abs(unit[place]) > _ROUNDING and separates.any():
            standard = odds[separates, place] / width[separates, place]
            slopes[:, place] = unit[place] * np.linalg.lstsq(basis[separates], standard)[0][1:]
    return ScoreNormalizer(negative, tuple(tuple(float(each) for each in row) for row in slopes))


def warn_unadjusted(roles: Roles) -> None:
    """Warn where no score can be adjusted, though the study asks for it.

    Parameters
    ----------
    roles : Roles
        With a normal group that is no target.

    Warns
    -----
    NormwiseWarning
        PRC-308.
    """
    text = (
        f"demographics are taken out of the features and not of the score: {roles.normal} is not among the"
        f" classes {', '.join(roles.targets)}, so that no normal person has a score"
    )
    warnings.warn(NormwiseWarning("PRC-308", text, subject=roles.normal), stacklevel=3)
