"""A feature matrix read in pieces: an array, a memory map, or the feature columns of a frame.

Nothing here copies the whole matrix. A consolidated frame and a memory map hand out views; a frame of
scattered columns copies one piece at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from normwise.errors import NormalizerError

__all__ = ["FeatureColumns", "FloatArray", "block_width", "person_name"]

FloatArray = npt.NDArray[np.floating[Any]]

_PIECE_BYTES = 1 << 25  # 32 MiB: the most that a frame of scattered columns is copied at once
_BLOCK_BYTES = 1 << 19  # 512 KiB: a block and its scratch stay in a core's second-level cache


def person_name(frame: pd.DataFrame, row: int) -> str:
    """Return a person's id from the frame's index; a plain number is called a row."""
    label = frame.index[row]
    return label if isinstance(label, str) else f"row {label}"


def block_width(n_people: int, itemsize: int) -> int:
    """Return how many features make a block that stays in cache.

    Parameters
    ----------
    n_people : int
        Rows of the block.
    itemsize : int
        Bytes a value.

    Returns
    -------
    int
        A multiple of 16 (whole cache lines of a row) between 16 and 2048.

    Examples
    --------
    >>> block_width(500, 4), block_width(1_000_000, 8), block_width(3, 8)
    (256, 16, 2048)
    """
    width = _BLOCK_BYTES // max(n_people * itemsize, 1)
    return min(max(width - width % 16, 16), 2048)


@dataclass(frozen=True)
class FeatureColumns:
    """The features of a matrix or frame, in order, at one floating-point precision.

    Attributes
    ----------
    source : ndarray or DataFrame
        Where the values lie; never written to.
    runs : tuple of (int, int)
        Half-open ranges of the source's columns that are features.
    dtype : numpy dtype
        float32 where every feature is, otherwise float64.
    nullable : bool
        Whether some columns use pandas' own missing value.
    """

    source: FloatArray | pd.DataFrame
    runs: tuple[tuple[int, int], ...]
    dtype: np.dtype[Any]
    nullable: bool = False

    @classmethod
    def of_array(cls, array: FloatArray) -> FeatureColumns:
        """Take every column of a float32 or float64 array."""
        return cls(array, ((0, array.shape[1]),), array.dtype)

    @classmethod
    def of_frame(cls, frame: pd.DataFrame, is_feature: npt.NDArray[np.bool_]) -> FeatureColumns:
        """Take the marked columns of a frame.

        Raises
        ------
        NormalizerError
            NRM-112, a marked column does not hold real numbers.
        """
        edges = np.flatnonzero(np.diff(np.concatenate([[0], is_feature.astype(np.int8), [0]])))
        runs = tuple((int(start), int(stop)) for start, stop in edges.reshape(-1, 2))
        dtypes = frame.dtypes.to_numpy()
        kinds = set(dtypes[is_feature])
        for kind in kinds:
            if not pd.api.types.is_any_real_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind):
                column = int(np.flatnonzero(is_feature & (dtypes == kind))[0])
                raise NormalizerError(
                    "NRM-112",
                    "a feature must hold real numbers.",
                    subject=str(frame.columns[column]),
                    seen=f"a column of type {kind}, which starts with {frame.iloc[:1, column].tolist()}",
                    advice="name it among the demographics, convert it to numbers, or leave the column out",
                )
        single = bool(kinds) and all(kind == np.float32 for kind in kinds)
        nullable = any(pd.api.types.is_extension_array_dtype(kind) for kind in kinds)
        return cls(frame, runs, np.dtype(np.float32 if single else np.float64), nullable)

    @property
    def shape(self) -> tuple[int, int]:
        """People and features."""
        return self.source.shape[0], sum(stop - start for start, stop in self.runs)

    @property
    def order(self) -> Literal["C", "F"]:
        """``"F"`` where one feature's values lie side by side, ``"C"`` where one person's do."""
        start, stop = self.runs[0]
        piece = self._read(start, min(start + 2, stop))
        return "C" if piece.strides[1] < piece.strides[0] else "F"

    def pieces(self, multiple: int) -> Iterator[tuple[int, FloatArray]]:
        """Yield the index of a piece's first feature, and the piece (n_people, width).

        Parameters
        ----------
        multiple : int
            Width of a block; pieces hold whole blocks, so that blocks never depend on their size.
        """
        row_bytes = max(len(self.source) * self.dtype.itemsize, 1)
        width = max(_PIECE_BYTES // row_bytes // multiple, 1) * multiple
        first = 0
        for start, stop in self.runs:
            for left in range(start, stop, width):
                right = min(left + width, stop)
                yield first, self._read(left, right)
                first += right - left

    def feature_name(self, position: int) -> str:
        """Return the name of a feature, or its number in an array."""
        if isinstance(self.source, np.ndarray):
            return f"feature {position}"
        column = np.concatenate([np.arange(start, stop) for start, stop in self.runs])[position]
        return str(self.source.columns[column])

    def refuse_unfinite(self, values: FloatArray, first: int, rows: npt.NDArray[np.intp]) -> None:
        """Name the first value that is not finite, if there is one.

        Parameters
        ----------
        values : ndarray of shape (len(rows), width)
            Features, or what became of them.
        first : int
            Index of the first of these features.
        rows : ndarray of int
            Which people.

        Raises
        ------
        NormalizerError
            NRM-113.
        """
        for row, column in np.argwhere(~np.isfinite(values)):
            frame, person = self.source, int(rows[row])
            subject = f"row {person}" if isinstance(frame, np.ndarray) else person_name(frame, person)
            raise NormalizerError(
                "NRM-113",
                "a feature is NaN or infinity, or departs from normal by more than its precision can hold.",
                subject=f"{subject}, {self.feature_name(first + int(column))}",
                seen=f"{values[row, column]}",
                expected="a finite number for every person and feature",
                advice="leave the person out, or fill the value before the normalizer",
            )

    def first_unfinite(self) -> list[str]:
        """Return the first feature of each person that is not finite, or an empty text."""
        names = [""] * self.shape[0]
        for first, piece in self.pieces(1):
            finite = np.isfinite(piece)
            for row in np.flatnonzero(~finite.all(axis=1)):
                names[row] = names[row] or self.feature_name(first + int(np.argmin(finite[row])))
        return names

    def features(self, positions: npt.NDArray[np.intp]) -> FloatArray:
        """Return some features of everybody, copied: (n_people, len(positions))."""
        columns = np.concatenate([np.arange(start, stop) for start, stop in self.runs])[positions]
        if isinstance(self.source, np.ndarray):
            return self.source[:, columns]
        return self._to_array(self.source.iloc[:, columns])

    def _read(self, start: int, stop: int) -> FloatArray:
        if isinstance(self.source, np.ndarray):
            return self.source[:, start:stop]
        return self._to_array(self.source.iloc[:, start:stop])

    def _to_array(self, part: pd.DataFrame) -> FloatArray:
        if self.nullable:
            return part.to_numpy(dtype=self.dtype, na_value=np.nan)
        return part.to_numpy(dtype=self.dtype)
