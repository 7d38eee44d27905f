"""What a network for images is given: images and demographics, out of arrays or the travelling frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from normwise.errors import ClassifierError
from normwise.networks.images.columns import image_layout

__all__ = ["Encoding", "ImageRows", "encode", "learn_encoding", "read_rows"]

Encoding = dict[str, Any]
"""How demographics become numbers: ``numeric``, ``centre``, ``spread`` and ``levels`` by name; plain data."""


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
    """Tell images from demographics.

    Parameters
    ----------
    X : DataFrame or array-like
        The travelling frame, with a column a voxel (``image_…``) beside the demographics; or images alone, of
        shape (n_scans, …) or (n_scans, channels, …).
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
        if stack.dtype.kind not in "biuf" or stack.ndim not in (ndim + 1, ndim + 2) or demographics:
            raise ClassifierError(
                "CLS-502",
                "these are no images; and an array has no names for demographics to be joined.",
                seen=f"an array of shape {stack.shape} and type {stack.dtype}",
                expected=f"(n_scans, …) or (n_scans, channels, …) with {ndim} axes an image (ndim)",
                advice="set ndim, or build a frame with normwise.features.image_frame(images, demographics)",
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
            advice="give the travelling frame, or leave it out of the classifier's demographics",
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


def learn_encoding(frame: pd.DataFrame) -> Encoding:
    """Learn how the training rows' demographics become numbers.

    Parameters
    ----------
    frame : DataFrame of shape (n_scans, n_demographics)
        Numbers are standardised; each level of a category but the first becomes a column of 0 and 1.

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
            learnt["levels"][str(name)] = sorted({str(value) for value in column})
    return learnt


def encode(frame: pd.DataFrame, learnt: Encoding) -> NDArray[np.float32]:
    """Return demographics as numbers, of shape (n_scans, n_columns).

    Raises
    ------
    ClassifierError
        CLS-503, a value is missing, or a level was not met in training.
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
            + ("it is missing." if not strange else f"{strange[0]!r} was not met in training."),
            seen=f"{int(column.isna().sum())} of {len(column)} missing",
            expected="every demographic as a column of numbers or categories, and nobody without one",
            advice="leave these people out, or leave it out of the classifier's demographics",
        )
