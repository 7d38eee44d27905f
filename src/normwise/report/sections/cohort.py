"""Who was listed, who was left out and why, and who remained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from normwise.report.render import render
from normwise.report.saved_run import SavedRun
from normwise.report.section import Section
from normwise.report.wording import number, tidy
from normwise.results import FlowStep, Note

__all__ = [
    "Cell",
    "all_warnings",
    "describe_values",
    "grouped",
    "participants",
    "readings",
    "with_remainder",
]

_MISSING_CODES = ("COH-202", "COH-205", "COH-208", "COH-214", "COH-215")
_COUNTED = ("class", "people", "scans")


@dataclass(frozen=True)
class Cell:
    """A table cell: its text and a smaller second line."""

    text: str
    detail: str = ""


def participants(run: SavedRun) -> Section:
    """Show the flow of participants and the composition of the classes."""
    record = run.record
    demographics = [
        name
        for name in dict.fromkeys(key for row in record.composition for key in row)
        if name not in _COUNTED
    ]
    classes = [
        {
            "name": str(row.get("class", "")),
            "normal": row.get("class") == record.normal,
            "people": _count(row.get("people")),
            "scans": _count(row.get("scans")),
            "cells": [describe_values(row.get(name)) for name in demographics],
        }
        for row in record.composition
    ]
    columns = list(
        dict.fromkeys(
            name for row in record.sites for name in row if name not in ("site", "classes", *_COUNTED)
        )
    )
    sites = [
        {
            "name": str(row.get("site", "")),
            "people": _count(row.get("people")),
            "scans": _count(row.get("scans")),
            "classes": [_count(dict(row.get("classes") or {}).get(name)) for name in record.classes],
            "cells": [describe_values(row.get(name)) for name in columns],
        }
        for row in record.sites
    ]
    kinds = list(
        dict.fromkeys([*record.classes, *(name for counts in record.missing.values() for name in counts)])
    )
    sizes = {str(row.get("class", "")): _count(row.get("scans")) for row in record.composition}
    body = render(
        "participants.html",
        record=record,
        flow=with_remainder(record.n_listed, record.flow),
        demographics=demographics,
        classes=classes,
        sizes=sizes,
        sites=sites,
        complete=not record.missing and not any(step.code in _MISSING_CODES for step in record.flow),
        site_columns=columns,
        kinds=kinds,
    )
    return Section("Participants", body)


def with_remainder(listed: int, flow: list[FlowStep]) -> list[tuple[FlowStep, int]]:
    """Return each step with how many rows remain after it.

    Examples
    --------
    >>> steps = [FlowStep("left out", "COH-301", "Age < 60", 218), FlowStep("left out", "IMG-104", "CRC", 1)]
    >>> [left for _, left in with_remainder(436, steps)]
    [218, 217]
    """
    told = []
    for step in flow:
        listed -= step.scans
        told.append((step, listed))
    return told


def describe_values(value: Any) -> Cell:
    """Put a summary of one demographic in words: mean ± SD with range, or counts by level.

    Examples
    --------
    >>> describe_values({"mean": 71.26, "sd": 8.1, "min": 60.0, "max": 92.0})
    Cell(text='71.3 ± 8.1', detail='60 to 92')
    >>> describe_values({"F": 56, "M": 42}).text, describe_values({"1": 435, "2": 95}).text
    ('F 56, M 42', '1: 435, 2: 95')
    """
    if isinstance(value, Mapping) and "mean" in value:
        spread = f" ± {number(value['sd'], 1)}" if value.get("sd") is not None else ""
        ends = [value.get("min"), value.get("max")]
        detail = " to ".join(f"{round(end, 1):g}".replace("-", "−") for end in ends if end is not None)
        return Cell(f"{number(value['mean'], 1)}{spread}", detail)
    if isinstance(value, Mapping):
        # Codes would run into their counts.
        marks = {level: ":" if str(level).replace(".", "").isdigit() else "" for level in value}
        return Cell(", ".join(f"{level}{marks[level]} {_count(value[level])}" for level in value))
    return Cell("n/a" if value is None else str(value))


def _count(value: Any) -> str:
    return tidy(value) if isinstance(value, int | float) else "n/a"


def readings(run: SavedRun) -> Section:
    """Show readings and warnings; no warning is said to be none."""
    body = render("readings.html", groups=grouped(all_warnings(run)), readings=run.record.readings)
    return Section("Warnings and readings", body)


def all_warnings(run: SavedRun) -> list[Note]:
    """Return the run's and the evaluation's warnings, each once."""
    notes = run.evaluation.notes if run.evaluation else []
    return list(dict.fromkeys([*run.record.warnings, *notes]))


def grouped(warnings: list[Note]) -> list[tuple[str, list[str]]]:
    """Put warnings of one code together, in the order of their first; those without a code stand alone.

    Examples
    --------
    >>> grouped([Note("NRM-203", "in a"), Note("", "odd"), Note("NRM-203", "in b")])
    [('NRM-203', ['in a', 'in b']), ('', ['odd'])]
    """
    groups: dict[str, tuple[str, list[str]]] = {}
    for note in warnings:
        groups.setdefault(note.code or note.text, (note.code, []))[1].append(note.text)
    return list(groups.values())
