"""Probabilities of a whole grid of settings, for those who need nothing else of the fitted models.

Two-class logistic regression takes a short way: with fewer people than features all is said by the products
of people with one another (the Gram matrix), and Newton's step in their multipliers is one Cholesky
factorisation (iteratively reweighted least squares in the dual; Murphy 2012, section 14.4.3). Each penalty
starts where the stronger one ended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dposv
from scipy.special import expit
from sklearn.base import clone

from normwise.classify.logistic import LogisticClassifier

__all__ = ["predict_grid"]

Floats = NDArray[np.floating[Any]]

_FEW = 200  # people whose products with one another are cheap, however few the features are
_MOST_STEPS = 30
_SETTLED = 1e-7  # relative change of the scores; the step after it would change them by its square
_FLAT = 1e-9  # a smaller slope of the logistic function leaves Newton's step to rounding


def predict_grid(
    estimator: Any,
    settings: Sequence[Mapping[str, Any]],
    X: Floats,
    y: NDArray[np.object_],
    unseen: Floats,
) -> tuple[list[Floats], list[Any]]:
    """Fit an estimator with each setting and return what it says of people it has not seen.

    Parameters
    ----------
    estimator : classifier
        Unfitted.
    settings : sequence of mapping
        The grid.
    X : ndarray of shape (n_samples, n_features)
        Training rows.
    y : ndarray of shape (n_samples,)
        Their classes.
    unseen : ndarray of shape (n_unseen, n_features)
        Other rows.

    Returns
    -------
    tuple of list of ndarray of shape (n_unseen, n_classes), and list
        Probabilities a setting, and the classes in the order of the columns.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(20, 30)), np.array(["AD", "normal"] * 10, dtype=object)
    >>> (table,), classes = predict_grid(LogisticClassifier(), [{"C": 0.1}], X, y, X[:3])
    >>> np.allclose(table, LogisticClassifier(C=0.1).fit(X, y).predict_proba(X[:3])), classes
    (True, ['AD', 'normal'])
    """
    short = _logistic_path(estimator, settings, X, y, unseen)
    if short is not None:
        return short
    if hasattr(estimator, "fit_grid"):
        models = list(estimator.fit_grid(X, y, settings))
    else:
        models = [clone(estimator).set_params(**setting).fit(X, y) for setting in settings]
    return [model.predict_proba(unseen) for model in models], list(models[0].classes_)


def _logistic_path(
    estimator: Any,
    settings: Sequence[Mapping[str, Any]],
    X: Floats,
    y: NDArray[np.object_],
    unseen: Floats,
) -> tuple[list[Floats], list[Any]] | None:
    """Return the same by the short way; None where there is none, or it does not arrive."""
    plain = (
        type(estimator) is LogisticClassifier
        and estimator.solver == "newton"
        and estimator.class_weight is None
        and all(set(setting) <= {"C"} for setting in settings)
        and len(X) <= max(X.shape[1], _FEW)
    )
    classes = sorted(set(y.tolist()))
    if not plain or len(classes) != 2:
        return None
    strengths = [float(setting.get("C", estimator.C)) for setting in settings]
    centre = X.mean(axis=0)
    rows = X - centre
    gram, across = rows @ rows.T, (unseen - centre) @ rows.T
    target = (y == classes[1]).astype(np.float64)
    tables: list[Floats] = [np.empty((0, 2))] * len(settings)
    start: tuple[Floats, float] = (np.zeros(len(X)), 0.0)
    for place in sorted(range(len(settings)), key=strengths.__getitem__):
        found = _solve(gram, target, 1.0 / strengths[place], start)
        if found is None:
            return None
        start = found
        scores = across @ found[0] + found[1]
        tables[place] = np.column_stack([expit(-scores), expit(scores)])
    return tables, classes


def _solve(
    gram: Floats, target: Floats, penalty: float, start: tuple[Floats, float]
) -> tuple[Floats, float] | None:
    """Return multipliers and intercept of the least cost; None where Newton's plain steps do not settle.

    The weights are rows' · multipliers, and the multipliers sum to zero.
    """
    multipliers, intercept = start
    scores = gram @ multipliers + intercept
    cost = _cost(scores, target, penalty, multipliers, intercept)
    sides = np.empty((len(target), 2), order="F")
    for _ in range(_MOST_STEPS):
        chance = expit(scores)
        bend = chance * (1.0 - chance)
        if bend.min() < _FLAT:
            return None
        system = gram.copy()
        system.flat[:: len(target) + 1] += penalty / bend
        sides[:, 0], sides[:, 1] = scores + (target - chance) / bend, 1.0
        _, solved, failed = dposv(system, sides, overwrite_a=True)
        if failed:
            return None
        intercept = float(solved[:, 0].sum() / solved[:, 1].sum())
        multipliers = solved[:, 0] - intercept * solved[:, 1]
        moved = gram @ multipliers + intercept
        new_cost = _cost(moved, target, penalty, multipliers, intercept)
        if not new_cost <= cost + 1e-9 * abs(cost):
            return None
        settled = np.abs(moved - scores).max() <= _SETTLED * np.abs(moved).max()
        scores, cost = moved, new_cost
        if settled:
            return multipliers, intercept
    return None


def _cost(scores: Floats, target: Floats, penalty: float, multipliers: Floats, intercept: float) -> float:
    losses = np.logaddexp(0.0, scores) - target * scores
    return float(losses.sum() + 0.5 * penalty * (multipliers @ (scores - intercept)))
