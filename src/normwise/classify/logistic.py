"""Logistic regression with an L2 penalty, fast where there are fewer people than features.

The same models as scikit-learn's ``LogisticRegression``: the cost is C Σ sᵢ·(−log p(yᵢ)) + ½ ‖w‖², the
intercept unpenalised, the softmax for three classes and more. A grid over C shares one factorisation of the
rows, and each C starts where the last one ended.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg.lapack import dposv
from scipy.special import expit
from sklearn.base import clone
from sklearn.utils.validation import _check_sample_weight

from normwise.classify.base import ClassifierSpec, LogOddsClassifier
from normwise.classify.solvers.gradient_descent import descend
from normwise.classify.solvers.learning_rates import refuse_divergence, warn_unsettled
from normwise.classify.solvers.newton import CrossEntropy, minimise
from normwise.classify.solvers.row_space import RowSpace, to_row_space
from normwise.errors import NormwiseWarning
from normwise.schema import ClassWeight, Count, Positive

__all__ = ["LOGISTIC", "LogisticClassifier", "predict_grid"]

# ruff: noqa: SLF001 - clones of one class share their work through its private methods


Floats = NDArray[np.float64]


class LogisticClassifier(LogOddsClassifier):
    """Logistic regression with an L2 penalty.

    Parameters
    ----------
    C : float
        Weight of the data against the penalty, above 0.
    solver : {"newton", "gradient_descent"}
        Newton's method, or batch gradient descent with its cost curve kept.
    class_weight : None, "balanced" or dict
        Row weights by class. None keeps the probabilities those of a cohort with the training rows' shares,
        which is what a threshold chosen afterwards needs; "balanced" acts as if every class were as large.
    learning_rate : float, optional
        Rate of gradient descent on the centred rows; default: half the largest stable one.
    max_steps : int
        The most steps of gradient descent.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        Weights; of two classes, towards the last.
    intercept_ : ndarray of shape (1,) or (n_classes,)
    n_iter_ : int
        Steps of the solver.
    cost_curve_ : ndarray of shape (n_steps + 1,)
        Mean cross-entropy plus penalty before the first step and after each; only of gradient descent.

    Examples
    --------
    >>> X = np.array([[50.0], [52.0], [61.0], [64.0]])
    >>> model = LogisticClassifier(C=0.1).fit(X, ["normal", "normal", "AD", "AD"])
    >>> model.predict([[49.0], [65.0]]).tolist()
    ['normal', 'AD']
    """

    def __init__(
        self,
        C: Positive = 1.0,
        *,
        solver: Literal["newton", "gradient_descent"] = "newton",
        class_weight: ClassWeight = None,
        learning_rate: Positive | None = None,
        max_steps: Count = 20_000,
    ) -> None:
        self.C = C
        self.solver = solver
        self.class_weight = class_weight
        self.learning_rate = learning_rate
        self.max_steps = max_steps

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Find the weights.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,)
            Their classes.
        sample_weight : array-like of shape (n_samples,), optional
            Row weights of at least 0; a weight of two counts as the row written twice.

        Raises
        ------
        ClassifierError
            CLS-103 a setting out of range, CLS-106 a weight for no class, CLS-107 one class only, CLS-108 a
            learning rate that diverges.
        """
        self._fit_together([self], X, y, sample_weight)
        return self

    def decision_function(self, X: ArrayLike) -> Floats:
        """Return log-odds of the last of two classes, or a score a class, (n_samples, n_classes)."""
        scores = self._read_new(X) @ self.coef_.T + self.intercept_
        return scores[:, 0] if len(self.classes_) == 2 else scores

    def _fit_together(
        self, models: Sequence[Self], X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> None:
        first = models[0]
        rows, codes = first._read_training(X, y)
        own = None
        if sample_weight is not None:
            own = _check_sample_weight(sample_weight, rows, dtype=np.float64, ensure_non_negative=True)
        weights = []
        for model in models:
            model._read_like(first)
            weights.append(model._row_weights(codes, own))
        centre = rows.mean(axis=0)
        strength = max(model.C * float(each.max()) for model, each in zip(models, weights, strict=True))
        span = to_row_space(rows - centre, strength)
        targets = np.eye(len(first.classes_))[codes]
        if len(first.classes_) == 2:
            targets = targets[:, 1:]
        # From the strongest penalty to the weakest, so that each start is close to its end.
        starts: dict[bytes, Floats] = {}
        for place in sorted(range(len(models)), key=lambda each: models[each].C):
            model, each = models[place], weights[place]
            if model.solver == "gradient_descent":
                model._descend(span, targets, each)
            else:
                key = each.tobytes()
                starts[key] = model._solve(span, targets, each, starts.get(key))
            model.intercept_ = model.intercept_ - model.coef_ @ centre

    def _solve(self, span: RowSpace, targets: Floats, weights: Floats, start: Floats | None) -> Floats:
        problem = CrossEntropy(span.coordinates, targets, weights)
        found = minimise(problem, 1.0 / self.C, start)
        if not found.settled:
            warnings.warn(
                f"CLS-203 logistic regression with C = {self.C:g} had not settled after {found.n_steps} "
                "Newton steps; scale the features or lower C",
                NormwiseWarning,
                stacklevel=2,
            )
        self.coef_, self.intercept_, self.n_iter_ = span.back(found.weights), found.intercept, found.n_steps
        return found.columns

    def _descend(self, span: RowSpace, targets: Floats, weights: Floats) -> None:
        # Descent from zero never leaves the rows' span, so its curve is the same in their coordinates.
        walk = descend(
            span.coordinates, targets, cost="cross_entropy", rate=self.learning_rate, steps=self.max_steps,
            penalty=1.0 / (self.C * float(weights.sum())), weights=weights,
        )  # fmt: skip
        refuse_divergence(walk)
        warn_unsettled(walk, "logistic")
        self.coef_, self.intercept_ = span.back(walk.weights), walk.intercept
        self.cost_curve_, self.n_iter_ = walk.costs, max(1, len(walk.costs) - 1)


LOGISTIC = ClassifierSpec(
    "Logistic regression, L2 penalty",
    LogisticClassifier,
    grid={"C": [0.0001, 0.001, 0.01, 0.1, 1.0]},
)


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
