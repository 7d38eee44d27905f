"""Numbers out of text: strictly, with the decimal mark recognised over the whole column."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from normwise.errors import CohortError

__all__ = ["ColumnReading", "Problem", "is_missing", "read_numbers"]

_NUMBER = {
    mark: re.compile(rf"[+-]?(?:[0-9]+(?:{mark}[0-9]*)?|{mark}[0-9]+)(?:[eE][+-]?[0-9]+)?")
    for mark in (r"\.", ",")
}
_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:,[0-9]{3})+")


class Problem(NamedTuple):
    """Why one value can't be used: a code, what is wrong, and what to do."""

    code: str
    problem: str
    advice: str

    def error(self, subject: str) -> CohortError:
        """Return it as an error about ``subject``."""
        return CohortError(self.code, f"{self.problem}.", subject=subject, advice=self.advice)


@dataclass(frozen=True)
class ColumnReading:
    """A column of text, read.

    Attributes
    ----------
    values : ndarray of shape (n_rows,)
        float64 with NaN, or objects with None, where there is no value.
    problems : dict of int to Problem
        By row, why a value that is there can't be used.
    missing : ndarray of bool of shape (n_rows,)
        Cells that are empty or ``n/a``.
    readings : list of str
        How it was read, for people.
    """

    values: NDArray[np.float64] | NDArray[np.object_]
    problems: dict[int, Problem]
    missing: NDArray[np.bool_]
    readings: list[str] = field(default_factory=list)


def is_missing(text: pd.Series[str]) -> NDArray[np.bool_]:
    """Return which cells are empty or ``n/a`` in any letter case; nothing else is missing.

    Parameters
    ----------
    text : Series of str
        Stripped cells.

    Examples
    --------
    >>> is_missing(pd.Series(["", "N/A", "NA", "0"])).tolist()
    [True, True, False, False]
    """
    missing: NDArray[np.bool_] = text.isin(["", "n/a", "N/A", "n/A", "N/a"]).to_numpy(dtype=bool)
    return missing


def read_numbers(name: str, text: pd.Series[str]) -> ColumnReading:
    """Read a column of numbers.

    The decimal mark is the one that most of the column's values have; a value with the other one, or with
    anything but a finite number, is a problem of its row (COH-206).

    Parameters
    ----------
    name : str
        The column's name, for messages.
    text : Series of str
        Stripped cells.

    Returns
    -------
    ColumnReading
        float64 values.

    Raises
    ------
    CohortError
        COH-110 where every comma may as well separate thousands.

    Examples
    --------
    >>> column = read_numbers("Age", pd.Series(["71,5", "68", "n/a", "old"]))
    >>> column.values.tolist(), column.readings
    ([71.5, 68.0, nan, nan], ["Age: decimal comma, as '71,5'"])
    >>> column.problems[3].code
    'COH-206'
    """
    missing = is_missing(text)
    codes, levels = pd.factorize(text.where(~missing))
    counts = np.bincount(codes[codes >= 0], minlength=len(levels))
    texts = [str(level) for level in levels]
    commas = [place for place, level in enumerate(texts) if "," in level and _NUMBER[","].fullmatch(level)]
    points = [place for place, level in enumerate(texts) if "." in level and _NUMBER[r"\."].fullmatch(level)]
    decimal_comma = bool(commas) and counts[commas].sum() > counts[points].sum()
    readings = []
    if decimal_comma:
        if all(_THOUSANDS.fullmatch(texts[place]) for place in commas):
            raise CohortError(
                "COH-110",
                "the commas may mark decimals or separate thousands.",
                subject=name,
                seen=repr(texts[commas[0]]),
                advice="write the numbers with a decimal point and no thousands separator",
            )
        readings.append(f"{name}: decimal comma, as {texts[commas[0]]!r}")
    numbers = np.array([_number(level, "," if decimal_comma else r"\.") for level in texts], dtype=np.float64)
    values = np.where(codes >= 0, np.append(numbers, np.nan)[codes], np.nan)
    unread = np.isnan(values) & ~missing
    mark = "comma" if decimal_comma else "point"
    return ColumnReading(
        values,
        {int(row): _not_a_number(name, texts[codes[row]], mark) for row in np.flatnonzero(unread)},
        missing,
        readings,
    )


def _number(text: str, mark: str) -> float:
    if not _NUMBER[mark].fullmatch(text):
        return float("nan")
    value = float(text.replace(",", "."))
    return value if np.isfinite(value) else float("nan")


def _not_a_number(name: str, text: str, mark: str) -> Problem:
    return Problem(
        "COH-206",
        f"{name} is not a number: {text!r}",
        f"give a number with a decimal {mark}; only an empty cell and n/a are missing, and a column of codes "
        "belongs in cohort.categorical",
    )
