"""A figure reached on shuffled labels, and the one reached on the true ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from normwise.report.figures.canvas import COLOURS, drawing, new_figure
from normwise.report.wording import number
from normwise.results import Permutation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_shuffles"]

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
