"""Figures over two axes: curves of arms, calibration, learning, cost, normal courses, shuffled labels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from normwise.report.figures.canvas import COLOURS, SERIES, drawing, new_figure, shorten, wrap
from normwise.report.wording import number, short_arm, unit
from normwise.results import Band, Curve, Evaluation, Trajectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "DASHES",
    "LEVEL_DASHES",
    "MARKERS",
    "Line",
    "class_colour",
    "draw_calibration",
    "draw_costs",
    "draw_learning",
    "draw_lines",
    "draw_roc",
    "draw_trajectory",
    "hollow_level",
    "shown_levels",
]

DASHES = ((0, ()), (0, (6, 2)), (0, (2, 2)), (0, (6, 2, 2, 2)), (0, (10, 2, 2, 2, 2, 2)))
"""One a line, so that neither colour vision nor a colour printer is needed; one more than there are colours,
or the fifth line would look as the first does."""


@dataclass(frozen=True)
class Line:
    """A curve with its name; the ``main`` one is drawn in front."""

    name: str
    curve: Curve
    main: bool = False


def draw_lines(
    lines: list[Line],
    *,
    labels: tuple[str, str],
    x_range: tuple[float, float] = (0.0, 1.0),
    y_range: tuple[float, float] = (0.0, 1.0),
    level: float | None = None,
    legend: str = "",
    size: tuple[float, float] = (460, 460),
) -> Figure:
    """Draw curves over one axis.

    Parameters
    ----------
    lines : list of Line
        In the order of the legend.
    labels : tuple of str
        Of the axes, x then y.
    x_range, y_range : tuple of float
        Ends of the axes.
    level : float, optional
        A horizontal reference.
    legend : str
        The legend's title.
    size : tuple of float
        Pixels.
    """
    others = [line.name for line in lines if not line.main]
    with drawing():
        figure = new_figure(*size)
        axes = figure.add_subplot()
        if level is not None:
            axes.axhline(level, color=COLOURS["soft"], linewidth=1, linestyle=(0, (3, 3)), zorder=1)
        for line in lines:
            label = shorten(line.name, 34)
            if line.main:
                axes.plot(
                    line.curve.x, line.curve.y, color=COLOURS["main"], linewidth=3, label=label, zorder=3
                )
                continue
            place = others.index(line.name)
            axes.plot(
                line.curve.x, line.curve.y, label=label, zorder=2, linewidth=1.5,
                color=COLOURS[SERIES[place % len(SERIES)]], linestyle=DASHES[place % len(DASHES)],
            )  # fmt: skip
        for axis, (low, high) in (("x", x_range), ("y", y_range)):
            margin = 0.01 * (high - low)
            axes.set(**{f"{axis}lim": (low - margin, high + margin)})
        axes.locator_params(axis="both", nbins=6)
        axes.grid(visible=True)
        axes.set_xlabel(labels[0])
        axes.set_ylabel(labels[1])
        # Below the axes: a curve may lie in any corner of them.
        drawn = figure.legend(
            loc="outside lower left", title=legend or None, alignment="left", handlelength=2.6,
            ncols=2 if max(len(line.name) for line in lines) < 26 and len(lines) > 2 else 1,
        )  # fmt: skip
        drawn.get_title().set_color(COLOURS["soft"])
        drawn.get_title().set_fontsize(11)
    return figure


def draw_roc(evaluation: Evaluation) -> Figure | None:
    """Draw sensitivity over false positive rate; None where no arm has a curve.

    Parameters
    ----------
    evaluation : Evaluation
        Arms with their curves; those without one are left out.
    """
    drawn = {name: arm for name, arm in evaluation.arms.items() if arm.roc.x}
    if not drawn:
        return None
    others = [name for name in drawn if name != evaluation.main_arm]
    with drawing():
        figure = new_figure(460, 460)
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], color=COLOURS["rule"], linewidth=1.2, zorder=1)
        for name, arm in drawn.items():
            label = f"{short_arm(name)}  {number(arm.auc.estimate)}"
            if name == evaluation.main_arm:
                axes.plot(arm.roc.x, arm.roc.y, color=COLOURS["main"], linewidth=3, label=label, zorder=3)
                continue
            place = others.index(name)
            axes.plot(
                arm.roc.x, arm.roc.y, label=label, zorder=2, linewidth=1.5,
                color=COLOURS[SERIES[place % len(SERIES)]], linestyle=DASHES[place % len(DASHES)],
            )  # fmt: skip
        axes.set_xlim(-0.01, 1.01)
        axes.set_ylim(-0.01, 1.01)
        axes.set_aspect("equal")
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "0.25", "0.50", "0.75", "1"])
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "0.25", "0.50", "0.75", "1"])
        axes.grid(visible=True)
        axes.set_xlabel("False positive rate (1 − specificity)")
        axes.set_ylabel("Sensitivity")
        legend = axes.legend(loc="lower right", title="Arm and AUC", alignment="left", handlelength=2.4)
        legend.get_title().set_color(COLOURS["soft"])
        legend.get_title().set_fontsize(11)
    return figure


def draw_calibration(band: Band, patients: str) -> Figure:
    """Draw the share of patients over the predicted probability; the diagonal is perfect calibration.

    Parameters
    ----------
    band : Band
        Observed shares (y) over mean probabilities (x), with intervals.
    patients : str
        What the probability is of; the axes' words.
    """
    with drawing():
        figure = new_figure(460, 460)
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], color=COLOURS["soft"], linewidth=1.2, linestyle=(0, (3, 3)), zorder=1)
        for x, low, high in zip(band.x, band.low, band.high, strict=True):
            if low is not None and high is not None:
                axes.plot([x, x], [low, high], color=COLOURS["main"], linewidth=1.8, zorder=2)
        axes.plot(band.x, band.y, color=COLOURS["main"], linewidth=1, zorder=2, alpha=0.5)
        axes.plot(
            band.x, band.y, linestyle="none", marker="o", markersize=7, clip_on=False, zorder=3,
            markerfacecolor=COLOURS["paper"], markeredgecolor=COLOURS["main"], markeredgewidth=1.8,
        )  # fmt: skip
        axes.set_xlim(-0.01, 1.01)
        axes.set_ylim(-0.01, 1.01)
        axes.set_aspect("equal")
        ticks = [0, 0.25, 0.5, 0.75, 1]
        axes.set_xticks(ticks, ["0", "0.25", "0.50", "0.75", "1"])
        axes.set_yticks(ticks, ["0", "0.25", "0.50", "0.75", "1"])
        axes.grid(visible=True)
        axes.set_xlabel(f"Predicted probability of {patients}")
        axes.set_ylabel(f"Observed share of {patients}")
    return figure


def draw_learning(band: Band, metric: str) -> Figure:
    """Draw a metric over the number of training people, with its interval.

    Parameters
    ----------
    band : Band
        The metric (y) over people (x).
    metric : str
        In words.
    """
    known = [
        (x, low, high)
        for x, low, high in zip(band.x, band.low, band.high, strict=True)
        if low is not None and high is not None
    ]
    with drawing():
        figure = new_figure(540, 320)
        axes = figure.add_subplot()
        if known:
            x, low, high = zip(*known, strict=True)
            axes.fill_between(x, low, high, color=COLOURS["main"], alpha=0.14, linewidth=0, zorder=1)
        axes.plot(
            band.x, band.y, color=COLOURS["main"], linewidth=2.2, marker="o", markersize=7, zorder=3,
            markerfacecolor=COLOURS["paper"], markeredgewidth=1.8,
        )  # fmt: skip
        axes.set_xlim(0, max(band.x, default=1) * 1.05)
        axes.locator_params(axis="both", nbins=6)
        axes.grid(visible=True)
        axes.set_xlabel("People in the training part")
        axes.set_ylabel(metric)
    return figure


_COST_DASHES = ((0, (5, 2)), (0, ()), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))
_HEADROOM = 0.6  # of the span; a diverging cost leaves the picture instead of flattening the others


def draw_costs(curves: Mapping[str, Curve]) -> Figure:
    """Draw cost over steps, one line a learning rate.

    Parameters
    ----------
    curves : mapping of str to Curve
        Title, and cost (y) over steps (x); a cost that grows without bound leaves at the top.
    """
    known = {
        title: [(x, y) for x, y in zip(curve.x, curve.y, strict=True) if math.isfinite(y)]
        for title, curve in curves.items()
    }
    starts = [points[0][1] for points in known.values() if points]
    lows = [min(y for _, y in points) for points in known.values() if points]
    top, bottom = max(starts, default=1.0), min(lows, default=0.0)
    span = max(top - bottom, 1e-12)
    with drawing():
        figure = new_figure(560, 360)
        axes = figure.add_subplot()
        colours = [
            COLOURS[SERIES[1]],
            COLOURS["main"],
            COLOURS[SERIES[0]],
            *(COLOURS[name] for name in SERIES[2:]),
        ]
        for place, (title, points) in enumerate(known.items()):
            x = [point[0] for point in points]
            # A line far outside the picture would be cut by some viewers at a random place.
            y = [min(point[1], top + 10 * span) for point in points]
            axes.plot(
                x,
                y,
                label=title,
                color=colours[place % len(colours)],
                linestyle=_COST_DASHES[place % len(_COST_DASHES)],
                linewidth=2.4,
            )
        highest = max((y for points in known.values() for _, y in points), default=top)
        axes.set_ylim(bottom - 0.05 * span, min(highest, top + _HEADROOM * span) + 0.05 * span)
        axes.grid(axis="y")
        axes.set_xlabel("Step")
        axes.set_ylabel("Cost J(w)")
        axes.legend(loc="best", handlelength=2.8)
    return figure


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


def draw_trajectory(
    trajectory: Trajectory, classes: list[str], normal: str, *, person: int | None = None
) -> Figure:
    """Draw expected lines, centile bands and people, patients above normals.

    Parameters
    ----------
    trajectory : Trajectory
        Lines over a grid, people as points.
    classes : list of str
        Every class, in the study's order.
    normal : str
        The class on which the lines were fitted; drawn below the others.
    person : int, optional
        The place among the people of the one whom the picture is about: ringed, in front of all others.
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
        if person is not None:
            axes.plot(
                [trajectory.people_x[person]], [trajectory.people_y[person]], linestyle="none", marker="o",
                markersize=13, markerfacecolor=COLOURS["paper"], markeredgecolor=COLOURS["main"],
                markeredgewidth=2.6, zorder=20, clip_on=False,
            )  # fmt: skip
            axes.plot(
                [trajectory.people_x[person]], [trajectory.people_y[person]], linestyle="none", marker="o",
                markersize=5, color=COLOURS["main"], zorder=21, clip_on=False,
            )  # fmt: skip
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
