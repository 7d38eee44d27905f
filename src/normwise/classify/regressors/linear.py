"""Linear regression by the normal equation or by gradient descent, without and with a ridge penalty."""

# ruff: noqa: SLF001 - clones of one class share their work through its private methods

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from normwise.classify.base import check_curve
from normwise.classify.regressors.base import Regressor
from normwise.classify.solvers.row_space import RowSpace, to_row_space
from normwise.schema import Count, FittedParts, NotNegative, Positive

__all__ = ["LinearRegressor", "RidgeRegressor"]

Floats = NDArray[np.float64]


class LinearRegressor(Regressor):
    """Least squares: Σ (yᵢ − w·xᵢ − b)² + alpha ‖w‖² is minimised, the intercept unpenalised.

    Parameters
    ----------
    alpha : float
        Ridge penalty; 0 is plain least squares; of several solutions, the one of the shortest weights.
    solver : {"closed_form", "gradient_descent"}
        The normal equation, or batch gradient descent with its cost curve kept.
    learning_rate : float, optional
        Rate of gradient descent on the centred rows; default: half the largest stable one.
    max_steps : int
        The most steps of gradient descent.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,)
    intercept_ : float
    n_iter_ : int
        Steps of the solver.
    cost_curve_ : ndarray of shape (n_steps + 1,)
        Half the mean squared error plus penalty, before the first step and after each; only of gradient
        descent.

    Examples
    --------
    >>> X, y = np.array([[50.0], [52.0], [61.0], [64.0]]), [8.0, 7.5, 6.0, 5.0]
    >>> model = LinearRegressor().fit(X, y)
    >>> bool(np.isclose(model.coef_[0], np.polyfit(X[:, 0], y, 1)[0]))
    True
    """

    def __init__(
        self,
        alpha: NotNegative = 0.0,
        *,
        solver: Literal["closed_form", "gradient_descent"] = "closed_form",
        learning_rate: Positive | None = None,
        max_steps: Count = 20_000,
    ) -> None:
        self.alpha = alpha
        self.solver = solver
        self.learning_rate = learning_rate
        self.max_steps = max_steps

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Find the weights; see `Regressor.fit`.

        Refused besides: CLS-108 a learning rate that diverges (a `ClassifierError`).
        """
        self.fit_together([self], X, y)
        return self

    def predict(self, X: ArrayLike) -> Floats:
        """Return the expected number of each row, of shape (n_samples,)."""
        return np.asarray(self.read_new(X) @ self.coef_ + self.intercept_)

    def check_parts(self, parts: FittedParts) -> None:
        """Refuse weights that ``fit`` could not have learnt; see `RowEstimator.check_parts`."""
        super().check_parts(parts)
        parts.array("coef_", (self.n_features_in_,))
        parts.number("intercept_")
        check_curve(parts, "cost_curve_")

    def fit_together(self, models: Sequence[Self], X: ArrayLike, y: ArrayLike) -> None:
        """Fit several clones on the same rows, from one factorisation."""
        rows, numbers = models[0].read_training(X, y)
        centre, mean = rows.mean(axis=0), float(numbers.mean())
        least = min(model.alpha for model in models)
        span = to_row_space(rows - centre, 1.0 / least if least > 0.0 else np.inf)
        for model in models:
            model.read_like(models[0])
            model._solve(span, (numbers - mean)[:, None])
            model.intercept_ = mean - float(model.coef_ @ centre)

    def _solve(self, span: RowSpace, aims: Floats) -> None:
        best = span.coordinates.T @ aims / (span.squares + self.alpha)[:, None]
        self.n_iter_ = 1
        if self.solver == "gradient_descent":
            from normwise.classify.solvers.gradient_descent import cost_at, descend
            from normwise.classify.solvers.learning_rates import refuse_divergence, warn_unconverged

            # Descent from zero never leaves the rows' span, so its curve is the same in their coordinates.
            rows, penalty = span.coordinates, self.alpha / len(aims)
            descent = descend(rows, aims, rate=self.learning_rate, steps=self.max_steps, penalty=penalty)
            refuse_divergence(descent)
            least = (best, np.zeros(1))  # rows and aims are centred
            warn_unconverged(descent, "linear", lambda: cost_at(rows, aims, least, penalty=penalty))
            self.cost_curve_, self.n_iter_, best = (
                descent.costs,
                max(1, len(descent.costs) - 1),
                descent.weights,
            )
        self.coef_ = span.back(best)[0]


class RidgeRegressor(LinearRegressor):
    """Least squares with a ridge penalty, as `LinearRegressor` with another default of ``alpha``.

    Parameters
    ----------
    alpha, solver, learning_rate, max_steps
        As of `LinearRegressor`.

    Examples
    --------
    >>> float(RidgeRegressor(alpha=50.0).fit([[-5.0], [5.0]], [-1.0, 1.0]).coef_[0])
    0.1
    """

    def __init__(
        self,
        alpha: NotNegative = 100.0,
        *,
        solver: Literal["closed_form", "gradient_descent"] = "closed_form",
        learning_rate: Positive | None = None,
        max_steps: Count = 20_000,
    ) -> None:
        super().__init__(alpha, solver=solver, learning_rate=learning_rate, max_steps=max_steps)
