"""Who is referred to a specialist instead of being decided about."""

from __future__ import annotations

from normwise.report.render import render
from normwise.report.saved import SavedRun
from normwise.report.section import Section
from normwise.report.wording import interval, percent
from normwise.results import METRIC_NAMES

__all__ = ["referral"]


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
