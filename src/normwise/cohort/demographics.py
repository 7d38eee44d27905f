"""Demographics: which are numbers, which are categories, and the value of each for each person."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from normwise.cohort.values import (
    ColumnReading,
    Problem,
    is_missing,
    looks_like_ages,
    names_a_sex,
    names_an_age,
    read_ages,
    read_numbers,
    read_sexes,
)
from normwise.errors import CohortError, NormwiseWarning
from normwise.schema import Roles, did_you_mean, listed

__all__ = ["is_category", "read_categories", "read_demographics", "read_quantity", "value_problems"]

_PLACEHOLDERS = (-9999.0, -999.0, -99.0, 999.0, 9999.0)  # what other programs write for a missing number


def read_quantity(name: str, text: pd.Series[str]) -> ColumnReading:
    """Read a column of ages, where its name says so, or else of numbers.

    Parameters
    ----------
    name : str
        The column's name.
    text : Series of str
        Stripped cells.
    """
    return read_ages(name, text) if names_an_age(name) else read_numbers(name, text)


def is_category(name: str, text: pd.Series[str]) -> bool:
    """Decide whether a demographic is a category.

    A column of sexes is one; a column of ages is none; any other column is one if fewer than half of its
    values are numbers.

    Parameters
    ----------
    name : str
        The column's name.
    text : Series of str
        Stripped cells.

    Examples
    --------
    >>> is_category("site", pd.Series(["A", "B"])), is_category("Educ", pd.Series(["12", "16+", "9"]))
    (True, False)
    """
    if names_a_sex(name):
        return True
    present = text[~is_missing(text)]
    if names_an_age(name) and looks_like_ages(present):
        return False
    if present.empty:
        return False
    unread = len(read_numbers(name, present).problems)
    return 2 * unread > len(present)


def read_categories(name: str, text: pd.Series[str]) -> ColumnReading:
    """Read a column of categories: sexes, where its name says so, or else the text as it stands.

    Parameters
    ----------
    name : str
        The column's name.
    text : Series of str
        Stripped cells.
    """
    if names_a_sex(name):
        reading = read_sexes(name, text)
    else:
        missing = is_missing(text)
        reading = ColumnReading(text.where(~missing, None).to_numpy(dtype=object), {}, missing)
    counts = pd.Series(reading.values, dtype=object).value_counts().sort_index()
    levels = listed(f"{level} ({count})" for level, count in counts.items())
    return ColumnReading(
        reading.values,
        reading.problems,
        reading.missing,
        [*reading.readings, f"{name}: a category of {levels}"],
    )


def value_problems(name: str, reading: ColumnReading) -> dict[int, Problem]:
    """Return, by row, why a demographic has no usable value; a missing one is COH-205.

    Parameters
    ----------
    name : str
        The column's name.
    reading : ColumnReading
        What was read of it.
    """
    absent = Problem(
        "COH-205",
        f"{name} is missing",
        "fill it in; the features can't be corrected without it",
        missing=name,
    )
    return {**{int(row): absent for row in np.flatnonzero(reading.missing)}, **reading.problems}


def warn_of_placeholders(name: str, values: NDArray[np.float64]) -> None:
    """Warn (COH-301) where a column of numbers holds what other programs write for a missing one.

    Parameters
    ----------
    name : str
        The column's name.
    values : ndarray of shape (n_rows,)
        What was read of it.
    """
    counts = {code: rows for code in _PLACEHOLDERS if (rows := int((values == code).sum()))}
    if counts:
        held = ", ".join(f"{code:g} (rows: {rows})" for code, rows in counts.items())
        text = (
            f"{name} holds {held}, used as a number. If it stands for a missing value, leave the "
            f'cell empty, or add "{name} != {next(iter(counts)):g}" to cohort.include.'
        )
        warnings.warn(NormwiseWarning("COH-301", text, subject=name), stacklevel=3)


def read_demographics(
    values: pd.DataFrame | Mapping[str, object], roles: Roles
) -> tuple[pd.DataFrame, list[str]]:
    """Read the demographics of new people as those of the cohort were read.

    Parameters
    ----------
    values : DataFrame of str, or mapping of name to value
        A table as text with one row a person, or the values of one person.
    roles : Roles
        Which demographics there are, and which of them are categories.

    Returns
    -------
    frame : DataFrame
        The demographics alone, float64 or object columns, on the index of ``values``.
    readings : list of str
        How the values were read, for people.

    Raises
    ------
    CohortError
        COH-107 where a demographic is not given or an unknown one is, COH-109, COH-205 to COH-207 and COH-110
        where a value can't be used.

    Examples
    --------
    >>> roles = Roles("CDR", ("normal", "AD"), "normal", ("normal", "AD"), ("Age", "M/F"), ("M/F",))
    >>> frame, readings = read_demographics({"Age": "071Y", "M/F": "female"}, roles)
    >>> frame.to_dict("records"), readings[0]
    ([{'Age': 71.0, 'M/F': 'F'}], "Age: '071Y' read as 71 years")
    """
    if isinstance(values, Mapping):
        unknown = [name for name in values if name not in roles.demographics]
        if unknown:
            raise CohortError(
                "COH-107",
                f"{unknown[0]!r} is no demographic of this study.",
                expected=listed(roles.demographics),
                advice=did_you_mean(unknown[0], roles.demographics),
            )
        values = pd.DataFrame({name: [str(value).strip()] for name, value in values.items()}, dtype=object)
    columns: dict[str, pd.Series[Any]] = {}
    readings: list[str] = []
    for name in roles.demographics:
        if name not in values.columns:
            raise CohortError(
                "COH-107",
                f"the demographic {name!r} is not given.",
                seen=listed(values.columns),
                expected=listed(roles.demographics),
                advice=f"add it: --set {name}=…, or a column of the table",
            )
        text = values[name]
        reading = read_categories(name, text) if name in roles.categorical else read_quantity(name, text)
        for row, problem in sorted(value_problems(name, reading).items()):
            raise problem.error(str(values.index[row]) if len(values) > 1 else name)
        # With its type, since pandas would make its own text type of objects that are text.
        columns[name] = pd.Series(reading.values, index=values.index, dtype=reading.values.dtype)
        readings += reading.readings
    return pd.DataFrame(columns, index=values.index), readings
