"""A number predicted out of fold, as classes are: the same folds, features, normalizer and arms.

- ``cross_validation``: every arm's predictions of people who were not trained on
- ``estimates``: errors, coverage, calibration and regression to the mean, with intervals over people
- ``study``: a study evaluated, and its results written
- ``saved_model``: a saved model on people it has not seen
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from normwise.evaluate.regression.study import evaluate_regression
from normwise.lazy import on_use

if TYPE_CHECKING:
    from normwise.evaluate.regression.saved_model import test_regression

__all__ = ["evaluate_regression", "test_regression"]

__getattr__ = on_use(__name__, {"test_regression": "saved_model"})
