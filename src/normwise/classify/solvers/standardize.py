"""The unit that training rows give each feature: their mean and standard deviation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["training_unit"]

Floats = NDArray[np.float64]


def training_unit(rows: Floats, weights: Floats | None = None) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of each feature.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features)
        Training rows.
    weights : ndarray of shape (n_samples,), optional
        Row weights; a weight of two counts as the row written twice.

    Returns
    -------
    tuple of ndarray of shape (n_features,)
        The standard deviation of a constant feature is infinite, so that in its unit every value is 0.

    Examples
    --------
    >>> training_unit(np.array([[1.0, 7.0], [3.0, 7.0]]))
    (array([2., 7.]), array([ 1., inf]))
    """
    if weights is None:
        centre, spread = rows.mean(axis=0), rows.std(axis=0)
    else:
        centre = np.average(rows, axis=0, weights=weights)
        spread = np.sqrt(np.average((rows - centre) ** 2, axis=0, weights=weights))
    # Of a constant feature rounding may leave a spread of the last digits.
    constant = spread <= 1e-12 * np.abs(rows).max(axis=0)
    return centre, np.where(constant, np.inf, spread)
