"""Which measurements are doubtful, and what they look like."""

from __future__ import annotations

from dataclasses import dataclass

from normwise.report.embed import Album
from normwise.report.render import render
from normwise.report.saved_run import SavedRun
from normwise.report.section import Section
from normwise.report.wording import number
from normwise.results import Quality

__all__ = ["CheckRow", "allowed", "check_rows", "quality"]

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
