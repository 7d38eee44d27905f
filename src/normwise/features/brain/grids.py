"""The working grid of a head, and the box of the brain, on which everything after the mask is computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from normwise.features.brain.settings import ChainSettings
from normwise.images import LabelVolume, resample_labels

__all__ = ["box_affine", "box_around", "conform", "crop", "own_grid", "restore"]


def box_around(mask: NDArray[Any], margin: int = 4) -> NDArray[np.int64]:
    """Return the smallest box that holds a mask and a margin.

    Parameters
    ----------
    mask : ndarray of shape (nx, ny, nz)
        Not 0 inside; somewhere it must be.
    margin : int
        Voxels on each side, where the grid has them.

    Returns
    -------
    ndarray of shape (2, 3)
        First voxel, and the one after the last.

    Examples
    --------
    >>> mask = np.zeros((9, 9, 9))
    >>> mask[3, 4, 5] = 1
    >>> box_around(mask, 1)
    array([[2, 3, 4],
           [5, 6, 7]])
    """
    box = np.empty((2, 3), dtype=np.int64)
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        filled = np.flatnonzero(mask.any(axis=others))
        box[:, axis] = max(filled[0] - margin, 0), min(filled[-1] + 1 + margin, mask.shape[axis])
    return box


def crop(voxels: NDArray[Any], box: NDArray[Any]) -> NDArray[Any]:
    """Return the voxels of the box, a view."""
    start, stop = box
    return voxels[start[0] : stop[0], start[1] : stop[1], start[2] : stop[2]]


def box_affine(affine: NDArray[Any], box: NDArray[Any]) -> NDArray[np.float64]:
    """Return the affine of the box's own grid.

    Examples
    --------
    >>> box_affine(np.diag([2.0, 2.0, 2.0, 1.0]), np.array([[1, 0, 3], [4, 4, 4]]))[:3, 3]
    array([2., 0., 6.])
    """
    moved = np.array(affine, dtype=np.float64)
    moved[:3, 3] += moved[:3, :3] @ box[0]
    return moved


def restore(voxels: NDArray[Any], box: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Return voxels of the box on the head's grid, 0 outside.

    Examples
    --------
    >>> restore(np.ones((1, 1, 1)), np.array([[1, 0, 0], [2, 1, 1]]), (3, 1, 1)).ravel()
    array([0., 1., 0.])
    """
    whole = np.zeros(shape, dtype=voxels.dtype)
    crop(whole, box)[...] = voxels
    return whole


def own_grid(arrays: Mapping[str, NDArray[Any]], name: str) -> NDArray[Any]:
    """Return an array of the chain on the grid of the image as it was read.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        With ``image``, ``affine``, ``head_affine`` and ``box``.
    name : str
        Which array: ``mask``, or one on the box's grid.

    Returns
    -------
    ndarray of the image's shape
        Where the head was resampled to 1 mm, labels and masks by the nearest voxel, shares of tissue and the
        like by linear interpolation.
    """
    voxels, shape = arrays[name], arrays["head"].shape
    whole = voxels if name == "mask" else restore(voxels, arrays["box"], shape)
    wanted = arrays["image"].shape
    if shape == wanted:
        return whole
    if np.issubdtype(whole.dtype, np.integer):
        onto = LabelVolume(np.broadcast_to(np.int32(0), wanted), arrays["affine"])
        return resample_labels(LabelVolume(whole, arrays["head_affine"]), onto).voxels.astype(whole.dtype)
    from scipy.ndimage import affine_transform

    inverse = np.linalg.inv(arrays["head_affine"]) @ arrays["affine"]
    finer: NDArray[Any] = affine_transform(
        whole, inverse[:3, :3], inverse[:3, 3], output_shape=wanted, order=1
    )
    return finer


FINE_MM, WORKING_MM = 0.85, 1.0
"""Below 0.85 mm an axis is resampled to 1 mm, which labels from a template of 1 mm can't outdo."""


def conform(arrays: Mapping[str, NDArray[Any]], settings: ChainSettings) -> dict[str, NDArray[Any]]:
    """Resample axes finer than 0.85 mm to 1 mm.

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
