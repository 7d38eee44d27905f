"""A number predicted out of fold, as classes are: the same folds, features, normalizer and arms.

- ``cross_validation``: every arm's predictions of people who were not trained on
- ``estimates``: errors, coverage, calibration and regression to the mean, with intervals over people
- ``study``: a study evaluated, and its results written
"""

from normwise.evaluate.regression.study import evaluate_regression

__all__ = ["evaluate_regression"]
