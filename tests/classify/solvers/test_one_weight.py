"""The cost of one weight, and the steps of descents on it."""

from __future__ import annotations

import numpy as np
import pytest

from normwise.classify import LogisticClassifier, descend_one_weight

RNG = np.random.default_rng(3)
ILL = np.arange(80) % 2 == 1
X = RNG.normal(size=80) * 2.5 + 1.5 * ILL + 7.0


def test_the_squared_cost_is_a_parabola_with_the_regressions_slope_at_its_foot() -> None:
    found = descend_one_weight(X, ILL)
    assert found.minimum == pytest.approx(np.polyfit(X, ILL, 1)[0])
    bend = np.polyfit(found.line.x, found.line.y, 2)
    assert bend[0] == pytest.approx(X.var() / 2)
    assert found.stable_rate == pytest.approx(2 / X.var())


def test_the_cross_entropy_has_the_classifiers_minimum() -> None:
    found = descend_one_weight(X, ILL, cost="cross_entropy")
    model = LogisticClassifier(C=1.0).fit(X[:, None], ILL)
    assert found.minimum == pytest.approx(model.coef_[0, 0], rel=1e-6)
    assert min(found.line.y) == pytest.approx(np.interp(found.minimum, found.line.x, found.line.y), abs=1e-3)


@pytest.mark.parametrize("cost", ["squared", "cross_entropy"])
def test_low_creeps_adequate_arrives_and_high_leaves(cost: str) -> None:
    found = descend_one_weight(X, ILL, cost=cost)
    low, adequate, high = found.steps.values()
    assert all(steps.x[0] == 0.0 for steps in (low, adequate, high))
    assert abs(adequate.x[-1] - found.minimum) < 0.05 * abs(found.minimum)
    assert abs(low.x[-1] - found.minimum) > 0.3 * abs(found.minimum)
    away = np.abs(np.array(high.x) - found.minimum)
    assert away[1] == pytest.approx(1.15 * away[0])  # the first step ends beyond the minimum
    if cost == "squared":
        assert away[1:] == pytest.approx(1.15 * away[:-1])
    for steps in (low, adequate, high):  # on the line, within its ends
        assert np.interp(steps.x, found.line.x, found.line.y) == pytest.approx(steps.y, rel=0.02)


def test_a_rate_of_ones_own_is_shown() -> None:
    *_, title = descend_one_weight(X, ILL, rate=0.125).steps
    assert title == "your rate 0.125"


def test_a_feature_that_says_nothing_has_its_minimum_at_0() -> None:
    found = descend_one_weight(np.ones(80), ILL)
    assert (found.minimum, found.stable_rate) == (0.0, np.inf)
