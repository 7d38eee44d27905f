"""A feature matrix read in blocks: an array, a memory map, or the feature columns of a frame.

Nothing here copies the whole matrix. A consolidated frame and a memory map hand out views; a frame of
scattered columns is copied some blocks at a time.
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

_COPY_BYTES = 1 << 25  # 32 MiB: the most that is copied at once of a frame of scattered columns
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
    ranges : tuple of (int, int)
        Half-open ranges of the source's columns that are features.
    dtype : numpy dtype
        float32 where every feature is, otherwise float64.
    nullable : bool
        Whether some columns use pandas' own missing value.
    origin : FeatureColumns or None
        Where these values were copied from, which knows the names of people and features.
    rows : ndarray of int or None
        Which people of the origin; None for all.
    """

    source: FloatArray | pd.DataFrame
    ranges: tuple[tuple[int, int], ...]
    dtype: np.dtype[Any]
    nullable: bool = False
    origin: FeatureColumns | None = None
    rows: npt.NDArray[np.intp] | None = None

    @classmethod
    def of_array(cls, array: FeatureColumns | FloatArray) -> FeatureColumns:
        """Take every column of a float32 or float64 array; `FeatureColumns` stay as they are."""
        return array if isinstance(array, FeatureColumns) else cls(array, ((0, array.shape[1]),), array.dtype)

    @classmethod
    def of_frame(cls, frame: pd.DataFrame, is_feature: npt.NDArray[np.bool_]) -> FeatureColumns:
        """Take the marked columns of a frame.

        Raises
        ------
        NormalizerError
            NRM-112, a marked column does not hold real numbers.
        """
        edges = np.flatnonzero(np.diff(np.concatenate([[0], is_feature.astype(np.int8), [0]])))
        ranges = tuple((int(start), int(stop)) for start, stop in edges.reshape(-1, 2))
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
        return cls(frame, ranges, np.dtype(np.float32 if single else np.float64), nullable)

    @property
    def shape(self) -> tuple[int, int]:
        """People and features."""
        return self.source.shape[0], sum(stop - start for start, stop in self.ranges)

    @property
    def order(self) -> Literal["C", "F"]:
        """``"F"`` where one feature's values lie side by side, ``"C"`` where one person's do."""
        start, stop = self.ranges[0]
        block = self._read(start, min(start + 2, stop))
        return "C" if block.strides[1] < block.strides[0] else "F"

    def iter_blocks(self, width: int) -> Iterator[tuple[slice, FloatArray]]:
        """Yield which features a block holds, and the block (n_people, width), to be read only.

        Parameters
        ----------
        width : int
            Features of a block; the last of a range has fewer. A frame of scattered columns is copied some
            blocks at a time.
        """
        row_bytes = max(len(self.source) * self.dtype.itemsize, 1)
        several = max(_COPY_BYTES // row_bytes // width, 1) * width
        first = 0
        for start, stop in self.ranges:
            for left in range(start, stop, several):
                piece = self._read(left, min(left + several, stop))
                for inner in range(0, piece.shape[1], width):
                    block = piece[:, inner : inner + width]
                    yield slice(first, first + block.shape[1]), block
                    first += block.shape[1]

    def in_memory(self) -> FeatureColumns:
        """Return the features with one feature's values side by side: a copy, unless they lie so already."""
        if len(self.ranges) == 1:
            held = self._read(*self.ranges[0])
            if held.dtype == self.dtype and held.flags.f_contiguous:
                return FeatureColumns(held, ((0, held.shape[1]),), self.dtype, origin=self)
        values = np.empty(self.shape, self.dtype, order="F")
        for part, block in self.iter_blocks(block_width(len(values), self.dtype.itemsize)):
            values[:, part] = block
        return FeatureColumns(values, ((0, values.shape[1]),), self.dtype, origin=self)

    def take(self, rows: npt.NDArray[np.intp]) -> FeatureColumns:
        """Return a copy of some people of an array that `in_memory` has made."""
        assert isinstance(self.source, np.ndarray), "a frame is read into memory first"
        values = np.take(self.source.T, rows, axis=1).T
        return FeatureColumns(values, self.ranges, self.dtype, origin=self, rows=rows)

    def with_columns(self, others: FloatArray) -> FloatArray:
        """Return the features with other columns, (n_people, n_others), behind them."""
        n, m = self.shape
        if not m:
            return others
        result = np.empty((n, m + others.shape[1]), self.dtype, order=self.order)
        for part, block in self.iter_blocks(block_width(n, self.dtype.itemsize)):
            self.refuse_unfinite(block, part.start, np.arange(n))
            result[:, part] = block
        result[:, m:] = others
        return result

    def person(self, row: int) -> str:
        """Return a person's name, or row."""
        if self.origin is not None:
            return self.origin.person(row if self.rows is None else int(self.rows[row]))
        return f"row {row}" if isinstance(self.source, np.ndarray) else person_name(self.source, row)

    def feature_name(self, position: int) -> str:
        """Return the name of a feature, or its number in an array."""
        if self.origin is not None:
            return self.origin.feature_name(position)
        if isinstance(self.source, np.ndarray):
            return f"feature {position}"
        column = np.concatenate([np.arange(start, stop) for start, stop in self.ranges])[position]
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
            raise NormalizerError(
                "NRM-113",
                "a feature is NaN or infinity, or departs from normal by more than its precision can hold.",
                subject=f"{self.person(int(rows[row]))}, {self.feature_name(first + int(column))}",
                seen=f"{values[row, column]}",
                expected="a finite number for every person and feature",
                advice="leave the person out, or fill the value before the normalizer",
            )

    def first_unfinite(self) -> list[str]:
        """Return the first feature of each person that is not finite, or an empty text."""
        names = [""] * self.shape[0]
        for part, block in self.iter_blocks(block_width(len(names), self.dtype.itemsize)):
            finite = np.isfinite(block)
            for row in np.flatnonzero(~finite.all(axis=1)):
                names[row] = names[row] or self.feature_name(part.start + int(np.argmin(finite[row])))
        return names

    def features(self, positions: npt.NDArray[np.intp]) -> FloatArray:
        """Return some features of everybody, copied: (n_people, len(positions))."""
        columns = np.concatenate([np.arange(start, stop) for start, stop in self.ranges])[positions]
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
