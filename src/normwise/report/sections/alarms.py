"""What may make the numbers too good, before any number is read."""

from __future__ import annotations

from normwise.report.render import render
from normwise.report.saved_run import SavedRun
from normwise.report.section import Section
from normwise.report.wording import count
from normwise.results import Alarm

__all__ = ["SEVERITIES", "alarms", "ranked"]

SEVERITIES = {
    "severe": "Clear this up before a number is published",
    "caution": "Read this before a number is quoted",
    "note": "For the record",
}
"""Severities, the gravest first, and what each asks of the reader."""


def alarms(run: SavedRun) -> Section | None:
    """Show what was found, the gravest first."""
    found = ranked(run.evaluation.alarms if run.evaluation else [])
    if not found:
        return None
    urgent = sum(alarm.severity != "note" for alarm in found)
    body = render("alarms.html", alarms=found, severities=SEVERITIES)
    return Section(count(urgent, "alarm").capitalize() if urgent else "Checks for leaks", body)


def ranked(found: list[Alarm]) -> list[Alarm]:
    """Return alarms with the gravest first; an unknown severity counts as severe."""
    order = list(SEVERITIES)
    return sorted(found, key=lambda alarm: order.index(alarm.severity) if alarm.severity in order else 0)
