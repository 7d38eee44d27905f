"""Logistic regression with an L2 penalty, fast where there are fewer people than features.

The same models as scikit-learn's ``LogisticRegression``: the cost is C Σ sᵢ·(−log p(yᵢ)) + ½ ‖w‖², the
intercept unpenalised, the softmax for three classes and more. A grid over C shares the products of the
rows, or one factorisation of them, and each C starts where the ones before point to.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import _check_sample_weight

from normwise.classify.base import LogOddsClassifier, check_curve, count_outputs
from normwise.classify.solvers.newton import CrossEntropy, minimise, minimise_dual
from normwise.errors import NormwiseWarning
from normwise.schema import ClassWeight, Count, FittedParts, Positive

if TYPE_CHECKING:
    from normwise.classify.solvers.row_space import RowSpace

__all__ = ["LogisticClassifier"]

# ruff: noqa: SLF001 - clones of one class share their work through its private methods

Floats = NDArray[np.float64]

_FEW = 200  # people whose products with one another are cheap, however few the features are


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
        self.fit_together([self], X, y, sample_weight)
        return self

    def check_parts(self, parts: FittedParts) -> None:
        """Refuse weights that ``fit`` could not have learnt; see `Classifier.check_parts`."""
        super().check_parts(parts)
        outputs = count_outputs(self.classes_)
        parts.array("coef_", (outputs, self.n_features_in_))
        parts.array("intercept_", (outputs,))
        check_curve(parts, "cost_curve_")

    def decision_function(self, X: ArrayLike) -> Floats:
        """Return log-odds of the last of two classes, or a score a class, (n_samples, n_classes)."""
        scores = self.read_new(X) @ self.coef_.T + self.intercept_
        return scores[:, 0] if len(self.classes_) == 2 else scores

    def fit_together(
        self, models: Sequence[Self], X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> None:
        """Fit several clones on the same rows, from one factorisation or their products."""
        first = models[0]
        rows, codes = first.read_training(X, y)
        own = None
        if sample_weight is not None:
            own = _check_sample_weight(sample_weight, rows, dtype=np.float64, ensure_non_negative=True)
        weights: dict[str, Floats] = {}
        for model in models:
            model.read_like(first)
            if _key(model) not in weights:
                weights[_key(model)] = model.row_weights(codes, own)
        centre = rows.mean(axis=0)
        design = np.empty((len(rows), rows.shape[1] + 1))
        rows = np.subtract(rows, centre, out=design[:, :-1])
        # From the strongest penalty to the weakest, so that each start is close to its end.
        ordered = sorted(models, key=lambda model: model.C)
        equal = all((each == 1.0).all() for each in weights.values())
        if not (equal and _fit_from_products(ordered, rows, codes)):
            from normwise.classify.solvers.row_space import to_row_space  # fits from products need none

            span = to_row_space(rows, max(model.C * weights[_key(model)].max() for model in models), design)
            targets = np.eye(len(first.classes_))[codes]
            if len(first.classes_) == 2:
                targets = targets[:, 1:]
            del rows  # the coordinates stand for them
            starts: dict[str, tuple[CrossEntropy, Floats | None]] = {}
            for model in ordered:
                key = _key(model)
                if model.solver == "gradient_descent":
                    model._descend(span, targets, weights[key])
                    continue
                problem, start = starts.get(key) or (CrossEntropy(span.design, targets, weights[key]), None)
                starts[key] = problem, model._solve(problem, span, start)
        for model in models:
            model.intercept_ = model.intercept_ - model.coef_ @ centre

    def _solve(self, problem: CrossEntropy, span: RowSpace, start: Floats | None) -> Floats:
        minimum = minimise(problem, 1.0 / self.C, start)
        if not minimum.converged:
            warnings.warn(
                NormwiseWarning(
                    "CLS-203",
                    f"logistic regression with C = {self.C:g} had not converged after {minimum.n_steps} "
                    "Newton steps; scale the features or lower C",
                    subject="logistic",
                    value=self.C,
                ),
                stacklevel=2,
            )
        self.coef_, self.intercept_, self.n_iter_ = (
            span.back(minimum.weights),
            minimum.intercept,
            minimum.n_steps,
        )
        return minimum.columns

    def _descend(self, span: RowSpace, targets: Floats, weights: Floats) -> None:
        from normwise.classify.solvers.gradient_descent import cost_at, descend
        from normwise.classify.solvers.learning_rates import refuse_divergence, warn_unconverged

        # Descent from zero never leaves the rows' span, so its curve is the same in their coordinates.
        penalty = 1.0 / (self.C * float(weights.sum()))
        descent = descend(
            span.coordinates, targets, cost="cross_entropy", rate=self.learning_rate, steps=self.max_steps,
            penalty=penalty, weights=weights,
        )  # fmt: skip

        def least() -> float:
            best = minimise(CrossEntropy(span.design, targets, weights), 1.0 / self.C, None)
            return cost_at(
                span.coordinates, targets, (best.weights, best.intercept), cost="cross_entropy",
                penalty=penalty, weights=weights,
            )  # fmt: skip

        refuse_divergence(descent)
        warn_unconverged(descent, "logistic", least)
        self.coef_, self.intercept_ = span.back(descent.weights), descent.intercept
        self.cost_curve_, self.n_iter_ = descent.costs, max(1, len(descent.costs) - 1)


def _key(model: LogisticClassifier) -> str:
    """Return what models have in common whose rows weigh the same."""
    return repr(model.class_weight)


def _fit_from_products(models: Sequence[LogisticClassifier], rows: Floats, codes: NDArray[np.intp]) -> bool:
    """Fit two classes of few, equally weighted people from their products; whether that came to an end."""
    several = codes.max() > 1 or any(model.solver != "newton" for model in models)
    if several or len(rows) > max(rows.shape[1], _FEW):
        return False
    gram, targets = rows @ rows.T, codes.astype(np.float64)
    last = np.zeros(len(rows) + 1)  # multipliers, and the intercept
    slope, at, found = last, np.nan, []
    for model in models:
        # The minimum moves nearly along a line as the logarithm of C grows.
        ahead = np.log(model.C / at) if at < model.C else 0.0
        start = last + ahead * slope
        minimum = minimise_dual(gram, targets, 1.0 / model.C, (start[:-1], float(start[-1])))
        if minimum is None:
            return False
        found.append(np.append(minimum[0], minimum[1]))
        if ahead > 0.0:
            slope = (found[-1] - last) / ahead
        last, at, model.n_iter_ = found[-1], model.C, minimum[2]
    weights = np.array(found)[:, :-1] @ rows
    for model, each, own in zip(models, found, weights, strict=True):
        model.coef_, model.intercept_ = own[None, :], each[-1:]
    return True
