"""Multilayer perceptron: scikit-learn's, on standardised features, trained by a method that converges."""

from __future__ import annotations

import warnings
from itertools import pairwise
from types import SimpleNamespace
from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from normwise.classify.base import Classifier, check_settings_of, count_outputs
from normwise.classify.solvers.standardize import training_unit
from normwise.errors import NormwiseWarning
from normwise.schema import ClassWeight, Count, FittedParts, HiddenLayers, NotNegative, Seed

__all__ = ["PerceptronClassifier"]

Floats = NDArray[np.float64]


class PerceptronClassifier(Classifier):
    """Multilayer perceptron with a softmax (two classes: logistic) output.

    The features are standardised on the training rows first, since the starting weights suppose that unit.
    Training is by L-BFGS, which reaches a least cost on a few hundred rows, where stochastic steps would only
    be stopped.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int
        Units of each hidden layer.
    alpha : float
        L2 penalty on the weights: the cost is the mean cross-entropy + alpha/(2 n_samples) ‖w‖².
    activation : {"tanh", "logistic", "relu"}
        Of the hidden units; the first two are smooth, so that training converges.
    class_weight : None, "balanced" or dict
        Row weights by class; None keeps the training rows' shares.
    max_iter : int
        The most steps.
    random_state : int
        Seed of the starting weights.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    network_ : sklearn.neural_network.MLPClassifier
        Trained on places in ``classes_``.
    centre_, scale_ : ndarray of shape (n_features,)
        Mean and standard deviation of the training rows; a constant feature's is infinite.
    n_iter_ : int
        Steps taken.

    Examples
    --------
    >>> X = np.array([[50.0], [52.0], [61.0], [64.0]])
    >>> model = PerceptronClassifier(alpha=0.1).fit(X, ["normal", "normal", "AD", "AD"])
    >>> model.predict([[49.0], [65.0]]).tolist()
    ['normal', 'AD']
    """

    def __init__(
        self,
        hidden_layer_sizes: HiddenLayers = 16,
        *,
        alpha: NotNegative = 10.0,
        activation: Literal["tanh", "logistic", "relu"] = "tanh",
        class_weight: ClassWeight = None,
        max_iter: Count = 2000,
        random_state: Seed = 0,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.alpha = alpha
        self.activation = activation
        self.class_weight = class_weight
        self.max_iter = max_iter
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Train the network; see `Classifier.fit`."""
        rows, codes = self.read_training(X, y)
        self.centre_, self.scale_ = training_unit(rows)
        network = self._unfitted()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            self.network_ = network.fit(
                (rows - self.centre_) / self.scale_, codes, sample_weight=self.row_weights(codes)
            )
        for warning in caught:
            if issubclass(warning.category, ConvergenceWarning):
                warnings.warn(
                    NormwiseWarning(
                        "CLS-204",
                        f"the perceptron had not converged after {network.n_iter_} steps; "
                        "raise max_iter or alpha",
                        subject="perceptron",
                        value=network.n_iter_,
                    ),
                    stacklevel=2,
                )
            else:
                warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
        self.n_iter_ = int(network.n_iter_)
        return self

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Return the probability of each class, (n_samples, n_classes), in the order of ``classes_``."""
        rows = self.read_new(X)
        return np.asarray(self.network_.predict_proba((rows - self.centre_) / self.scale_))

    def check_parts(self, parts: FittedParts) -> None:
        """Refuse layers that ``fit`` could not have trained; see `Classifier.check_parts`."""
        super().check_parts(parts)
        columns, outputs = self.n_features_in_, count_outputs(self.classes_)
        parts.array("centre_", (columns,))
        parts.array("scale_", (columns,), low=1e-300, infinite=True)
        parts.whole("n_iter_")
        network = check_settings_of(parts.part("network_"), self._unfitted())
        hidden = self.hidden_layer_sizes
        sizes = [columns, *([hidden] if isinstance(hidden, int) else hidden), outputs]
        network.whole("n_features_in_", columns, columns)
        network.whole("n_outputs_", outputs, outputs)
        network.whole("n_layers_", len(sizes), len(sizes))
        final = "logistic" if outputs == 1 else "softmax"
        network.expect("out_activation_", holds=network.part("out_activation_") == final, instead=final)
        codes = network.array("classes_", (len(self.classes_),), kinds="iu")
        network.expect("classes_", holds=(codes == np.arange(len(codes))).all(), instead="places of classes")
        layers: dict[str, list[tuple[int, ...]]] = {
            "coefs_": list(pairwise(sizes)),
            "intercepts_": [(size,) for size in sizes[1:]],
        }
        for name, shapes in layers.items():
            held = network.part(name)
            fits = isinstance(held, list) and len(held) == len(shapes)
            network.expect(name, holds=fits, instead=f"{len(shapes)} layers")
            for array, shape in zip(held, shapes, strict=True):
                FittedParts(SimpleNamespace(**{name: array})).array(name, shape)

    def _unfitted(self) -> MLPClassifier:
        return MLPClassifier(
            self.hidden_layer_sizes,
            activation=self.activation,
            alpha=self.alpha,
            solver="lbfgs",
            max_iter=self.max_iter,
            max_fun=10 * self.max_iter,
            random_state=self.random_state,
        )
