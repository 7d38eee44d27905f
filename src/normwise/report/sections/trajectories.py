"""How the telling features run in the normal group, and where the patients lie."""

from __future__ import annotations

from normwise.report.figures.canvas import COLOURS, inline_svg
from normwise.report.figures.trajectory import (
    LEVEL_DASHES,
    MARKERS,
    class_colour,
    draw_trajectory,
    hollow_level,
    shown_levels,
)
from normwise.report.render import render
from normwise.report.saved import SavedRun
from normwise.report.section import Section
from normwise.report.wording import joined
from normwise.results import Trajectory

__all__ = ["band_names", "trajectories"]

_DASH_PATTERNS = ("none", "9 4", "3 3", "10 3 2 3")
"""`LEVEL_DASHES` as the legend's own small lines need them."""


def trajectories(run: SavedRun) -> Section | None:
    """Show the normal course of the top features with everybody on it."""
    if run.explanation is None or not run.explanation.trajectories:
        return None
    found, record = run.explanation.trajectories, run.record
    classes = [name for name in record.classes if any(name in row.people_class for row in found)]
    order = [name for name in [record.normal] if name in classes] + [
        name for name in classes if name != record.normal
    ]
    levels = shown_levels(found[0])
    panels = [
        inline_svg(
            draw_trajectory(row, classes, record.normal),
            f"trajectory-{place}",
            f"{row.feature} over {row.demographic}: expected course in the {record.normal} group with "
            f"centile bands, and {len(row.people_x)} scans of {joined(order)}.",
        )
        for place, row in enumerate(found)
    ]
    roles = {colour: role for role, colour in COLOURS.items()}
    body = render(
        "trajectories.html",
        panels=panels,
        normal=record.normal,
        markers=[
            (name, MARKERS[place % len(MARKERS)], roles[class_colour(classes, record.normal, name)])
            for place, name in enumerate(order)
        ],
        lines=list(zip(levels, _DASH_PATTERNS[: len(LEVEL_DASHES)], strict=False)),
        filled=next((level for level in levels if level != hollow_level(found[0])), "")
        if hollow_level(found[0])
        else "",
        hollow=hollow_level(found[0]),
        hidden=len(found[0].expected) - len(levels),
        bands=band_names(found[0]),
        demographic=found[0].demographic,
        elsewhere=run.tested_elsewhere,
    )
    return Section("Normal trajectories", body)


def band_names(trajectory: Trajectory) -> str:
    """Name the bands, the outermost first; levels up to 1 are shares, others percent.

    Examples
    --------
    With several levels only the outermost is drawn.

    >>> lines = {name: [0.0] for name in ("0.05", "0.25", "0.75", "0.95")}
    >>> band_names(Trajectory("f", "mm", "Age", [60.0], {"F": [0.0]}, {"F": lines}, [], [], []))
    '5th to 95th and 25th to 75th centile'
    """
    levels = sorted(float(name) for name in next(iter(trajectory.centiles.values()), {}))
    if levels and levels[-1] <= 1:
        levels = [100 * level for level in levels]
    pairs = [(levels[place], levels[-1 - place]) for place in range(len(levels) // 2)]
    names = [f"{_ordinal(low)} to {_ordinal(high)}" for low, high in pairs]
    several = len(trajectory.expected)
    told = f"{joined(names[:1] if several > 1 else names)} centile" if names else ""
    return f"{told}, all levels" if told and several > 2 else told


def _ordinal(level: float) -> str:
    text = f"{round(level, 6):g}"
    if "." in text or text[-2:] in ("11", "12", "13"):
        return f"{text}th"
    return text + {"1": "st", "2": "nd", "3": "rd"}.get(text[-1], "th")
