r"""Batch gradient descent on the squared and the cross-entropy cost: w ← w − α ∂J/∂w, with its cost curve.

The costs, for n rows with weights sᵢ that add up to n, scores zᵢ = w·xᵢ + b and a penalty λ on w alone:

* ``squared``: J = 1/(2n) Σ sᵢ (zᵢ − yᵢ)² + ½ λ ‖w‖²
* ``cross_entropy``: J = −1/n Σ sᵢ log p(yᵢ | zᵢ) + ½ λ ‖w‖²

The slope of the penalty is taken where the step ends, w ← (w − α ∂J₀/∂w) / (1 + αλ) with J₀ the cost of the
rows alone (the proximal gradient step, Parikh and Boyd 2014, section 4.2). It has the same minimum, and what
rate is stable depends on the rows alone, so that one rate serves every penalty of a grid.

The squared cost of the rows has the constant Hessian H = X'SX/n. Along its steepest direction each step
multiplies the error by 1 − αλmax, so without a penalty descent converges exactly when α < 2/λmax (LeCun,
Bottou, Orr and Müller 1998, "Efficient BackProp", section 5.1). The cross-entropy's Hessian is nowhere larger
than ¼ X'SX/n for two classes and ½ X'SX/n for more (Böhning 1992), so that every rate below 2/λmax of that
bound converges. A rate of 1/λmax never raises either cost (Nesterov 2004, theorem 2.1.14).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_softmax, softmax

__all__ = ["CostName", "Descent", "cost_at", "descend", "largest_stable_rate"]

Floats = NDArray[np.float64]
CostName = Literal["squared", "cross_entropy"]

_DIVERGED = 10.0  # times the first cost; a stable rate never goes above the first cost at all


@dataclass(frozen=True)
class Descent:
    """What gradient descent did.

    Attributes
    ----------
    weights : ndarray of shape (n_features, n_outputs)
        Where it ended.
    intercept : ndarray of shape (n_outputs,)
        Where it ended, unpenalised.
    costs : ndarray of shape (n_steps + 1,)
        The cost before the first step and after each.
    rate : float
        The learning rate α.
    stable_rate : float
        The largest stable rate, 2/λmax.
    outcome : {"converged", "unconverged", "diverged"}
        Whether the gradient vanished, the steps ran out, or the cost grew without bound.
    """

    weights: Floats
    intercept: Floats
    costs: Floats
    rate: float
    stable_rate: float
    outcome: Literal["converged", "unconverged", "diverged"]


def largest_stable_rate(
    X: Floats, *, cost: CostName = "squared", n_outputs: int = 1, weights: Floats | None = None
) -> float:
    """Return 2/λmax, below which descent converges from every start, whatever the penalty.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows.
    cost : {"squared", "cross_entropy"}
        The cost.
    n_outputs : int
        Columns of the targets; 1 stands for two classes.
    weights : ndarray of shape (n_samples,), optional
        Row weights; default: 1.

    Returns
    -------
    float
        Infinite where the cost is flat.

    Examples
    --------
    >>> X = np.array([[-2.0], [2.0]])
    >>> round(largest_stable_rate(X), 6), round(largest_stable_rate(X, cost="cross_entropy"), 6)
    (0.5, 2.0)
    """
    n_samples = len(X)
    share = np.ones(n_samples) if weights is None else weights * (n_samples / weights.sum())
    design = np.column_stack([X, np.ones(n_samples)]) * np.sqrt(share / n_samples)[:, None]
    gram = design @ design.T if n_samples <= design.shape[1] else design.T @ design
    bound = {"squared": 1.0, "cross_entropy": 0.25 if n_outputs == 1 else 0.5}[cost]
    steepest = bound * float(np.linalg.eigvalsh(gram)[-1])
    return 2.0 / steepest if steepest > 0.0 else np.inf


def descend(
    X: Floats,
    targets: Floats,
    *,
    cost: CostName = "squared",
    rate: float | None = None,
    steps: int = 1000,
    penalty: float = 0.0,
    weights: Floats | None = None,
    tolerance: float = 1e-9,
) -> Descent:
    """Descend the cost from zero.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows; centred ones converge fastest.
    targets : ndarray of shape (n_samples, n_outputs)
        What the scores aim at (squared), or the probability of the last of two classes or of each class.
    cost : {"squared", "cross_entropy"}
        The cost.
    rate : float, optional
        α, above 0; default: 1/λmax, half the largest stable rate.
    steps : int
        The most steps.
    penalty : float
        λ.
    weights : ndarray of shape (n_samples,), optional
        Row weights; default: 1.
    tolerance : float
        Descent ends where no entry of the gradient exceeds this share of the largest first one.

    Returns
    -------
    Descent
        Its outcome says whether descent converged or diverged; nothing is raised here.

    Examples
    --------
    >>> descent = descend(np.array([[-1.0], [0.0], [1.0]]), np.array([[1.0], [2.0], [3.0]]))
    >>> descent.outcome, descent.weights.round(6).tolist(), descent.intercept.round(6).tolist()
    ('converged', [[1.0]], [2.0])
    """
    n_samples, n_features = X.shape
    n_outputs = targets.shape[1]
    share = (np.ones(n_samples) if weights is None else weights * (n_samples / weights.sum())) / n_samples
    stable = largest_stable_rate(X, cost=cost, n_outputs=n_outputs, weights=weights)
    if rate is None:
        rate = stable / 2.0 if np.isfinite(stable) else 1.0
    w, b = np.zeros((n_features, n_outputs)), np.zeros(n_outputs)
    costs: list[float] = []
    outcome: Literal["converged", "unconverged", "diverged"] = "unconverged"
    small = None
    for _ in range(steps + 1):
        value, residual = _cost_and_gradient(X @ w + b, targets, share, cost)
        costs.append(value + 0.5 * penalty * float(np.vdot(w, w)))
        if not costs[-1] <= _DIVERGED * max(costs[0], 1e-12):
            outcome = "diverged"
            break
        slope_w, slope_b = X.T @ residual + penalty * w, residual.sum(axis=0)
        steepest = max(float(np.abs(slope_w).max(initial=0.0)), float(np.abs(slope_b).max()))
        small = tolerance * steepest if small is None else small
        if steepest <= small:
            outcome = "converged"
            break
        if len(costs) <= steps:
            # The penalty's slope where the step ends; both vanish where this one does.
            w, b = (w - rate * (slope_w - penalty * w)) / (1.0 + rate * penalty), b - rate * slope_b
    return Descent(w, b, np.array(costs), rate, stable, outcome)


def cost_at(
    X: Floats,
    targets: Floats,
    parameters: tuple[Floats, Floats],
    *,
    cost: CostName = "squared",
    penalty: float = 0.0,
    weights: Floats | None = None,
) -> float:
    """Return the cost of given weights and intercept, as `descend` counts it.

    Examples
    --------
    >>> cost_at(np.array([[-1.0], [1.0]]), np.array([[0.0], [2.0]]), (np.zeros((1, 1)), np.ones(1)))
    0.5
    """
    w, b = parameters
    share = np.full(len(X), 1.0 / len(X)) if weights is None else weights / weights.sum()
    value, _ = _cost_and_gradient(X @ w + b, targets, share, cost)
    return value + 0.5 * penalty * float(np.vdot(w, w))


def _cost_and_gradient(
    scores: Floats, targets: Floats, share: Floats, cost: CostName
) -> tuple[float, Floats]:
    """Return the cost without its penalty, and its derivative by the scores."""
    if cost == "squared":
        gap = scores - targets
        return 0.5 * float(share @ np.einsum("ij,ij->i", gap, gap)), share[:, None] * gap
    if targets.shape[1] == 1:
        score, target = scores[:, 0], targets[:, 0]
        value = float(share @ (np.logaddexp(0.0, score) - target * score))
        return value, share[:, None] * (expit(scores) - targets)
    value = -float(share @ np.einsum("ij,ij->i", targets, log_softmax(scores, axis=1)))
    return value, share[:, None] * (softmax(scores, axis=1) - targets)
