"""Otsu's threshold on a histogram."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["otsu"]


def otsu(counts: NDArray[np.floating]) -> float | None:
    """Return the bin that parts a histogram with the largest variance between its sides (Otsu, 1979).

    Parameters
    ----------
    counts : ndarray of shape (n_bins,)
        Values per bin.

    Returns
    -------
    float or None
        The last bin below the threshold; None for an empty histogram, or one with a single value.

    Examples
    --------
    >>> otsu(np.array([5.0, 9.0, 4.0, 0.0, 0.0, 6.0, 7.0]))
    2.0
    """
    weights = counts.astype(np.float64)
    total = weights.sum()
    if total == 0:
        return None
    below = np.cumsum(weights)
    sums = np.cumsum(weights * np.arange(len(weights)))
    above = total - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(np.nanargmax(between)) if np.isfinite(between).any() else None
