"""Figures of one row a thing: estimates with intervals, weights as bars, departures from normal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from normwise.report.figures.canvas import COLOURS, SERIES, drawing, new_figure, shorten, wrap
from normwise.report.wording import number
from normwise.results import Contribution, Estimate, Importance, Permutation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["CENTILES", "draw_departures", "draw_forest", "draw_shuffles", "draw_weights", "shared_range"]

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


_BAR_ROW = 22  # pixels


def draw_weights(importances: list[Importance], *, signed: bool, kind: str) -> Figure:
    """Draw one bar a feature, the heaviest on top.

    Parameters
    ----------
    importances : list of Importance
        In the order in which they are drawn.
    signed : bool
        Whether a weight has a direction.
    kind : str
        What a weight is; the axis' label.
    """
    labels = [shorten(row.feature, 36) for row in importances]
    with drawing():
        figure = new_figure(560, 64 + _BAR_ROW * len(labels))
        axes = figure.add_subplot()
        colours = [
            COLOURS["series-1"] if row.weight > 0 or not signed else COLOURS["main"] for row in importances
        ]
        places = range(len(labels))
        axes.barh(places, [row.weight for row in importances], height=0.62, color=colours)
        axes.axvline(0, color=COLOURS["soft"], linewidth=1)
        axes.set_yticks(places, labels)
        axes.set_ylim(len(labels) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0, labelcolor=COLOURS["ink"])
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x")
        axes.set_xlabel(kind)
    return figure


_BARS = 30


def draw_shuffles(permutation: Permutation, metric: str) -> Figure:
    """Draw the shuffles as a histogram, with the true labels' figure as a line.

    Parameters
    ----------
    permutation : Permutation
        What the shuffles reached, and what was observed.
    metric : str
        In words.
    """
    values = permutation.shuffled
    low = min([*values, permutation.observed])
    high = max([*values, permutation.observed])
    margin = max(0.04 * (high - low), 0.01)
    with drawing():
        figure = new_figure(540, 300)
        axes = figure.add_subplot()
        axes.hist(
            values, bins=_BARS, range=(low - margin, high + margin), color=COLOURS["normal"], alpha=0.7,
            edgecolor=COLOURS["paper"], linewidth=0.6, label="shuffled labels",
        )  # fmt: skip
        axes.axvline(
            permutation.observed, color=COLOURS["main"], linewidth=3,
            label=f"true labels, {number(permutation.observed)}",
        )  # fmt: skip
        axes.set_xlim(low - margin, high + margin)
        axes.locator_params(axis="x", nbins=6)
        axes.locator_params(axis="y", nbins=6, integer=True)
        axes.set_xlabel(metric)
        axes.set_ylabel("Shuffles")
        figure.legend(loc="outside lower left", ncols=2, handlelength=1.6)
    return figure


CENTILES = {"5th to 95th": 1.645, "25th to 75th": 0.674}
"""Bands of the normal group and the W-score at which they end, of a normal distribution."""

_DEPARTURE_ROW = 26  # pixels
_LIMIT = 6.0  # W-scores beyond which a point is drawn at the edge, as an arrow
_DEPARTURE_LABEL = 30


def draw_departures(contributions: list[Contribution]) -> Figure:
    """Draw one row a feature: its W-score on the centile bands of the normal group.

    Parameters
    ----------
    contributions : list of Contribution
        With a W-score each, in the order in which they are drawn.
    """
    scores = [row.w or 0.0 for row in contributions]
    reach = min(_LIMIT, max(3.0, *(abs(score) for score in scores)))
    labels = [wrap(row.feature, _DEPARTURE_LABEL) for row in contributions]
    lines = sum(max(1, text.count("\n") + 0.6) for text in labels)
    with drawing():
        figure = new_figure(560, 76 + _DEPARTURE_ROW * lines)
        axes = figure.add_subplot()
        for end in CENTILES.values():
            axes.axvspan(-end, end, color=COLOURS["main"], alpha=0.10, linewidth=0, zorder=0)
        axes.axvline(0, color=COLOURS["soft"], linewidth=1, zorder=1)
        for place, score in enumerate(scores):
            beyond = abs(score) > CENTILES["5th to 95th"]
            colour = COLOURS[SERIES[0]] if beyond else COLOURS["normal"]
            shown = max(-reach, min(reach, score))
            marker = "o" if shown == score else "<" if score < 0 else ">"
            axes.plot([0, shown], [place, place], color=colour, linewidth=1.8, zorder=2)
            axes.plot(
                [shown], [place], linestyle="none", marker=marker, markersize=8, color=colour,
                markerfacecolor=colour if beyond else COLOURS["paper"], markeredgewidth=1.8,
                zorder=3, clip_on=False,
            )  # fmt: skip
        axes.set_yticks(range(len(labels)), labels)
        axes.set_ylim(len(labels) - 0.4, -0.6)
        axes.set_xlim(-reach * 1.03, reach * 1.03)
        axes.tick_params(axis="y", length=0, labelcolor=COLOURS["ink"])
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("W-score: normal standard deviations from what is expected")
    return figure
