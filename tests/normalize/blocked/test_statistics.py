from __future__ import annotations

import numpy as np
import pytest

from normwise.errors import NormalizerError
from normwise.normalize.blocked.regression import fit_regression
from normwise.normalize.blocked.regression_model import People, inverse_triangle
from normwise.normalize.blocked.statistics import collect_statistics, regress_folds

RNG = np.random.default_rng(0)
DESIGN = RNG.normal(70, 8, size=(90, 3))
FEATURES = 1e4 + RNG.normal(size=(90, 50)) * 3 + DESIGN @ RNG.normal(size=(3, 50))
ROWS = np.arange(90)


def basis_of(rows: np.ndarray) -> np.ndarray:
    own = np.column_stack([np.ones(len(rows)), (DESIGN[rows] - DESIGN[rows].mean(axis=0)) / 8])
    return own @ inverse_triangle(own)


@pytest.mark.parametrize("order", ["C", "F"])
def test_every_folds_regression_is_the_direct_one(order: str) -> None:
    features = np.asarray(FEATURES, order=order)
    folds = [np.setdiff1d(ROWS, ROWS[fold::5]) for fold in range(5)]
    found = regress_folds(features, DESIGN, ROWS, [(rows, basis_of(rows)) for rows in folds])
    for rows, regression in zip(folds, found, strict=True):
        direct = fit_regression(features, People(basis_of(rows)), rows)
        assert regression is not None
        np.testing.assert_allclose(regression.center, direct.center, rtol=1e-12)
        np.testing.assert_allclose(regression.spread, direct.spread, rtol=1e-8)
        people = People(basis_of(rows))
        np.testing.assert_allclose(regression.expected(people), direct.expected(people), rtol=1e-8)


def test_groups_add_to_the_whole_and_subtract_again() -> None:
    whole, *parts = collect_statistics(FEATURES, DESIGN, [ROWS, ROWS[:20], ROWS[20:50], ROWS[50:]])
    together = parts[0] + parts[1] + parts[2]
    left = whole - parts[1]
    rest = collect_statistics(FEATURES, DESIGN, [np.r_[ROWS[:20], ROWS[50:]]])[0]
    for name in ("design_mean", "feature_mean", "design_products", "products", "feature_squares"):
        np.testing.assert_allclose(getattr(together, name), getattr(whole, name), rtol=1e-9, err_msg=name)
        np.testing.assert_allclose(
            getattr(left, name), getattr(rest, name), rtol=1e-9, atol=1e-9, err_msg=name
        )
    assert (together.n, left.n) == (90, 60)


def test_slopes_are_those_of_least_squares() -> None:
    (whole,) = collect_statistics(FEATURES, DESIGN, [ROWS])
    design = np.column_stack([np.ones(90), DESIGN])
    np.testing.assert_allclose(whole.slopes(), np.linalg.lstsq(design, FEATURES)[0][1:], rtol=1e-8)


def test_another_basis_and_people_drawn_twice_are_left_to_a_direct_fit() -> None:
    stranger = np.column_stack([np.ones(60), DESIGN[:60] ** 2])
    twice = np.r_[ROWS[:40], ROWS[:40]]
    folds = [(ROWS[:60], stranger @ inverse_triangle(stranger)), (twice, basis_of(twice))]
    assert regress_folds(FEATURES, DESIGN, ROWS, folds) == [None, None]


def test_a_fold_that_leaves_nobody_normal_out_is_the_whole() -> None:
    found = regress_folds(FEATURES, DESIGN, ROWS[:60], [(ROWS[:60], basis_of(ROWS[:60]))])
    direct = fit_regression(FEATURES, People(basis_of(ROWS[:60])), ROWS[:60])
    assert found[0] is not None
    np.testing.assert_allclose(found[0].spread, direct.spread, rtol=1e-8)


def test_a_value_that_is_not_finite_is_named() -> None:
    features = FEATURES.copy()
    features[7, 3] = np.nan
    with pytest.raises(NormalizerError, match="row 7, feature 3"):
        collect_statistics(features, DESIGN, [ROWS])
    collect_statistics(features, DESIGN, [ROWS[8:]])  # somebody else's value is not looked at
