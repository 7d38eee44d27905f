"""What was decided about whom at the threshold, and for whom nothing was."""

from __future__ import annotations

import json
import statistics
from collections import Counter
from dataclasses import dataclass
from typing import Any

from normwise.report.render import render
from normwise.report.saved_run import SavedRun
from normwise.report.section import Section
from normwise.report.wording import interval, number, percent
from normwise.results import METRIC_NAMES, Arm

__all__ = [
    "ConfusionCell",
    "confusion_rows",
    "decisions",
    "describe_thresholds",
    "describe_tuning",
    "referral",
]

_REASONS = 6  # a reason may name a person's own age, so there can be as many as people


@dataclass(frozen=True)
class ConfusionCell:
    """Scans of one class decided one way; ``share`` is of the row."""

    scans: float
    share: float
    right: bool


def decisions(run: SavedRun) -> Section | None:
    """Show the confusion table of the main arm, its thresholds and its missing decisions."""
    if run.evaluation is None or run.main is None:
        return None
    total = sum(run.no_decision.values())
    reasons = {reason: amount / total for reason, amount in run.no_decision.items()}
    shown = dict(list(reasons.items())[:_REASONS])
    body = render(
        "decisions.html",
        evaluation=run.evaluation,
        arm=run.main,
        rows=confusion_rows(run.main, run.evaluation.classes),
        thresholds=describe_thresholds(run.main.thresholds),
        tuning=describe_tuning(run.main.settings),
        reasons=shown,
        others=sum(reasons.values()) - sum(shown.values()) if len(reasons) > len(shown) else 0.0,
        elsewhere=run.tested_elsewhere,
    )
    return Section("Decisions", body)


def confusion_rows(arm: Arm, classes: list[str]) -> dict[str, list[ConfusionCell]]:
    """Return the confusion table by true class; columns are the classes, then no decision."""
    return {
        name: [
            ConfusionCell(scans, scans / sum(row) if sum(row) else 0.0, column == place)
            for column, scans in enumerate(row)
        ]
        for place, (name, row) in enumerate(zip(classes, arm.confusion, strict=True))
    }


def describe_thresholds(thresholds: list[float]) -> str:
    """Say which thresholds the training parts chose.

    Examples
    --------
    >>> describe_thresholds([0.31, 0.28, 0.35]), describe_thresholds([0.31]), describe_thresholds([])
    ('median 0.31, from 0.28 to 0.35 over 3 training parts', '0.31', '')
    """
    if not thresholds:
        return ""
    if len(thresholds) == 1:
        return number(thresholds[0])
    return (
        f"median {number(statistics.median(thresholds))}, from {number(min(thresholds))} "
        f"to {number(max(thresholds))} over {len(thresholds)} training parts"
    )


def describe_tuning(settings: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Say how often each tuned value was chosen.

    Examples
    --------
    >>> describe_tuning([{"C": 1.0}, {"C": 0.1}, {"C": 1.0}])
    [('C', '1.0 (2 of 3), 0.1 (1 of 3)')]
    """
    names = dict.fromkeys(name for setting in settings for name in setting)
    told = []
    for name in names:
        chosen = Counter(json.dumps(setting.get(name), ensure_ascii=False) for setting in settings)
        if len(settings) == 1:
            told.append((name, next(iter(chosen))))
            continue
        ranked = sorted(chosen.items(), key=lambda item: (-item[1], item[0]))
        told.append((name, ", ".join(f"{value} ({times} of {len(settings)})" for value, times in ranked)))
    return told


def referral(run: SavedRun) -> Section | None:
    """Show the stated and the reached coverage, who was referred, and how the others fared."""
    arm = run.main
    if arm is None or arm.abstention is None:
        return None
    found = arm.abstention
    body = render(
        "referral.html",
        found=found,
        arm=arm,
        interval=interval,
        coverage=percent(found.coverage),
        metrics=[name for name in METRIC_NAMES if name in found.metrics],
    )
    return Section("Referral to a specialist", body)
