"""Support vector machine with a linear or a Gaussian kernel, its probabilities calibrated inside.

The inner products of the rows are computed once and serve every kernel, every C, every calibration fold and
every pair of classes. Probabilities are Platt's (1999): a sigmoid fitted to scores of rows that the
scoring machine was not trained on.
"""

# ruff: noqa: SLF001 - clones of one class share their work through its private methods

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import combinations
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field
from scipy.special import logsumexp
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import SVC

from normwise.classify.base import Codes, LogOddsClassifier
from normwise.classify.calibration import fit_sigmoid, soft_targets
from normwise.errors import ClassifierError, NormwiseWarning
from normwise.schema import ClassWeight, FittedParts, Positive, Seed

__all__ = ["SupportVectorClassifier", "gaussian_kernel"]

Floats = NDArray[np.float64]

_MOST_STEPS = 300_000  # of libsvm; some thousand do for hundreds of rows of features on one scale


class SupportVectorClassifier(LogOddsClassifier):
    """Support vector machine; three classes and more are compared pair by pair.

    One class against the rest would hide a class in the middle, such as mild impairment between normal and
    dementia, since no line separates it from both sides.

    Parameters
    ----------
    C : float
        Cost of a row on the wrong side, above 0.
    kernel : {"linear", "rbf"}
        Inner product, or exp(−gamma ‖x − z‖²).
    gamma : float or "scale"
        Of the Gaussian kernel; "scale" is 1/(n_features · variance of all training values).
    class_weight : None, "balanced" or dict
        Row weights by class, in the machine and in its calibration.
    folds : int
        Calibration folds, at least 2; at most the rows of the smallest class are used.
    random_state : int
        Seed of the calibration folds. They split rows, so two scans of one person may stand on both sides:
        leave the choice of a threshold to folds that keep people together.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    coef_ : ndarray of shape (n_pairs, n_features)
        Weights of each pair of classes, towards the later one; only of the linear kernel.
    intercept_ : ndarray of shape (n_pairs,)
    centre_ : ndarray of shape (n_features,)
        Mean of the training rows; only of the Gaussian kernel.
    support_vectors_ : ndarray of shape (n_vectors, n_features)
        Rows, less the centre, with a dual weight above 0; only of the Gaussian kernel.
    dual_coef_ : ndarray of shape (n_pairs, n_vectors)
        Their weights.
    slope_, offset_ : ndarray of shape (n_pairs,)
        Of each pair's sigmoid.

    Examples
    --------
    >>> X = np.array([[50.0], [52.0], [61.0], [64.0]])
    >>> model = SupportVectorClassifier(kernel="linear").fit(X, ["normal", "normal", "AD", "AD"])
    >>> model.predict([[49.0], [65.0]]).tolist()
    ['normal', 'AD']
    """

    def __init__(
        self,
        C: Positive = 1.0,
        *,
        kernel: Literal["linear", "rbf"] = "rbf",
        gamma: Literal["scale"] | Positive = "scale",
        class_weight: ClassWeight = None,
        folds: Annotated[int, Field(ge=2)] = 5,
        random_state: Seed = 0,
    ) -> None:
        self.C = C
        self.kernel = kernel
        self.gamma = gamma
        self.class_weight = class_weight
        self.folds = folds
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Find the support vectors and calibrate; see `Classifier.fit`.

        Refused besides: CLS-110 a class with a single row (a `ClassifierError`).
        """
        self.fit_together([self], X, y)
        return self

    def check_parts(self, parts: FittedParts) -> None:
        """Refuse vectors and sigmoids that ``fit`` could not have learnt; see `Classifier.check_parts`."""
        super().check_parts(parts)
        pairs, columns = len(_pairs(len(self.classes_))), self.n_features_in_
        for name in ("intercept_", "offset_"):
            parts.array(name, (pairs,))
        parts.array("slope_", (pairs,), low=0.0)
        if self.kernel == "linear":
            parts.array("coef_", (pairs, columns))
        else:
            parts.number("gamma_", low=0.0)
            parts.array("centre_", (columns,))
            vectors = parts.array("support_vectors_", (None, columns))
            parts.array("dual_coef_", (pairs, len(vectors)))

    def decision_function(self, X: ArrayLike) -> Floats:
        """Return log-odds of the last of two classes, or a score a class, (n_samples, n_classes).

        Log-odds are calibrated and rise with the machine's own score. Those of the pairs, l(k, j) for class k
        against j, become the probability of class k in proportion to 1/(1 + Σ exp(−l(k, j))), which is exact
        where the pairs agree (Price, Knerr, Personnaz and Dreyfus 1995); a class's score is its logarithm.
        """
        rows = self.read_new(X)
        if self.kernel == "linear":
            scores = rows @ self.coef_.T + self.intercept_
        else:
            rows = rows - self.centre_
            kernel = gaussian_kernel(rows, self.support_vectors_, self.gamma_)
            scores = kernel @ self.dual_coef_.T + self.intercept_
        odds = self.slope_ * scores + self.offset_
        if len(self.classes_) == 2:
            return np.asarray(odds[:, 0])
        against = np.zeros((len(self.classes_), len(self.classes_), len(odds)))
        for (earlier, later), odd in zip(_pairs(len(self.classes_)), odds.T, strict=True):
            against[later, earlier], against[earlier, later] = odd, -odd
        # A class's odds against itself are even, which is the 1 of the sum.
        return -np.asarray(logsumexp(-against, axis=1)).T

    def fit_together(self, models: Sequence[Self], X: ArrayLike, y: ArrayLike) -> None:
        """Fit several clones on the same rows, from one matrix of inner products."""
        first = models[0]
        rows, codes = first.read_training(X, y)
        first._refuse_single_rows(codes)
        spread = float(rows.var()) * rows.shape[1]
        centre = rows.mean(axis=0)
        rows = rows - centre
        inner = rows @ rows.T
        kernels: dict[float | None, Floats] = {None: inner}
        for model in models:
            model.read_like(first)
            gamma = None
            if model.kernel == "rbf":
                scale = 1.0 / spread if spread > 0.0 else 1.0
                gamma = scale if isinstance(model.gamma, str) else float(model.gamma)
                if gamma not in kernels:
                    squares = np.diagonal(inner)
                    kernels[gamma] = _gaussian(inner, squares, squares, gamma)
            model._solve(kernels[gamma], codes)
            dual = model.dual_coef_
            if gamma is None:
                model.coef_ = dual @ rows
                model.intercept_ = model.intercept_ - model.coef_ @ centre
                del model.dual_coef_
            else:
                used = np.flatnonzero(dual.any(axis=0))
                model.gamma_, model.centre_ = gamma, centre
                model.support_vectors_, model.dual_coef_ = rows[used], dual[:, used]

    def _solve(self, kernel: Floats, codes: Codes) -> None:
        """Learn dual weights of all rows, intercept and sigmoid of each pair of classes."""
        weights = self.row_weights(codes)
        fewest = int(np.bincount(codes).min())
        splitter = StratifiedKFold(min(self.folds, fewest), shuffle=True, random_state=self.random_state)
        fold = np.empty(len(codes), dtype=np.intp)
        for place, (_, unseen) in enumerate(splitter.split(codes, codes)):
            fold[unseen] = place
        machines, sigmoids = [], []
        for pair in _pairs(len(self.classes_)):
            rows = np.flatnonzero(np.isin(codes, pair))
            later = codes == pair[1]
            scores = np.empty(len(codes))
            for place in range(splitter.n_splits):
                seen, unseen = rows[fold[rows] != place], rows[fold[rows] == place]
                dual, intercept = self._machine(kernel, later, weights, seen)
                scores[unseen] = kernel[unseen] @ dual + intercept
            targets = soft_targets(later[rows].astype(np.intp), weights[rows], 2)[:, 1]
            sigmoids.append(fit_sigmoid(scores[rows], targets, weights[rows]))
            machines.append(self._machine(kernel, later, weights, rows))
        self.dual_coef_ = np.array([dual for dual, _ in machines])
        self.intercept_ = np.array([intercept for _, intercept in machines])
        self.slope_, self.offset_ = (np.array(part) for part in zip(*sigmoids, strict=True))

    def _machine(
        self, kernel: Floats, later: NDArray[np.bool_], weights: Floats, rows: NDArray[np.intp]
    ) -> tuple[Floats, float]:
        """Return dual weights of all rows, zero for those that were not seen, and the intercept."""
        machine = SVC(C=self.C, kernel="precomputed", max_iter=_MOST_STEPS)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # warned of below, with what to do
            machine.fit(kernel[np.ix_(rows, rows)], later[rows], sample_weight=weights[rows])
        if machine.fit_status_ != 0:
            warnings.warn(
                NormwiseWarning(
                    "CLS-202",
                    f"the support vector machine with C = {self.C:g} had not converged after {_MOST_STEPS} "
                    "steps; scale the features or lower C",
                    subject="svm",
                    value=self.C,
                ),
                stacklevel=2,
            )
        dual = np.zeros(len(kernel))
        dual[rows[machine.support_]] = machine.dual_coef_[0]
        return dual, float(machine.intercept_[0])

    def _refuse_single_rows(self, codes: Codes) -> None:
        counted = np.bincount(codes)
        if counted.min() < 2:
            raise ClassifierError(
                "CLS-110",
                f"class {self.classes_[int(counted.argmin())]} has one sample; calibration leaves some out.",
                seen=f"{len(codes)} rows, of that class 1",
                expected="2 rows a class or more",
                advice="join classes, or use a classifier without calibration (logistic)",
            )


def _pairs(n_classes: int) -> list[tuple[int, int]]:
    return list(combinations(range(n_classes), 2))


def _squares(rows: Floats) -> Floats:
    return np.asarray(np.einsum("ij,ij->i", rows, rows))


def gaussian_kernel(rows: Floats, others: Floats, gamma: float) -> Floats:
    """Return exp(−gamma · squared distance) of rows and others, (n_rows, n_others)."""
    return _gaussian(rows @ others.T, _squares(rows), _squares(others), gamma)


def _gaussian(inner: Floats, left: Floats, right: Floats, gamma: float) -> Floats:
    """Return exp(−gamma · squared distance) from inner products and squared lengths."""
    # Rounding may make the distance of equal rows negative.
    distances = np.maximum(left[:, None] + right[None, :] - 2.0 * inner, 0.0)
    return np.asarray(np.exp(-gamma * distances))
