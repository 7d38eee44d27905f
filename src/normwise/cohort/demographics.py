"""Demographics: which are numbers, which are categories, and the value of each for each person."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from normwise.cohort.values import (
    ColumnReading,
    Problem,
    is_code,
    is_missing,
    looks_like_ages,
    names_a_sex,
    names_an_age,
    plain_code,
    read_ages,
    read_numbers,
    read_sexes,
)
from normwise.errors import CohortError, NormwiseWarning
from normwise.schema import Roles, did_you_mean, listed

__all__ = [
    "is_category",
    "levels_of",
    "match_levels",
    "read_categories",
    "read_demographics",
    "read_quantity",
    "value_problems",
]

# What other programs write for a missing number. Neither -9 nor 99, which may be a score and an age, since
# the value alone decides here; of features (FEA-910) its distance from the others does so as well.
_PLACEHOLDERS = (-9999.0, -999.0, -99.0, 999.0, 9999.0)
_WORDS_FOR_MISSING = {
    "nan",
    "none",
    "null",
    "nil",
    "missing",
    "unknown",
    "unk",
    "?",
    "-",
    "--",
    ".",
    "#n/a",
    "<na>",
    "-9",
    "-99",
    "-999",
}

_TWO_CODES = ({0.0, 1.0}, {1.0, 2.0}, {-1.0, 1.0}, {0.0, 2.0})  # how two categories are written as numbers


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
        values, readings = text.where(~missing, None).to_numpy(dtype=object), []
        written = [str(level) for level in pd.unique(text[~missing])]
        codes = {level: plain_code(level) for level in written if is_code(level)}
        # Another program has written some of the whole numbers with decimals.
        if len(codes) == len(written) > len(set(codes.values())):
            values = text.replace(codes).where(~missing, None).to_numpy(dtype=object)
            changed = ", ".join(f"{level!r} as {code!r}" for level, code in codes.items() if level != code)
            readings = [f"{name}: {changed}"]
        reading = ColumnReading(values, {}, missing, readings)
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


def levels_of(values: NDArray[np.float64] | NDArray[np.object_]) -> tuple[str, ...]:
    """Return the levels of a demographic as a model keeps them: of a category, or of a code of two numbers.

    Parameters
    ----------
    values : ndarray of shape (n_rows,)
        Those who take part: objects of a category, float64 of a number.

    Examples
    --------
    >>> levels_of(np.array(["M", "F", "M"], dtype=object)), levels_of(np.array([1.0, 2.0, 1.0]))
    (('F', 'M'), ('1', '2'))
    >>> levels_of(np.array([12.0, 16.0, 12.0]))
    ()
    """
    if values.dtype == object:
        return tuple(sorted({str(level) for level in values if level is not None}))
    numbers = {float(value) for value in np.unique(values[np.isfinite(values.astype(np.float64))])}
    return tuple(f"{value:g}" for value in sorted(numbers)) if numbers in _TWO_CODES else ()


def match_levels(
    name: str, values: NDArray[np.float64] | NDArray[np.object_], roles: Roles
) -> tuple[NDArray[np.float64] | NDArray[np.object_], list[str]]:
    """Write a demographic's levels as the model has them; refuse another coding, and warn of codes.

    A word in other letter case, or a code with decimals, is the model's. A word that the model does not know
    costs its own row later; a code that it does not know means that the columns are coded in two ways, and
    then none of the codes can be trusted.

    Parameters
    ----------
    name : str
        The demographic.
    values : ndarray of shape (n_rows,)
        What was read of it.
    roles : Roles
        Of the model.

    Returns
    -------
    values : ndarray of shape (n_rows,)
        As the model has them.
    readings : list of str
        How it was read, for people.

    Raises
    ------
    CohortError
        COH-115 where the levels differ from the model's.

    Warns
    -----
    NormwiseWarning
        COH-303, codes without words.
    """
    known = roles.levels.get(name, ())
    readings: list[str] = []
    if values.dtype == object and known and name != roles.site:
        alike = {level: same for level in levels_of(values) if (same := _like(level, known))}
        values = np.array([alike.get(level, level) for level in values], dtype=object)
        readings = [
            f"{name}: {level!r} read as {same!r}, as the model has it" for level, same in alike.items()
        ]
    if values.dtype == object:
        found = levels_of(values)
    else:
        found = tuple(f"{value:g}" for value in np.unique(values[np.isfinite(values.astype(np.float64))]))
    if not known or not found or name == roles.site:
        return values, readings
    coded = all(map(is_code, known))
    new = [level for level in found if level not in known]
    if coded != all(map(is_code, found)) or (coded and new):
        raise CohortError(
            "COH-115",
            "the codes are not those of the model, so that one level could be taken for another.",
            subject=name,
            seen=f"levels {listed(found)}",
            expected=f"levels {listed(known)}" + (", whose meaning the model does not know" if coded else ""),
            advice=f"write {name} as the model has it"
            + (
                "; to be safe from such codes, train on a table with words, or with a data dictionary "
                "(participants.json) that gives the Levels"
                if coded
                else ", or say in the Levels of the table's data dictionary (participants.json) what each "
                "code stands for"
            ),
        )
    if not coded:
        return values, readings
    codes = listed(known)
    text = (
        f"{name} has codes ({codes}) in the model and here, and no table says what they stand for: "
        "check that they mean the same"
    )
    warnings.warn(NormwiseWarning("COH-303", text, subject=name), stacklevel=3)
    return values, [*readings, f"{name}: codes {codes} taken to mean what they mean in the model"]


def _like(level: str, known: Sequence[str]) -> str:
    """Return the only known level that is written alike, where it is another one."""
    same = [each for each in known if plain_code(each).casefold() == plain_code(level).casefold()]
    return same[0] if level not in known and len(same) == 1 else ""


def warn_of_missing_codes(
    name: str, values: NDArray[np.float64] | NDArray[np.object_], use: str = "a category"
) -> None:
    """Warn (COH-301) where a column holds what other programs write for a missing value.

    Parameters
    ----------
    name : str
        The column's name.
    values : ndarray of shape (n_rows,)
        What was read of it.
    use : str
        What a word counts as.
    """
    if values.dtype == object:
        words = [level for level in levels_of(values) if level.casefold() in _WORDS_FOR_MISSING]
        counts = {level: int((values == level).sum()) for level in words}
    else:
        codes = {f"{code:g}": int((values == code).sum()) for code in _PLACEHOLDERS}
        counts, use = {code: rows for code, rows in codes.items() if rows}, "a number"
    if counts:
        held = ", ".join(f"{code} (rows: {rows})" for code, rows in counts.items())
        first = next(iter(counts))
        first = f"'{first}'" if "<" in first else first  # which a condition would read as an operator
        text = (
            f"{name} holds {held}, used as {use}. If it stands for a missing value, leave the "
            f'cell empty, or add "{name} != {first}" to cohort.include.'
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
        read, said = match_levels(name, reading.values, roles)
        readings += said
        # With its type, since pandas would make its own text type of objects that are text.
        columns[name] = pd.Series(read, index=values.index, dtype=read.dtype)
        readings += reading.readings
    return pd.DataFrame(columns, index=values.index), readings
