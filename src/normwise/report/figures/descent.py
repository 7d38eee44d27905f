"""The cost of gradient descent over its steps, for a low, an adequate and a high learning rate."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from normwise.report.figures.canvas import (
    COLOURS,
    SERIES,
    drawing,
    new_figure,
)
from normwise.results import Curve

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_costs"]

_DASHES = ((0, (5, 2)), (0, ()), (0, (1.5, 1.5)))
_HEADROOM = 0.6  # of the span; a diverging cost leaves the picture instead of flattening the others


def draw_costs(curves: Mapping[str, Curve]) -> Figure:
    """Draw cost over steps, one line a learning rate.

    Parameters
    ----------
    curves : mapping of str to Curve
        Title, and cost (y) over steps (x); a cost that grows without bound leaves at the top.
    """
    known = {
        title: [(x, y) for x, y in zip(curve.x, curve.y, strict=True) if math.isfinite(y)]
        for title, curve in curves.items()
    }
    starts = [points[0][1] for points in known.values() if points]
    lows = [min(y for _, y in points) for points in known.values() if points]
    top, bottom = max(starts, default=1.0), min(lows, default=0.0)
    span = max(top - bottom, 1e-12)
    with drawing():
        figure = new_figure(720, 400)
        axes = figure.add_subplot()
        colours = [
            COLOURS[SERIES[1]],
            COLOURS["main"],
            COLOURS[SERIES[0]],
            *(COLOURS[name] for name in SERIES[2:]),
        ]
        for place, (title, points) in enumerate(known.items()):
            x = [point[0] for point in points]
            # A line far outside the picture would be cut by some viewers at a random place.
            y = [min(point[1], top + 10 * span) for point in points]
            axes.plot(
                x,
                y,
                label=title,
                color=colours[place % len(colours)],
                linestyle=_DASHES[place % len(_DASHES)],
                linewidth=2.4,
            )
        highest = max((y for points in known.values() for _, y in points), default=top)
        axes.set_ylim(bottom - 0.05 * span, min(highest, top + _HEADROOM * span) + 0.05 * span)
        axes.grid(axis="y")
        axes.set_xlabel("Step")
        axes.set_ylabel("Cost J(w)")
        axes.legend(loc="best", handlelength=2.8)
    return figure
