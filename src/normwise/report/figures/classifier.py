"""What a classifier does: its curve over one column, its boundary in the plane of two, and a tree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from normwise.report.figures.canvas import COLOURS, drawing, new_figure, shorten
from normwise.report.figures.curves import MARKERS, class_colour
from normwise.results import ClassifierMap, TreeNode

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["LEVELS_SHOWN", "draw_map", "draw_tree"]

LEVELS_SHOWN = 3
"""Questions one below the other that a picture of a tree has room for."""


def draw_map(plane: ClassifierMap, classes: list[str], negative: str) -> Figure:
    """Draw the curve over one column or the boundary in the plane of two, with people and a machine's margin.

    Parameters
    ----------
    plane : ClassifierMap
        The plane.
    classes : list of str
        In the study's order.
    negative : str
        The class that a false alarm is raised about.
    """
    with drawing():
        figure = new_figure(620, 460)
        axes = figure.add_subplot()
        (_draw_plane if plane.y else _draw_curve)(axes, plane)
        order = [negative, *(name for name in classes if name != negative)]
        for place, name in enumerate(order):
            rows = [row for row, own in enumerate(plane.people_class) if own == name]
            axes.plot(
                [plane.people_x[row] for row in rows], [plane.people_y[row] for row in rows],
                linestyle="none", marker=MARKERS[place % len(MARKERS)], markersize=5.5,
                label=shorten(name, 24),
                markerfacecolor=class_colour(order, negative, name), markeredgecolor=COLOURS["paper"],
                markeredgewidth=0.5, zorder=5 + place,
            )  # fmt: skip
        if any(plane.support):
            rows = [row for row, held in enumerate(plane.support) if held]
            axes.plot(
                [plane.people_x[row] for row in rows], [plane.people_y[row] for row in rows],
                linestyle="none", marker="o", markersize=10, markerfacecolor="none",
                markeredgecolor=COLOURS["ink"], markeredgewidth=1.0, label="support vector", zorder=4,
            )  # fmt: skip
        axes.locator_params(axis="both", nbins=6)
        axes.set_xlabel(shorten(plane.columns[0], 50))
        axes.set_ylabel(shorten(plane.columns[1], 40) if plane.y else "Probability")
        figure.legend(loc="outside lower left", ncols=4, handlelength=1.2)
    return figure


def _draw_plane(axes: Axes, plane: ClassifierMap) -> None:
    """Draw lines of equal probability, that of the threshold, and the ends of a margin."""
    score = np.array(plane.score)
    levels = [level for level in (0.1, 0.25, 0.5, 0.75, 0.9) if score.min() < level < score.max()]
    if levels:
        lines = axes.contour(
            plane.x, plane.y, score, levels=levels, colors=COLOURS["soft"], linewidths=0.9, zorder=2
        )
        axes.clabel(lines, fmt=lambda level: f"{level:g}", fontsize=10)
    if plane.threshold is not None and score.min() < plane.threshold < score.max():
        axes.contour(
            plane.x,
            plane.y,
            score,
            levels=[plane.threshold],
            colors=COLOURS["main"],
            linewidths=2.6,
            zorder=3,
        )
    if plane.margin:
        axes.contour(
            plane.x, plane.y, np.array(plane.margin), levels=[-1.0, 0.0, 1.0], zorder=3, linewidths=1.4,
            colors=COLOURS["ink"], linestyles=["dashed", "solid", "dashed"],
        )  # fmt: skip


def _draw_curve(axes: Axes, plane: ClassifierMap) -> None:
    """Draw the probability over one column, where the threshold lies, and the ends of a margin."""
    score = np.array(plane.score[0])
    axes.plot(plane.x, score, color=COLOURS["main"], linewidth=2.6, zorder=3)
    if plane.threshold is not None:
        axes.axhline(plane.threshold, color=COLOURS["soft"], linewidth=0.9, linestyle="dotted", zorder=2)
        for value in _crossings(plane.x, score, plane.threshold):
            axes.axvline(value, color=COLOURS["main"], linewidth=1.4, zorder=2)
    for level in (-1.0, 0.0, 1.0) if plane.margin else ():
        for value in _crossings(plane.x, np.array(plane.margin[0]), level):
            style = "dashed" if level else "solid"
            axes.axvline(value, color=COLOURS["ink"], linewidth=1.4, linestyle=style, zorder=2)
    axes.set_ylim(-0.06, 1.06)


def _crossings(x: list[float], values: NDArray[np.float64], level: float) -> list[float]:
    """Return where a curve passes a level, between points linearly.

    Examples
    --------
    >>> _crossings([0.0, 1.0, 2.0], np.array([0.0, 1.0, 0.0]), 0.25)
    [0.25, 1.75]
    """
    above = values >= level
    places = np.flatnonzero(above[1:] != above[:-1])
    shares = (level - values[places]) / (values[places + 1] - values[places])
    own = np.array(x)
    found: list[float] = (own[places] + shares * (own[places + 1] - own[places])).tolist()
    return found


def draw_tree(nodes: Sequence[TreeNode], positives: str) -> Figure:
    """Draw the upper levels of a tree, questions above and the share of patients in each node.

    Parameters
    ----------
    nodes : sequence of TreeNode
        The first is the root.
    positives : str
        Whose share it is, in words.
    """
    with drawing():
        figure = new_figure(920, 110 + 95 * _depth(nodes, 0, 0))
        axes = figure.add_subplot()
        axes.set_axis_off()
        axes.set_xlim(0.0, 1.0)
        _draw_node(axes, nodes, 0, 0.0, 1.0, 0)
        axes.set_ylim(-_depth(nodes, 0, 0) - 0.45, 0.45)
        axes.set_title(f"Share of {shorten(positives, 50)} among the training people of each node")
    return figure


def _depth(nodes: Sequence[TreeNode], place: int, level: int) -> int:
    node = nodes[place]
    if node.lower < 0 or level == LEVELS_SHOWN:
        return level
    return max(_depth(nodes, child, level + 1) for child in (node.lower, node.upper))


def _draw_node(
    axes: object, nodes: Sequence[TreeNode], place: int, left: float, right: float, level: int
) -> None:
    from matplotlib.axes import Axes

    assert isinstance(axes, Axes)
    node, middle = nodes[place], (left + right) / 2
    more = node.lower >= 0 and level < LEVELS_SHOWN
    text = f"{node.share:.0%} of {node.people}"
    if more:
        text = f"{shorten(node.column, max(10, 44 >> level))}\n≤ {node.cut:.4g}?\n{text}"
        for child, low, high, answer in (
            (node.lower, left, middle, "yes"), (node.upper, middle, right, "no"),
        ):  # fmt: skip
            end = (low + high) / 2
            axes.plot([middle, end], [-level, -level - 1], color=COLOURS["rule"], linewidth=1.2, zorder=1)
            axes.text(
                (middle + end) / 2, -level - 0.5, answer, color=COLOURS["soft"], fontsize=10, ha="center",
                va="center", zorder=2, bbox={"facecolor": COLOURS["paper"], "edgecolor": "none", "pad": 1.5},
            )  # fmt: skip
            _draw_node(axes, nodes, child, low, high, level + 1)
    elif node.lower >= 0:
        text += "\n…"
    colour = COLOURS["series-1"] if node.share >= 0.5 else COLOURS["normal"]
    axes.text(
        middle, -level, text, ha="center", va="center", fontsize=10, zorder=3,
        bbox={"facecolor": COLOURS["paper"], "edgecolor": colour, "boxstyle": "round,pad=0.35"},
    )  # fmt: skip
