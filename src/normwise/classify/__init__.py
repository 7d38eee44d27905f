"""Room 6: classifiers, and the gradient descent that some of them can be trained by.

A walk through the files:

* ``parameters``: what a setting may be, in words; asked by estimators and by the study file.
* ``units``: the training rows' own unit of each feature.
* ``rotation``: rows in the basis of their span, so that a grid shares one factorisation.
* ``newton``: the penalised cross-entropy and its minimum.
* ``descent``: batch gradient descent on arrays; ``rates``: what its learning rate does.
* ``calibration``: from a score to a probability, in the score's own order.
* ``base``: what every classifier shares; ``spec``: what the dict holds of one.
* ``linear``, ``logistic``, ``svm``, ``forest``, ``perceptron``: one classifier each.
* ``neural``: fully connected networks; ``neural_dense`` and ``neural_odds`` compute with them,
  ``neural_attribution`` says what they look at, and the other ``neural_`` files train them.
* ``paths``: probabilities of a whole grid by the shortest way.
* ``registry``: the dict `CLASSIFIERS`, and the study's section made into an estimator and its grid.
"""

from normwise.classify.base import Classifier, ClassifierSpec
from normwise.classify.conv import ConvClassifier
from normwise.classify.forest import ForestClassifier
from normwise.classify.linear import LinearClassifier
from normwise.classify.logistic import LogisticClassifier, predict_grid
from normwise.classify.neural import NeuralClassifier
from normwise.classify.perceptron import PerceptronClassifier
from normwise.classify.registry import CLASSIFIERS, classifier_grid, importances, make_classifier
from normwise.classify.solvers.gradient_descent import Descent, descend, largest_stable_rate
from normwise.classify.solvers.learning_rates import compare_rates
from normwise.classify.svm import SupportVectorClassifier

__all__ = [
    "CLASSIFIERS",
    "Classifier",
    "ClassifierSpec",
    "ConvClassifier",
    "Descent",
    "ForestClassifier",
    "LinearClassifier",
    "LogisticClassifier",
    "NeuralClassifier",
    "PerceptronClassifier",
    "SupportVectorClassifier",
    "classifier_grid",
    "compare_rates",
    "descend",
    "importances",
    "largest_stable_rate",
    "make_classifier",
    "predict_grid",
]
