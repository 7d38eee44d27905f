"""The way from one person's score to the decision, on one axis of log-odds."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from normwise.report.figures.canvas import COLOURS, drawing, new_figure, shorten
from normwise.results import ScoreShare

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["DecisionPath", "TestOf", "draw_decision"]

_ROW = 38  # pixels
_FARTHEST = 8.0  # log-odds; a surer probability is drawn at the edge
_LEAST = 1e-9


@dataclass(frozen=True)
class TestOf:
    """One test of a person by a model that was trained without them.

    Attributes
    ----------
    probability : float
        Of not being of the negative class.
    threshold : float or None
        Of that model; None where costs decide.
    """

    __test__ = False  # pytest would take the name for a test

    probability: float
    threshold: float | None


@dataclass(frozen=True)
class DecisionPath:
    """What one person's decision was made from.

    Attributes
    ----------
    negative : str
        The negative class, with which the others are compared.
    demographics : str
        What the score is adjusted for, in words.
    scores : list of ScoreShare
        What demographics explain of the score of each other class; empty where nothing is taken out.
    probability : float or None
        Of not being of the negative class, as it is decided by.
    threshold : float or None
        From which probability on a person is not called negative; None where costs decide among several
        classes.
    referred : tuple of float or None
        Ends of the probabilities between which both classes are likely.
    tests : list of TestOf
        By models that were trained without the person; then these decide, and the others only explain.
    """

    negative: str
    demographics: str = ""
    scores: list[ScoreShare] = field(default_factory=list)
    probability: float | None = None
    threshold: float | None = None
    referred: tuple[float, float] | None = None
    tests: list[TestOf] = field(default_factory=list)


def draw_decision(path: DecisionPath) -> Figure:
    """Draw a row a step: score, what demographics explain, the rest, probability, tests without the person.

    Parameters
    ----------
    path : DecisionPath
        What was decided by.
    """
    rows: list[str] = []
    for share in path.scores:
        of = f" of {shorten(share.name, 16)}" if len(path.scores) > 1 else ""
        rows += [f"Score{of}", f"Explained by\n{shorten(path.demographics, 22)}", f"Adjusted score{of}"]
    if path.probability is not None:
        rows.append("Probability")
    if path.tests:
        rows.append("Tests without\nthis person")
    points = [each for share in path.scores for each in (share.log_odds, share.adjusted)]
    chances = [path.probability, path.threshold, *(path.referred or ())]
    chances += [each for test in path.tests for each in (test.probability, test.threshold)]
    points += [_odds(each) for each in chances if each is not None]
    reach = min(_FARTHEST, max(1.0, *(abs(each) for each in points)) * 1.12) if points else 1.0
    with drawing():
        figure = new_figure(440, 74 + _ROW * max(len(rows), 1))
        axes = figure.add_subplot()
        axes.axvline(0, color=COLOURS["rule"], linewidth=1, zorder=1)
        place = 0
        for share in path.scores:
            _point(axes, share.log_odds, place, reach, hollow=True)
            _arrow(axes, share, place + 1, reach)
            _point(axes, share.adjusted, place + 2, reach)
            place += 3
        if path.probability is not None:
            _limits(axes, path, place, reach)
            _point(axes, _odds(path.probability), place, reach, main=True)
            place += 1
        for test in path.tests:
            if test.threshold is not None:
                _threshold(axes, test.threshold, place, reach)
        for number, test in enumerate(path.tests):
            spread = 0.0 if len(path.tests) == 1 else 0.4 * (number / (len(path.tests) - 1) - 0.5)
            _point(axes, _odds(test.probability), place + spread, reach, main=True, size=6)
        axes.set_yticks(range(len(rows)), rows)
        axes.set_ylim(max(len(rows), 1) - 0.45, -0.6)
        axes.set_xlim(-reach * 1.04, reach * 1.04)
        axes.tick_params(axis="y", length=0, labelcolor=COLOURS["ink"])
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(f"Log-odds of not being {shorten(path.negative, 24)}")
        ticks = [each for each in (-6.0, -4.0, -2.0, 0.0, 2.0, 4.0, 6.0) if abs(each) <= reach]
        if len(ticks) < 3:
            ticks = [-1.0, 0.0, 1.0]
        # The probability that each stands for is what a reader knows.
        axes.set_xticks(
            ticks, [f"{each:+.0f}\n{_share(each)}".replace("-", "−").replace("+0\n", "0\n") for each in ticks]
        )
    return figure


def _share(odds: float) -> str:
    chance = 1 / (1 + math.exp(-odds))
    return f"{chance:.0%}" if 0.01 <= chance <= 0.99 else f"{chance:.1%}"


def _odds(chance: float) -> float:
    inside = min(max(chance, _LEAST), 1 - _LEAST)
    return math.log(inside / (1 - inside))


def _inside(value: float, reach: float) -> float:
    return max(-reach, min(reach, value))


def _point(
    axes: Axes,
    odds: float,
    place: float,
    reach: float,
    *,
    hollow: bool = False,
    main: bool = False,
    size: float = 9,
) -> None:
    shown = _inside(odds, reach)
    marker = "o" if shown == odds else "<" if odds < 0 else ">"
    colour = COLOURS["main"] if main else COLOURS["normal"]
    axes.plot(
        [shown], [place], linestyle="none", marker=marker, markersize=size, color=colour, zorder=4,
        markerfacecolor=COLOURS["paper"] if hollow else colour, markeredgewidth=1.8, clip_on=False,
    )  # fmt: skip


def _arrow(axes: Axes, share: ScoreShare, place: float, reach: float) -> None:
    start, end = _inside(share.log_odds, reach), _inside(share.adjusted, reach)
    axes.plot([start, start], [place - 1, place], color=COLOURS["rule"], linewidth=1, zorder=2)
    axes.plot([end, end], [place, place + 1], color=COLOURS["rule"], linewidth=1, zorder=2)
    if abs(end - start) < 0.01 * reach:
        axes.plot([end], [place], marker="|", markersize=10, color=COLOURS["series-1"], zorder=3)
        return
    axes.annotate(
        "", (end, place), (start, place), zorder=3,
        arrowprops={"arrowstyle": "->", "color": COLOURS["series-1"], "lw": 2.2, "shrinkA": 0, "shrinkB": 0},
    )  # fmt: skip


def _limits(axes: Axes, path: DecisionPath, place: float, reach: float) -> None:
    if path.referred is not None:
        low, high = (_inside(_odds(each), reach) for each in path.referred)
        axes.fill_betweenx(
            [place - 0.4, place + 0.4], low, high, color=COLOURS["series-4"], alpha=0.3, linewidth=0, zorder=1
        )
    if path.threshold is not None:
        _threshold(axes, path.threshold, place, reach)


def _threshold(axes: Axes, chance: float, place: float, reach: float) -> None:
    at = _inside(_odds(chance), reach)
    axes.plot([at, at], [place - 0.36, place + 0.36], color=COLOURS["ink"], linewidth=2.2, zorder=3)
