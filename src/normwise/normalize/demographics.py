"""Demographic columns of people, each read once as numbers or as levels, for any subset of their rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from normwise.errors import NormalizerError
from normwise.normalize.blocked.columns import FloatArray, person_name

__all__ = ["Demographics", "check_columns", "level_text", "read_numbers"]

Flags = npt.NDArray[np.bool_]


def check_columns(frame: pd.DataFrame, demographics: Sequence[str]) -> None:
    """Refuse a frame that lacks a demographic or names two columns alike.

    Raises
    ------
    NormalizerError
        NRM-102 for a column that is not there, NRM-103 for a name that occurs twice.
    """
    if not frame.columns.is_unique:
        raise NormalizerError(
            "NRM-103",
            "two columns have the same name.",
            subject=str(frame.columns[frame.columns.duplicated()][0]),
            advice="give every column a name of its own",
        )
    for name in demographics:
        if name in frame.columns:
            continue
        near = get_close_matches(str(name), map(str, frame.columns), n=1)
        raise NormalizerError(
            "NRM-102",
            "the frame has no such demographic column.",
            subject=str(name),
            seen=f"columns {', '.join(map(str, frame.columns[:8]))}{' …' if frame.shape[1] > 8 else ''}",
            advice=f"did you mean {near[0]!r}?"
            if near
            else "add the column, or leave it out of demographics",
        )


class Demographics:
    """Demographic columns of people.

    A column is read when it is first asked for, and once for all subsets of the rows, so that a thousand fits
    on subsets of the same people read their frame once.

    Parameters
    ----------
    frame : DataFrame
        One row a person; the index names them.

    Examples
    --------
    >>> people = Demographics(pd.DataFrame({"age": [61, None, 80.0], "sex": ["F", "M", "M"]}))
    >>> people.numbers("age")[0].tolist(), people.take(np.array([2, 0])).levels("sex").tolist()
    ([61.0, nan, 80.0], ['M', 'F'])
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame
        self._rows: npt.NDArray[np.intp] | None = None
        self._columns: dict[tuple[str, str], tuple[npt.NDArray[Any], ...]] = {}
        self._types: dict[str, Any] = {}
        self._levels: dict[str, tuple[str, ...]] = {}

    def __len__(self) -> int:
        return len(self._frame if self._rows is None else self._rows)

    def take(self, rows: npt.NDArray[Any]) -> Demographics:
        """Return some of the people, by row number or by a mask; what was read is shared."""
        part = Demographics(self._frame)
        part._rows = np.arange(len(self._frame))[rows] if self._rows is None else self._rows[rows]
        part._columns, part._types, part._levels = self._columns, self._types, self._levels
        return part

    @property
    def index(self) -> pd.Index[Any]:
        """Ids of the people."""
        return self._frame.index if self._rows is None else self._frame.index[self._rows]

    def person(self, row: int) -> str:
        """Return a person's name, as a message gives it."""
        return person_name(self._frame, self._place(row))

    def value(self, name: str, row: int) -> str:
        """Return a person's value as a message shows it: text in quotes, a number plain."""
        value = self._frame[name].iloc[self._place(row)]
        return repr(value) if isinstance(value, str) else str(value)

    def numbers(self, name: str) -> tuple[FloatArray, Flags]:
        """Return each person's number, NaN where there is none, and where something else stands instead."""
        numbers, unreadable = self._read("numbers", name, read_numbers)
        return numbers, unreadable

    def levels(self, name: str) -> npt.NDArray[np.object_]:
        """Return each person's level as text, None where it is missing."""
        return self._read("levels", name, _read_levels)[0]

    def codes(self, name: str) -> tuple[npt.NDArray[np.intp], tuple[str, ...]]:
        """Return each person's place among the frame's levels, −1 where it is missing, and these, sorted."""
        if name not in self._levels:
            self.levels(name)  # reads those of everybody
            codes, names = pd.factorize(self._columns["levels", name][0], sort=True)
            self._columns["codes", name], self._levels[name] = (codes,), tuple(names)
        codes = self._columns["codes", name][0]
        return codes if self._rows is None else codes[self._rows], self._levels[name]

    def is_category(self, name: str, *, declared: bool) -> bool:
        """Return whether a demographic is a category rather than a quantity.

        Parameters
        ----------
        name : str
            The column.
        declared : bool
            Whether it was named in ``categorical``.

        Raises
        ------
        NormalizerError
            NRM-111, numbers written as text, which may be either.

        Examples
        --------
        >>> people = Demographics(pd.DataFrame({"age": [61.0, 72.0], "sex": ["F", "M"]}))
        >>> people.is_category("age", declared=False), people.is_category("sex", declared=False)
        (False, True)
        """
        dtype = self._types.get(name)
        if dtype is None:
            dtype = self._types[name] = self._frame[name].dtype
        if declared or pd.api.types.is_bool_dtype(dtype) or isinstance(dtype, pd.CategoricalDtype):
            return True
        if pd.api.types.is_numeric_dtype(dtype):
            return False
        known, number, boolean, numeric_text = self._read("types", name, _read_types)
        if not known.any():
            return True
        if number[known].all():
            return bool(boolean[known].any())
        if numeric_text[known].all():
            raise NormalizerError(
                "NRM-111",
                "a demographic holds numbers written as text.",
                subject=str(name),
                seen=self.value(name, int(np.argmax(known))),
                expected="numbers, or a column named in categorical",
                advice=f"convert it with pandas.to_numeric, or set categorical=[{str(name)!r}]",
            )
        return True

    def refuse_missing(self, name: str, missing: Flags) -> None:
        """Refuse the first person whose value is missing.

        Raises
        ------
        NormalizerError
            NRM-108.
        """
        if missing.any():
            raise NormalizerError(
                "NRM-108",
                f"{name} is missing ({int(missing.sum())} of {len(missing)} people).",
                subject=self.person(int(np.argmax(missing))),
                advice="fill the value, or leave the person out; in_support(X) lists everybody concerned",
            )

    def _place(self, row: int) -> int:
        return row if self._rows is None else int(self._rows[row])

    def _read(
        self, kind: str, name: str, read: Callable[[pd.Series[Any]], tuple[npt.NDArray[Any], ...]]
    ) -> tuple[npt.NDArray[Any], ...]:
        if (kind, name) not in self._columns:
            self._columns[kind, name] = read(self._frame[name])
        arrays = self._columns[kind, name]
        return arrays if self._rows is None else tuple(array[self._rows] for array in arrays)


def level_text(value: object) -> str:
    """Return a level as text; ``1``, ``1.0`` and ``"1"`` are one level.

    Examples
    --------
    >>> level_text(1.0), level_text(True), level_text("F")
    ('1', 'True', 'F')
    """
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def read_numbers(column: pd.Series[Any]) -> tuple[FloatArray, Flags]:
    """Return each person's number (NaN where it is missing), and where there is something else instead.

    Examples
    --------
    >>> numbers, unreadable = read_numbers(pd.Series([61, None, "old", np.inf]))
    >>> numbers.tolist(), unreadable.tolist()
    ([61.0, nan, nan, nan], [False, False, True, True])
    """
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    unreadable = ~column.isna().to_numpy(dtype=bool) & ~np.isfinite(numbers)
    return np.where(unreadable, np.nan, numbers), unreadable


def _read_levels(column: pd.Series[Any]) -> tuple[npt.NDArray[np.object_]]:
    missing = column.isna().to_numpy(dtype=bool)
    values = column.to_numpy(dtype=object)
    texts = [None if gone else level_text(value) for value, gone in zip(values, missing, strict=True)]
    return (np.array(texts, dtype=object),)


def _read_types(column: pd.Series[Any]) -> tuple[Flags, Flags, Flags, Flags]:
    """Return where a value is known, a number, a bool, and a number if it is written as text."""
    values = column.to_numpy(dtype=object)
    known = column.notna().to_numpy(dtype=bool)
    number = np.array([isinstance(value, int | float | np.number) for value in values], dtype=bool)
    boolean = np.array([isinstance(value, bool | np.bool_) for value in values], dtype=bool)
    texts = pd.to_numeric(column.astype(str), errors="coerce").notna().to_numpy(dtype=bool)
    return known, number, boolean, texts
