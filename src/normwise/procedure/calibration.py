"""Probabilities that can be weighed with costs: scaled to the training people who were held out.

An expected cost is only as right as the probabilities in it. With three classes and more they are scaled by
one temperature and an offset a class (Guo et al. 2017, section 4.2; with offsets Alexandari, Kundaje and
Shrikumar 2020): log p' = slope · log p + offset, up to a constant. So few numbers can be learnt from the
inner out-of-fold probabilities of a small cohort.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["fit_scaling", "scale_probabilities"]

Floats = NDArray[np.float64]

_FLOOR = 1e-12  # a probability of 0 has no logarithm
_PULL = 1e-2  # weight, against the mean loss, of staying at slope 1 and offsets 0


def fit_scaling(probabilities: Floats, columns: NDArray[np.intp]) -> tuple[float, ...]:
    """Learn slope and offsets that make the true classes most likely.

    Parameters
    ----------
    probabilities : ndarray of shape (n_scans, n_classes)
        Out-of-fold probabilities, finite.
    columns : ndarray of int of shape (n_scans,)
        Column of each scan's true class.

    Returns
    -------
    tuple of float
        The slope, above 0, then an offset a class, whose sum is 0.

    Examples
    --------
    >>> sure = np.array([[0.98, 0.01, 0.01], [0.01, 0.98, 0.01], [0.01, 0.01, 0.98]])[[0, 1, 2] * 10]
    >>> often_wrong = np.array([0, 1, 2] * 7 + [1, 2, 0] * 3)
    >>> slope, *offsets = fit_scaling(sure, often_wrong)
    >>> slope < 0.6, max(map(abs, offsets)) < 0.1
    (True, True)
    """
    from scipy.optimize import minimize
    from scipy.special import log_softmax, softmax

    logs = np.log(np.clip(probabilities, _FLOOR, 1.0))
    n_scans, n_classes = logs.shape
    truth = np.eye(n_classes)[columns]

    def loss(at: Floats) -> tuple[float, Floats]:
        slope, offsets = np.exp(at[0]), at[1:]
        scores = slope * logs + offsets
        gap = (softmax(scores, axis=1) - truth) / n_scans
        value = -float((truth * log_softmax(scores, axis=1)).sum()) / n_scans + _PULL * float(at @ at) / 2.0
        return value, np.concatenate([[slope * float((gap * logs).sum())], gap.sum(axis=0)]) + _PULL * at

    at = minimize(loss, np.zeros(n_classes + 1), jac=True, method="L-BFGS-B").x
    offsets = at[1:] - at[1:].mean()
    return (float(np.exp(at[0])), *(float(offset) for offset in offsets))


def scale_probabilities(probabilities: Floats, scaling: tuple[float, ...]) -> Floats:
    """Return scaled probabilities of shape (n_scans, n_classes); NaN rows stay NaN.

    Examples
    --------
    >>> scale_probabilities(np.array([[0.8, 0.1, 0.1]]), (0.5, 0.0, 0.0, 0.0)).round(3).tolist()
    [[0.586, 0.207, 0.207]]
    """
    from scipy.special import softmax

    slope, *offsets = scaling
    scaled: Floats = softmax(slope * np.log(np.clip(probabilities, _FLOOR, 1.0)) + np.array(offsets), axis=1)
    return scaled
