"""Classifiers with probabilities, regressors, and the gradient descent that some of them can be trained by.

Its files:

* ``base``: `Classifier` and `LogOddsClassifier`, which a new classifier derives from.
* ``registry``: the dicts `CLASSIFIERS` and `REGRESSORS`, and the study's section made into an estimator.
* ``linear``, ``logistic``, ``svm``, ``forest``, ``perceptron``, ``neural``, ``conv``: one classifier each.
* ``regressors``: estimators of a number, one file each.
* ``calibration``: from a score to a probability, in the score's own order.
* ``solvers``: Newton's method, batch gradient descent, and rows in a basis of few columns.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from normwise.classify.registry import (
    CLASSIFIERS,
    REGRESSORS,
    ClassifierSpec,
    classifier_grid,
    importances,
    make_classifier,
)

if TYPE_CHECKING:
    from normwise.classify.base import Classifier, LogOddsClassifier, RowEstimator
    from normwise.classify.calibration import fit_sigmoid, fit_slope, soft_targets
    from normwise.classify.conv import ConvClassifier
    from normwise.classify.forest import ForestClassifier
    from normwise.classify.linear import LinearClassifier
    from normwise.classify.logistic import LogisticClassifier
    from normwise.classify.neural import NeuralClassifier
    from normwise.classify.perceptron import PerceptronClassifier
    from normwise.classify.regressors.base import Regressor
    from normwise.classify.regressors.conv import ConvRegressor
    from normwise.classify.regressors.forest import ForestRegressor
    from normwise.classify.regressors.linear import LinearRegressor, RidgeRegressor
    from normwise.classify.regressors.neural import NeuralRegressor
    from normwise.classify.regressors.svr import SupportVectorRegressor
    from normwise.classify.solvers.gradient_descent import CostName, Descent, descend, largest_stable_rate
    from normwise.classify.solvers.learning_rates import compare_rates
    from normwise.classify.solvers.newton import Recalibration
    from normwise.classify.solvers.one_weight import OneWeight, descend_one_weight
    from normwise.classify.solvers.standardize import training_unit
    from normwise.classify.svm import SupportVectorClassifier

__all__ = [
    "CLASSIFIERS",
    "REGRESSORS",
    "Classifier",
    "ClassifierSpec",
    "ConvClassifier",
    "ConvRegressor",
    "CostName",
    "Descent",
    "ForestClassifier",
    "ForestRegressor",
    "LinearClassifier",
    "LinearRegressor",
    "LogOddsClassifier",
    "LogisticClassifier",
    "NeuralClassifier",
    "NeuralRegressor",
    "OneWeight",
    "PerceptronClassifier",
    "Recalibration",
    "Regressor",
    "RidgeRegressor",
    "RowEstimator",
    "SupportVectorClassifier",
    "SupportVectorRegressor",
    "classifier_grid",
    "compare_rates",
    "descend",
    "descend_one_weight",
    "fit_sigmoid",
    "fit_slope",
    "importances",
    "largest_stable_rate",
    "make_classifier",
    "soft_targets",
    "training_unit",
]

_LOADED_ON_USE = {
    "Classifier": "normwise.classify.base",
    "Regressor": "normwise.classify.regressors.base",
    "RowEstimator": "normwise.classify.base",
    "LogOddsClassifier": "normwise.classify.base",
    "Recalibration": "normwise.classify.solvers.newton",
    "fit_sigmoid": "normwise.classify.calibration",
    "fit_slope": "normwise.classify.calibration",
    "soft_targets": "normwise.classify.calibration",
    "training_unit": "normwise.classify.solvers.standardize",
    "CostName": "normwise.classify.solvers.gradient_descent",
    "Descent": "normwise.classify.solvers.gradient_descent",
    "compare_rates": "normwise.classify.solvers.learning_rates",
    "descend": "normwise.classify.solvers.gradient_descent",
    "descend_one_weight": "normwise.classify.solvers.one_weight",
    "OneWeight": "normwise.classify.solvers.one_weight",
    "largest_stable_rate": "normwise.classify.solvers.gradient_descent",
} | {
    spec.path.rpartition(".")[2]: spec.path.rpartition(".")[0]
    for spec in [*CLASSIFIERS.values(), *REGRESSORS.values()]
}


def __getattr__(name: str) -> Any:
    """Load a classifier when it is first asked for."""
    if name not in _LOADED_ON_USE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LOADED_ON_USE[name]), name)
