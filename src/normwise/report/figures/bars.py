"""Weights of features as bars, for features that have no place in an atlas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from normwise.report.figures.canvas import (
    COLOURS,
    drawing,
    new_figure,
    shorten,
)
from normwise.results import Importance

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_weights"]

_ROW = 22  # pixels


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
        figure = new_figure(560, 64 + _ROW * len(labels))
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
