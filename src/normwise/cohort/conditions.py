"""Conditions on columns, as ``Age >= 60``: a small grammar of its own, never evaluated as code.

::

    condition  =  column operator value
    column     =  a name, in quotes or backticks where it holds an operator or the word "in"
    operator   =  ==  !=  <  <=  >  >=  in  not in
    value      =  a number, a word, or text in quotes; after in: several, separated by commas

``== n/a`` and ``!= n/a`` ask whether a cell is missing.
"""

from __future__ import annotations

import csv
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from normwise.cohort.demographics import read_quantity
from normwise.cohort.values import Problem, is_missing, read_numbers
from normwise.errors import StudyError

__all__ = ["Condition", "parse_condition"]

_ORDER: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_QUOTED = r"\"[^\"]*\"|'[^']*'|`[^`]*`"
_CONDITION = re.compile(
    rf"\s*(?P<column>{_QUOTED}|[^\"'`].*?)\s*(?P<operator>==|!=|<=|>=|<|>|=|(?<=\s)not\s+in(?=[\s(\[])|(?<=\s)in(?=[\s(\[]))\s*(?P<value>.+?)\s*"
)
_MISSING = "n/a"
_LONGEST = 4000  # characters of a condition; blanks in a longer one would be tried in too many ways


@dataclass(frozen=True)
class Condition:
    """A condition on one column.

    Attributes
    ----------
    text : str
        As the study has it.
    column : str
        The column's name.
    operator : str
        One of ``== != < <= > >= in``; ``not in`` is ``!=`` with several values.
    values : tuple of str
        What is compared with; one value for the orders.
    """

    text: str
    column: str
    operator: str
    values: tuple[str, ...]

    def judge(self, cells: pd.Series[str]) -> tuple[NDArray[np.bool_], dict[int, Problem], list[str]]:
        """Return which rows fulfil the condition.

        Parameters
        ----------
        cells : Series of str
            The column.

        Returns
        -------
        holds : ndarray of bool of shape (n_rows,)
            Rows that fulfil it.
        unknown : dict of int to Problem
            By row, why that is not known (COH-204, COH-206, COH-207).
        readings : list of str
            How the column was read.
        """
        missing = is_missing(cells)
        if self.operator in _ORDER:
            reading = read_quantity(self.column, cells)
            holds = _ORDER[self.operator](reading.values, float(self.values[0]))
            unknown, readings = dict(reading.problems), reading.readings
        else:
            holds, unknown, readings = self._equals(cells), {}, []
            if self.operator == "!=":
                holds = ~holds
            if _MISSING in {value.casefold() for value in self.values}:
                return holds, {}, []
        absent = Problem("COH-204", f"{self.column} is missing, which {self.text} needs", "fill it in")
        unknown.update({int(row): absent for row in np.flatnonzero(missing)})
        return holds & ~missing, unknown, readings

    def _equals(self, cells: pd.Series[str]) -> NDArray[np.bool_]:
        """Return which cells are one of the values: as text, or as numbers where both are."""
        equals: NDArray[np.bool_] = cells.isin(self.values).to_numpy(dtype=bool)
        wanted = read_numbers(self.column, pd.Series(self.values, dtype=object)).values
        numbers = {float(value) for value in wanted if np.isfinite(value)}
        if numbers:
            levels = pd.Series(pd.unique(cells), dtype=object)
            read = read_quantity(self.column, levels).values
            equal = [level for level, value in zip(levels, read, strict=True) if value in numbers]
            equals = equals | cells.isin(equal).to_numpy(dtype=bool)
        if _MISSING in {value.casefold() for value in self.values}:
            equals = equals | is_missing(cells)
        return equals


def parse_condition(text: str, key: str = "cohort.include") -> Condition:
    """Read a condition.

    Parameters
    ----------
    text : str
        As ``Age >= 60``, ``site == 'A'``, ``M/F in F, M`` or ``visit != n/a``.
    key : str
        The study's key that holds it, for messages.

    Raises
    ------
    StudyError
        STU-108 where it does not follow the grammar.

    Examples
    --------
    >>> parse_condition("M/F in F, M")
    Condition(text='M/F in F, M', column='M/F', operator='in', values=('F', 'M'))
    >>> parse_condition("Age > sixty")
    Traceback (most recent call last):
    ...
    normwise.errors.StudyError: STU-108  cohort.include: the condition 'Age > sixty' can't be read: > needs...
    ...
    """
    if len(text) > _LONGEST:
        raise _unreadable(key, f"{text[:40]}…", f"it has more than {_LONGEST:,} characters")
    match = _CONDITION.fullmatch(text)
    if not match or not match["column"].strip("\"'` \t"):
        raise _unreadable(key, text, "it has no operator, or nothing on one side of it")
    sign = re.sub(r"\s+", " ", match["operator"])
    if sign == "=":
        raise _unreadable(key, text, "equality is written ==")
    values = _values(key, text, match["value"], several=sign.endswith("in"))
    if sign in _ORDER:
        number = read_numbers(text, pd.Series(values, dtype=object)).values[0]
        if not np.isfinite(number):
            raise _unreadable(key, text, f"{sign} needs a number")
        values = (repr(float(number)),)
    column = match["column"]
    if re.fullmatch(_QUOTED, column):
        column = column[1:-1]
    return Condition(text, column.strip(), "!=" if sign == "not in" else sign, values)


def _values(key: str, text: str, value: str, *, several: bool) -> tuple[str, ...]:
    if several:
        if value[0] in "[(":
            if value[0] + value[-1] not in {"[]", "()"}:
                raise _unreadable(key, text, "a bracket stands open")
            value = value[1:-1]
        quote = "'" if "'" in value else '"'
        try:
            cells = next(csv.reader([value], quotechar=quote, skipinitialspace=True), [])
        except csv.Error:
            raise _unreadable(key, text, "its values can't be told apart") from None
    else:
        cells = [value[1:-1] if re.fullmatch(_QUOTED, value) else value]
    cells = [cell.strip() for cell in cells]
    if not cells or not all(cells):
        raise _unreadable(key, text, "a value is empty")
    if not several and re.search(r"\s(?:and|or)\s|[<>=]", cells[0]) and cells[0] == value:
        raise _unreadable(key, text, "one condition compares one column once")
    return tuple(cells)


def _unreadable(key: str, text: str, why: str) -> StudyError:
    return StudyError(
        "STU-108",
        f"the condition {text!r} can't be read: {why}.",
        subject=key,
        expected='column, operator (== != < <= > >= in, not in) and value, as "Age >= 60" or "site in A, B"',
        advice="give several conditions as several entries of cohort.include; all of them must hold",
    )
