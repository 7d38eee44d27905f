"""The data dictionary beside a table, as BIDS has it: what codes stand for (``Levels``), and units of ages.

``participants.json`` describes ``participants.tsv``; any other table is described by the JSON file of its own
name. ``sub-<label>_sessions.tsv`` is described by the file of its name, or by ``sessions.json`` above it.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from normwise.cohort.plain_numbers import MISSING
from normwise.cohort.tables import Table
from normwise.cohort.values import names_an_age, unit_of_age
from normwise.errors import CohortError, NormwiseWarning
from normwise.schema import listed

__all__ = ["describe_table", "merge_levels"]

MAX_BYTES = 4 * 1024**2  # a dictionary describes columns, not people

_NO_UNIT = {
    *MISSING,
    "none",
    "null",
    "na",
    "nan",
    "-",
    "unitless",
    "number",
    "numeric",
    "integer",
    "int",
    "float",
}
_IN_YEARS, _IN_OTHERS = (
    re.compile(
        rf"\b(?:in|as) (?:decimal |completed |full |whole )?({units})\b|[(\[]({units})[)\]]", re.IGNORECASE
    )
    for units in ("years", "months|weeks|days")
)

Levels = dict[str, dict[str, str]]  # by column, what each code stands for


def describe_table(table: Table, *others: Path) -> Table:
    """Return a table with what its data dictionary says of it.

    Ages in months, weeks or days, by the dictionary or a column ``age_unit`` beside ``age``, become text with
    their unit, ``18 months``, which `read_ages` turns into years.

    Parameters
    ----------
    table : Table
        As it was read.
    *others : Path
        Dictionaries that hold where the table's own, of its name, says nothing.
    """
    levels: Levels = {}
    units: dict[str, str] = {}
    for path in (table.path.with_suffix(".json"), *others):
        for name, entry in _read_dictionary(path).items():
            if name not in table.frame.columns or not isinstance(entry, dict):
                continue
            words = _words_of(entry.get("Levels"))
            if words:
                levels.setdefault(name, words)
            if names_an_age(name) and name not in units:
                unit = _unit_of(name, entry, path)
                if unit is not None:
                    units[name] = unit
    frame, readings = table.frame, list(table.readings)
    units = {name: unit for name, unit in units.items() if unit}
    for name, unit in units.items():
        cells = (
            frame[name]
            .astype(object)
            .str.replace(r"^([0-9]+)(?:[.,]([0-9]+))?$", _with_unit(unit), regex=True)
        )
        if not cells.equals(frame[name]):
            frame = frame.assign(**{name: cells})
            readings.append(f"{name}: in {unit}, as its data dictionary says")
    for name in [str(name) for name in frame.columns if names_an_age(str(name))]:
        beside = next((each for each in (f"{name}_unit", f"{name}_units") if each in frame.columns), None)
        if beside is None or name in units:
            continue
        own, units_given = frame[name].astype(object), frame[beside].astype(object)
        known = {text: unit_of_age(text) for text in units_given.unique()}
        given = units_given.map(lambda text, known=known: known[text] or "")
        number = own.str.fullmatch(r"[0-9]+(?:[.,][0-9]+)?")
        strange = [
            text
            for text in units_given[number].unique()
            if known[text] is None and text.casefold() not in _NO_UNIT
        ]
        if strange:
            _warn_of_unit(
                name, f"the unit {listed([repr(text[:40]) for text in strange], most=3)} is not clear", beside
            )
        plain = number & given.ne("")
        if plain.any():
            cells = own.mask(plain, own.str.replace(",", ".") + " " + given)
            frame = frame.assign(**{name: cells})
            readings.append(f"{name}: in {listed(sorted(set(given[plain])))}, as {beside} says")
    return replace(table, frame=frame, readings=readings, levels=levels)


def _unit_of(name: str, entry: Mapping[str, Any], path: Path) -> str | None:
    """Return the unit of ages, empty for years; None where the entry says none. Warns of COH-313."""
    given = entry.get("Units")
    text = given.strip() if isinstance(given, str) else ""
    if text.casefold() not in _NO_UNIT:
        unit = unit_of_age(text)
        if unit is None:
            _warn_of_unit(name, f"the unit {text[:40]!r} is not clear", path.name)
        return unit or ""
    about = str(entry.get("Description", ""))
    found = _IN_OTHERS.search(about)
    if found is None or _IN_YEARS.search(about):
        return None
    unit = (found[1] or found[2]).lower()
    _warn_of_unit(name, f"its description speaks of {unit}, and no Units are given", path.name)
    return ""


def _warn_of_unit(name: str, why: str, where: str) -> None:
    text = f"{name}: {why} in {where}; its numbers are read as years; Units may be months, weeks or days"
    warnings.warn(NormwiseWarning("COH-313", text, subject=name), stacklevel=4)


def merge_levels(dictionaries: Iterable[Levels], path: Path) -> Levels:
    """Return what several dictionaries say together of one dataset's columns.

    Parameters
    ----------
    dictionaries : iterable of dict
        Each as `Table.levels`.
    path : Path
        The participants table, for the message.

    Raises
    ------
    CohortError
        COH-116 where one code stands for two things.

    Examples
    --------
    >>> merge_levels([{"sex": {"0": "male"}}, {"sex": {"1": "female"}}], Path("participants.tsv"))
    {'sex': {'0': 'male', '1': 'female'}}
    """
    merged: Levels = {}
    for levels in dictionaries:
        for name, words in levels.items():
            known = merged.setdefault(name, {})
            for code, word in words.items():
                if known.setdefault(code, word).casefold() != word.casefold():
                    raise CohortError(
                        "COH-116",
                        f"the code {code!r} of {name} stands for two things.",
                        subject=str(path),
                        seen=f"{known[code]!r} and {word!r} in the Levels of two data dictionaries",
                        advice="write one code, or words, in the participants and the sessions tables",
                    )
    return merged


def _with_unit(unit: str) -> Any:
    def written(match: re.Match[str]) -> str:
        return f"{match[1]}{'.' + match[2] if match[2] else ''} {unit}"

    return written


def _words_of(levels: Any) -> dict[str, str]:
    """Return what each level stands for: a text, or the ``Description`` of an object."""
    if not isinstance(levels, Mapping):
        return {}
    words = {
        str(code).strip(): entry.get("Description", "") if isinstance(entry, Mapping) else entry
        for code, entry in levels.items()
    }
    return {
        code: " ".join(word.split()) for code, word in words.items() if isinstance(word, str) and word.strip()
    }


def _read_dictionary(path: Path) -> dict[str, Any]:
    """Return a dictionary's entries; one that can't be read is warned of (COH-302) and says nothing."""
    if not path.is_file():
        return {}
    try:
        with path.open("rb") as handle:
            content = handle.read(MAX_BYTES + 1)
        entries = json.loads(content.decode("utf-8-sig")) if len(content) <= MAX_BYTES else None
        fault = f"it has more than {MAX_BYTES // 1024**2} MiB, or no entry a column"
    except (OSError, ValueError, RecursionError) as error:
        entries, fault = None, str(error)
    if not isinstance(entries, dict):
        text = f"the data dictionary {path.name} can't be read, so that codes have no words: {fault}"
        warnings.warn(NormwiseWarning("COH-302", text, subject=path.name), stacklevel=2)
        return {}
    return entries
