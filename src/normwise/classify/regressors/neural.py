"""Fully connected networks that predict a number, of the same parts as the classifier's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from normwise.classify.base import check_curve
from normwise.classify.regressors.base import Regressor, standardized
from normwise.classify.solvers.standardize import training_unit
from normwise.networks import Dense, check_weights, need_torch, shapes_of
from normwise.schema import Count, Device, Dropout, FittedParts, HiddenLayers, NotNegative, Positive, Seed

__all__ = ["NeuralRegressor"]

Floats = NDArray[np.float64]

_SHARED = ("weight_decay", "epochs")  # settings of which one training serves all values

Activation = Literal["sigmoid", "tanh", "relu", "leaky_relu", "maxout", "elu"]


class NeuralRegressor(Regressor):
    """Fully connected network, or several of them, trained on the squared error.

    Numbers are learnt in their own unit: less the mean of the training rows, in standard deviations.

    Parameters
    ----------
    hidden, activation, dropout, weight_decay, learning_rate, optimizer, epochs, batch_size, random_state,
    device
        As of `normwise.classify.NeuralClassifier`.
    ensemble : int
        Networks trained from different starts; their predictions are averaged.

    Attributes
    ----------
    weights_ : dict of str to ndarray
        ``"0.weight"`` of shape (ensemble, n_inputs, n_units), ``"0.bias"`` (ensemble, n_units), and so on.
    centre_, scale_ : ndarray of shape (n_features,)
        Mean and standard deviation of the training rows; a constant feature's is infinite.
    mean_, spread_ : float
        Of the training numbers.
    n_iter_ : int
        Epochs trained.
    loss_curve_ : ndarray of shape (n_epochs,)
        Mean squared error of the training rows while each epoch ran, in units of their variance.

    Examples
    --------
    >>> X, y = np.array([[50.0], [52.0], [61.0], [64.0]]), [8.0, 7.5, 6.0, 5.0]
    >>> model = NeuralRegressor(hidden=4, epochs=200, weight_decay=0.0).fit(X, y)
    >>> model.predict([[49.0], [65.0]]).round().tolist()
    [8.0, 5.0]
    """

    def __init__(
        self,
        hidden: HiddenLayers = (32,),
        *,
        activation: Activation = "tanh",
        dropout: Dropout = 0.0,
        weight_decay: NotNegative = 0.03,
        learning_rate: Positive = 0.01,
        optimizer: Literal["adamw", "sgd", "rmsprop"] = "adamw",
        epochs: Count = 100,
        batch_size: Count | None = None,
        ensemble: Count = 3,
        random_state: Seed = 0,
        device: Device = "auto",
    ) -> None:
        self.hidden = hidden
        self.activation = activation
        self.dropout = dropout
        self.weight_decay = weight_decay
        self.learning_rate = learning_rate
        self.optimizer = optimizer
        self.epochs = epochs
        self.batch_size = batch_size
        self.ensemble = ensemble
        self.random_state = random_state
        self.device = device

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Train the networks; see `Regressor.fit`.

        Refused besides: CLS-301 no PyTorch, CLS-302 no such device, CLS-304 a loss that is not finite.
        """
        self.fit_together([self], X, y)
        return self

    def predict(self, X: ArrayLike) -> Floats:
        """Return the expected number of each row, of shape (n_samples,)."""
        rows = (self.read_new(X) - self.centre_) / self.scale_
        scores = Dense(self.weights_, self.activation).scores(rows)[..., 0].mean(axis=0)
        return np.asarray(scores * self.spread_ + self.mean_)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return name and shape of each array of weights, from settings and training columns."""
        return shapes_of(self.n_features_in_, self._hidden(), 1, self.activation, self.ensemble)

    def restore_weights(self, weights: Mapping[str, NDArray[Any]]) -> None:
        """Take over weights read from a file.

        Raises
        ------
        ValueError
            Where names, shapes or types are not those of this network, or a weight is not finite.
        """
        self.weights_ = check_weights(weights, self.shapes())

    def check_parts(self, parts: FittedParts) -> None:
        """Refuse weights that ``fit`` could not have learnt; see `RowEstimator.check_parts`."""
        super().check_parts(parts)
        columns = self.n_features_in_
        parts.array("centre_", (columns,))
        parts.array("scale_", (columns,), low=1e-300, infinite=True)
        parts.number("mean_")
        parts.number("spread_", low=0.0)
        parts.whole("n_iter_")
        check_curve(parts, "loss_curve_")
        weights = parts.part("weights_")
        parts.expect("weights_", holds=isinstance(weights, dict), instead="arrays by name")
        self.restore_weights(weights)

    def fit_together(self, models: Sequence[Self], X: ArrayLike, y: ArrayLike) -> None:
        """Train several clones on the same rows, those of one shape together."""
        need_torch("classifier neural")
        rows, numbers = models[0].read_training(X, y)
        aims, mean, spread = standardized(numbers)
        centre, scale = training_unit(rows)
        alike: dict[str, list[Self]] = {}
        for model in models:
            model.read_like(models[0])
            model.centre_, model.scale_, model.mean_, model.spread_ = centre, scale, mean, spread
            settings = {name: value for name, value in model.get_params().items() if name not in _SHARED}
            alike.setdefault(repr(settings), []).append(model)
        for together in alike.values():
            together[0].train(together, (rows - centre) / scale, aims)

    def train(self, models: Sequence[Self], rows: Floats, aims: Floats) -> None:
        """Train settings that differ from this one in weight decay and epochs alone."""
        from normwise.networks import StackSettings, train_stack

        shared = StackSettings(
            tuple(self._hidden()), self.activation, float(self.dropout), float(self.learning_rate),
            self.optimizer, self.batch_size, self.ensemble, None, self.random_state, self.device,
        )  # fmt: skip
        tried = [(float(model.weight_decay), int(model.epochs)) for model in models]
        stacks = train_stack(shared, tried, rows, aims, np.ones(len(aims)))
        for model, stack in zip(models, stacks, strict=True):
            model.weights_, model.loss_curve_, model.n_iter_ = stack.weights, stack.losses, len(stack.losses)

    def _hidden(self) -> list[int]:
        return [int(self.hidden)] if isinstance(self.hidden, (int, np.integer)) else list(self.hidden)
