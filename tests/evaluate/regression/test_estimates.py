"""Figures of predicted numbers where few people, or few different numbers, leave little to divide by."""

import numpy as np
import pytest

from normwise.evaluate.inference.intervals import draw_people, wilson
from normwise.evaluate.regression.cross_validation import NumberPredictions
from normwise.evaluate.regression.estimates import estimate_number


def figures(true, predicted, half_width=1.0):
    count = len(true)
    labels = np.full(count, "normal", dtype=object)
    groups = np.array([f"p{number}" for number in range(count)], dtype=object)
    found = NumberPredictions(
        values=true,
        predicted=predicted[None],
        corrected=(predicted - true)[None],
        half_widths=np.full((1, count, 1), half_width),
        beyond=np.zeros((1, count), dtype=bool),
        reasons=np.full((1, count), "", dtype=object),
        folds=np.zeros((1, count), dtype=np.intp),
        settings=[],
        notes=(),
    )
    rng = np.random.default_rng(0)
    weights = draw_people(labels, groups, np.ones(count, dtype=bool), draws=300, rng=rng)
    return estimate_number(found, labels, groups, weights, normal="normal", levels=(0.9,), confidence=0.95)


@pytest.mark.parametrize("most", [30.0, 29.3, 0.1])
def test_samples_of_equal_numbers_have_no_r2_rather_than_one_of_rounding(most):
    true = np.full(30, most)
    true[0] -= 9.4  # a third of the samples of people leave the only other one out
    found = figures(true, most + np.random.default_rng(1).normal(size=30))
    assert found.r2.estimate == pytest.approx(1 - found.rmse.estimate**2 / true.var())
    assert -10.0 < found.r2.low <= found.r2.high < 1.0


def test_equal_predictions_have_no_calibration_slope():
    found = figures(np.random.default_rng(0).normal(size=30), np.full(30, 0.3))
    assert found.slope.estimate is None
    assert found.r2.estimate <= 0.0


@pytest.mark.parametrize(("half_width", "share"), [(1e-9, 0.0), (1e9, 1.0)])
def test_all_or_none_of_a_few_people_held_is_not_certain_of_others(half_width, share):
    rng = np.random.default_rng(0)
    (held,) = figures(rng.normal(size=12), rng.normal(size=12), half_width).intervals
    assert (held.share.estimate, held.share.low, held.share.high) == (share, *wilson(share, 12, 0.95))
    assert held.share.high - held.share.low > 0.2
