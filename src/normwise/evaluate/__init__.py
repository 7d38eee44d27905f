"""Honest tests: the arms on the same folds, metrics, intervals over people, paired differences, leak alarms.

The files in the order of the computation: ``cross_validation`` (predictions of every arm, and of one on sites
left out) → ``out_of_fold`` (these predictions, a row a scan) → ``metrics`` (each a
function of people's weights; ``registry`` lists them) → ``inference`` (``intervals``, ``estimates``: a metric
with the interval that suits it, ``curves``, ``associations`` of errors and scores with demographics) →
``compare_arms`` (differences, and paired tests) → ``leaks`` (``alarms`` lists them). ``learning_curve`` and
``permutation`` repeat the whole procedure; ``study`` runs everything and writes it; ``finished_runs`` reads
runs back and compares them. ``regression`` does all of it for a number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from normwise.evaluate.cross_validation import ArmPredictions, cross_validate_arms
from normwise.evaluate.inference.estimates import delong, delong_difference
from normwise.evaluate.inference.intervals import bca, bootstrap_weights, estimate_of, wilson
from normwise.evaluate.leaks.alarms import ALARMS
from normwise.evaluate.metrics.registry import METRICS
from normwise.evaluate.out_of_fold import OutOfFold
from normwise.evaluate.study import evaluate_study, test_model
from normwise.lazy import on_use

if TYPE_CHECKING:
    from normwise.evaluate.finished_runs import compare_runs
    from normwise.evaluate.regression import evaluate_regression, test_regression

__all__ = [
    "ALARMS",
    "METRICS",
    "ArmPredictions",
    "OutOfFold",
    "bca",
    "bootstrap_weights",
    "compare_runs",
    "cross_validate_arms",
    "delong",
    "delong_difference",
    "estimate_of",
    "evaluate_regression",
    "evaluate_study",
    "test_model",
    "test_regression",
    "wilson",
]

__getattr__ = on_use(
    __name__,
    {"compare_runs": "finished_runs", "evaluate_regression": "regression", "test_regression": "regression"},
)
