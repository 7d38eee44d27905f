"""The patients who were missed and the false alarms that were the surest, with their pictures."""

from __future__ import annotations

from dataclasses import dataclass, field

from normwise.report.embed import Album
from normwise.report.out_of_fold_scans import Scored
from normwise.report.render import render
from normwise.report.saved_run import SavedRun
from normwise.report.section import Section
from normwise.report.wording import percent
from normwise.results import Picture

__all__ = ["Miss", "misses", "worst"]

_SHOWN = 5  # of each kind
_PICTURES = 2  # a person


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


def worst(
    scored: list[Scored], classes: list[str], negative: str, most: int = _SHOWN
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
        pictures=album.show(row.subject, _PICTURES),
    )
