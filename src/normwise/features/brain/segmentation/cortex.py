"""Which region of the cortex a voxel of grey matter belongs to: that of the nearest carried label."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["nearest_label"]


def nearest_label(
    labels: NDArray[np.int32], wanted: Sequence[int], spacing: NDArray[np.float64], reach_mm: float
) -> NDArray[np.int32]:
    """Return the nearest of some labels.

    A warp meets the ribbon of the cortex only nearly; the nearest label meets the person's own ribbon.

    Parameters
    ----------
    labels : ndarray of shape (nx, ny, nz), int32
        Carried labels.
    wanted : sequence of int
        Labels that count.
    spacing : ndarray of shape (3,)
        Voxel edges in mm.
    reach_mm : float
        Farther is 0.

    Returns
    -------
    ndarray of shape (nx, ny, nz), int32

    Examples
    --------
    >>> line = np.array([0, 0, 5, 0, 0, 0, 7], np.int32).reshape(7, 1, 1)
    >>> nearest_label(line, [5, 7], np.ones(3), 1.0).ravel()
    array([0, 5, 5, 5, 0, 7, 7], dtype=int32)
    """
    from scipy.ndimage import distance_transform_edt

    seeds = np.isin(labels, list(wanted))
    if not seeds.any():
        return np.zeros_like(labels)
    distance, (x, y, z) = distance_transform_edt(~seeds, sampling=spacing, return_indices=True)
    nearest: NDArray[np.int32] = np.where(distance <= reach_mm, labels[x, y, z], 0).astype(np.int32)
    return nearest
