"""Gradient descent on one weight alone: the cost over the weight, and the steps on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from normwise.classify.solvers.gradient_descent import CostName
from normwise.reprs import ShortRepr
from normwise.results import Curve

__all__ = ["OneWeight", "descend_one_weight"]

Floats = NDArray[np.float64]

_LOW, _ADEQUATE = 0.03, 0.2  # of the largest rate at which the steps settle at the minimum
_BEYOND = 2.15  # the first step of a high rate ends so many times as far as the minimum lies
_STEPS = 14
_MOST_NEWTON = 60


@dataclass(frozen=True, repr=False)
class OneWeight(ShortRepr):
    """The cost of one feature's weight, and descents on it.

    Attributes
    ----------
    line : Curve
        Cost (y) over the weight (x), around the minimum.
    steps : dict of str to Curve
        By rate: cost (y) at the weight (x) before the first step and after each, within the line's ends.
    minimum : float
        The weight of the least cost.
    stable_rate : float
        Above it the steps leave the minimum, however near to it they are: 2 / J''.
    """

    line: Curve
    steps: dict[str, Curve]
    minimum: float
    stable_rate: float


def descend_one_weight(
    x: ArrayLike, patient: ArrayLike, *, cost: CostName = "squared", rate: float | None = None
) -> OneWeight:
    """Descend the cost of one feature's weight from 0, the intercept held where the cost is least.

    Parameters
    ----------
    x : array-like of shape (n_samples,)
        The feature; it is centred.
    patient : array-like of bool of shape (n_samples,)
        The class that the score aims at.
    cost : {"squared", "cross_entropy"}
        The cost; the cross-entropy has a penalty of 1/n on the weight, or it might have no minimum.
    rate : float, optional
        One more learning rate to show.

    Examples
    --------
    >>> found = descend_one_weight([-1.0, -1.0, 1.0, 1.0], [False, False, True, True])
    >>> round(found.minimum, 6), round(found.stable_rate, 6), list(found.steps)
    (0.5, 2.0, ['low rate 0.06', 'adequate rate 0.4', 'high rate 2.15'])
    """
    rows = np.asarray(x, dtype=np.float64)
    rows = rows - rows.mean()
    target = np.asarray(patient, dtype=np.float64)
    penalty = 0.0 if cost == "squared" else 1.0 / len(rows)
    minimum, intercept = _minimum(rows, target, cost, penalty)

    def value(weights: Floats) -> Floats:
        scores = rows[:, None] * weights + intercept
        if cost == "squared":
            return np.asarray(0.5 * ((scores - target[:, None]) ** 2).mean(axis=0))
        losses = np.logaddexp(0.0, scores) - target[:, None] * scores
        return np.asarray(losses.mean(axis=0) + 0.5 * penalty * weights**2)

    def slope(weight: float) -> float:
        scores = rows * weight + intercept
        gap = (scores if cost == "squared" else expit(scores)) - target
        return float((rows * gap).mean()) + penalty * weight

    scores = rows * minimum + intercept
    second_derivatives = np.ones(len(rows)) if cost == "squared" else expit(scores) * expit(-scores)
    curvature = float((second_derivatives * rows**2).mean()) + penalty
    stable = 2.0 / curvature if curvature > 0.0 else np.inf
    reach = max(abs(minimum), 1e-12) * 2.6
    ends = minimum - reach, minimum + reach
    first = abs(slope(0.0))
    high = _BEYOND * abs(minimum) / first if first > 0.0 else stable
    rates = {"low": _LOW * stable, "adequate": _ADEQUATE * stable, "high": high}
    if rate is not None:
        rates["your"] = rate
    steps = {}
    for name, each in rates.items():
        weight, path = 0.0, [0.0]
        for _ in range(_STEPS):
            weight -= each * slope(weight)
            if not ends[0] <= weight <= ends[1]:
                break
            path.append(weight)
        steps[f"{name} rate {each:.3g}"] = Curve(path, value(np.array(path)).tolist())
    grid = np.linspace(*ends, 121)
    return OneWeight(Curve(grid.tolist(), value(grid).tolist()), steps, minimum, stable)


def _minimum(rows: Floats, target: Floats, cost: CostName, penalty: float) -> tuple[float, float]:
    """Return weight and intercept of the least cost."""
    if cost == "squared":
        square = float((rows**2).mean())
        return (float((rows * target).mean()) / square if square > 0.0 else 0.0), float(target.mean())
    share = float(np.clip(target.mean(), 1e-9, 1 - 1e-9))
    at = np.array([0.0, np.log(share / (1.0 - share))])
    design = np.column_stack([rows, np.ones(len(rows))])
    ridge = np.diag([penalty, 0.0])
    for _ in range(_MOST_NEWTON):
        likely = expit(design @ at)
        gradient = design.T @ (likely - target) / len(rows) + ridge @ at
        hessian = (design.T * (likely * (1.0 - likely))) @ design / len(rows) + ridge
        step = np.linalg.lstsq(hessian, gradient, rcond=None)[0]
        step *= min(1.0, 3.0 / max(float(np.abs(step).max()), 1e-300))
        at = at - step
        if float(np.abs(step).max()) < 1e-10:
            break
    return float(at[0]), float(at[1])
