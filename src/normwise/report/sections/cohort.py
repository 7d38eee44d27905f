"""Who was listed, left out and why, how they were measured, and what the results depend on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from normwise.report.render import Section, render
from normwise.report.saved_run import Album, SavedRun
from normwise.report.wording import number, tidy
from normwise.results import FlowStep, Note, Quality

__all__ = [
    "Cell",
    "CheckRow",
    "all_warnings",
    "allowed",
    "check_rows",
    "describe_values",
    "flattened",
    "grouped",
    "participants",
    "quality",
    "readings",
    "settings",
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
    parts = []
    for step in flow:
        listed -= step.scans
        parts.append((step, listed))
    return parts


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


_FLAGGED, _EXAMPLES, _PICTURES = 12, 3, 4  # scans with pictures, sound ones beside them, pictures of each


@dataclass(frozen=True)
class CheckRow:
    """One check over all scans."""

    stage: str
    name: str
    allowed: str
    scans: int
    failed: int


def quality(run: SavedRun) -> Section | None:
    """Show checks by stage, every flagged scan, and pictures of those and of a few sound ones."""
    if not run.quality and not run.pictures:
        return None
    flagged = {
        scan: [check for check in checks if not check.passed]
        for scan, checks in run.quality.items()
        if not all(check.passed for check in checks)
    }
    album = Album.of_run(run)
    sound = [scan for scan in album.of if scan not in flagged][:_EXAMPLES]
    galleries = [
        (title, [(scan, album.show(scan, _PICTURES)) for scan in scans])
        for title, scans in (("Flagged", list(flagged)[:_FLAGGED]), ("Not flagged, as examples", sound))
    ]
    body = render(
        "quality.html",
        rows=check_rows(run.quality),
        flagged=flagged,
        scans=len(run.quality),
        galleries=[(title, shown) for title, shown in galleries if any(pictures for _, pictures in shown)],
        pictures=len(run.pictures),
        allowed=allowed,
        number=number,
    )
    return Section("Quality of the measurements", body)


def check_rows(quality: dict[str, list[Quality]]) -> list[CheckRow]:
    """Count, by stage and check, the scans and those that failed, the most failed first in a stage."""
    found: dict[tuple[str, str], list[Quality]] = {}
    for checks in quality.values():
        for check in checks:
            found.setdefault((check.stage, check.name), []).append(check)
    return [
        CheckRow(stage, name, allowed(checks[0]), len(checks), sum(not check.passed for check in checks))
        for (stage, name), checks in found.items()
    ]


def allowed(check: Quality) -> str:
    """Say what a check lets pass.

    Examples
    --------
    >>> allowed(Quality("mask", "volume", "ml", 1400.0, 800.0, 2200.0, True))
    '800 to 2200 ml'
    >>> allowed(Quality("mask", "overlap", "", 0.9, 0.8, None, True))
    'at least 0.8'
    """
    unit = f" {check.unit}" if check.unit else ""
    if check.low is not None and check.high is not None:
        return f"{check.low:g} to {check.high:g}{unit}"
    if check.low is not None:
        return f"at least {check.low:g}{unit}"
    return f"at most {check.high:g}{unit}" if check.high is not None else ""


def settings(run: SavedRun) -> Section:
    """Show everything that the results depend on."""
    body = render(
        "settings.html", record=run.record, evaluation=run.evaluation, settings=flattened(run.record.settings)
    )
    return Section("Settings and versions", body)


def flattened(settings: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Return nested settings by dotted key, as flags write them; what is not set is left out.

    Examples
    --------
    >>> flattened({"cohort": {"label": "CDR", "site": None, "classes": {"normal": ["0"]}}, "title": ""})
    {'cohort.label': 'CDR', 'cohort.classes.normal': '["0"]'}
    """
    rows: dict[str, str] = {}
    for key, value in settings.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            rows |= flattened(value, f"{name}.")
        elif value not in (None, "", []):
            rows[name] = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return rows
