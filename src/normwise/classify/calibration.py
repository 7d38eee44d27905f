"""From a score to a probability, without changing the order of people.

The slope is never allowed to turn: where held-out scores point the wrong way there is nothing to learn from
them, and the probabilities come close to the base rates in the scores' own order. The AUC is the score's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import logit, softmax

from normwise.classify.solvers.newton import CrossEntropy, minimise

__all__ = ["fit_sigmoid", "fit_slope", "soft_targets"]

Floats = NDArray[np.float64]

_FLATTEST = 1e-3  # of the score's own unit: keeps the order of people and next to the base rates
_STEEPEST = 1e6


def soft_targets(codes: NDArray[np.intp], weights: Floats, n_classes: int) -> Floats:
    """Return target probabilities that stay off 0 and 1, so that separable scores keep a finite slope.

    A member of a class with n members aims at (n + 1)/(n + 2), the others share the rest (Platt 1999,
    "Probabilistic outputs for support vector machines", eq. 13).

    Parameters
    ----------
    codes : ndarray of shape (n_samples,)
        Class of each row.
    weights : ndarray of shape (n_samples,)
        Weight of each row.
    n_classes : int
        How many classes there are.

    Returns
    -------
    ndarray of shape (n_samples, n_classes)

    Examples
    --------
    >>> soft_targets(np.array([0, 1, 1]), np.ones(3), 2).round(3).tolist()
    [[0.667, 0.333], [0.25, 0.75], [0.25, 0.75]]
    """
    # Weights say how much a row counts against the others, not how many rows were seen.
    members = np.bincount(codes, weights=weights, minlength=n_classes) * len(codes) / weights.sum()
    others = 1.0 / (members + 2.0)
    targets = np.repeat(others[codes, None] / (n_classes - 1), n_classes, axis=1)
    targets[np.arange(len(codes)), codes] = 1.0 - others[codes]
    return targets


def fit_slope(base: Floats, direction: Floats, targets: Floats, weights: Floats) -> float:
    """Return the slope g of softmax(base + g · direction) that makes held-out rows most likely.

    Parameters
    ----------
    base : ndarray of shape (n_classes,)
        Log of the base rates.
    direction : ndarray of shape (n_samples, n_classes)
        Held-out scores of each class, as deviations from the base.
    targets : ndarray of shape (n_samples, n_classes)
        Target probabilities.
    weights : ndarray of shape (n_samples,)
        Weight of each row.

    Returns
    -------
    float
        At least 0.001.
    """

    def derivative(slope: float) -> float:
        residual = softmax(base + slope * direction, axis=1) - targets
        return float(weights @ np.einsum("ij,ij->i", residual, direction))

    # The cost is convex in the slope, so its derivative crosses zero once.
    if derivative(_FLATTEST) >= 0.0:
        return _FLATTEST
    if derivative(_STEEPEST) <= 0.0:
        return _STEEPEST
    return float(brentq(derivative, _FLATTEST, _STEEPEST, xtol=1e-12, rtol=1e-12))


def fit_sigmoid(scores: Floats, targets: Floats, weights: Floats) -> tuple[float, float]:
    """Return slope and offset of Platt's sigmoid 1/(1 + exp(−(slope · score + offset))).

    Parameters
    ----------
    scores : ndarray of shape (n_samples,)
        Held-out scores.
    targets : ndarray of shape (n_samples,)
        Target probabilities.
    weights : ndarray of shape (n_samples,)
        Weight of each row.

    Returns
    -------
    tuple of float
        The slope is at least 0.001 by the scores' standard deviation.
    """
    centre, spread = float(scores.mean()), float(scores.std())
    base = float(logit(weights @ targets / weights.sum()))
    if spread == 0.0:
        return _FLATTEST, base - _FLATTEST * centre
    rows = ((scores - centre) / spread)[:, None]
    # The penalty is too small to be seen; it keeps the least of the cost unique.
    minimum = minimise(
        CrossEntropy.of_rows(rows, targets[:, None], weights), penalty=1e-9 * float(weights.sum())
    )
    slope, offset = float(minimum.weights[0, 0]), float(minimum.intercept[0])
    if slope < _FLATTEST:
        slope, offset = _FLATTEST, base
    return slope / spread, offset - slope * centre / spread
