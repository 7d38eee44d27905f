"""Curves of one arm or several over one axis, as precision–recall; colour and dash differ together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from normwise.report.figures.canvas import COLOURS, SERIES, drawing, new_figure, shorten
from normwise.results import Curve

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["DASHES", "Line", "draw_lines"]

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
