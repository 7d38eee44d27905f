from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import approx_fprime, minimize
from scipy.stats import norm, skew

from normwise.normalize.blocked import tails
from normwise.normalize.blocked.tails import FEWEST_NORMALS, Tails, fit_tails, fit_tails_to_counts

WIDE = (0.5, 0.3)


def skewed(n: int, features: int, seed: int = 0) -> np.ndarray:
    drawn = np.random.default_rng(seed).gamma(3.0, size=(n, features))
    return (drawn - 3.0) / np.sqrt(3.0)


def fit(w: np.ndarray, *, choose: bool = False) -> Tails:
    return fit_tails(lambda: [w], choose=choose)


def cost(w: np.ndarray, parameters: np.ndarray) -> float:
    column = parameters[:, None]
    return float((tails._penalty(column, WIDE) - tails._log_likelihood(w, column))[0])


def test_gradient_and_hessian_are_derivatives_of_the_cost() -> None:
    w, at = skewed(60, 1), np.array([0.1, -0.2, 0.3, 0.1])
    gradient, curvature, _ = tails._derivatives(w, at[:, None], WIDE)
    np.testing.assert_allclose(gradient[:, 0], approx_fprime(at, lambda p: cost(w, p)), atol=1e-4)
    slope = approx_fprime(at, lambda p: tails._derivatives(w, p[:, None], WIDE)[0][:, 0])
    np.testing.assert_allclose(curvature[0], slope, atol=1e-3)


def test_newton_finds_the_maximum_of_the_penalised_likelihood() -> None:
    rng = np.random.default_rng(1)
    w = np.column_stack([skewed(200, 3), rng.standard_t(3, size=(200, 2)), rng.normal(size=(200, 2))])
    found = fit(w)
    for column in range(w.shape[1]):
        own = np.array(
            [
                found.location[column],
                np.log(found.scale[column]),
                found.skew[column],
                np.log(found.weight[column]),
            ]
        )
        best = minimize(lambda p, column=column: cost(w[:, [column]], p), np.zeros(4), method="BFGS")
        assert cost(w[:, [column]], own) <= best.fun + 1e-6


def test_tails_of_new_people_become_normal() -> None:
    found = fit(skewed(400, 20))
    z = found.apply(skewed(4000, 20, seed=1))
    assert abs(skew(skewed(4000, 20, seed=1))).mean() > 1.0
    assert abs(skew(z)).mean() < 0.3
    assert abs((z < norm.ppf(0.05)).mean() - 0.05) < 0.01
    assert abs((z > norm.ppf(0.95)).mean() - 0.05) < 0.01


def test_features_that_are_normal_stay_nearly_as_they_are() -> None:
    rng = np.random.default_rng(0)
    w, new = rng.normal(size=(300, 100)), rng.normal(size=(2000, 100))
    scaled = (new - w.mean(axis=0)) / w.std(axis=0)
    chosen, always = fit(w, choose=True).apply(new), fit(w).apply(new)
    bounds = norm.ppf([0.01, 0.05, 0.25, 0.75, 0.95, 0.99])
    as_is, once, wide = (
        np.mean([np.abs((z < bound).mean(axis=0) - norm.cdf(bound)) for bound in bounds])
        for z in (scaled, chosen, always)
    )
    assert once <= as_is + 0.0005
    assert once < wide


def test_a_feature_apart_from_the_others_is_not_held_back_by_them() -> None:
    rng = np.random.default_rng(0)
    w = np.column_stack([rng.normal(size=(300, 60)), skewed(300, 1)])
    found = fit(w, choose=True)
    assert abs(found.skew[-1] - fit(w[:, -1:]).skew[0]) < 1e-6
    assert np.abs(found.skew[:-1]).mean() < 0.1 < np.abs(fit(w).skew[:-1]).max()


def test_few_normals_change_nothing() -> None:
    assert not fit(skewed(FEWEST_NORMALS - 1, 3)).changed.any()
    assert fit(skewed(FEWEST_NORMALS, 3)).changed.all()


def test_blocks_are_fitted_as_one() -> None:
    w = skewed(100, 9)
    whole, parts = fit(w, choose=True), fit_tails(lambda: [w[:, :4], w[:, 4:]], choose=True)
    np.testing.assert_allclose(parts.skew, whole.skew, rtol=1e-9)
    np.testing.assert_allclose(parts.weight, whole.weight, rtol=1e-9)


STEPS = np.arange(-256, 257) / 32.0


def count(w: np.ndarray) -> np.ndarray:
    steps = np.rint(w * 32.0).astype(int) + 256
    return np.stack([np.bincount(own, minlength=513) for own in steps.T], axis=1)


def test_derivatives_of_counts_are_those_of_as_many_people() -> None:
    w, at = np.array([[-1.0], [0.5], [2.0]]), np.array([0.1, -0.2, 0.3, 0.1])[:, None]
    counts = np.array([[3.0], [0.0], [2.0]])
    people = np.repeat(w, [3, 0, 2], axis=0)
    for one, many in zip(
        tails._derivatives(w, at, WIDE, counts)[:2], tails._derivatives(people, at, WIDE)[:2], strict=True
    ):
        np.testing.assert_allclose(one, many, rtol=1e-12)
    np.testing.assert_allclose(
        tails._log_likelihood(w, at, counts), tails._log_likelihood(people, at), rtol=1e-12
    )


def test_who_is_left_out_is_predicted_by_the_fit_to_the_others() -> None:
    w = np.rint(skewed(60, 1) * 32.0) / 32.0
    values, counts = np.unique(w, return_counts=True)
    whole = tails._maximise(w, np.zeros((4, 1)), WIDE)
    found = tails._left_out(values[:, None], counts[:, None].astype(float), whole, WIDE)
    exact = sum(
        tails._log_likelihood(w[[row]], tails._maximise(np.delete(w, row, axis=0), whole, WIDE))[0]
        for row in range(len(w))
    )
    assert abs(found[0] - exact) < 0.2 * abs(tails._log_likelihood(w, whole)[0] - exact)


@pytest.mark.parametrize(("choose", "most"), [(False, 0.01), (True, 0.05)])  # few are chosen otherwise
def test_counts_give_the_tails_of_the_people_counted(*, choose: bool, most: float) -> None:
    rng = np.random.default_rng(4)
    w = np.column_stack([rng.normal(size=(300, 30)), skewed(300, 30)])
    new = np.column_stack([rng.normal(size=(2000, 30)), skewed(2000, 30, seed=1)])
    expected, found = fit(w, choose=choose), fit_tails_to_counts(STEPS, count(w), choose=choose)
    gap = np.abs(found.apply(new.copy()) - expected.apply(new.copy()))
    assert gap.mean() < 0.002
    assert np.quantile(gap, 0.99) < most


def test_by_counts_too_a_normal_feature_stays_and_an_odd_one_goes_its_way() -> None:
    rng = np.random.default_rng(0)
    counts = count(np.column_stack([rng.normal(size=(300, 60)), skewed(300, 1)]))
    chosen, wide = (fit_tails_to_counts(STEPS, counts, choose=each) for each in (True, False))
    assert abs(chosen.skew[-1] - wide.skew[-1]) < 1e-6
    assert np.abs(chosen.skew[:-1]).mean() < 0.1 < np.abs(wide.skew[:-1]).max()


def test_few_counted_normals_change_nothing() -> None:
    few, enough = (
        fit_tails_to_counts(STEPS, count(skewed(n, 3)), choose=False)
        for n in (FEWEST_NORMALS - 1, FEWEST_NORMALS)
    )
    assert not few.changed.any()
    assert enough.changed.all()


@given(
    st.floats(-2, 2), st.floats(0.2, 5), st.floats(-1, 1), st.floats(0.4, 2.5),
    st.lists(st.floats(-8, 8), min_size=2, max_size=20),
)  # fmt: skip
def test_the_transform_rises_and_can_be_undone(
    location: float, scale: float, skewness: float, weight: float, values: list[float]
) -> None:
    transform = Tails(*(np.array([each]) for each in (location, scale, skewness, weight)))
    w = np.sort(np.array(values))[:, None]
    z = transform.apply(w.copy())
    assert (np.diff(z[:, 0]) >= 0).all()
    np.testing.assert_allclose(transform.invert(z), w, atol=1e-6)
