"""A line with its interval: calibration over the probability, a metric over the number of people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from normwise.report.figures.canvas import COLOURS, drawing, new_figure
from normwise.results import Band

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_calibration", "draw_learning"]


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
