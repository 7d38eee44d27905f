"""Integrated gradients: how much each input moved a network's log-odds away from a baseline's.

Sundararajan, Taly and Yan (2017), equation 1: the gradient along the straight line from baseline to row, its
mean, times the way. The attributions of a row add up to the difference of the two log-odds.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["integrated_gradients"]

Floats = NDArray[np.float64]

_FIRST, _MOST = 16, 512  # points on the line
_GAP = 1e-4  # of the difference that is to be explained
_BLOCK = 1 << 15  # rows that go through the network together


def integrated_gradients(
    function: Callable[[Floats], tuple[Floats, Floats]], rows: Floats, baseline: Floats
) -> Floats:
    """Return each input's share in the difference of a function between a row and the baseline.

    The points lie at the nodes of Gauss and Legendre. They are doubled, for the rows that need it, until the
    shares add up to the difference but for a ten-thousandth of it, or until there are 512: a kink, as
    rectified units have, is met only that closely.

    Parameters
    ----------
    function : callable
        From rows, (n, n_features), to the values, (n,), and their gradients, (n, n_features).
    rows : ndarray of shape (n_samples, n_features)
        What is explained.
    baseline : ndarray of shape (n_features,)
        What it is compared with.

    Returns
    -------
    ndarray of shape (n_samples, n_features)

    Examples
    --------
    >>> rows = np.array([[1.0, 2.0], [3.0, 0.0]])
    >>> integrated_gradients(lambda x: (x[:, 0] * x[:, 1], x[:, ::-1]), rows, np.zeros(2))
    array([[1., 1.],
           [0., 0.]])
    """
    way = rows - baseline
    shares = np.zeros_like(way)
    difference = function(rows)[0] - function(baseline[None])[0]
    left = np.arange(len(rows))
    points = _FIRST
    while len(left):
        places, parts = _nodes(points)
        for block in np.array_split(left, -(-len(left) * points // _BLOCK)):
            line = baseline + places[:, None, None] * way[block]
            gradients = function(line.reshape(-1, way.shape[1]))[1].reshape(line.shape)
            shares[block] = np.einsum("p,pnd->nd", parts, gradients) * way[block]
        if points == _MOST:
            break
        gap = np.abs(shares[left].sum(axis=1) - difference[left])
        left = left[gap > _GAP * np.abs(difference[left]) + 1e-9]
        points *= 2
    return shares


@lru_cache(maxsize=8)
def _nodes(points: int) -> tuple[Floats, Floats]:
    """Return the nodes of Gauss and Legendre on [0, 1] and their weights."""
    places, parts = np.polynomial.legendre.leggauss(points)
    return (places + 1.0) / 2.0, parts / 2.0
