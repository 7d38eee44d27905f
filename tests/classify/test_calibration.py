import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, log_softmax

from normwise.classify.calibration import fit_sigmoid, fit_slope, soft_targets

ONES = np.ones(200)


def noisy(slope, seed=0):
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=200)
    return scores, (rng.random(200) < expit(slope * scores - 0.5)).astype(np.intp)


def test_sigmoid_minimises_the_cross_entropy_of_the_soft_targets():
    scores, codes = noisy(2.0)
    targets = soft_targets(codes, ONES, 2)[:, 1]
    slope, offset = fit_sigmoid(scores, targets, ONES)

    def cost(at):
        z = at[0] * scores + at[1]
        return np.sum(np.logaddexp(0, z) - targets * z)

    best = minimize(cost, [1.0, 0.0], tol=1e-12).x
    assert [slope, offset] == pytest.approx(best, rel=1e-5)
    assert slope == pytest.approx(2.0, abs=0.6)


def test_sigmoid_follows_the_unit_of_the_scores():
    scores, codes = noisy(2.0)
    targets = soft_targets(codes, ONES, 2)[:, 1]
    slope, offset = fit_sigmoid(scores, targets, ONES)
    scaled = fit_sigmoid(1000.0 * scores + 7.0, targets, ONES)
    assert scaled == pytest.approx((slope / 1000.0, offset - 7.0 * slope / 1000.0), rel=1e-5)


def test_scores_that_point_the_wrong_way_never_turn_the_order():
    scores, codes = noisy(-3.0)
    targets = soft_targets(codes, ONES, 2)[:, 1]
    slope, offset = fit_sigmoid(scores, targets, ONES)
    assert slope > 0
    np.testing.assert_allclose(expit(slope * scores + offset), targets.mean(), atol=1e-3)
    direction = np.column_stack([-scores, scores])
    assert fit_slope(np.log([0.5, 0.5]), direction, soft_targets(codes, ONES, 2), ONES) == 1e-3


def test_equal_scores_give_the_base_rate():
    targets = np.repeat([0.2, 0.8], [150, 50])
    slope, offset = fit_sigmoid(np.full(200, 5.0), targets, ONES)
    assert expit(slope * 5.0 + offset) == pytest.approx(targets.mean())
    assert slope > 0


@pytest.mark.parametrize("n_classes", [2, 3])
def test_slope_minimises_the_cross_entropy(n_classes):
    rng = np.random.default_rng(3)
    codes = rng.integers(0, n_classes, 200)
    direction = rng.normal(size=(200, n_classes)) + np.eye(n_classes)[codes]
    targets, base = soft_targets(codes, ONES, n_classes), np.log(np.full(n_classes, 1 / n_classes))
    slope = fit_slope(base, direction, targets, ONES)

    def cost(at):
        return -np.sum(targets * log_softmax(base + at * direction, axis=1))

    assert cost(slope) < min(cost(slope * 1.01), cost(slope * 0.99))


def test_perfect_scores_keep_a_finite_slope():
    codes = np.repeat([0, 1], 100)
    slope, _ = fit_sigmoid(codes - 0.5, soft_targets(codes, ONES, 2)[:, 1], ONES)
    assert expit(slope * 0.5) == pytest.approx(101 / 102, rel=1e-4)


def test_soft_targets_count_rows_and_add_up():
    codes = np.array([0, 0, 0, 1, 2])
    targets = soft_targets(codes, np.full(5, 0.01), 3)
    np.testing.assert_allclose(targets.sum(axis=1), 1.0)
    assert targets[0].tolist() == pytest.approx([0.8, 0.1, 0.1])
    # A weight says how a row counts against the others; its scale does not matter.
    np.testing.assert_allclose(targets, soft_targets(codes, np.ones(5), 3))
