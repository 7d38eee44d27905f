"""Ages in years, out of plain numbers and DICOM age strings; censored and coarsened ages are not numbers.

DICOM writes an age as three digits and a unit: ``042Y``, ``018M``, ``006W``, ``010D`` (PS3.5, value
representation AS). Shared cohorts also hold ``89+`` (censored for privacy), ``35-40`` (a range) and ``0Y``
(what some de-identifiers leave); none of them says how old a person is.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from normwise.cohort.values import (
    ColumnReading,
    Problem,
    read_numbers,
)

__all__ = ["OLDEST", "looks_like_ages", "names_an_age", "read_ages"]

OLDEST = 130.0
"""Years; nobody has been older, so a larger number is another unit or a code."""

_UNITS = {"y": 1.0, "m": 12.0, "w": 365.25 / 7, "d": 365.25}  # units a year
_WITH_UNIT = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(y|yrs?|years?|m|months?|w|weeks?|d|days?)", re.IGNORECASE)
_CENSORED = re.compile(r"(?:[<>≥≤]=?\s*[0-9.]+|[0-9.]+\s*\+)\s*[a-z]*", re.IGNORECASE)
_RANGE = re.compile(r"[0-9.]+\s*[a-z]*\s*(?:-|–|to)\s*[0-9.]+\s*[a-z]*", re.IGNORECASE)
_NOT_YEARS = {"group", "range", "bin", "category", "class", "month", "months", "week", "weeks", "day", "days"}


def names_an_age(name: str) -> bool:
    """Return whether a column's name says that it holds ages in years.

    Examples
    --------
    >>> [names_an_age(name) for name in ("Age", "AGE_AT_SCAN", "PatientAge", "age_months", "stage")]
    [True, True, True, False, False]
    """
    words = {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}
    return bool(words & {"age", "ages"}) and not words & _NOT_YEARS


def looks_like_ages(text: pd.Series[str]) -> bool:
    """Return whether any cell is an age, a range of ages or a censored age."""
    kinds = (_WITH_UNIT, _CENSORED, _RANGE, re.compile(r"[+-]?[0-9.,]+"))
    return any(kind.fullmatch(cell) for cell in pd.unique(text) for kind in kinds)


def read_ages(name: str, text: pd.Series[str]) -> ColumnReading:
    """Read a column of ages into years.

    Parameters
    ----------
    name : str
        The column's name, for messages.
    text : Series of str
        Stripped cells.

    Returns
    -------
    ColumnReading
        float64 years; an age that is not one number of years is a problem of its row (COH-207).

    Examples
    --------
    >>> column = read_ages("age", pd.Series(["71", "042Y", "018M", "89+"]))
    >>> column.values.tolist(), column.readings
    ([71.0, 42.0, 1.5, nan], ["age: '042Y' read as 42 years, '018M' as 1.5 years"])
    >>> column.problems[3].problem
    "age is censored: '89+'"
    """
    numbers = read_numbers(name, text)
    values = numbers.values.astype(np.float64)
    problems: dict[int, Problem] = {}
    converted: dict[str, float] = {}
    for row in numbers.problems:
        cell = str(text.iloc[row])
        found = _WITH_UNIT.fullmatch(cell)
        if found and float(found[1]) > 0:
            values[row] = converted[cell] = float(found[1]) / _UNITS[found[2][0].lower()]
        else:
            problems[row] = _unread(name, cell)
    for row in np.flatnonzero((values < 0) | (values > OLDEST)):
        problems[int(row)] = Problem(
            "COH-207",
            f"{name} is no age in years: {str(text.iloc[row])!r}",
            "give years; name a column of another unit after it, as age_months; leave a missing age empty",
        )
        values[row] = np.nan
    readings = list(numbers.readings)
    if converted:
        kinds = {_WITH_UNIT.fullmatch(cell)[2].lower(): cell for cell in reversed(converted)}  # type: ignore[index]  # each of them matched
        first, *others = [(cell, converted[cell]) for cell in converted if cell in kinds.values()]
        said = [f"{first[0]!r} read as {first[1]:.4g} years"]
        said += [f"{cell!r} as {years:.4g} years" for cell, years in others]
        readings.append(f"{name}: {', '.join(said)}")
    return ColumnReading(values, problems, numbers.missing, readings)


def _unread(name: str, cell: str) -> Problem:
    if _CENSORED.fullmatch(cell):
        return Problem(
            "COH-207", f"{name} is censored: {cell!r}", "give the age itself, or leave this person out"
        )
    if _RANGE.fullmatch(cell):
        return Problem(
            "COH-207",
            f"{name} is a range: {cell!r}",
            "give the age itself; where every age is a range, put the column into cohort.categorical",
        )
    if _WITH_UNIT.fullmatch(cell):
        return Problem(
            "COH-207",
            f"{name} is zero, as de-identification leaves it: {cell!r}",
            "take the age from the study's records, or leave the cell empty",
        )
    return Problem(
        "COH-207",
        f"{name} is no age: {cell!r}",
        "give years as a number, or as 042Y, 018M, 006W, 010D; a missing age is an empty cell or n/a",
    )
