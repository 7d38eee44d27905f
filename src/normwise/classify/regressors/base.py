"""What every regressor shares: checked numbers, centred rows."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_array, validate_data

from normwise.classify.base import RowEstimator
from normwise.errors import ClassifierError

__all__ = ["Regressor", "check_numbers", "standardized"]

Floats = NDArray[np.float64]

_FEWEST = 2  # rows


class Regressor(RegressorMixin, RowEstimator):  # type: ignore[misc]  # untyped bases
    """A scikit-learn regressor; subclasses give ``fit`` and ``predict``.

    ``fit`` begins with `read_training`, ``predict`` with `read_new`. Where settings of a grid share work,
    override `fit_together`.
    """

    @abstractmethod
    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Learn from training rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,)
            Their numbers.

        Raises
        ------
        ClassifierError
            CLS-103 a setting out of range, CLS-112 one number for all rows; what a regressor refuses besides
            is said by its own ``fit``.
        """

    @abstractmethod
    def predict(self, X: ArrayLike) -> Floats:
        """Return the expected number of each row, of shape (n_samples,)."""

    def read_training(self, X: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
        """Check settings, rows and numbers, and return the rows and the numbers."""
        self._begin()
        rows, numbers = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        return rows, check_numbers(numbers, type(self).__name__)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


def check_numbers(y: ArrayLike, name: str) -> Floats:
    """Return the numbers to learn as float64.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Finite numbers.
    name : str
        Who learns them.

    Raises
    ------
    ClassifierError
        CLS-112, one number for all rows.
    ValueError
        What is no finite number, as of scikit-learn.
    """
    numbers = check_array(y, ensure_2d=False, ensure_min_samples=1, dtype=np.float64, input_name="y").ravel()
    if len(numbers) < _FEWEST or np.ptp(numbers) == 0.0:
        raise ClassifierError(
            "CLS-112",
            "the training rows have one number to predict; a regressor needs different ones.",
            subject=name,
            seen=f"{len(numbers)} rows of {numbers[0]:g}",
            advice="check the cohort's target, and that people with other values are left",
        )
    return np.asarray(numbers)


def standardized(numbers: Floats) -> tuple[Floats, float, float]:
    """Return numbers in their own unit, with their mean and standard deviation.

    Examples
    --------
    >>> standardized(np.array([60.0, 80.0]))
    (array([-1.,  1.]), 70.0, 10.0)
    """
    mean, spread = float(numbers.mean()), float(numbers.std())
    return (numbers - mean) / spread, mean, spread
