"""The brain's box: the part of the head's grid on which everything after the mask is computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from normwise.images import LabelVolume, resample_labels

__all__ = ["box_affine", "box_around", "crop", "own_grid", "restore"]


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
        held = np.flatnonzero(mask.any(axis=others))
        box[:, axis] = max(held[0] - margin, 0), min(held[-1] + 1 + margin, mask.shape[axis])
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
    """Put voxels of the box back on the head's grid, 0 outside.

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
        Where the head was brought to 1 mm, labels and masks by the nearest voxel, shares of tissue and the
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
