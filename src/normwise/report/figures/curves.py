"""Curves of one arm or several over one axis, as precision–recall; colour and dash differ together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from normwise.report.figures.canvas import (
    COLOURS,
    SERIES,
    drawing,
    new_figure,
    shorten,
)
from normwise.report.wording import number, short_arm
from normwise.results import Band, Curve, Evaluation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["DASHES", "Line", "draw_calibration", "draw_learning", "draw_lines", "draw_roc"]

DASHES = ((0, ()), (0, (6, 2)), (0, (2, 2)), (0, (6, 2, 2, 2)))
"""One a line, so that neither colour vision nor a colour printer is needed."""


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
