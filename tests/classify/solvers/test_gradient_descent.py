import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.special import log_softmax

from normwise.classify import descend, largest_stable_rate

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 6)) @ np.diag([5, 3, 1, 1, 0.5, 0.2])
ONE = (X[:, :1] + RNG.normal(size=(40, 1)) > 0).astype(float)
THREE = np.eye(3)[RNG.integers(0, 3, 40)]
WEIGHTS = RNG.uniform(0.1, 2.0, 40)
CASES = [("squared", ONE), ("squared", THREE), ("cross_entropy", ONE), ("cross_entropy", THREE)]
every_cost = pytest.mark.parametrize(
    ("cost", "targets"), CASES, ids=["squared-1", "squared-3", "ce-2", "ce-3"]
)


def value(flat, targets, cost, penalty, weights):
    w = flat.reshape(7, -1)
    scores, share = X @ w[:-1] + w[-1], weights / weights.sum()
    if cost == "squared":
        loss = 0.5 * ((scores - targets) ** 2).sum(axis=1)
    elif targets.shape[1] == 1:
        loss = np.logaddexp(0, scores[:, 0]) - targets[:, 0] * scores[:, 0]
    else:
        loss = -(targets * log_softmax(scores, axis=1)).sum(axis=1)
    return share @ loss + 0.5 * penalty * (w[:-1] ** 2).sum()


@every_cost
def test_the_first_step_is_the_rate_times_the_gradient(cost, targets):
    descent = descend(X, targets, cost=cost, rate=0.01, steps=1, penalty=0.3, weights=WEIGHTS)
    start = np.zeros(7 * targets.shape[1])
    gradient = approx_fprime(start, value, 1e-7, targets, cost, 0.3, WEIGHTS).reshape(7, -1)
    # The penalty's slope is taken where the step ends.
    step = np.vstack([descent.weights * (1 + 0.01 * 0.3), descent.intercept])
    np.testing.assert_allclose(step, -0.01 * gradient, atol=1e-7)
    assert len(descent.costs) == 2
    assert descent.costs[0] == pytest.approx(value(start, targets, cost, 0.3, WEIGHTS))
    end = np.vstack([descent.weights, descent.intercept]).ravel()
    assert descent.costs[1] == pytest.approx(value(end, targets, cost, 0.3, WEIGHTS))


@every_cost
def test_the_default_rate_never_raises_the_cost_and_converges(cost, targets):
    descent = descend(X, targets, cost=cost, steps=20_000, penalty=0.1, weights=WEIGHTS)
    assert descent.outcome == "converged"
    assert (np.diff(descent.costs) <= 1e-15).all()
    assert descent.rate == pytest.approx(descent.stable_rate / 2)
    end = np.vstack([descent.weights, descent.intercept]).ravel()
    gradient = approx_fprime(end, value, 1e-7, targets, cost, 0.1, WEIGHTS)
    np.testing.assert_allclose(gradient, 0.0, atol=5e-6)  # the difference quotient's own error


def test_the_squared_cost_turns_at_the_largest_stable_rate():
    stable = largest_stable_rate(X)
    hessian = np.column_stack([X, np.ones(40)]).T @ np.column_stack([X, np.ones(40)]) / 40
    assert stable == pytest.approx(2 / (np.linalg.eigvalsh(hessian)[-1]))
    below, above = (descend(X, ONE, rate=factor * stable, steps=15_000) for factor in (0.999, 1.001))
    assert below.outcome == "converged"
    assert above.outcome == "diverged"
    assert np.isfinite(above.costs).all()


@pytest.mark.parametrize("targets", [ONE, THREE], ids=["two", "three"])
def test_no_curvature_of_the_cross_entropy_exceeds_its_bound(targets):
    stable = largest_stable_rate(X, cost="cross_entropy", n_outputs=targets.shape[1], weights=WEIGHTS)
    for seed in range(5):
        at = 0.3 * np.random.default_rng(seed).normal(size=7 * targets.shape[1])
        hessian = approx_fprime(
            at, lambda flat: approx_fprime(flat, value, 1e-6, targets, "cross_entropy", 0.0, WEIGHTS), 1e-4
        )
        assert np.linalg.eigvalsh((hessian + hessian.T) / 2)[-1] <= 2.0 / stable * 1.001


def test_more_people_than_features_or_fewer_have_the_same_stable_rate():
    wide = X.T
    both = [
        largest_stable_rate(np.vstack([wide, wide, wide, wide, wide, wide, wide])),
        largest_stable_rate(wide),
    ]
    assert both[0] == pytest.approx(both[1])


def test_a_flat_cost_and_a_single_step_are_no_trouble():
    descent = descend(np.zeros((4, 2)), np.zeros((4, 1)), steps=3)
    assert descent.outcome == "converged"
    assert len(descent.costs) == 1
    assert descend(X, ONE, steps=1).outcome == "unconverged"


def test_an_infinite_rate_is_divergence_and_no_warning():
    descent = descend(X, ONE, rate=1e200, steps=10)
    assert descent.outcome == "diverged"


@pytest.mark.parametrize(
    ("cost", "n_outputs", "bound"),
    [("squared", 1, 1.0), ("cross_entropy", 1, 0.25), ("cross_entropy", 3, 0.5)],
)
def test_the_stable_rate_is_two_over_the_largest_curvature(cost, n_outputs, bound):
    rows = np.random.default_rng(0).normal(size=(30, 4))
    design = np.column_stack([rows, np.ones(30)])
    curvature = np.linalg.eigvalsh(bound * design.T @ design / 30)[-1]
    rate = largest_stable_rate(rows, cost=cost, n_outputs=n_outputs)
    assert rate == pytest.approx(2.0 / curvature, rel=1e-12)


@every_cost
@pytest.mark.parametrize("penalty", [0.0, 1.0, 1e4])
def test_one_rate_serves_every_penalty(cost, targets, penalty):
    stable = largest_stable_rate(X, cost=cost, n_outputs=targets.shape[1])
    descent = descend(X, targets, cost=cost, rate=0.95 * stable, steps=300, penalty=penalty)
    assert descent.outcome != "diverged"
    assert descent.costs[-1] < descent.costs[0]
    at = np.vstack([descent.weights, descent.intercept]).ravel()
    if descent.outcome == "converged":
        slope = approx_fprime(at, value, 1e-7, targets, cost, penalty, np.ones(40))
        np.testing.assert_allclose(slope, 0.0, atol=1e-5 * max(1.0, penalty))


def test_descent_ends_once_the_cost_is_ten_times_the_first():
    descent = descend(np.array([[-1.0], [1.0]]), np.array([[1.0], [2.0]]), rate=2.2, steps=100)
    assert descent.outcome == "diverged"
    assert descent.costs[-2] <= 10.0 * descent.costs[0] < descent.costs[-1]
