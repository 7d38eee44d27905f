"""How the normals' spread depends on demographics: a log-linear variance.

Harvey (1976), *Estimating regression models with multiplicative heteroscedasticity*, Econometrica 44:461–465:
the variance of person i is exp(z_i'a), with a found by maximum likelihood with the method of scoring, whose
every step is one least-squares regression of the squared residuals over their variance, less one, on z.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from normwise.normalize.blocked.columns import FloatArray
from normwise.schema import FittedParts

__all__ = ["LogVariance", "fit_log_variance"]

_STEPS = 100  # scoring reaches six digits in about ten; halved steps take more
_ENOUGH = 1e-7  # the largest change of any person's log variance that still counts as a change


@dataclass(frozen=True)
class LogVariance:
    """Log variance of each feature as a linear function of demographics.

    Attributes
    ----------
    loadings : ndarray of shape (q, n_features)
        Coefficients in the orthonormal coordinates of the variance's own design.
    lowest, highest : ndarray of shape (n_features,)
        Range of the normals' fitted log variance; a person's is held inside it.
    """

    loadings: FloatArray
    lowest: FloatArray
    highest: FloatArray

    def check_parts(self, parts: FittedParts) -> None:
        """Refuse loadings and ranges that do not fit each other; see `normwise.schema.FittedParts`."""
        features = len(parts.array("lowest", (None,), low=-600.0, high=600.0))
        parts.array("highest", (features,), low=-600.0, high=600.0)
        parts.array("loadings", (None, features))

    def at(self, coordinates: FloatArray) -> FloatArray:
        """Return the variance of people at ``coordinates`` (n_people, q), of shape (n_people, n_features)."""
        return np.exp(np.clip(coordinates @ self.loadings, self.lowest, self.highest))

    def __getitem__(self, features: slice | npt.NDArray[np.intp]) -> LogVariance:
        return LogVariance(self.loadings[:, features], self.lowest[features], self.highest[features])


def fit_log_variance(squares: FloatArray, basis: FloatArray) -> LogVariance:
    """Fit a log-linear variance to squared residuals by maximum likelihood.

    Minimises ``sum(log v + squares / v)`` over people, which is convex in the coefficients, by Harvey's
    method of scoring from the constant variance; a step that does not descend is halved.

    Parameters
    ----------
    squares : ndarray of shape (n_people, n_features)
        Squared residuals, each divided by one minus its leverage so that its mean is the variance. A
        feature whose squares are all zero gets the variance one.
    basis : ndarray of shape (n_people, q)
        Orthonormal basis of the variance's design, the constant included.

    Returns
    -------
    LogVariance
        In float64.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> age = np.linspace(-1, 1, 4000)
    >>> basis, triangle = np.linalg.qr(np.column_stack([np.ones(4000), age]))
    >>> squares = (rng.standard_normal(4000) * np.exp(0.5 + 0.7 * age))[:, None] ** 2
    >>> np.linalg.solve(triangle, fit_log_variance(squares, basis).loadings).ravel().round(1)  # 2 * (.5, .7)
    array([1. , 1.4])
    """
    squares = np.asarray(squares, dtype=np.float64)
    means = squares.mean(axis=0)
    flat = means <= 0
    ratios0 = np.where(flat, 1.0, squares / np.where(flat, 1.0, means))
    # In the units of the mean square the start is a log variance of zero.
    loadings = np.zeros((basis.shape[1], squares.shape[1]))
    steps = np.ones(squares.shape[1])
    ratios, cost = ratios0, ratios0.sum(axis=0)
    for _ in range(_STEPS):
        change = steps * (basis.T @ (ratios - 1.0))
        moves = basis @ change
        if np.abs(moves).max(initial=0.0) < _ENOUGH:
            break
        logs = basis @ loadings + moves
        with np.errstate(over="ignore"):  # a step too far costs infinity and is halved
            trial = ratios0 * np.exp(-logs)
        costs = (logs + trial).sum(axis=0)
        better = costs <= cost
        loadings = np.where(better, loadings + change, loadings)
        ratios = np.where(better, trial, ratios)
        cost = np.where(better, costs, cost)
        steps = np.where(better, np.minimum(2.0 * steps, 1.0), steps / 2.0)
    # The constant is the basis's own combination that equals the log of the mean square for everybody.
    loadings += (basis.T @ np.ones(len(basis)))[:, None] * np.log(np.where(flat, 1.0, means))
    logs = basis @ loadings
    return LogVariance(loadings, logs.min(axis=0), logs.max(axis=0))
