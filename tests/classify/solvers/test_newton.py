import numpy as np
import pytest
from scipy.optimize import approx_fprime

from normwise.classify.solvers import newton
from normwise.classify.solvers.newton import CrossEntropy, Recalibration, minimise, minimise_dual


def problem(n_classes, n_samples=30, n_dimensions=5, seed=0):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n_samples, n_dimensions))
    targets = rng.dirichlet(np.ones(n_classes), size=n_samples)
    weights = rng.uniform(0.2, 3.0, n_samples)
    return CrossEntropy.of_rows(rows, targets[:, 1:] if n_classes == 2 else targets, weights)


@pytest.mark.parametrize("n_classes", [2, 3, 4])
def test_slope_and_curvature_are_derivatives_of_the_cost(n_classes):
    at = problem(n_classes, n_samples=3)
    scores = np.random.default_rng(1).normal(size=(3, at.n_columns))

    def cost(flat):
        return at.cost(flat.reshape(scores.shape))

    def slope(flat):
        return at.slope(at.probabilities(flat.reshape(scores.shape))).ravel()

    np.testing.assert_allclose(slope(scores.ravel()), approx_fprime(scores.ravel(), cost), atol=1e-6)
    bent = approx_fprime(scores.ravel(), slope).reshape(*scores.shape, *scores.shape)
    curvature = at.curvature(at.probabilities(scores))
    for row in range(3):
        np.testing.assert_allclose(curvature[:, :, row], bent[row, :, row, :], atol=1e-6)


@pytest.mark.parametrize("n_classes", [2, 3, 4])
@pytest.mark.parametrize("penalty", [1e-3, 1.0, 100.0])
def test_at_the_minimum_the_gradient_is_zero(n_classes, penalty):
    at = problem(n_classes)
    found = minimise(at, penalty)
    assert found.converged
    scores = at.design @ found.columns
    gradient = at.design.T @ at.slope(at.probabilities(scores))
    gradient[:-1] += penalty * found.columns[:-1]
    np.testing.assert_allclose(gradient, 0.0, atol=1e-8)
    assert found.weights.shape == (5, 1 if n_classes == 2 else n_classes)
    if n_classes > 2:
        np.testing.assert_allclose(found.weights.sum(axis=1), 0.0, atol=1e-12)
        np.testing.assert_allclose(found.intercept.sum(), 0.0, atol=1e-12)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_start_changes_the_steps_and_not_the_minimum(n_classes):
    at = problem(n_classes)
    cold = minimise(at, 0.1)
    warm = minimise(at, 0.1, minimise(at, 0.12).columns)
    assert warm.n_steps < cold.n_steps
    np.testing.assert_allclose(warm.weights, cold.weights, rtol=1e-7)
    wild = minimise(at, 0.1, 30.0 * np.ones_like(cold.columns))
    np.testing.assert_allclose(wild.weights, cold.weights, rtol=1e-6)


@pytest.mark.parametrize("gap", [0.0, 1.0, 6.0])
@pytest.mark.parametrize("penalty", [1e-3, 1.0, 1e3])
def test_products_lead_to_the_same_minimum_from_wherever_they_begin(gap, penalty):
    rng = np.random.default_rng(5)
    target = (np.arange(40) < 15).astype(float)
    rows = rng.normal(size=(40, 60)) + gap * target[:, None] / np.sqrt(60)
    rows -= rows.mean(axis=0)
    direct = minimise(CrossEntropy.of_rows(rows, target[:, None], np.ones(40)), penalty)
    near = target - target.mean()
    # Scores of some 25 are too far to begin from, which is said.
    assert minimise_dual(rows @ rows.T, target, penalty, (0.5 * near, 0.3)) is None
    for start in (np.zeros(40), 0.01 * near):
        found = minimise_dual(rows @ rows.T, target, penalty, (start, 0.3))
        assert found is not None
        multipliers, intercept, _ = found
        assert abs(multipliers.sum()) < 1e-9 * (1.0 + np.abs(multipliers).sum())
        scale = np.abs(direct.weights).max()
        np.testing.assert_allclose(rows.T @ multipliers, direct.weights[:, 0], rtol=1e-5, atol=1e-6 * scale)
        assert intercept == pytest.approx(direct.intercept[0], abs=1e-5 * (1.0 + scale))


def test_one_row_of_huge_values_leaves_the_products_exact():
    rng = np.random.default_rng(0)
    target = (np.arange(50) < 25).astype(float)
    rows = rng.normal(size=(50, 80))
    rows[:, :20] += 0.7 * (2.0 * target[:, None] - 1.0)
    rows[3, :20] += 7.0  # whose log-odds lie where the logistic function is next to flat
    rows -= rows.mean(axis=0)
    found = minimise_dual(rows @ rows.T, target, 10.0, (np.zeros(50), 0.0))
    assert found is not None
    direct = minimise(CrossEntropy.of_rows(rows, target[:, None], np.ones(50)), 10.0)
    assert np.abs(rows @ direct.weights).max() > 20.0
    np.testing.assert_allclose(rows.T @ found[0], direct.weights[:, 0], rtol=1e-6, atol=1e-8)


def test_without_dimensions_the_intercept_is_the_log_odds():
    at = CrossEntropy.of_rows(np.zeros((8, 0)), np.repeat([[0.0], [1.0]], [6, 2], axis=0), np.ones(8))
    assert minimise(at, 1.0).intercept[0] == pytest.approx(np.log(2 / 6), rel=1e-10)


def test_perfectly_separable_rows_converge_without_overflow():
    rows = np.r_[np.full(10, -1e6), np.full(10, 1e6)][:, None]
    found = minimise(CrossEntropy.of_rows(rows, (rows > 0).astype(float), np.ones(20)), 1e-6)
    assert found.converged
    assert np.isfinite(found.weights).all()
    # The first-order condition λw = 20·10⁶·(1 − p) fixes the scale.
    gap = 1e-6 * found.weights[0, 0] / (20 * 1e6)
    assert gap == pytest.approx(np.exp(-1e6 * found.weights[0, 0]), rel=1e-6)


def recalibrations(n_draws=400, n_samples=14, seed=0):
    """Scores of two overlapping classes and bootstrap draws of them, many of which separate the classes."""
    rng = np.random.default_rng(seed)
    truth = (np.arange(n_samples) % 2).astype(float)
    scores = 4.0 * truth + rng.normal(scale=2.0, size=n_samples)
    draws = rng.multinomial(n_samples, np.full(n_samples, 1 / n_samples), size=n_draws).astype(float)
    return draws, scores, truth


@pytest.mark.parametrize("start", [(0.0, 0.0), (-2.0, 1.5), (-4.0, 6.0)])
def test_recalibration_has_no_slope_exactly_where_a_draw_separates_the_classes(start):
    draws, scores, truth = recalibrations()
    fitted = Recalibration(scores, truth, np.array(start), slope=True).fit(draws)
    separated = []
    for draw in draws:
        members, others = scores[(draw > 0) & (truth == 1)], scores[(draw > 0) & (truth == 0)]
        separated.append(
            not len(members)
            or not len(others)
            or others.max() <= members.min()
            or members.max() <= others.min()
        )
    assert 50 < sum(separated) < 350
    np.testing.assert_array_equal(np.isnan(fitted[:, 1]), separated)
    # The maximum does not depend on where the search began.
    flat = Recalibration(scores, truth, np.zeros(2), slope=True).fit(draws)
    np.testing.assert_allclose(fitted, flat, rtol=1e-6)


def test_recalibration_on_a_score_that_touches_the_other_class_has_no_slope():
    truth, scores = np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.0, 1.0, 1.0, 2.0])
    assert np.isnan(Recalibration(scores, truth, np.zeros(2), slope=True).fit(np.ones((1, 4)))).all()
    crossed = np.array([0.0, 1.1, 1.0, 2.0])
    assert np.isfinite(Recalibration(crossed, truth, np.zeros(2), slope=True).fit(np.ones((1, 4)))).all()


def test_recalibration_of_one_class_alone_has_no_intercept():
    truth, start = np.array([0.0, 0.0, 1.0]), np.array([0.0, 1.0])
    draws = np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 2.0], [1.0, 1.0, 1.0]])
    fitted = Recalibration(np.zeros(3), truth, start, slope=False).fit(draws)
    np.testing.assert_array_equal(np.isnan(fitted[:, 0]), [True, True, False])
    assert fitted[2, 0] == pytest.approx(-np.log(2.0))


@pytest.mark.parametrize("slope", [True, False])
@pytest.mark.parametrize("spread", [0.0, 0.5, 2.0, 6.0])
def test_nodes_stand_for_very_many_samples(spread, slope, monkeypatch):
    rng = np.random.default_rng(3)
    scores = np.clip(spread * rng.normal(size=3000), -13.8, 13.8)
    truth = (rng.random(3000) < 1 / (1 + np.exp(0.3 - 0.7 * scores))).astype(float)
    draws = rng.poisson(1.0, (20, 3000)).astype(float)
    draws[-1, truth > 0] = 0.0  # one without a maximum
    start = np.array([-0.3, 0.7 if slope else 1.0])
    pooled = Recalibration(scores, truth, start, slope=slope and spread > 0)
    assert len(pooled.nodes) < 800
    monkeypatch.setattr(newton, "_MANY", 10**6)
    one_by_one = Recalibration(scores, truth, start, slope=slope and spread > 0)
    assert len(one_by_one.nodes) == 3000
    found = pooled.fit(draws)
    np.testing.assert_allclose(found, one_by_one.fit(draws), rtol=1e-9, atol=1e-11)
    assert np.isnan(found[-1]).all()
    assert np.isfinite(found[:-1]).all()
