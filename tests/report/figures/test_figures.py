"""No figure may set one text upon another, or let one fall over its edge, with few or many things in it."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from normwise.report.figures.curves import (
    Line,
    class_colour,
    draw_calibration,
    draw_costs,
    draw_learning,
    draw_lines,
    draw_roc,
    draw_trajectory,
)
from normwise.report.figures.rows import (
    draw_departures,
    draw_forest,
    draw_shuffles,
    draw_weights,
    shared_range,
)
from normwise.results import Band, Contribution, Curve, Estimate, Importance, Permutation
from report.simulated_results import make_evaluation, make_explanation

TWO = {"normal": 98, "dementia": 100}
LONG = "lh_superior_frontal_gyrus_and_adjacent_white_matter.gm_share_partial_volume_corrected"


def beyond(axis):
    """Labels of ticks outside the axis, which are never drawn."""
    low, high = sorted(axis.get_view_interval())
    return [
        label
        for tick in axis.get_major_ticks()
        for label in (tick.label1, tick.label2)
        if not low <= tick.get_loc() <= high
    ]


def boxes_of(figure):
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    shown = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    hidden = {id(text) for axes in figure.axes for axis in (axes.xaxis, axes.yaxis) for text in beyond(axis)}
    shown = [text for text in shown if id(text) not in hidden]
    return [(text.get_text(), text.get_window_extent(renderer)) for text in shown]


def assert_texts_stand_free(figure) -> None:
    boxes = boxes_of(figure)
    width, height = figure.bbox.width, figure.bbox.height
    for text, box in boxes:
        assert box.x0 >= -1, text
        assert box.y0 >= -1, text
        assert box.x1 <= width + 1, text
        assert box.y1 <= height + 1, text
    for (one, first), (two, second) in combinations(boxes, 2):
        across = min(first.x1, second.x1) - max(first.x0, second.x0)
        along = min(first.y1, second.y1) - max(first.y0, second.y0)
        assert across <= 1 or along <= 1, f"{one!r} on {two!r}"


@pytest.mark.parametrize("count", [1, 3, 30])
@pytest.mark.parametrize("stem", ["f", LONG], ids=["short", "long"])
def test_bars(count: int, stem: str) -> None:
    weights = np.linspace(-0.5, 0.7, count)
    rows = [Importance(f"{stem}{place}", float(weight)) for place, weight in enumerate(weights)]
    assert_texts_stand_free(draw_weights(rows, signed=True, kind="coefficient"))


@pytest.mark.parametrize("count", [1, 3, 30])
@pytest.mark.parametrize("stem", ["Raw", LONG], ids=["short", "long"])
def test_forest(count: int, stem: str) -> None:
    rows = {f"{stem} {place}": Estimate(0.7, 0.6, 0.8) for place in range(count)}
    rows[f"{stem} nothing"] = Estimate(None, None, None)
    assert_texts_stand_free(draw_forest(rows, title="AUC", limits=(0.5, 1.0), main=f"{stem} 0", line=0.5))


def test_forest_range_holds_every_interval() -> None:
    rows = [Estimate(0.4, 0.31, 0.55), Estimate(None, None, None), Estimate(0.99, None, None)]
    low, high = shared_range(rows, at_least=(0.5, 1.0))
    assert low <= 0.31
    assert high >= 0.99


def test_roc() -> None:
    figure = draw_roc(make_evaluation(TWO))
    assert_texts_stand_free(figure)
    widths = {line.get_label(): line.get_linewidth() for line in figure.axes[0].lines}
    main = next(name for name in widths if name.startswith("Normalized  "))
    assert all(widths[main] > width for name, width in widths.items() if name != main)


def test_roc_without_curves_is_left_out() -> None:
    whole = make_evaluation(TWO)
    arms = {name: replace(arm, roc=Curve([], [])) for name, arm in whole.arms.items()}
    assert draw_roc(replace(whole, arms=arms)) is None


@pytest.mark.parametrize("levels", [("",), ("F", "M"), ("a", "b", "c"), tuple("abcdef")])
@pytest.mark.parametrize("name", ["f1", LONG], ids=["short", "long"])
def test_trajectory(levels: tuple[str, ...], name: str) -> None:
    trajectory = replace(make_explanation(TWO, levels=levels).trajectories[0], feature=name, unit=name)
    assert_texts_stand_free(draw_trajectory(trajectory, list(TWO), "normal"))


def test_trajectory_draws_patients_above_normals_and_everybody() -> None:
    trajectory = make_explanation(TWO).trajectories[0]
    figure = draw_trajectory(trajectory, list(TWO), "normal")
    points = {
        line.get_markerfacecolor(): line for line in figure.axes[0].lines if line.get_linestyle() == "None"
    }
    normal, patients = (points[class_colour(list(TWO), "normal", name)] for name in TWO)
    assert (len(normal.get_xdata()), len(patients.get_xdata())) == (98, 100)
    assert patients.get_zorder() > normal.get_zorder()


def test_trajectory_of_many_people_becomes_a_picture() -> None:
    trajectory = make_explanation(TWO, people=600).trajectories[0]
    lines = draw_trajectory(trajectory, list(TWO), "normal").axes[0].lines
    assert any(line.get_rasterized() for line in lines)


@pytest.mark.parametrize("high", [1.2, 1e30])
def test_descent_keeps_the_good_rates_readable_beside_a_diverging_one(high: float) -> None:
    steps = list(range(50))
    figure = draw_costs(
        {
            "low, 0.001": Curve(steps, [0.7 * 0.999**step for step in steps]),
            "adequate, 0.1": Curve(steps, [0.3 + 0.4 * 0.9**step for step in steps]),
            "high, 2.5": Curve(steps, [0.7 * high ** min(step, 9) for step in steps]),
        }
    )
    assert_texts_stand_free(figure)
    low, top = figure.axes[0].get_ylim()
    assert low < 0.31
    assert 0.7 < top < 2


@pytest.mark.parametrize("count", [1, 3, 30])
@pytest.mark.parametrize("stem", ["f", LONG], ids=["short", "long"])
def test_departures(count: int, stem: str) -> None:
    rows = [
        Contribution(f"{stem}{place}", 1.0, 1.0, float(w), 50.0, None)
        for place, w in enumerate(np.linspace(-40, 3, count))
    ]
    figure = draw_departures(rows)
    assert_texts_stand_free(figure)
    low, high = figure.axes[0].get_xlim()
    points = [line for line in figure.axes[0].lines if line.get_marker() != "None"]
    assert len(points) == count
    assert all(low <= line.get_xdata()[0] <= high for line in points), "a far point stays in the chart"


@pytest.mark.parametrize("count", [1, 5])
@pytest.mark.parametrize("stem", ["Raw", LONG], ids=["short", "long"])
def test_lines(count: int, stem: str) -> None:
    curve = Curve([0.0, 1.0], [1.0, 0.5])
    lines = [Line(f"{stem} {place}", curve, main=place == 0) for place in range(count)]
    figure = draw_lines(lines, labels=("Sensitivity", "Precision"), level=0.5, legend="Arm")
    assert_texts_stand_free(figure)
    styles = [(line.get_color(), line.get_linestyle()) for line in figure.axes[0].lines[1:]]
    assert len(set(styles)) == count, "every line has a look of its own"


@pytest.mark.parametrize("patients", ["AD", "dementia of the Alzheimer type or MCI"])
def test_calibration(patients: str) -> None:
    band = Band([0.1, 0.5, 0.9], [0.0, 0.4, 1.0], [0.0, None, 0.8], [0.3, None, 1.0], [10, 10, 10])
    assert_texts_stand_free(draw_calibration(band, patients))


def test_learning_curve() -> None:
    band = Band([20, 100, 1000], [0.6, 0.7, 0.75], [0.5, 0.6, None], [0.7, 0.8, None])
    assert_texts_stand_free(draw_learning(band, "Balanced accuracy"))


@pytest.mark.parametrize("observed", [0.5, 0.99])
def test_shuffles(observed: float) -> None:
    figure = draw_shuffles(Permutation("auc", observed, [0.4, 0.5, 0.6] * 20, 0.02), "AUC")
    assert_texts_stand_free(figure)
    low, high = figure.axes[0].get_xlim()
    assert low < 0.4
    assert high > max(observed, 0.6)


def test_trajectory_tells_two_sexes_apart_by_the_filling() -> None:
    plain = make_explanation(TWO).trajectories[0]
    sexes = ["F", "M"] * (len(plain.people_x) // 2)
    trajectory = replace(plain, people_level=sexes)
    lines = [
        line
        for line in draw_trajectory(trajectory, list(TWO), "normal").axes[0].lines
        if line.get_linestyle() == "None"
    ]
    hollow = [line for line in lines if line.get_markerfacecolor() == "none"]
    assert len(lines) == 4
    assert sum(len(line.get_xdata()) for line in hollow) == sexes.count("M")


def test_every_arm_has_a_line_of_its_own_look() -> None:
    from normwise.report.figures.curves import DASHES, SERIES

    looks = {(SERIES[place % len(SERIES)], DASHES[place % len(DASHES)]) for place in range(12)}
    assert len(looks) == 12
