"""Metrics of out-of-fold predictions, each as a function of people's weights.

A metric turns the predictions into a few sums once; its value for any weights of the people (ones for the
estimate, bootstrap counts or one person left out for the interval) is then a matrix product. One set of
weights serves every arm, which makes the differences between arms paired.
"""

from __future__ import annotations

from collections.abc import Callable

from normwise.evaluate.metrics.decisions import (
    balanced_accuracy,
    expected_cost,
    f1,
    f1_macro,
    mcc,
    npv,
    ppv,
    sensitivity,
    specificity,
)
from normwise.evaluate.metrics.probabilities import brier, calibration_intercept, calibration_slope, log_loss
from normwise.evaluate.metrics.ranking import auc, auc_one_vs_rest, average_precision
from normwise.evaluate.out_of_fold import OutOfFold, Statistic

__all__ = ["METRICS", "metrics_for"]

METRICS: dict[str, Callable[[OutOfFold], Statistic]] = {
    "auc": auc,
    "balanced_accuracy": balanced_accuracy,
    "sensitivity": sensitivity,
    "specificity": specificity,
    "auc_one_vs_rest": auc_one_vs_rest,
    "average_precision": average_precision,
    "ppv": ppv,
    "npv": npv,
    "f1": f1,
    "f1_macro": f1_macro,
    "mcc": mcc,
    "brier": brier,
    "log_loss": log_loss,
    "calibration_slope": calibration_slope,
    "calibration_intercept": calibration_intercept,
    "expected_cost": expected_cost,
}
"""Name and function of each metric; a new one is one function and one line here."""


def metrics_for(classes: tuple[str, ...]) -> list[str]:
    """Name the metrics that say something of their own; with two classes one-vs-rest is the AUC again.

    Examples
    --------
    >>> "auc_one_vs_rest" in metrics_for(("normal", "AD"))
    False
    """
    return [name for name in METRICS if name != "auc_one_vs_rest" or len(classes) > 2]
