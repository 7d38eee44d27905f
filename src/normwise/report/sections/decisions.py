"""What was decided about whom at the threshold, who was referred, and the worst mistakes."""

from __future__ import annotations

import json
import statistics
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from normwise.report.render import Section, render
from normwise.report.saved_run import Album, SavedRun, Scored
from normwise.report.wording import interval, percent, threshold
from normwise.results import METRIC_NAMES, Arm, Picture

__all__ = [
    "ConfusionCell",
    "Miss",
    "confusion_rows",
    "decisions",
    "describe_thresholds",
    "describe_tuning",
    "misses",
    "named_scans",
    "referral",
    "worst",
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
        return threshold(thresholds[0])
    return (
        f"median {threshold(statistics.median(thresholds))}, from {threshold(min(thresholds))} "
        f"to {threshold(max(thresholds))} over {len(thresholds)} training parts"
    )


def describe_tuning(settings: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Say how often each tuned value was chosen.

    Examples
    --------
    >>> describe_tuning([{"C": 1.0}, {"C": 0.1}, {"C": 1.0}])
    [('C', '1.0 (2 of 3), 0.1 (1 of 3)')]
    """
    names = dict.fromkeys(name for setting in settings for name in setting)
    parts = []
    for name in names:
        chosen = Counter(json.dumps(setting.get(name), ensure_ascii=False) for setting in settings)
        if len(settings) == 1:
            parts.append((name, next(iter(chosen))))
            continue
        ranked = sorted(chosen.items(), key=lambda item: (-item[1], item[0]))
        parts.append((name, ", ".join(f"{value} ({times} of {len(settings)})" for value, times in ranked)))
    return parts


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


_WORST_SHOWN = 5  # of each kind
_PARTS_NAMED = 40  # subgroups whose surest mistake gets a page; a cohort may have hundreds of sites
_MISS_PICTURES = 2  # a person


@dataclass(frozen=True)
class Miss:
    """One scan that was mistaken: ``score`` is its probability of being a patient."""

    subject: str
    label: str
    score: float
    decided: str
    page: str | None
    pictures: list[tuple[Picture, str]] = field(default_factory=list)


def misses(run: SavedRun) -> Section | None:
    """Show the worst misses and false alarms of the main arm."""
    evaluation = run.evaluation
    if evaluation is None:
        return None
    missed, alarms = worst(run.scored, evaluation.classes, evaluation.negative)
    if not missed and not alarms:
        return None
    album = Album.of_run(run)
    groups = [
        (title, [_told(row, evaluation.negative, run, album) for row in rows])
        for title, rows in (("Patients taken for normal", missed), ("False alarms", alarms))
        if rows
    ]
    body = render("misses.html", groups=groups, evaluation=evaluation)
    return Section("Worst misses", body)


def named_scans(run: SavedRun) -> set[str]:
    """Return the scans that the report names as mistaken: those of whom a reader wants a page.

    Parameters
    ----------
    run : SavedRun
        The run.
    """
    evaluation, arm = run.evaluation, run.main
    if evaluation is None or arm is None:
        return set()
    missed, alarms = worst(run.scored, evaluation.classes, evaluation.negative)
    mistaken = {row.subject for row in (*missed, *alarms)}
    return mistaken | {row.mistaken for row in arm.subgroups[:_PARTS_NAMED] if row.mistaken}


def worst(
    scored: list[Scored], classes: list[str], negative: str, most: int = _WORST_SHOWN
) -> tuple[list[Scored], list[Scored]]:
    """Return missed patients with the lowest score, and false alarms with the highest.

    Parameters
    ----------
    scored : list of Scored
        Every scan.
    classes : list of str
        Those told apart; other scans were never tested.
    negative : str
        The class that a false alarm is raised about.
    most : int
        How many of each.

    Returns
    -------
    tuple of list of Scored
        Only scans that were decided wrongly more often than rightly.
    """
    tested = [row for row in scored if row.label in classes and negative in row.probabilities]
    missed = [
        row for row in tested if row.label != negative and 2 * row.decisions.get(negative, 0) > _decided(row)
    ]
    alarms = [
        row for row in tested if row.label == negative and 2 * row.decisions.get(negative, 0) < _decided(row)
    ]
    return (
        sorted(missed, key=lambda row: (_score(row, negative), row.subject))[:most],
        sorted(alarms, key=lambda row: (-_score(row, negative), row.subject))[:most],
    )


def _decided(row: Scored) -> int:
    return row.tests - row.decisions.get("", 0)


def _score(row: Scored, negative: str) -> float:
    return 1.0 - row.probabilities[negative]


def _told(row: Scored, negative: str, run: SavedRun, album: Album) -> Miss:
    ranked = sorted(row.decisions.items(), key=lambda item: (-item[1], item[0]))
    shares = [f" ({percent(times / row.tests)} of the repeats)" for _, times in ranked]
    words = [
        f"{name or 'no decision'}{share if len(ranked) > 1 else ''}"
        for (name, _), share in zip(ranked, shares, strict=True)
    ]
    return Miss(
        subject=row.subject,
        label=row.label,
        score=_score(row, negative),
        decided=", ".join(words),
        page=run.pages.get(row.subject),
        pictures=album.show(row.subject, _MISS_PICTURES),
    )
