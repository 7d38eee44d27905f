"""Input of a network for images: images and demographics, from arrays or a frame with a column a voxel."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from normwise.errors import ClassifierError, FeatureError
from normwise.schema import FittedParts

__all__ = [
    "Encoding",
    "ImageRows",
    "check_encoding",
    "encode",
    "image_columns",
    "image_frame",
    "image_layout",
    "learn_encoding",
    "read_rows",
]

_NAME = re.compile(r"image_(\d+)_(\d+)(?:_(\d+))?")

Encoding = dict[str, Any]
"""How demographics are encoded as numbers: ``numeric``, ``centre``, ``spread`` and ``levels`` by name."""


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
    voxels = [(place, match) for place, name in enumerate(columns) if (match := _NAME.fullmatch(str(name)))]
    if not voxels:
        return (), np.empty(0, dtype=np.intp)
    indices = np.array([[int(part) if part else -1 for part in match.groups()] for _, match in voxels])
    if (indices[:, 2] == -1).all():
        indices = indices[:, :2]
    shape = tuple(int(edge) for edge in indices.max(axis=0) + 1)
    places = np.full(shape, -1, dtype=np.intp)
    if (indices >= 0).all() and len(voxels) == places.size:
        places[tuple(indices.T)] = [place for place, _ in voxels]
    if (places < 0).any():
        raise FeatureError(
            "FEA-501",
            "the voxels among the columns do not fill an image.",
            seen=f"{len(voxels)} columns, the farthest of them at {shape}",
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


@dataclass(frozen=True, eq=False)
class ImageRows:
    """One row a scan.

    Attributes
    ----------
    images : ndarray of shape (n_scans, channels, …)
        Intensities; a memory map stays one. Without axes after the channels there are no images.
    demographics : DataFrame of shape (n_scans, n_demographics)
        As they came.
    """

    images: NDArray[Any]
    demographics: pd.DataFrame

    def __len__(self) -> int:
        return len(self.demographics)

    @property
    def shape(self) -> tuple[int, ...]:
        """Channels and axes of one image."""
        return tuple(int(edge) for edge in self.images.shape[1:])

    def take(self, rows: NDArray[np.intp]) -> ImageRows:
        """Return some of the rows."""
        return ImageRows(self.images[rows], self.demographics.iloc[rows])


def read_rows(X: Any, *, ndim: int, demographics: Sequence[str] | None) -> ImageRows:
    """Split the input into images and demographics.

    Parameters
    ----------
    X : DataFrame or array-like
        Frame with a column a voxel (``image_…``) beside the demographics; or images alone, of shape
        (n_scans, …) or (n_scans, channels, …). A table of shape (n_scans, n_columns) is read as images of one
        row of voxels.
    ndim : int
        Axes of an image, where an array is given.
    demographics : sequence of str, optional
        Columns that are joined; default: every column that is no voxel.

    Raises
    ------
    ClassifierError
        CLS-502 where there are no images of so many axes; CLS-503 a column is missing; CLS-504 an intensity
        is not finite.
    FeatureError
        FEA-501, the voxels do not fill an image.
    """
    if isinstance(X, pd.DataFrame):
        rows = _from_frame(X, demographics)
    else:
        stack = np.asanyarray(X)
        if stack.ndim == 2:
            stack = stack.reshape(len(stack), *[1] * (ndim - 1), -1)
        if stack.dtype.kind not in "biuf" or stack.ndim not in (ndim + 1, ndim + 2) or demographics:
            raise ClassifierError(
                "CLS-502",
                "these are no images; and an array has no names for demographics to be joined.",
                seen=f"an array of shape {stack.shape} and type {stack.dtype}",
                expected=f"(n_scans, …) or (n_scans, channels, …) with {ndim} axes an image (ndim)",
                advice="set ndim, or build a frame with normwise.networks.images.image_frame",
            )
        if stack.ndim == ndim + 1:
            stack = stack[:, None]
        rows = ImageRows(stack, pd.DataFrame(index=range(len(stack))))
    _check_finite(rows.images)
    return rows


def _from_frame(X: pd.DataFrame, demographics: Sequence[str] | None) -> ImageRows:
    shape, places = image_layout([str(name) for name in X.columns])
    others = np.setdiff1d(np.arange(X.shape[1]), places)
    known = [str(X.columns[place]) for place in others]
    wanted = known if demographics is None else list(demographics)
    absent = [name for name in wanted if name not in known]
    if absent:
        raise ClassifierError(
            "CLS-503",
            f"there is no demographic {absent[0]!r} to join.",
            seen=", ".join(known[:8]) or "voxels only",
            expected="every demographic as a column of numbers or categories, and nobody without one",
            advice="give a frame with this column, or leave it out of the classifier's demographics",
        )
    if not shape:
        return ImageRows(np.empty((len(X), 0), np.float32), X[wanted])
    in_a_row = bool((np.diff(places) == 1).all())
    # A slice stays a view of the memory map, where a list of columns would copy it.
    voxels = X.iloc[:, places[0] : places[-1] + 1] if in_a_row else X.iloc[:, places]
    return ImageRows(voxels.to_numpy().reshape(len(X), 1, *shape), X[wanted])


def _check_finite(images: NDArray[Any]) -> None:
    if images.dtype.kind != "f":
        return
    for start in range(0, len(images), 64):  # so that a memory map is never held whole
        if not np.isfinite(images[start : start + 64].sum(dtype=np.float64)):
            raise ClassifierError(
                "CLS-504",
                "an image holds NaN or infinity.",
                seen=f"among the images {start} to {min(start + 64, len(images)) - 1}",
                expected="finite intensities",
                advice="look at the images named by the extractor's failures, or mend them",
            )


def learn_encoding(frame: pd.DataFrame, levels: Mapping[str, Sequence[str]] | None = None) -> Encoding:
    """Learn how the training rows' demographics become numbers.

    Parameters
    ----------
    frame : DataFrame of shape (n_scans, n_demographics)
        Numbers are standardised; each level of a category but the first becomes a column of 0 and 1.
    levels : mapping of str to sequence of str, optional
        Levels of the categories by name; default: those of the frame.

    Examples
    --------
    >>> learnt = learn_encoding(pd.DataFrame({"age": [60.0, 80.0], "sex": ["F", "M"]}))
    >>> encode(pd.DataFrame({"age": [70.0, 90.0], "sex": ["M", "F"]}), learnt).tolist()
    [[0.0, 1.0], [2.0, 0.0]]
    """
    learnt: Encoding = {"numeric": [], "centre": [], "spread": [], "levels": {}}
    for name in frame.columns:
        column = frame[name]
        _check_complete(column)
        if pd.api.types.is_numeric_dtype(column):
            spread = float(column.std(ddof=0))
            learnt["numeric"].append(str(name))
            learnt["centre"].append(float(column.mean()))
            learnt["spread"].append(spread if spread > 0 else 1.0)
        else:
            own = sorted({str(value) for value in column})
            learnt["levels"][str(name)] = own if levels is None else list(levels[str(name)])
    return learnt


def check_encoding(learnt: Any, names: Sequence[str]) -> None:
    """Refuse an encoding, read from a file, that `learn_encoding` could not have learnt of these columns.

    Raises
    ------
    ValueError
        Where keys, names, lengths or numbers are others.
    """
    parts = FittedParts(SimpleNamespace(**learnt))
    numeric = parts.texts("numeric")
    for name, low in (("centre", -1e120), ("spread", 1e-300)):
        values = parts.part(name)
        numbers = isinstance(values, list) and all(isinstance(each, int | float) for each in values)
        fits = numbers and len(values) == len(numeric) and all(low <= each <= 1e120 for each in values)
        parts.expect(name, holds=fits, instead="a finite number a column")
    levels = parts.part("levels")
    parts.expect("levels", holds=isinstance(levels, dict), instead="the levels of each category")
    for name in levels:
        own = FittedParts(SimpleNamespace(levels=levels[name])).texts("levels")
        parts.expect("levels", holds=bool(own), instead="one level or more of each category")
    fits = sorted([*numeric, *levels]) == sorted(names)
    parts.expect("numeric", holds=fits, instead="the columns that are joined")


def encode(frame: pd.DataFrame, learnt: Encoding) -> NDArray[np.float32]:
    """Return demographics as numbers, of shape (n_scans, n_columns).

    Raises
    ------
    ClassifierError
        CLS-503, a value is missing, or a level was not in the training rows.
    """
    columns: list[NDArray[np.float32]] = []
    for name, centre, spread in zip(learnt["numeric"], learnt["centre"], learnt["spread"], strict=True):
        _check_complete(frame[name])
        columns.append(((frame[name].to_numpy(np.float64) - centre) / spread).astype(np.float32))
    for name, levels in learnt["levels"].items():
        _check_complete(frame[name], levels)
        text = frame[name].astype(str).to_numpy()
        columns.extend((text == level).astype(np.float32) for level in levels[1:])
    return np.column_stack(columns) if columns else np.empty((len(frame), 0), np.float32)


def _check_complete(column: pd.Series, levels: Sequence[str] | None = None) -> None:
    strange = sorted({str(value) for value in column.dropna()} - set(levels)) if levels is not None else []
    if column.isna().any() or strange:
        raise ClassifierError(
            "CLS-503",
            f"somebody's {column.name!r} can't be joined: "
            + ("it is missing." if not strange else f"{strange[0]!r} was not in the training rows."),
            seen=f"{int(column.isna().sum())} of {len(column)} missing",
            expected="every demographic as a column of numbers or categories, and nobody without one",
            advice="leave these people out, or leave it out of the classifier's demographics",
        )
