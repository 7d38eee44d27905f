from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from normwise.normalize.design import choose_knots, natural_spline

KNOTS = (45.0, 55.0, 70.0, 82.0)


def test_the_columns_span_the_natural_cubic_splines() -> None:
    values = np.linspace(45, 82, 200)
    design = np.column_stack([np.ones(200), values, natural_spline(values, KNOTS)])
    for heights in np.eye(4):
        natural = CubicSpline(KNOTS, heights, bc_type="natural")(values)
        fitted = design @ np.linalg.lstsq(design, natural)[0]
        np.testing.assert_allclose(fitted, natural, atol=1e-9)


def test_it_is_linear_beyond_the_outer_knots() -> None:
    above = natural_spline(np.array([82.0, 90.0, 98.0]), KNOTS)
    np.testing.assert_allclose(np.diff(above, n=2, axis=0), 0, atol=1e-9)
    assert not natural_spline(np.array([10.0, 45.0]), KNOTS).any()


@pytest.mark.parametrize(("n", "knots"), [(20, 3), (29, 3), (30, 4), (99, 4), (100, 5)])
def test_more_people_get_more_knots(n: int, knots: int) -> None:
    chosen = choose_knots(np.random.default_rng(0).uniform(40, 90, n))
    assert len(chosen) == knots
    assert list(chosen) == sorted(chosen)


def test_few_distinct_values_leave_a_line() -> None:
    assert choose_knots(np.repeat([1.0, 2.0], 50)) == ()
