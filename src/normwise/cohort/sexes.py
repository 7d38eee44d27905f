"""Sexes: words become F and M with the mapping shown, codes stay codes, and the two are never mixed."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from normwise.cohort.values import ColumnReading, is_missing
from normwise.errors import CohortError
from normwise.schema import listed

__all__ = ["names_a_sex", "read_sexes"]

_WORDS = {
    **dict.fromkeys(("f", "female", "woman", "girl"), "F"),
    **dict.fromkeys(("m", "male", "man", "boy"), "M"),
}
_CODE = re.compile(r"([0-9]+)(?:[.,]0*)?")
_SCHEMES = ({"0", "1"}, {"1", "2"})


def names_a_sex(name: str) -> bool:
    """Return whether a column's name says that it holds sexes.

    Examples
    --------
    >>> [names_a_sex(name) for name in ("sex", "M/F", "PatientSex", "gender_code", "MF", "Essex")]
    [True, True, True, True, True, False]
    """
    words = {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}
    return bool(words & {"sex", "gender"}) or re.sub(r"[\W_]", "", name).lower() in {"mf", "fm"}


def read_sexes(name: str, text: pd.Series[str]) -> ColumnReading:
    """Read a column of sexes as categories.

    Words for female and male become ``F`` and ``M``; other words (``D``, ``other``) are categories of their
    own. Codes 0/1 or 1/2 stay codes, since a table rarely says which is which.

    Parameters
    ----------
    name : str
        The column's name, for messages.
    text : Series of str
        Stripped cells.

    Returns
    -------
    ColumnReading
        Objects: a category, or None where the cell is missing.

    Raises
    ------
    CohortError
        COH-109 where words and codes, or codes of several schemes, are mixed.

    Examples
    --------
    >>> column = read_sexes("sex", pd.Series(["F", "f", "Female", "M", "D"]))
    >>> column.values.tolist(), column.readings
    (['F', 'F', 'F', 'M', 'D'], ["sex: 'f', 'Female' read as F; 'D' kept as a category"])
    """
    missing = is_missing(text)
    levels = [str(level) for level in pd.unique(text[~missing])]
    codes = {level: found[1] for level in levels if (found := _CODE.fullmatch(level))}
    words = {level: _WORDS[level.casefold()] for level in levels if level.casefold() in _WORDS}
    others = [level for level in levels if level not in codes and level not in words]
    if codes and (words or others or not any(set(codes.values()) <= scheme for scheme in _SCHEMES)):
        raise CohortError(
            "COH-109",
            "sexes are written in several ways.",
            subject=name,
            seen=listed(repr(level) for level in sorted(levels)),
            expected="words (F, M), or codes 0 and 1, or codes 1 and 2",
            advice=f'write them in one way, or keep the known ones with cohort.include = ["{name} in …"]',
        )
    readings = []
    if codes:
        plain = sorted(set(codes.values()))
        readings.append(
            f"{name}: codes {' and '.join(plain)} kept as categories; the table says not which is which"
        )
    said = []
    for sex in ("F", "M"):
        changed = [repr(level) for level, value in words.items() if value == sex and level != sex]
        if changed:
            said.append(f"{', '.join(changed)} read as {sex}")
    if others:
        said.append(
            f"{', '.join(map(repr, others))} kept as {'a category' if len(others) == 1 else 'categories'}"
        )
    if said:
        readings.append(f"{name}: {'; '.join(said)}")
    mapping = {**codes, **words, **{level: level for level in others}}
    values = np.array([mapping.get(cell) for cell in text], dtype=object)
    return ColumnReading(values, {}, missing, readings)
