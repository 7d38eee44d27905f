"""The head on the grid on which the chain works: the image's own, or 1 mm along axes that are finer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from normwise.features.brain.settings import ChainSettings

__all__ = ["conform"]

FINE_MM, WORKING_MM = 0.85, 1.0
"""Below 0.85 mm an axis is brought to 1 mm, which labels from a template of 1 mm can't outdo."""


def conform(arrays: Mapping[str, NDArray[Any]], settings: ChainSettings) -> dict[str, NDArray[Any]]:
    """Bring axes finer than 0.85 mm to 1 mm.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        ``image`` of shape (nx, ny, nz) and ``affine``.
    settings : ChainSettings
        Not looked at.

    Returns
    -------
    dict of str to ndarray
        ``head``, float32, and ``head_affine``. Every working voxel is the mean of the image over its extent
        along the axes that were too fine, so that noise is averaged and nothing is aliased.

    Examples
    --------
    >>> fine = {"image": np.ones((8, 4, 4), np.float32), "affine": np.diag([0.5, 1.0, 1.0, 1.0])}
    >>> done = conform(fine, ChainSettings())
    >>> done["head"].shape, done["head_affine"].diagonal()[:3], done["head_affine"][0, 3]
    ((4, 4, 4), array([1., 1., 1.]), np.float64(0.25))
    """
    del settings
    head = np.asarray(arrays["image"], dtype=np.float32)
    affine = np.array(arrays["affine"], dtype=np.float64)
    for axis in range(3):
        spacing = float(np.linalg.norm(affine[:3, axis]))
        if spacing < FINE_MM:
            step = WORKING_MM / spacing
            head = np.moveaxis(_average(np.moveaxis(head, axis, 0), step), 0, axis)
            affine[:3, 3] += affine[:3, axis] * (step - 1) / 2  # the first working voxel's centre
            affine[:3, axis] *= step
    return {"head": np.ascontiguousarray(head), "head_affine": affine}


def _average(voxels: NDArray[np.float32], step: float) -> NDArray[np.float32]:
    """Average over ``step`` voxels along the first axis, whole and partly covered ones."""
    count = max(int(len(voxels) / step), 1)
    edges = np.arange(count + 1) * step
    whole = np.minimum(edges.astype(np.int64), len(voxels) - 1)
    part = (edges - whole).astype(np.float32)[:, None, None]
    mean = np.empty((count, *voxels.shape[1:]), dtype=np.float32)
    for place in range(count):
        first, last = whole[place], whole[place + 1]
        total = voxels[first:last].sum(axis=0) - part[place] * voxels[first] + part[place + 1] * voxels[last]
        mean[place] = total / np.float32(step)
    return mean
