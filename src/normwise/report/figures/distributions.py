"""A figure reached on shuffled labels, and the one reached on the true ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from normwise.report.figures.canvas import (
    COLOURS,
    SERIES,
    drawing,
    new_figure,
    wrap,
)
from normwise.report.wording import number
from normwise.results import Contribution, Permutation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CENTILES", "draw_departures", "draw_shuffles"]

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

_ROW = 26  # pixels
_LIMIT = 6.0  # W-scores beyond which a point is drawn at the edge, as an arrow
_LABEL_WIDTH = 30


def draw_departures(contributions: list[Contribution]) -> Figure:
    """Draw one row a feature: its W-score on the centile bands of the normal group.

    Parameters
    ----------
    contributions : list of Contribution
        With a W-score each, in the order in which they are drawn.
    """
    scores = [row.w or 0.0 for row in contributions]
    reach = min(_LIMIT, max(3.0, *(abs(score) for score in scores)))
    labels = [wrap(row.feature, _LABEL_WIDTH) for row in contributions]
    lines = sum(max(1, text.count("\n") + 0.6) for text in labels)
    with drawing():
        figure = new_figure(560, 76 + _ROW * lines)
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
