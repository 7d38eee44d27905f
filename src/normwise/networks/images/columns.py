"""Whole images as columns of the travelling frame: a name a voxel, and the shape read back from the names."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from normwise.errors import FeatureError

__all__ = ["image_columns", "image_frame", "image_layout"]

_NAME = re.compile(r"image_(\d+)_(\d+)(?:_(\d+))?")


def image_columns(shape: Sequence[int]) -> list[str]:
    """Return one name a voxel, its indices in it, the last index changing fastest.

    Parameters
    ----------
    shape : sequence of int
        Voxels along each of 2 or 3 axes.

    Examples
    --------
    >>> image_columns((1, 2, 2))
    ['image_0_0_0', 'image_0_0_1', 'image_0_1_0', 'image_0_1_1']
    """
    names = ["image"]
    for edge in shape:
        places = [f"_{place}" for place in range(edge)]
        names = [name + place for name in names for place in places]
    return names


def image_layout(columns: Sequence[str]) -> tuple[tuple[int, ...], NDArray[np.intp]]:
    """Find the voxels among the columns of a frame.

    Parameters
    ----------
    columns : sequence of str
        Names of all columns.

    Returns
    -------
    tuple of tuple of int and ndarray of shape (n_voxels,)
        The image's shape, ``()`` where no column is a voxel, and where each voxel's column stands, in the
        order of `image_columns`.

    Raises
    ------
    FeatureError
        FEA-501, the voxels that are there do not fill an image.

    Examples
    --------
    >>> shape, places = image_layout(["age", *image_columns((2, 3))])
    >>> shape, places.tolist()
    ((2, 3), [1, 2, 3, 4, 5, 6])
    """
    found = [(place, match) for place, name in enumerate(columns) if (match := _NAME.fullmatch(str(name)))]
    if not found:
        return (), np.empty(0, dtype=np.intp)
    indices = np.array([[int(part) if part else -1 for part in match.groups()] for _, match in found])
    if (indices[:, 2] == -1).all():
        indices = indices[:, :2]
    shape = tuple(int(edge) for edge in indices.max(axis=0) + 1)
    places = np.full(shape, -1, dtype=np.intp)
    if (indices >= 0).all() and len(found) == places.size:
        places[tuple(indices.T)] = [place for place, _ in found]
    if (places < 0).any():
        raise FeatureError(
            "FEA-501",
            "the voxels among the columns do not fill an image.",
            seen=f"{len(found)} columns, the farthest of them at {shape}",
            expected=f"one column a voxel, {places.size} in all",
            advice="keep all columns of the extractor 'images', or build the frame with image_frame",
        )
    return shape, places.ravel()


def image_frame(images: ArrayLike, demographics: pd.DataFrame | None = None) -> pd.DataFrame:
    """Put images, and the demographics beside them, into one frame.

    Parameters
    ----------
    images : array-like of shape (n_scans, rows, columns) or (n_scans, nx, ny, nz)
        Intensities. A memory map of float32 is not copied.
    demographics : DataFrame of shape (n_scans, n_demographics), optional
        In the same order; gives the index.

    Returns
    -------
    DataFrame of shape (n_scans, n_voxels + n_demographics)

    Raises
    ------
    FeatureError
        FEA-502, the images are no images, or not as many as the demographics' rows.

    Examples
    --------
    >>> frame = image_frame(np.zeros((2, 3, 3)), pd.DataFrame({"age": [70, 71]}))
    >>> frame.shape, list(frame.columns[-2:])
    ((2, 10), ['image_2_2', 'age'])
    """
    stack = np.asanyarray(images)
    rows = len(stack) if demographics is None else len(demographics)
    if stack.ndim not in (3, 4) or len(stack) != rows:
        raise FeatureError(
            "FEA-502",
            "images come as one array, a row a scan, with 2 or 3 axes each.",
            seen=f"shape {stack.shape}" + ("" if demographics is None else f", demographics of {rows} rows"),
            expected="(n_scans, rows, columns) or (n_scans, nx, ny, nz)",
            advice="bring the images to one shape first, and drop colour channels or pass the array itself",
        )
    index = None if demographics is None else demographics.index
    values = stack.reshape(len(stack), -1)
    if values.dtype != np.float32:
        values = values.astype(np.float32)
    frame = pd.DataFrame(values, index=index, columns=image_columns(stack.shape[1:]), copy=False)
    return frame if demographics is None else pd.concat([frame, demographics], axis=1)
