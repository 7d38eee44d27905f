from __future__ import annotations

import numpy as np
import pytest

from normwise.errors import NormalizerError
from normwise.normalize.blocked.columns import FloatArray
from normwise.normalize.blocked.fit import fit_regression, fit_standardize, standardize
from normwise.normalize.blocked.regression import People, inverse_triangle


def make_design(n: int, k: int, seed: int = 0) -> FloatArray:
    return np.column_stack([np.ones(n), np.random.default_rng(seed).normal(size=(n, k))])


def textbook(design: FloatArray, x: FloatArray, new: FloatArray, new_x: FloatArray) -> FloatArray:
    """W-scores by the formulas of a textbook, in float64."""
    gram = np.linalg.inv(design.T @ design)
    slopes = gram @ design.T @ x
    rest = x - design @ slopes
    s = np.sqrt((rest**2).sum(axis=0) / (len(design) - design.shape[1]))
    leverage = np.einsum("ij,jk,ik->i", new, gram, new)
    return (new_x - new @ slopes) / (s * np.sqrt(1 + leverage)[:, None])


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-11), (np.float32, 2e-4)])
@pytest.mark.parametrize(("n", "m"), [(12, 1), (40, 700), (300, 33)])
def test_w_scores_are_the_textbooks(order: str, dtype: type, tolerance: float, n: int, m: int) -> None:
    design, new = make_design(n, 4), make_design(9, 4, seed=1)
    rng = np.random.default_rng(2)
    x = np.asarray(rng.normal(50, 3, size=(n, m)), dtype=dtype, order=order)
    new_x = np.asarray(rng.normal(50, 3, size=(9, m)), dtype=dtype, order=order)
    inverse = inverse_triangle(design)
    fit = fit_regression(x, People(design @ inverse))
    w = standardize(fit, new_x, People(new @ inverse))
    assert w.dtype == dtype
    assert w.flags.c_contiguous if order == "C" else w.flags.f_contiguous
    expected = textbook(design, x.astype(float), new, new_x.astype(float))
    np.testing.assert_allclose(w, expected, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("scale", ["w", "residual"])
@pytest.mark.parametrize("share", [0.4, 1.0])
def test_one_pass_gives_the_bits_of_two(order: str, scale: str, share: float) -> None:
    rng = np.random.default_rng(0)
    n, m = 120, 1500
    rows = np.flatnonzero(rng.uniform(size=n) < share) if share < 1 else np.arange(n)
    design = make_design(n, 3)
    everybody = People(design @ inverse_triangle(design[rows]))
    x = np.asarray(rng.normal(5, 1, size=(n, m)), dtype=np.float32, order=order)
    fit, departures = fit_standardize(x, everybody, rows, scale=scale)
    alone = fit_regression(x, everybody[rows], rows)
    for name in ("center", "loadings", "spread"):
        assert np.array_equal(getattr(fit, name), getattr(alone, name)), name
    assert np.array_equal(departures, standardize(alone, x, everybody, scale=scale))
    out = np.full_like(x, np.nan, order="C")
    assert fit_standardize(x, everybody, rows, scale=scale, out=out)[1] is out
    assert np.array_equal(departures, out)


def test_people_in_chunks_are_the_same_people() -> None:
    design = make_design(20, 2)
    inverse = inverse_triangle(design)
    rng = np.random.default_rng(0)
    fit = fit_regression(rng.normal(size=(20, 100)), People(design @ inverse))
    many = make_design(9000, 2, seed=5)  # more than fit one chunk beside twenty normals
    x = rng.normal(size=(9000, 100))
    whole = standardize(fit, x, People(many @ inverse))
    np.testing.assert_allclose(
        whole[8990:], standardize(fit, x[8990:], People(many[8990:] @ inverse)), rtol=1e-12
    )


def test_standardize_writes_where_it_is_told_even_over_the_features() -> None:
    design = make_design(30, 2)
    normals = People(design @ inverse_triangle(design))
    x = np.random.default_rng(0).normal(size=(30, 50))
    fit = fit_regression(x, normals)
    plain = standardize(fit, x, normals)
    out = np.empty((30, 50), order="F")
    assert standardize(fit, x, normals, out=out) is out
    np.testing.assert_array_equal(out, plain)
    assert standardize(fit, x, normals, out=x) is x
    np.testing.assert_array_equal(x, plain)


def test_a_large_mean_costs_no_precision() -> None:
    design = make_design(200, 3)
    normals = People(design @ inverse_triangle(design))
    small = np.random.default_rng(0).integers(0, 200, size=(200, 40)).astype(np.float32)
    high = small + np.float32(1e5)  # exact: below 2**24
    low = fit_standardize(small, normals, np.arange(200))[1]
    np.testing.assert_allclose(fit_standardize(high, normals, np.arange(200))[1], low, atol=2e-5)


@pytest.mark.parametrize("scale", [1e-25, 1e-12, 1.0, 1e12, 1e25])
def test_units_far_from_one_keep_their_scores_in_float32(scale: float) -> None:
    design = make_design(60, 2)
    normals = People(design @ inverse_triangle(design))
    x = np.random.default_rng(0).normal(3, 1, size=(60, 20)).astype(np.float32)
    plain = fit_standardize(x, normals, np.arange(60))[1]
    other = fit_standardize(x * np.float32(scale), normals, np.arange(60))[1]
    np.testing.assert_allclose(other, plain, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("share", [0.5, 1.0])
@pytest.mark.parametrize("order", ["C", "F"])
def test_features_of_which_rounding_is_left_get_a_finite_score(dtype: type, share: float, order: str) -> None:
    n = 40
    rows = np.arange(int(n * share))
    design = make_design(n, 2)
    everybody = People(design @ inverse_triangle(design[rows]))
    x = np.asarray(np.random.default_rng(0).normal(size=(n, 5)), dtype=dtype, order=order)
    x[:, 1] = 0.1
    x[:, 2] = 3 + 2 * design[:, 1]  # all of it is what demographics explain
    x[:, 3] = 0.0
    if share < 1:
        x[n - 1, 1:4] += 5.0
    fit, w = fit_standardize(x, everybody, rows)
    assert fit.determined.tolist() == [False, False, True, False, False]
    assert (fit.spread == 0).tolist() == [False, True, False, True, False]
    assert fit.spread[2] == pytest.approx(x[rows, 2].std(ddof=1), rel=1e-5)
    assert not w[:, [1, 3]].any()
    shrink = 1 / np.sqrt(1 + everybody.leverage[n - 1])
    assert w[n - 1, 2] == pytest.approx(5 * shrink / fit.spread[2] if share < 1 else 0.0, abs=1e-5)
    np.testing.assert_allclose(w, standardize(fit, x, everybody), atol=1e-6)
    residual = standardize(fit, x, everybody, scale="residual")
    np.testing.assert_allclose(residual[n - 1, 1:4], 5.0 if share < 1 else 0.0, atol=2e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("units", "determined"), [(30, False), (3, True)])
def test_a_residual_of_ten_units_in_the_last_place_is_rounding(
    dtype: type,
    units: float,
    determined: bool,  # noqa: FBT001
) -> None:
    n, epsilon = 64, float(np.finfo(dtype).eps)
    design = np.column_stack([np.ones(n), np.tile([1.0, -1], n // 2)])
    normals = People(design @ inverse_triangle(design))
    # Neither the constant nor the group is in what is left, which is a whole number of units at 1 to 2.
    left = units * epsilon * np.tile([1.0, 1, -1, -1], n // 4)
    x = (1.5 + 0.25 * design[:, 1] + left)[:, None].astype(dtype)
    assert fit_regression(x, normals).determined.tolist() == [determined]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("row", [3, 25])
def test_a_value_that_is_not_finite_is_named(bad: float, row: int) -> None:
    design = make_design(30, 1)
    rows = np.arange(20)
    everybody = People(design @ inverse_triangle(design[rows]))
    x = np.random.default_rng(0).normal(size=(30, 600))
    x[row, 511] = bad
    with pytest.raises(NormalizerError, match="feature 511") as caught:
        fit_standardize(x, everybody, rows)
    assert caught.value.code == "NRM-113"
    assert f"row {row}" in str(caught.value)


def test_values_beyond_the_squares_of_floats_are_refused() -> None:
    design = make_design(30, 1)
    normals = People(design @ inverse_triangle(design))
    x = np.random.default_rng(0).normal(size=(30, 3))
    x[:, 2] *= 1e200
    with pytest.raises(NormalizerError) as caught:
        fit_regression(x, normals)
    assert (caught.value.code, caught.value.subject) == ("NRM-114", "feature 2")


def test_coordinates_are_orthonormal_over_the_normals() -> None:
    design = make_design(50, 6)
    basis = design @ inverse_triangle(design)
    np.testing.assert_allclose(basis.T @ basis, np.eye(7), atol=1e-14)
    assert People(basis).leverage.sum() == pytest.approx(7)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_slopes_beside_a_number_are_those_of_a_regression_on_both(dtype: type) -> None:
    rng = np.random.default_rng(3)
    n = 300
    number = rng.uniform(20, 90, n)
    design = np.column_stack([np.ones(n), number / 30 + rng.normal(size=n), rng.normal(size=n)])
    x = np.asarray(design @ rng.normal(size=(3, 50)) - 2 * number[:, None] + rng.normal(size=(n, 50)), dtype)
    inverse = inverse_triangle(design)
    people = People(design @ inverse)
    fit = fit_regression(x, people, beside=number)
    both = np.linalg.lstsq(np.column_stack([design, number]), x.astype(float), rcond=None)[0]
    new = make_design(20, 2, seed=4)
    expected = new @ both[:3] + number.mean() * both[3]  # of people of the mean number
    tolerance = 1e-9 if dtype is np.float64 else 2e-3
    np.testing.assert_allclose(fit.expected(People(new @ inverse)), expected, atol=tolerance)
    rest = x - (design @ both[:3] + number.mean() * both[3])
    np.testing.assert_allclose(fit.spread, np.sqrt((rest**2).sum(axis=0) / (n - 3)), rtol=1e-3)
    alone = fit_regression(x, people)
    assert np.abs(alone.loadings - fit.loadings).max() > 100


@pytest.mark.parametrize("of", ["nobody", "the demographics"])
def test_a_number_that_says_nothing_more_changes_nothing(of: str) -> None:
    design = make_design(60, 2)
    number = np.full(60, 71.3) if of == "nobody" else 20 + 3 * design[:, 1]
    x = np.random.default_rng(1).normal(size=(60, 5))
    people = People(design @ inverse_triangle(design))
    found, alone = fit_regression(x, people, beside=number), fit_regression(x, people)
    np.testing.assert_array_equal(found.loadings, alone.loadings)
    np.testing.assert_array_equal(found.spread, alone.spread)
