"""Values of one column out of its text: numbers, ages in years, and sexes.

Numbers are read strictly, with the decimal mark recognised over the whole column. DICOM writes an age as
three digits and a unit: ``042Y``, ``018M``, ``006W``, ``010D`` (PS3.5, value representation AS). Shared
cohorts also hold ``89+`` (censored for privacy), ``35-40`` (a range) and ``0Y`` (what some de-identifiers
leave); none of them says how old a person is. Words for sexes become F and M with the mapping shown, codes
stay codes, and the two are never mixed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from normwise.cohort.plain_numbers import LONGEST, MISSING, NUMBER, THOUSANDS, read_cell, read_plain
from normwise.errors import CohortError
from normwise.reprs import ShortRepr
from normwise.schema import listed

__all__ = [
    "OLDEST",
    "ColumnReading",
    "Problem",
    "age_at_session",
    "cap_ages",
    "is_code",
    "is_missing",
    "looks_like_ages",
    "names_a_sex",
    "names_an_age",
    "plain_code",
    "read_ages",
    "read_numbers",
    "read_sexes",
    "spell_out",
    "unit_of_age",
]

_HELD_AS_NUMBERS = "number_text"  # the type of `NumberText`, whose file long tables alone load

OLDEST = 130.0
"""Years; nobody has been older, so a larger number is another unit or a code."""

_OLDEST_SHOWN = 89.0  # years; older people share one age in what is shown to others

_UNITS = {"y": 1.0, "m": 12.0, "w": 365.25 / 7, "d": 365.25}  # units a year
_UNIT = r"(y|yrs?|years?|m|mos?|mths?|months?|w|wks?|weeks?|d|days?)"
_WITH_UNIT = re.compile(rf"([0-9]+(?:\.[0-9]+)?)\s*{_UNIT}", re.IGNORECASE)
_CENSORED = re.compile(r"(?:[<>≥≤]=?\s*[0-9.]+|[0-9.]+\s*\+)\s*[a-z]*", re.IGNORECASE)
_DATE = re.compile(r"[0-9]{4}([-/.])[0-9]{1,2}\1[0-9]{1,2}([T ].*)?|[0-9]{1,2}([-/.])[0-9]{1,2}\3[0-9]{2,4}")
_RANGE = re.compile(r"[0-9.]+\s*[a-z]*\s*(?:-|–|to)\s*[0-9.]+\s*[a-z]*", re.IGNORECASE)
_NOT_YEARS = {"group", "range", "bin", "category", "class", "month", "months", "week", "weeks", "day", "days"}
_OF_SESSION = {
    "age", "ages", "at", "of", "in", "the", "y", "yr", "yrs", "year", "years", "participant", "patient",
    "subject", "session", "ses", "scan", "scanning", "visit", "mri", "imaging", "image", "acquisition",
    "acq", "exam", "examination", "assessment",
}  # fmt: skip

_AGE_UNITS: dict[str, str | None] = {
    **dict.fromkeys(("y", "yr", "yrs", "year", "years"), ""),
    **dict.fromkeys(("m", "mo", "mos", "mon", "mons", "mth", "mths", "month", "months"), "months"),
    **dict.fromkeys(("w", "wk", "wks", "week", "weeks"), "weeks"),
    **dict.fromkeys(("d", "day", "days"), "days"),
    **dict.fromkeys(("decade", "decades", "quarter", "quarters", "hour", "hours", "h", "hrs"), None),
}
_OF_COUNTS = {"decimal", "completed", "full", "whole", "rounded", "integer", "number", "a", "old", "life"}
_YEARS_OLD = re.compile(r"\by[./]?o\b\.?")
_PLURAL = re.compile(r"(?<=[a-z])(?:/s\b|\(s\))")
_RANGE_OR_DECIMALS = re.compile(r"[0-9]+\s*(?:-|–|to)\s*[0-9]+|[0-9]+ decimals?")
_OF_OTHER_TIMES = re.compile(
    r"[0-9]|\b(?:since|from|after|before|until|per|gestation|convert|conception)|menstrua"
)
_SINCE_BIRTH = re.compile(r"\b(?:since|from|after) birth\b")
_ARITHMETIC = re.compile(
    r"[*/÷×^+]|[0-9][\s-]*y|\b(?:log|ln|sqrt|squared?|divided|scaled|cent(?:er|re)d|standardi|normali|z-?scor)"
)

_SEX_WORDS = {
    **dict.fromkeys(("f", "female", "woman", "girl"), "F"),
    **dict.fromkeys(("m", "male", "man", "boy"), "M"),
}
_SEX_PLURALS = {"women": "F", "girls": "F", "females": "F", "men": "M", "boys": "M", "males": "M"}
_CODE = re.compile(r"([0-9]+)(?:[.,]0*)?")
_SEX_CODES = ({"0", "1"}, {"1", "2"})


class Problem(NamedTuple):
    """Why one row can't be used.

    Attributes
    ----------
    code : str
        Letters of the branch and a number, as in `NormwiseError`.
    problem : str
        What is wrong, in words that hold for every row of the code.
    advice : str
        What to do.
    seen : str
        The row's own value, path or lines.
    missing : str
        What is missing, if anything is.
    image : bool
        Whether it is the image that is missing or ambiguous.
    """

    code: str
    problem: str
    advice: str = ""
    seen: str = ""
    missing: str = ""
    image: bool = False

    @property
    def text(self) -> str:
        """What is wrong, with what was seen."""
        return f"{self.problem}: {self.seen}" if self.seen else self.problem

    def error(self, subject: str) -> CohortError:
        """Return it as an error about ``subject``."""
        return CohortError(self.code, f"{self.text}.", subject=subject, advice=self.advice)


@dataclass(frozen=True, repr=False)
class ColumnReading(ShortRepr):
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
    missing: NDArray[np.bool_] = text.isin(MISSING).to_numpy(dtype=bool)
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
    if text.dtype.name == _HELD_AS_NUMBERS:
        numbers = np.asarray(getattr(text.array, "values"))  # noqa: B009 - of NumberText, which few tables load
        return ColumnReading(numbers.copy(), {}, np.isnan(numbers), [])
    plain = read_plain(text.tolist())
    if plain is not None:
        return ColumnReading(plain, {}, np.isnan(plain), [])
    missing = is_missing(text)
    codes, levels = pd.factorize(text.where(~missing))
    counts = np.bincount(codes[codes >= 0], minlength=len(levels))
    texts = [str(level) for level in levels]
    commas = [place for place, level in enumerate(texts) if "," in level and NUMBER[","].fullmatch(level)]
    points = [place for place, level in enumerate(texts) if "." in level and NUMBER[r"\."].fullmatch(level)]
    decimal_comma = bool(commas) and counts[commas].sum() > counts[points].sum()
    readings = []
    if decimal_comma:
        if all(THOUSANDS.fullmatch(texts[place]) for place in commas):
            raise CohortError(
                "COH-110",
                "the commas may mark decimals or separate thousands.",
                subject=name,
                seen=repr(texts[commas[0]]),
                advice="write the numbers with a decimal point and no thousands separator",
            )
        readings.append(f"{name}: decimal comma, as {texts[commas[0]]!r}")
    numbers = np.array(
        [read_cell(level, "," if decimal_comma else r"\.") for level in texts], dtype=np.float64
    )
    values = np.where(codes >= 0, np.append(numbers, np.nan)[codes], np.nan)
    unread = np.isnan(values) & ~missing
    mark = "comma" if decimal_comma else "point"
    return ColumnReading(
        values,
        {int(row): _not_a_number(name, texts[codes[row]], mark) for row in np.flatnonzero(unread)},
        missing,
        readings,
    )


def _not_a_number(name: str, text: str, mark: str) -> Problem:
    return Problem(
        "COH-206",
        f"{name} is not a number",
        f"give a number with a decimal {mark}; only an empty cell and n/a are missing, and a column of codes "
        "belongs in cohort.categorical",
        repr(text),
    )


def names_an_age(name: str) -> bool:
    """Return whether a column's name says that it holds ages in years.

    Examples
    --------
    >>> [names_an_age(name) for name in ("Age", "AGE_AT_SCAN", "PatientAge", "age_months", "stage")]
    [True, True, True, False, False]
    """
    words = _words_in(name)
    return bool(words & {"age", "ages"}) and not words & _NOT_YEARS


def age_at_session(name: str) -> str | None:
    """Return the unit that a column's name adds to ages at a session; None where it holds no such ages.

    Examples
    --------
    >>> [age_at_session(name) for name in ("age", "age_at_session", "session_age_months", "age_at_onset")]
    ['', '', 'months', None]
    """
    words = _words_in(name)
    units = words & {"months", "weeks", "days"}
    if not words & {"age", "ages"} or len(units) > 1 or words - units - _OF_SESSION:
        return None
    return units.pop() if units else ""


def cap_ages(name: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ages as they may be shown to others: 90 for everybody above 89.

    So few people are older that an exact age helps to tell who they are (45 CFR 164.514(b)(2)(i)(C)).

    Parameters
    ----------
    name : str
        The column's name; what is no age stays as it is.
    values : ndarray
        Numbers.

    Examples
    --------
    >>> cap_ages("age", np.array([89.0, 89.5, 96.0])).tolist(), cap_ages("MMSE", np.array([96.0])).tolist()
    ([89.0, 90.0, 90.0], [96.0])
    """
    return np.where(values > _OLDEST_SHOWN, _OLDEST_SHOWN + 1, values) if names_an_age(name) else values


def looks_like_ages(text: pd.Series[str]) -> bool:
    """Return whether any cell is an age, a range of ages, a censored age, or a date."""
    kinds = (_WITH_UNIT, _CENSORED, _RANGE, _DATE, re.compile(r"[+-]?[0-9.,]+"))
    cells = [cell for cell in pd.unique(text) if len(cell) <= LONGEST]
    return any(kind.fullmatch(cell) for cell in cells for kind in kinds)


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
    >>> column.problems[3].text
    "age is censored: '89+'"
    """
    numbers = read_numbers(name, text)
    values = numbers.values.astype(np.float64)
    problems: dict[int, Problem] = {}
    converted: dict[str, float] = {}
    for row in numbers.problems:
        cell = str(text.iloc[row])[: LONGEST + 1]
        match = _WITH_UNIT.fullmatch(cell)
        if match and float(match[1]) > 0:
            values[row] = converted[cell] = float(match[1]) / _UNITS[match[2][0].lower()]
        else:
            problems[row] = _unread(name, cell)
    for row in np.flatnonzero((values < 0) | (values > OLDEST)):
        problems[int(row)] = Problem(
            "COH-207",
            f"{name} is no age in years",
            "give years; name a column of another unit after it, as age_months; leave a missing age empty",
            repr(str(text.iloc[row])),
        )
        values[row] = np.nan
    readings = list(numbers.readings)
    if converted:
        kinds = {_WITH_UNIT.fullmatch(cell)[2].lower(): cell for cell in reversed(converted)}  # type: ignore[index]  # each of them matched
        first, *others = [(cell, converted[cell]) for cell in converted if cell in kinds.values()]
        conversions = [f"{first[0]!r} read as {first[1]:.4g} years"]
        conversions += [f"{cell!r} as {years:.4g} years" for cell, years in others]
        readings.append(f"{name}: {', '.join(conversions)}")
    return ColumnReading(values, problems, numbers.missing, readings)


def _unread(name: str, cell: str) -> Problem:
    if len(cell) > LONGEST:
        problem, advice = "is no age", f"a cell of more than {LONGEST} characters is not read as an age"
        cell = f"{cell[:40]}…"
    elif _DATE.fullmatch(cell):
        problem, advice = "is a date", "give the age at the scan in years"
    elif _CENSORED.fullmatch(cell):
        problem, advice = "is censored", "give the age itself, or leave this person out"
    elif _RANGE.fullmatch(cell):
        problem = "is a range"
        advice = "give the age itself; where every age is a range, put the column into cohort.categorical"
    elif _WITH_UNIT.fullmatch(cell):
        problem = "is zero, as de-identification leaves it"
        advice = "take the age from the study's records, or leave the cell empty"
    else:
        problem = "is no age"
        advice = "give years as a number, or as 042Y, 018M, 006W, 010D; a missing age is an empty cell or n/a"
    return Problem("COH-207", f"{name} {problem}", advice, repr(cell))


def names_a_sex(name: str) -> bool:
    """Return whether a column's name says that it holds sexes.

    Examples
    --------
    >>> [names_a_sex(name) for name in ("sex", "M/F", "PatientSex", "gender_code", "MF", "Essex")]
    [True, True, True, True, True, False]
    """
    words = _words_in(name)
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
    codes = {level: match[1] for level in levels if (match := _CODE.fullmatch(level))}
    words = {level: _SEX_WORDS[level.casefold()] for level in levels if level.casefold() in _SEX_WORDS}
    others = [level for level in levels if level not in codes and level not in words]
    if codes and (words or others or not any(set(codes.values()) <= scheme for scheme in _SEX_CODES)):
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
    changes = []
    for sex in ("F", "M"):
        changed = [repr(level) for level, value in words.items() if value == sex and level != sex]
        if changed:
            changes.append(f"{', '.join(changed)} read as {sex}")
    if others:
        changes.append(
            f"{', '.join(map(repr, others))} kept as {'a category' if len(others) == 1 else 'categories'}"
        )
    if changes:
        readings.append(f"{name}: {'; '.join(changes)}")
    mapping = {**codes, **words, **{level: level for level in others}}
    values = np.array([mapping.get(cell) for cell in text], dtype=object)
    return ColumnReading(values, {}, missing, readings)


def is_code(level: str) -> bool:
    """Return whether a category's level is a number, which says nothing of what it stands for.

    Examples
    --------
    >>> is_code("1"), is_code("2.0"), is_code("F")
    (True, True, False)
    """
    return _CODE.fullmatch(level) is not None


def plain_code(level: str) -> str:
    """Return a code without decimals; any other level as it is.

    Examples
    --------
    >>> plain_code("2.0"), plain_code("2.5"), plain_code("F")
    ('2', '2.5', 'F')
    """
    match = _CODE.fullmatch(level)
    return match[1] if match else level


def spell_out(name: str, text: pd.Series[str], words: Mapping[str, str]) -> tuple[pd.Series[str], list[str]]:
    """Replace a category's codes by the words that a data dictionary has for them.

    Sexes become ``F`` and ``M``. Either every code in the column has a word of its own, or all of them stay.

    Parameters
    ----------
    name : str
        The column's name.
    text : Series of str
        Stripped cells.
    words : mapping of str to str
        What each code stands for; empty where nothing says so.

    Returns
    -------
    text : Series of str
        The cells.
    readings : list of str
        What was replaced, for people.

    Examples
    --------
    >>> cells, readings = spell_out("sex", pd.Series(["1", "2"]), {"1": "male participant", "2": "Female"})
    >>> cells.tolist(), readings
    (['M', 'F'], ["sex: '1' stands for M, '2' for F, as the data dictionary says"])
    """
    sexes = names_a_sex(name)
    levels = sorted(str(level) for level in pd.unique(text[~is_missing(text)]))
    # A word needs no other; of sexes, one that is not known may be explained as well.
    unclear = [level for level in levels if is_code(level) or (sexes and level.casefold() not in _SEX_WORDS)]
    known = {level: word for level in unclear if (word := _word_of(level, words, sexes=sexes))}
    if not known:
        return text, []
    unknown = [level for level in unclear if is_code(level) and level not in known]
    plain = {plain_code(level) for level in known}
    if unknown or len(set(known.values())) < len(plain):
        seen = f"has no word for {unknown[0]!r}" if unknown else "has one word for two codes"
        return text, [f"{name}: the data dictionary {seen}, so that the codes are kept"]
    first, *others = [(level, known[level]) for level in known]
    listing = [f"{first[0]!r} stands for {first[1]}", *(f"{level!r} for {word}" for level, word in others)]
    return text.replace(known), [f"{name}: {', '.join(listing)}, as the data dictionary says"]


def _word_of(level: str, words: Mapping[str, str], *, sexes: bool) -> str:
    word = words.get(level) or words.get(plain_code(level), "")
    named = {
        _SEX_WORDS.get(part) or _SEX_PLURALS.get(part) for part in re.findall(r"[a-z]+", word.casefold())
    }
    named.discard(None)
    return str(named.pop()) if sexes and len(named) == 1 else word


def unit_of_age(text: str) -> str | None:
    """Return the unit of ages that a data dictionary names: empty for years, None where it is not clear.

    Years change no number and may stand in any text that names no other unit and no arithmetic. Ages are
    divided only where the text begins as an age in one unit, and counts it from birth.

    Examples
    --------
    >>> unit_of_age("Months"), unit_of_age("d"), unit_of_age("mo"), unit_of_age("decimal years")
    ('months', 'days', 'months', '')
    >>> [unit_of_age(text) for text in ("decades", "days since birth / 365.25", "months or years")]
    [None, None, None]
    """
    plain = _PLURAL.sub("s", _YEARS_OLD.sub("years", text.strip().casefold()))
    if plain.rstrip(".") == "a":  # the year of UCUM
        return ""
    plain = _SINCE_BIRTH.sub(" ", _RANGE_OR_DECIMALS.sub(" ", plain))
    words = re.findall(r"[^\W\d_]+", plain)
    places = [place for place, word in enumerate(words) if word in _AGE_UNITS]
    units = {_AGE_UNITS[words[place]] for place in places}
    if len(units) != 1 or _ARITHMETIC.search(plain):
        return None
    unit = units.pop()
    if unit and (set(words[: places[0]]) - _OF_SESSION - _OF_COUNTS or _OF_OTHER_TIMES.search(plain)):
        return None
    return unit


def _words_in(name: str) -> set[str]:
    """Return the words of a column's name, in small letters."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}
