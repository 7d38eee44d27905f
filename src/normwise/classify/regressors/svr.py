"""Support vector regression with a linear or a Gaussian kernel."""

from __future__ import annotations

import warnings
from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import SVR

from normwise.classify.regressors.base import Regressor, standardized
from normwise.classify.svm import gaussian_kernel
from normwise.errors import NormwiseWarning
from normwise.schema import FittedParts, NotNegative, Positive

__all__ = ["SupportVectorRegressor"]

Floats = NDArray[np.float64]

_MOST_STEPS = 300_000  # of libsvm; some thousand do for hundreds of rows of features on one scale


class SupportVectorRegressor(Regressor):
    """Support vector regression (Drucker et al. 1997) on numbers in their own unit.

    Parameters
    ----------
    C : float
        Cost of an error beyond ``epsilon``, above 0.
    kernel : {"linear", "rbf"}
        Inner product, or exp(−gamma ‖x − z‖²).
    gamma : float or "scale"
        Of the Gaussian kernel; "scale" is 1/(n_features · variance of all training values).
    epsilon : float
        Errors up to it cost nothing, in standard deviations of the training numbers.

    Attributes
    ----------
    support_vectors_ : ndarray of shape (n_vectors, n_features)
        Rows, less the centre, with a dual weight that is not 0.
    dual_coef_ : ndarray of shape (n_vectors,)
        Their weights, in the unit of the numbers.
    intercept_ : float
    centre_ : ndarray of shape (n_features,)
        Mean of the training rows.
    gamma_ : float
        Of the Gaussian kernel.

    Examples
    --------
    >>> X, y = np.array([[50.0], [52.0], [61.0], [64.0]]), [8.0, 7.5, 6.0, 5.0]
    >>> SupportVectorRegressor(10.0).fit(X, y).predict([[51.0], [63.0]]).round().tolist()
    [8.0, 5.0]
    """

    def __init__(
        self,
        C: Positive = 1.0,
        *,
        kernel: Literal["linear", "rbf"] = "rbf",
        gamma: Literal["scale"] | Positive = "scale",
        epsilon: NotNegative = 0.1,
    ) -> None:
        self.C = C
        self.kernel = kernel
        self.gamma = gamma
        self.epsilon = epsilon

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Find the support vectors; see `Regressor.fit`."""
        rows, numbers = self.read_training(X, y)
        aims, mean, spread = standardized(numbers)
        total = float(rows.var()) * rows.shape[1]
        scale = 1.0 / total if total > 0.0 else 1.0
        self.gamma_ = scale if isinstance(self.gamma, str) else float(self.gamma)
        self.centre_ = rows.mean(axis=0)
        rows = rows - self.centre_
        machine = SVR(C=self.C, epsilon=self.epsilon, kernel="precomputed", max_iter=_MOST_STEPS)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # warned of below, with what to do
            machine.fit(self._kernel(rows, rows), aims)
        if machine.fit_status_ != 0:
            text = (
                f"the support vector regression with C = {self.C:g} had not converged after {_MOST_STEPS} "
                "steps; scale the features or lower C"
            )
            warnings.warn(NormwiseWarning("CLS-202", text, subject="svr", value=self.C), stacklevel=2)
        self.support_vectors_ = rows[machine.support_]
        self.dual_coef_ = machine.dual_coef_[0] * spread
        self.intercept_ = float(machine.intercept_[0]) * spread + mean
        return self

    def predict(self, X: ArrayLike) -> Floats:
        """Return the expected number of each row, of shape (n_samples,)."""
        rows = self.read_new(X) - self.centre_
        return np.asarray(self._kernel(rows, self.support_vectors_) @ self.dual_coef_ + self.intercept_)

    def check_parts(self, parts: FittedParts) -> None:
        """Refuse vectors that ``fit`` could not have learnt; see `RowEstimator.check_parts`."""
        super().check_parts(parts)
        columns = self.n_features_in_
        parts.number("gamma_", low=0.0)
        parts.number("intercept_")
        parts.array("centre_", (columns,))
        vectors = parts.array("support_vectors_", (None, columns))
        parts.array("dual_coef_", (len(vectors),))

    def _kernel(self, rows: Floats, others: Floats) -> Floats:
        return rows @ others.T if self.kernel == "linear" else gaussian_kernel(rows, others, self.gamma_)
