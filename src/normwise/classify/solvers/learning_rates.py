"""What a learning rate does: refuse one that diverges, warn of one too slow, compare three for a picture."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_X_y

from normwise.classify.solvers.gradient_descent import CostName, Descent, descend, largest_stable_rate
from normwise.classify.solvers.standardize import training_unit
from normwise.errors import ClassifierError, NormwiseWarning
from normwise.results import Curve

__all__ = ["compare_rates", "refuse_divergence", "warn_unconverged"]

Floats = NDArray[np.float64]

_LOW = 0.01  # of the largest stable rate: the cost hardly falls within a picture


def refuse_divergence(descent: Descent) -> None:
    """Raise where the learning rate was too high.

    Parameters
    ----------
    descent : Descent
        What gradient descent did.

    Raises
    ------
    ClassifierError
        CLS-108, naming the rate and the largest stable one.
    """
    # Above the stable rate the cost may oscillate for ever without growing.
    rising = bool((np.diff(descent.costs[-10:]) > 0.0).any())
    oscillates = descent.outcome == "unconverged" and descent.rate > descent.stable_rate and rising
    if descent.outcome == "diverged" or oscillates:
        raise ClassifierError(
            "CLS-108",
            f"gradient descent diverges with the learning rate {descent.rate:.4g}.",
            seen=f"cost {descent.costs[0]:.4g} at first, {descent.costs[-1]:.4g} after "
            f"{len(descent.costs) - 1} steps",
            expected=f"a learning rate below {descent.stable_rate:.4g}, the largest stable one",
            advice="lower learning_rate, or leave it out for half the largest stable one",
        )


def warn_unconverged(descent: Descent, name: str, least: Callable[[], float]) -> None:
    """Warn (CLS-201) where the steps ran out, with the cost that is reachable.

    Parameters
    ----------
    descent : Descent
        What gradient descent did.
    name : str
        The classifier.
    least : callable
        Gives the least cost.
    """
    if descent.outcome == "unconverged":
        warnings.warn(
            NormwiseWarning(
                "CLS-201",
                f"gradient descent of {name} had not converged after {len(descent.costs) - 1} steps with the "
                f"learning rate {descent.rate:.4g}: cost {descent.costs[-1]:.6g}, of which {least():.6g} is "
                f"reachable; raise max_steps, or learning_rate up to "
                f"{descent.stable_rate:.4g}",
                subject=name,
                value=descent.rate,
            ),
            stacklevel=4,
        )


def compare_rates(
    X: ArrayLike,
    y: ArrayLike,
    *,
    cost: CostName = "squared",
    steps: int = 50,
    penalty: float | None = None,
    limit: float | None = None,
    rate: float | None = None,
) -> dict[str, Curve]:
    """Return the cost curves of a low, an adequate and a high learning rate on someone's own data.

    The features are centred and not scaled, as `LinearClassifier` and `LogisticClassifier` do it, so that a
    rate means the same here and there.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Rows.
    y : array-like of shape (n_samples,)
        Their classes.
    cost : {"squared", "cross_entropy"}
        The cost.
    steps : int
        Steps of each curve; a diverging one ends early.
    penalty : float, optional
        λ of the penalty; default: 0 for the squared cost, 1/n for the cross-entropy, whose cost may otherwise
        have no least value and stay bounded at any rate.
    limit : float, optional
        The largest stable rate of more than these rows, as of a whole study; default: that of these rows.
    rate : float, optional
        One more rate.

    Returns
    -------
    dict of str to Curve
        Title with the rate; cost (y) over steps (x), all finite. The high one grows without bound, or swings.

    Raises
    ------
    ClassifierError
        CLS-107 with one class only, CLS-109 where no feature varies.

    Examples
    --------
    >>> curves = compare_rates([[1.0], [2.0], [3.0], [4.0]], ["a", "a", "b", "b"])
    >>> list(curves)
    ['low rate 0.016', 'adequate rate 0.8', 'high rate 1.76']
    >>> [curve.y[-1] > curve.y[0] for curve in curves.values()]
    [False, False, True]
    """
    values, labels = check_X_y(X, y, dtype=np.float64)
    classes, codes = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise ClassifierError(
            "CLS-107",
            f"the rows hold 1 class, {classes[0]}; gradient descent needs at least two classes.",
            seen=f"{len(codes)} rows of class {classes[0]}",
            advice="check the cohort's label and classes",
        )
    centre, unit = training_unit(values)
    rows = np.where(np.isfinite(unit), values - centre, 0.0)
    if not rows.any():
        raise ClassifierError(
            "CLS-109",
            "no feature varies, so the cost has no slope.",
            seen=f"{rows.shape[1]} constant features",
            advice="check the features",
        )
    targets = np.eye(len(classes))[codes]
    targets = targets[:, 1:] if len(classes) == 2 else targets
    if penalty is None:
        penalty = 0.0 if cost == "squared" else 1.0 / len(rows)
    stable = largest_stable_rate(rows, cost=cost, n_outputs=targets.shape[1])

    def run(rate: float) -> Descent:
        return descend(rows, targets, cost=cost, rate=rate, steps=steps, penalty=penalty, tolerance=0.0)

    high = run(1.1 * stable)
    # The cross-entropy grows at most in proportion to the scores, so it takes a far higher rate to blow up,
    # and with a penalty it may only swing.
    tried = [run(1.1 * 2.0**power * stable) for power in range(1, 15) if cost == "cross_entropy"]
    high = next((each for each in (high, *tried) if each.outcome == "diverged"), high)
    if high.outcome != "diverged":
        high = max((high, *tried), key=lambda each: float(np.maximum(np.diff(each.costs), 0.0).sum()))
    limit = stable if limit is None else min(limit, stable)
    runs = {"low": run(_LOW * limit), "adequate": run(0.5 * limit), "high": high}
    if rate is not None:
        runs["your"] = run(rate)
    return {f"{name} rate {each.rate:.3g}": _curve(each.costs) for name, each in runs.items()}


def _curve(costs: Floats) -> Curve:
    finite = costs[: int(np.argmin(np.isfinite(costs)))] if not np.isfinite(costs).all() else costs
    return Curve([float(step) for step in range(len(finite))], finite.tolist())
