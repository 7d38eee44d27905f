"""Estimates with their intervals, one row each, so that arms can be compared at a glance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from normwise.report.figures.canvas import (
    COLOURS,
    drawing,
    new_figure,
    wrap,
)
from normwise.results import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_forest", "shared_range"]

_ROW = 26  # pixels between two rows, so that two lines of a long name still have air
_LABEL_WIDTH = 28


def draw_forest(
    rows: Mapping[str, Estimate],
    *,
    title: str,
    limits: tuple[float, float],
    main: str | None = None,
    line: float | None = None,
    width: float = 400,
) -> Figure:
    """Draw estimates and intervals in the order given, from top to bottom.

    Parameters
    ----------
    rows : mapping of str to Estimate
        Label and estimate; one without a value keeps its row and says so.
    title : str
        Above the panel.
    limits : tuple of float
        Ends of the axis.
    main : str, optional
        The label of the row to emphasise.
    line : float, optional
        A reference, as 0.5 for chance or 0 for no difference.
    width : float
        Pixels.
    """
    labels = {key: wrap(key, _LABEL_WIDTH) for key in rows}
    lines = sum(max(1, text.count("\n") + 0.6) for text in labels.values())
    with drawing():
        figure = new_figure(width, 58 + _ROW * lines)
        axes = figure.add_subplot()
        if line is not None:
            axes.axvline(line, color=COLOURS["soft"], linewidth=1, linestyle=(0, (3, 3)), zorder=1)
        for place, (key, estimate) in enumerate(rows.items()):
            _draw_row(axes, place, estimate, emphasised=key == main, limits=limits)
        # A point at the end of the axis would lie on its label.
        margin = 0.02 * (limits[1] - limits[0])
        axes.set_xlim(limits[0] - margin, limits[1] + margin)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_yticks(range(len(rows)), list(labels.values()))
        axes.tick_params(axis="y", length=0, labelcolor=COLOURS["ink"])
        for key, text in zip(rows, axes.get_yticklabels(), strict=True):
            text.set_fontweight("bold" if key == main else "normal")
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x")
        axes.locator_params(axis="x", nbins=5)
        axes.set_title(title)
    return figure


def shared_range(estimates: list[Estimate], *, at_least: tuple[float, float]) -> tuple[float, float]:
    """Return ends that hold every interval, on whole tenths where they are wide.

    Examples
    --------
    >>> shared_range([Estimate(0.7, 0.62, 0.78)], at_least=(0.5, 1.0))
    (0.5, 1.0)
    >>> shared_range([Estimate(0.02, -0.012, 0.05)], at_least=(-0.01, 0.01))
    (-0.02, 0.06)
    """
    ends = [end for row in estimates for end in (row.estimate, row.low, row.high) if end is not None]
    low, high = min([at_least[0], *ends]), max([at_least[1], *ends])
    step = 0.1 if high - low > 0.25 else 0.02
    return round(math.floor(low / step + 1e-9) * step, 6), round(math.ceil(high / step - 1e-9) * step, 6)


def _draw_row(
    axes: Axes, place: int, estimate: Estimate, *, emphasised: bool, limits: tuple[float, float]
) -> None:
    colour = COLOURS["main"] if emphasised else COLOURS["soft"]
    if estimate.estimate is None:
        axes.text(
            limits[0], place, " not defined", va="center", fontsize=11, style="italic", color=COLOURS["soft"]
        )
        return
    if estimate.low is not None and estimate.high is not None:
        axes.plot(
            [estimate.low, estimate.high],
            [place, place],
            color=colour,
            linewidth=3 if emphasised else 1.8,
            solid_capstyle="butt",
        )
    axes.plot(
        [estimate.estimate], [place], color=colour, linestyle="none", clip_on=False, markeredgewidth=1.8,
        marker="D" if emphasised else "o", markersize=8 if emphasised else 7,
        markerfacecolor=colour if emphasised else COLOURS["paper"],
    )  # fmt: skip
