"""The normal course of one feature over age (or another number), with everybody on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from normwise.report.figures.canvas import (
    COLOURS,
    SERIES,
    drawing,
    new_figure,
    shorten,
    wrap,
)
from normwise.report.wording import unit
from normwise.results import Trajectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["LEVEL_DASHES", "MARKERS", "class_colour", "draw_trajectory", "hollow_level", "shown_levels"]

LEVEL_DASHES = ((0, ()), (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))
"""Line of each level of the category, as F and M."""

MARKERS = ("o", "D", "^", "s", "v")
"""Marker of the normal group, then of each other class."""

_MANY_PEOPLE = 500  # from here on the points are one picture, or the page would grow by megabytes


def shown_levels(trajectory: Trajectory) -> list[str]:
    """Return the levels that are drawn: the first four, since more lines can't be told apart."""
    return list(trajectory.expected)[: len(LEVEL_DASHES)]


def hollow_level(trajectory: Trajectory) -> str:
    """Return the level whose people are drawn hollow: the second of two, otherwise none."""
    levels = [level for level in trajectory.expected if level]
    return levels[1] if len(levels) == 2 and levels[1] in trajectory.people_level else ""


def class_colour(classes: list[str], normal: str, name: str) -> str:
    """Return the colour of a class: grey for the normal group, a strong one for any other."""
    if name == normal:
        return COLOURS["normal"]
    others = [other for other in classes if other != normal]
    return COLOURS[SERIES[others.index(name) % len(SERIES)]] if name in others else COLOURS["soft"]


def draw_trajectory(trajectory: Trajectory, classes: list[str], normal: str) -> Figure:
    """Draw expected lines, centile bands and people, patients above normals.

    Parameters
    ----------
    trajectory : Trajectory
        Lines over a grid, people as points.
    classes : list of str
        Every class, in the study's order.
    normal : str
        The class on which the lines were fitted; drawn below the others.
    """
    with drawing():
        figure = new_figure(410, 300)
        axes = figure.add_subplot()
        _draw_bands(axes, trajectory)
        for dashes, level in zip(LEVEL_DASHES, shown_levels(trajectory), strict=False):
            axes.plot(
                trajectory.grid,
                trajectory.expected[level],
                color=COLOURS["ink"],
                linewidth=1.8,
                linestyle=dashes,
                zorder=4,
            )
        order = [normal, *(name for name in classes if name != normal)]
        for place, name in enumerate(order):
            _draw_people(
                axes,
                trajectory,
                name,
                class_colour(classes, normal, name),
                MARKERS[place % len(MARKERS)],
                place,
            )
        axes.set_title(wrap(trajectory.feature, 44))
        axes.set_xlabel(shorten(trajectory.demographic, 40))
        axes.set_ylabel(shorten(unit(trajectory.unit), 32))
        axes.locator_params(axis="both", nbins=6)
    return figure


def _draw_bands(axes: Axes, trajectory: Trajectory) -> None:
    """Fill between centiles: every pair for one level, the outermost for two, one for all if more."""
    levels = shown_levels(trajectory)
    pairs = {level: _centile_pairs(trajectory, level) for level in levels}
    if len(levels) > 2:
        ends = [pair[0] for pair in pairs.values() if pair]
        if ends:
            low = [min(values) for values in zip(*(low for low, _ in ends), strict=True)]
            high = [max(values) for values in zip(*(high for _, high in ends), strict=True)]
            _fill(axes, trajectory.grid, low, high)
        return
    for dashes, level in zip(LEVEL_DASHES, levels, strict=False):
        for low, high in pairs[level] if len(levels) == 1 else pairs[level][:1]:
            _fill(axes, trajectory.grid, low, high)
            for edge in (low, high) if len(levels) == 2 else ():
                axes.plot(
                    trajectory.grid, edge, color=COLOURS["main"], linewidth=0.9, linestyle=dashes, zorder=2
                )


def _centile_pairs(trajectory: Trajectory, level: str) -> list[tuple[list[float], list[float]]]:
    """Return lower and upper centile lines, the outermost pair first."""
    named = sorted((float(name), line) for name, line in trajectory.centiles.get(level, {}).items())
    lines = [line for _, line in named]
    return [(lines[place], lines[-1 - place]) for place in range(len(lines) // 2)]


def _fill(axes: Axes, grid: list[float], low: list[float], high: list[float]) -> None:
    axes.fill_between(grid, low, high, color=COLOURS["main"], alpha=0.10, linewidth=0, zorder=1)


def _draw_people(axes: Axes, trajectory: Trajectory, name: str, colour: str, marker: str, place: int) -> None:
    """Draw one class: the first level filled, the second hollow; more than two are not told apart."""
    hollow = hollow_level(trajectory)
    levels = trajectory.people_level or [""] * len(trajectory.people_x)
    for open_marker in (True, False):
        points = [
            (x, y)
            for x, y, label, level in zip(
                trajectory.people_x, trajectory.people_y, trajectory.people_class, levels, strict=True
            )
            if label == name and (level == hollow and bool(hollow)) == open_marker
        ]
        if not points:
            continue
        x, y = zip(*points, strict=True)
        axes.plot(
            x, y, linestyle="none", marker=marker, zorder=5 + place, alpha=0.85,
            markersize=3.8 if open_marker else 4.2,
            markerfacecolor="none" if open_marker else colour,
            markeredgecolor=colour if open_marker else COLOURS["paper"],
            markeredgewidth=1.0 if open_marker else 0.4,
            rasterized=len(trajectory.people_x) > _MANY_PEOPLE,
        )  # fmt: skip
