"""Columns of numbers in a long table of text: eight bytes a cell, and the text where it is asked for."""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import compress
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.extensions import ExtensionArray, ExtensionDtype

from normwise.cohort.plain_numbers import MISSING

__all__ = ["ColumnParts", "NumberText", "read_decimals", "share_numbers"]

_MOST_DIGITS = 20  # after the point
_MOST_EXACT = 15  # digits of any decimal number that a float gives back


class NumberTextDtype(ExtensionDtype):
    """Text that is held as numbers."""

    name = "number_text"
    type = str
    kind = "O"

    @classmethod
    def construct_array_type(cls) -> builtins.type[NumberText]:
        """Return the type of the columns."""
        return NumberText


class NumberText(ExtensionArray):
    """Cells that one format gives back to the character from their numbers, or that are missing.

    Parameters
    ----------
    values : ndarray of shape (n_rows,)
        The numbers; NaN where a cell is missing.
    form : str
        The format, as ``"%.5f"``.
    missing : str
        What the missing cells hold.

    Examples
    --------
    >>> NumberText(np.array([1.5, np.nan]), "%.2f", "n/a").tolist()
    ['1.50', 'n/a']
    """

    def __init__(self, values: NDArray[np.float64], form: str, missing: str) -> None:
        self.values, self.form, self.missing = values, form, missing

    @property
    def dtype(self) -> NumberTextDtype:
        """Say what it is."""
        return NumberTextDtype()

    @property
    def nbytes(self) -> int:
        """Return its size."""
        return self.values.nbytes

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, item: Any) -> Any:
        if isinstance(item, (int, np.integer)):
            return self._text([float(self.values[item])])[0]
        return self._like(self.values[np.asarray(item) if isinstance(item, list) else item])

    def __iter__(self) -> Iterator[str]:
        return iter(self._text(self.values.tolist()))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[np.object_]:  # noqa: FBT001 - numpy's own signature
        return np.array(self._text(self.values.tolist()), dtype=object)

    def __eq__(self, other: object) -> Any:
        return np.asarray(self) == np.asarray(other)

    def __ne__(self, other: object) -> Any:
        return np.asarray(self) != np.asarray(other)

    __hash__ = None  # type: ignore[assignment]  # as other arrays

    def _text(self, values: list[float]) -> list[str]:
        return [self.missing if value != value else self.form % value for value in values]  # noqa: PLR0124 - NaN

    def _like(self, values: NDArray[np.float64]) -> Self:
        return type(self)(values, self.form, self.missing)

    def isna(self) -> NDArray[np.bool_]:
        """Say that every cell is there as text, as in other columns."""
        return np.zeros(len(self.values), dtype=bool)

    def copy(self) -> Self:
        """Copy the numbers."""
        return self._like(self.values.copy())

    def take(self, indices: Any, *, allow_fill: bool = False, fill_value: Any = None) -> Self:
        """Return some cells; none can be filled in."""
        places = np.asarray(indices, dtype=np.intp)
        if allow_fill and (places < 0).any():
            raise ValueError(f"a cell that is not there can't be {fill_value!r}")
        return self._like(self.values[places])

    @classmethod
    def _concat_same_type(cls, to_concat: Sequence[Self]) -> Self:
        first = to_concat[0]
        assert all((each.form, each.missing) == (first.form, first.missing) for each in to_concat), "one form"
        return cls(np.concatenate([each.values for each in to_concat]), first.form, first.missing)


def share_numbers(text: pd.DataFrame, values: pd.DataFrame) -> pd.DataFrame:
    """Return columns of text whose numbers are those of columns of floats, held once.

    Parameters
    ----------
    text : DataFrame of shape (n_rows, n_columns)
        Columns of `NumberText` and others.
    values : DataFrame of float64 of shape (n_rows, n_others)
        The same rows.
    """
    columns: dict[Any, Any] = {}
    for name, column in text.items():
        held = column.array
        if isinstance(held, NumberText) and name in values.columns:
            numbers = values[name].to_numpy()
            if np.array_equal(numbers, held.values, equal_nan=True) and numbers.dtype == held.values.dtype:
                held = NumberText(numbers, held.form, held.missing)
        columns[name] = held
    return pd.DataFrame(columns, index=text.index, copy=False)


class ColumnParts:
    """One column while it is read, some rows at a time.

    Parameters
    ----------
    number : bool
        Whether it may be held as numbers.
    """

    def __init__(self, *, number: bool) -> None:
        self.form: str | None = None
        self.missing: str | None = None
        self.number = number
        self.numbers: list[NDArray[np.float64]] = []
        self.cells: list[str] = []

    @property
    def texts(self) -> int:
        """Cells that are held as text."""
        return len(self.cells)

    def add(self, cells: Sequence[str]) -> None:
        """Put further rows below."""
        if self.number:
            values = self._pack(cells)
            if values is not None:
                self.numbers.append(values)
                return
            self.number = False
            self.cells = [cell for part in self.numbers for cell in self._column(part)]
            self.numbers = []
        self.cells += cells

    def column(self) -> NumberText | pd.Series[str]:
        """Return the whole column."""
        if not self.number:
            return pd.Series(self.cells, dtype=object)
        return self._column(np.concatenate(self.numbers))

    def _column(self, values: NDArray[np.float64]) -> NumberText:
        return NumberText(values, self.form or "%r", "n/a" if self.missing is None else self.missing)

    def _pack(self, cells: Sequence[str]) -> NDArray[np.float64] | None:
        """Return the cells as numbers, where the numbers give them back."""
        if self.missing is None:
            values = self._numbers(cells)
            if values is not None:
                return values
            self.missing = next((cell for cell in cells if cell in MISSING), None)
            if self.missing is None:
                return None
        there = [cell != self.missing for cell in cells]
        values = self._numbers(list(compress(cells, there)))
        if values is None:
            return None
        numbers = np.full(len(cells), np.nan)
        numbers[there] = values
        return numbers

    def _numbers(self, cells: Sequence[str]) -> NDArray[np.float64] | None:
        """Return cells of which none is missing as numbers, in the column's form."""
        if not cells:
            return np.empty(0)
        for form in [self.form] if self.form is not None else _forms_of(cells[0]):
            values = _numbers_of(cells, form)
            if values is not None:
                self.form = form
                return values
        return None


def _numbers_of(cells: Sequence[str], form: str) -> NDArray[np.float64] | None:
    """Return finite numbers that the format gives back to the character; None where there are no such."""
    text = "\n".join(cells) + "\n"
    if form.endswith("f"):
        fixed = read_decimals(cells, text, int(form[2:-1]))
        if fixed is not None:
            return fixed
    try:
        values = list(map(float, cells))
    except ValueError:
        return None
    numbers = np.array(values)
    if not np.isfinite(numbers).all() or (form + "\n") * len(values) % tuple(values) != text:
        return None
    return numbers


def _forms_of(cell: str) -> list[str]:
    digits = len(cell.partition(".")[2])
    return (
        ["%.15g", "%r"] if "e" in cell.lower() or digits > _MOST_DIGITS else [f"%.{digits}f", "%.15g", "%r"]
    )


def read_decimals(cells: Sequence[str], text: str, places: int) -> NDArray[np.float64] | None:
    """Return the numbers of cells that all have so many decimal places, and few enough digits; else None.

    Written with so many places each number gives its cell back to the character.

    Parameters
    ----------
    cells : sequence of str
        At least one.
    text : str
        The same, a line each.
    places : int
        Digits behind the point.
    """
    if not _decimals(places).fullmatch(text):
        return None
    # Whole numbers and a power of ten are exact, and so their quotient is the nearest number.
    digits = np.fromstring(text.replace(".", ""), dtype=np.int64, sep="\n")
    return digits / 10.0**places if len(digits) == len(cells) else None


@cache
def _decimals(places: int) -> re.Pattern[str]:
    """Return what lines with so many places fit, of few enough digits to be given back, and no −0."""
    point = rf"\.[0-9]{{{places}}}" if places else ""
    whole = rf"(?:0|[1-9][0-9]{{0,{max(0, _MOST_EXACT - places - 1)}}})"
    return re.compile(rf"(?:(?:-(?!0\.?0*\n))?{whole}{point}\n)++" if places < _MOST_EXACT else r"(?!)")
