"""The whole result at a glance and in plain sentences."""

from __future__ import annotations

from dataclasses import dataclass

from normwise.report.render import render
from normwise.report.saved_run import SavedRun
from normwise.report.section import Section
from normwise.report.sections.alarms import ranked
from normwise.report.sections.cohort import all_warnings, grouped
from normwise.report.sentences import (
    limits,
    main_difference,
    sentences,
)
from normwise.report.wording import (
    UNDEFINED,
    bounds,
    ends,
    number,
    sign,
)
from normwise.results import Estimate

__all__ = ["KeyFigure", "key_figures", "summary"]


@dataclass(frozen=True)
class KeyFigure:
    """A number to be seen first."""

    name: str
    value: str
    interval: str


def summary(run: SavedRun) -> Section:
    """Say what was asked, who was in, what came out and what stays open."""
    body = render(
        "summary.html",
        alarms=[alarm for alarm in ranked(run.evaluation.alarms) if alarm.severity != "note"]
        if run.evaluation
        else [],
        figures=key_figures(run),
        sentences=sentences(run),
        limits=limits(run),
        warnings=len(all_warnings(run)),
        kinds=len(grouped(all_warnings(run))),
        confidence=run.evaluation.confidence if run.evaluation else None,
    )
    return Section("Summary", body)


def key_figures(run: SavedRun) -> list[KeyFigure]:
    """Return AUC, both shares at the threshold and what normalization changed; empty without a test."""
    evaluation, arm = run.evaluation, run.main
    if evaluation is None or arm is None:
        return []
    figures = [
        _figure(name, row)
        for name, row in (
            ("AUC", arm.auc),
            ("Sensitivity", arm.sensitivity),
            ("Specificity", arm.specificity),
        )
    ]
    change = main_difference(evaluation, "raw")
    if change is not None and change.estimate is not None:
        figures.append(KeyFigure("Change in AUC from raw", sign(change.estimate), ends(change)))
    return figures


def _figure(name: str, row: Estimate) -> KeyFigure:
    if row.estimate is None:
        return KeyFigure(name, "–", UNDEFINED)
    return KeyFigure(name, number(row.estimate), bounds(row))
