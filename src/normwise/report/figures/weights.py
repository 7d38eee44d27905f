"""Gradient descent on one weight: the cost over the weight, and the steps on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from normwise.report.figures.canvas import COLOURS, SERIES, drawing, new_figure, shorten
from normwise.results import Curve

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_one_weight"]

_MARKERS = ("o", "D", "^", "s")


def draw_one_weight(line: Curve, title: str, steps: Curve, weight: str, place: int = 0) -> Figure:
    """Draw the cost over one weight, and the steps of a descent on it.

    Parameters
    ----------
    line : Curve
        Cost (y) over the weight (x).
    title : str
        The rate.
    steps : Curve
        Cost (y) at the weight (x) before the first step and after each.
    weight : str
        Whose weight it is.
    place : int
        Which of several descents it is, for its colour and its markers.
    """
    colour = (COLOURS[SERIES[1]], COLOURS["main"], COLOURS[SERIES[0]], COLOURS[SERIES[2]])[place]
    top, bottom = max(line.y), min(line.y)
    with drawing():
        figure = new_figure(360, 290)
        axes = figure.add_subplot()
        axes.plot(line.x, line.y, color=COLOURS["soft"], linewidth=1.4, zorder=2)
        axes.plot(steps.x, steps.y, color=colour, linewidth=1.0, zorder=3)
        axes.plot(
            steps.x, steps.y, linestyle="none", marker=_MARKERS[place], markersize=6, clip_on=False,
            markerfacecolor=colour, markeredgecolor=COLOURS["paper"], markeredgewidth=0.6, zorder=4,
        )  # fmt: skip
        axes.set_title(title)
        axes.set_ylim(bottom - 0.06 * (top - bottom), top)
        axes.locator_params(axis="both", nbins=5)
        axes.grid(axis="y")
        axes.set_xlabel(f"Weight w of {shorten(weight, 30)}")
        axes.set_ylabel("Cost J(w)")
    return figure
