"""Least squares on class indicators, with a ridge penalty.

Each class has an indicator, 1 for its members and 0 for the others, and the regression of the indicator on
the features estimates the probability of the class (Hastie, Tibshirani and Friedman 2009, section 4.2). Such
scores leave [0, 1]; `LinearClassifier.decision_function` describes how log-odds are made of them.
"""

# ruff: noqa: SLF001 - clones of one class share their work through its private methods

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from normwise.classify.base import LogOddsClassifier, check_curve, count_outputs
from normwise.classify.calibration import fit_slope, soft_targets
from normwise.classify.solvers.row_space import RowSpace, to_row_space
from normwise.schema import ClassWeight, Count, FittedParts, NotNegative, Positive

__all__ = ["LinearClassifier"]

Floats = NDArray[np.float64]


class LinearClassifier(LogOddsClassifier):
    """Least squares on class indicators.

    Parameters
    ----------
    alpha : float
        Ridge penalty: Σ sᵢ ‖yᵢ − w·xᵢ − b‖² + alpha ‖w‖² is minimised, the intercept unpenalised. 0 is plain
        least squares; of several solutions, the one of the shortest weights.
    solver : {"closed_form", "gradient_descent"}
        One factorisation, or batch gradient descent with its cost curve kept.
    class_weight : None, "balanced" or dict
        Row weights by class; None keeps the training rows' shares.
    learning_rate : float, optional
        Rate of gradient descent on the centred rows; default: half the largest stable one.
    max_steps : int
        The most steps of gradient descent.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        Weights of the least-squares score; of two classes, of the last one's.
    intercept_ : ndarray of shape (1,) or (n_classes,)
    base_rates_ : ndarray of shape (n_classes,)
        Weighted share of each class in the training rows.
    slope_ : float
        How fast log-odds follow the score; see `decision_function`.
    n_iter_ : int
        Steps of the solver.
    cost_curve_ : ndarray of shape (n_steps + 1,)
        Half the mean squared error plus penalty, before the first step and after each; only of gradient
        descent.

    Examples
    --------
    >>> X = np.array([[50.0], [52.0], [61.0], [64.0]])
    >>> model = LinearClassifier(alpha=0.0).fit(X, [0, 0, 1, 1])
    >>> bool(np.isclose(model.coef_[0, 0], np.polyfit(X[:, 0], [0, 0, 1, 1], 1)[0]))
    True
    """

    def __init__(
        self,
        alpha: NotNegative = 1.0,
        *,
        solver: Literal["closed_form", "gradient_descent"] = "closed_form",
        class_weight: ClassWeight = None,
        learning_rate: Positive | None = None,
        max_steps: Count = 20_000,
    ) -> None:
        self.alpha = alpha
        self.solver = solver
        self.class_weight = class_weight
        self.learning_rate = learning_rate
        self.max_steps = max_steps

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Find the weights; see `Classifier.fit`.

        Refused besides: CLS-108 a learning rate that diverges (a `ClassifierError`).
        """
        self.fit_together([self], X, y)
        return self

    def check_parts(self, parts: FittedParts) -> None:
        """Refuse weights and base rates that ``fit`` could not have learnt; see `Classifier.check_parts`."""
        super().check_parts(parts)
        outputs = count_outputs(self.classes_)
        parts.array("coef_", (outputs, self.n_features_in_))
        parts.array("intercept_", (outputs,))
        parts.array("base_rates_", (len(self.classes_),), low=1e-12, high=1.0)
        parts.number("slope_", low=0.0)
        check_curve(parts, "cost_curve_")

    def decision_function(self, X: ArrayLike) -> Floats:
        """Return log-odds of the last of two classes, or a score a class, (n_samples, n_classes).

        For base rate r and least-squares score s of a class, its probability is proportional to
        r · exp(g · (s − r)/r). With g = 1 that equals the score to first order at the base rates: it is the
        first step of Fisher scoring for logistic regression from there (McCullagh and Nelder 1989, section
        2.5). The slope g is the one that makes the rows' leave-one-out scores most likely, which for ridge
        regression cost nothing more. Log-odds rise with the score, so that the AUC is the score's.
        """
        scores = self.read_new(X) @ self.coef_.T + self.intercept_
        if len(self.classes_) == 2:
            # The first class's score is one minus the last one's.
            scores = np.column_stack([1.0 - scores, scores])
        logs = np.log(self.base_rates_) + self.slope_ * (scores - self.base_rates_) / self.base_rates_
        return np.asarray(logs[:, 1] - logs[:, 0] if len(self.classes_) == 2 else logs)

    def fit_together(self, models: Sequence[Self], X: ArrayLike, y: ArrayLike) -> None:
        """Fit several clones on the same rows, from one factorisation for each set of row weights."""
        first = models[0]
        rows, codes = first.read_training(X, y)
        indicators = np.eye(len(first.classes_))[codes]
        by_weights: dict[bytes, list[Self]] = {}
        for model in models:
            model.read_like(first)
            by_weights.setdefault(model.row_weights(codes).tobytes(), []).append(model)
        for key, alike in by_weights.items():
            weights = np.frombuffer(key)
            share = weights / weights.sum()
            centre = share @ rows
            least = min(model.alpha for model in alike)
            root = np.sqrt(weights)[:, None]
            span = to_row_space(root * (rows - centre), 1.0 / least if least > 0.0 else np.inf)
            for model in alike:
                model.base_rates_ = share @ indicators
                aims = indicators - model.base_rates_
                model._solve(span, aims, weights)
                known = model.base_rates_[-len(model.coef_) :]
                model.intercept_ = known - model.coef_ @ centre
                held_out = _leave_one_out(span, aims, weights, model.alpha)
                targets = soft_targets(codes, weights, len(model.classes_))
                base = model.base_rates_
                model.slope_ = fit_slope(np.log(base), held_out / base, targets, weights)

    def _solve(self, span: RowSpace, aims: Floats, weights: Floats) -> None:
        # Of two classes the last one's indicator is enough.
        columns = aims[:, 1:] if len(self.classes_) == 2 else aims
        root = np.sqrt(weights)[:, None]
        if self.solver == "gradient_descent":
            from normwise.classify.solvers.gradient_descent import cost_at, descend
            from normwise.classify.solvers.learning_rates import refuse_divergence, warn_unconverged

            # Descent from zero never leaves the rows' span, so its curve is the same in their coordinates.
            rows, penalty = span.coordinates / root, self.alpha / float(weights.sum())
            descent = descend(
                rows, columns, rate=self.learning_rate, steps=self.max_steps, penalty=penalty, weights=weights
            )

            def least() -> float:
                best = span.coordinates.T @ (root * columns) / (span.squares + self.alpha)[:, None]
                nothing = np.zeros(columns.shape[1])  # rows and aims are centred
                return cost_at(rows, columns, (best, nothing), penalty=penalty, weights=weights)

            refuse_divergence(descent)
            warn_unconverged(descent, "linear", least)
            self.cost_curve_, self.n_iter_ = descent.costs, max(1, len(descent.costs) - 1)
            self.coef_ = span.back(descent.weights)
        else:
            along = span.coordinates.T @ (root * columns)
            self.coef_, self.n_iter_ = span.back(along / (span.squares + self.alpha)[:, None]), 1


def _leave_one_out(span: RowSpace, aims: Floats, weights: Floats, alpha: float) -> Floats:
    """Return each row's score, less the base rates, from the regression on all other rows.

    The exact shortcut e/(1 − h) for residual e and leverage h (Allen 1974). The base rates are those of the
    other rows too, so that a row's own absence does not count against it.
    """
    root, share = np.sqrt(weights)[:, None], (weights / weights.sum())[:, None]
    unit = span.coordinates / np.sqrt(span.squares)
    inside = unit.T @ (root * aims)
    ridge = alpha / (span.squares + alpha)
    # What neither the intercept nor the span reaches; none of it where there are fewer rows than features.
    outside = 1.0 - share[:, 0] - np.einsum("ij,ij->i", unit, unit)
    rest = root * aims - unit @ inside
    if outside.max() < 1e-9:
        # Then alpha cancels in e/(1 − h), also at its limit of 0.
        ridge, outside, rest = 1.0 / (span.squares + alpha), np.zeros_like(outside), np.zeros_like(rest)
    residual = rest + unit @ (ridge[:, None] * inside)
    remaining = (np.maximum(outside, 0.0) + np.einsum("ij,j,ij->i", unit, ridge, unit))[:, None]
    # A row that alone decides its own fit has no held-out score of its own: its score is the base rate.
    gap = np.divide(residual, remaining, out=root * aims, where=remaining > 1e-12) / root
    return np.asarray(aims - gap + aims * share / (1.0 - share))
