"""How the table was read, and what was found on the way."""

from __future__ import annotations

import re

from normwise.report.render import render
from normwise.report.saved import SavedRun
from normwise.report.section import Section

__all__ = ["all_warnings", "grouped", "readings", "split_code"]

_CODE = re.compile(r"^([A-Z]{3}-\d{3})[:\s]+(.*)$", re.DOTALL)


def readings(run: SavedRun) -> Section:
    """Show readings and warnings; no warning is said to be none."""
    body = render("readings.html", groups=grouped(all_warnings(run)), readings=run.record.readings)
    return Section("Warnings and readings", body)


def all_warnings(run: SavedRun) -> list[str]:
    """Return the run's and the evaluation's warnings, each once."""
    notes = run.evaluation.notes if run.evaluation else []
    return list(dict.fromkeys([*run.record.warnings, *notes]))


def split_code(text: str) -> tuple[str, str]:
    """Part a warning into its code and its words.

    Examples
    --------
    >>> split_code("NRM-203 few normals"), split_code("few normals")
    (('NRM-203', 'few normals'), ('', 'few normals'))
    """
    found = _CODE.match(text)
    return (found[1], found[2]) if found else ("", text)


def grouped(warnings: list[str]) -> list[tuple[str, list[str]]]:
    """Put warnings of one code together, in the order of their first; those without a code stand alone.

    Examples
    --------
    >>> grouped(["NRM-203 in a", "odd", "NRM-203 in b"])
    [('NRM-203', ['in a', 'in b']), ('', ['odd'])]
    """
    groups: dict[str, tuple[str, list[str]]] = {}
    for warning in warnings:
        code, text = split_code(warning)
        groups.setdefault(code or warning, (code, []))[1].append(text)
    return list(groups.values())
