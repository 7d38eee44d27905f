from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from normwise.normalize.blocked.variance import fit_log_variance


def make_basis(n: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.linalg.qr(np.column_stack([np.ones(n), rng.uniform(-1, 1, n), rng.integers(0, 2, n)])).Q


def test_scoring_finds_the_maximum_of_the_likelihood() -> None:
    basis = make_basis(60)
    rng = np.random.default_rng(1)
    squares = (rng.standard_t(3, size=(60, 5)) * np.exp(4 * basis[:, [1]])) ** 2
    fit = fit_log_variance(squares, basis)

    def cost(loadings: np.ndarray, column: int) -> float:
        logs = basis @ loadings
        return float((logs + squares[:, column] * np.exp(-logs)).sum())

    for column in range(5):
        best = minimize(cost, fit.loadings[:, column], args=(column,), method="BFGS", options={"gtol": 1e-10})
        assert cost(fit.loadings[:, column], column) <= best.fun + 1e-7


def test_the_unit_of_the_feature_only_shifts_the_log() -> None:
    basis = make_basis(50)
    squares = np.random.default_rng(0).chisquare(1, size=(50, 3))
    near, far = fit_log_variance(squares, basis), fit_log_variance(squares * 1e12, basis)
    np.testing.assert_allclose(far.at(basis), near.at(basis) * 1e12, rtol=1e-9)


def test_an_outlier_at_the_edge_does_not_throw_it_off() -> None:
    n = 40
    x = np.linspace(-1, 1, n)
    basis = np.linalg.qr(np.column_stack([np.ones(n), x, x**3])).Q
    squares = np.full((n, 1), 0.3)
    squares[-1] = 1e3
    fit = fit_log_variance(squares, basis)
    assert np.isfinite(fit.loadings).all()
    # At the maximum the squares over their variance are orthogonal to the design, less one.
    assert np.abs(basis.T @ (squares / fit.at(basis) - 1)).max() < 1e-2


def test_nobody_is_carried_beyond_the_normals_variance() -> None:
    basis = make_basis(50)
    fit = fit_log_variance(np.random.default_rng(0).chisquare(1, size=(50, 2)), basis)
    seen = fit.at(basis)
    far = fit.at(50 * basis)
    assert (far <= seen.max(axis=0) * (1 + 1e-12)).all()
    assert (far >= seen.min(axis=0) * (1 - 1e-12)).all()


def test_a_feature_without_squares_has_variance_one() -> None:
    basis = make_basis(20)
    np.testing.assert_allclose(fit_log_variance(np.zeros((20, 2)), basis).at(basis), 1.0)
