"""Honest tests: the arms on the same folds, metrics, intervals over people, paired differences.

The files in the order in which data walks: ``crossval`` (out-of-fold predictions of every arm) →
``metrics`` (sums that weights turn into values) → ``uncertainty`` (bootstrap over people) →
``comparisons`` (arms and differences) → ``predictions`` (the table) → ``notes`` (warnings, once a kind) →
``study`` (the run).
"""

from normwise.evaluate.crossval import ArmPredictions, cross_validate_arms
from normwise.evaluate.intervals import estimate_of
from normwise.evaluate.metrics import METRICS, OutOfFold
from normwise.evaluate.study import evaluate_study, test_model
from normwise.evaluate.uncertainty import bootstrap_weights

__all__ = [
    "METRICS",
    "ArmPredictions",
    "OutOfFold",
    "bootstrap_weights",
    "cross_validate_arms",
    "estimate_of",
    "evaluate_study",
    "test_model",
]
