"""Figures of one point a scan: predicted against true numbers, and gaps before and after correction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from normwise.report.figures.canvas import COLOURS, drawing, new_figure, shorten
from normwise.results import RegressionPoint

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_gaps", "draw_predicted"]

_SIDE = 460  # pixels


def draw_predicted(points: Sequence[RegressionPoint], target: str, *, others: bool) -> Figure:
    """Draw the predicted number over the true one; on the diagonal they are the same.

    Parameters
    ----------
    points : sequence of RegressionPoint
        At least one.
    target : str
        What is predicted.
    others : bool
        Whether some people are not normal, so that the two are told apart.
    """
    with drawing():
        figure = new_figure(_SIDE, _SIDE)
        axes = figure.add_subplot()
        values = [value for point in points for value in (point.true, point.predicted)]
        low, high = min(values), max(values)
        margin = 0.03 * (high - low or 1.0)
        axes.plot([low, high], [low, high], color=COLOURS["soft"], linewidth=1.2, linestyle=(0, (3, 3)))
        _scatter(axes, points, [point.predicted for point in points], others=others)
        axes.set_xlim(low - margin, high + margin)
        axes.set_ylim(low - margin, high + margin)
        axes.set_aspect("equal")
        _finish(axes, f"True {shorten(target, 24)}", f"Predicted {shorten(target, 24)}", others=others)
    return figure


def draw_gaps(points: Sequence[RegressionPoint], target: str, *, corrected: bool, others: bool) -> Figure:
    """Draw the gap over the true number, with the line of the normal people; without dependence it is level.

    Parameters
    ----------
    points, target, others
        As of `draw_predicted`.
    corrected : bool
        Whether the gap is shown after regression to the mean was taken out.
    """
    gaps = [point.corrected if corrected else point.predicted - point.true for point in points]
    every = [gap for point in points for gap in (point.corrected, point.predicted - point.true)]
    edge = 1.06 * max(map(abs, every))
    with drawing():
        figure = new_figure(_SIDE, 300)
        axes = figure.add_subplot()
        axes.axhline(0.0, color=COLOURS["soft"], linewidth=1.2, linestyle=(0, (3, 3)))
        _scatter(axes, points, gaps, others=others)
        _draw_line(axes, points, gaps)
        # Both pictures of a gap have one axis.
        axes.set_ylim(-edge or -1.0, edge or 1.0)
        axes.set_title("Corrected" if corrected else "As predicted")
        _finish(axes, f"True {shorten(target, 24)}", "Predicted − true", others=others)
    return figure


def _scatter(
    axes: Axes, points: Sequence[RegressionPoint], heights: Sequence[float], *, others: bool
) -> None:
    kinds = [(True, "normal", "o", "main")] + ([(False, "others", "^", "series-1")] if others else [])
    for normal, name, marker, colour in kinds:
        rows = [row for row, point in enumerate(points) if point.normal == normal]
        axes.plot(
            [points[row].true for row in rows], [heights[row] for row in rows],
            linestyle="none", marker=marker, markersize=4.5, markeredgewidth=0.0, alpha=0.65,
            color=COLOURS[colour], label=name, clip_on=False,
        )  # fmt: skip


def _draw_line(axes: Axes, points: Sequence[RegressionPoint], heights: Sequence[float]) -> None:
    """Draw the least-squares line of the normal people."""
    rows = [(point.true, height) for point, height in zip(points, heights, strict=True) if point.normal]
    if len({true for true, _ in rows}) < 2:
        return
    mean_x = sum(true for true, _ in rows) / len(rows)
    mean_y = sum(height for _, height in rows) / len(rows)
    spread = sum((true - mean_x) ** 2 for true, _ in rows)
    slope = sum((true - mean_x) * (height - mean_y) for true, height in rows) / spread
    ends = [min(true for true, _ in rows), max(true for true, _ in rows)]
    axes.plot(ends, [mean_y + slope * (end - mean_x) for end in ends], color=COLOURS["ink"], linewidth=1.8)


def _finish(axes: Axes, along: str, up: str, *, others: bool) -> None:
    axes.grid(visible=True)
    axes.locator_params(nbins=6)
    axes.set_xlabel(along)
    axes.set_ylabel(up)
    if others:
        axes.legend(loc="best", handletextpad=0.2)
