"""Fully connected networks: one hidden layer is the neural network, more of them the deep one.

Made for hundreds of people: whole-batch steps in double precision, several networks from different starts
whose probabilities are averaged, and a grid whose settings are trained together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import _check_sample_weight

from normwise.classify.base import LogOddsClassifier, check_curve
from normwise.classify.solvers.standardize import training_unit
from normwise.engine import Progress
from normwise.errors import ClassifierError
from normwise.networks import (
    Dense,
    check_weights,
    integrated_gradients,
    joined_odds,
    log_odds_gradient,
    need_torch,
    odds_of,
    shapes_of,
)
from normwise.schema import (
    ClassWeight,
    Count,
    Device,
    Dropout,
    FittedParts,
    HiddenLayers,
    NotNegative,
    Positive,
    Seed,
)

__all__ = ["NeuralClassifier"]

Floats = NDArray[np.float64]

_SHARED = ("weight_decay", "epochs")  # settings of which one training serves all values
_ENOUGH = 100  # rows a class from which on a fifth of them may be held out for early stopping

Activation = Literal["sigmoid", "tanh", "relu", "leaky_relu", "maxout", "elu"]


class NeuralClassifier(LogOddsClassifier):
    """Fully connected network, or several of them.

    Parameters
    ----------
    hidden : int or sequence of int
        Units of each hidden layer.
    activation : {"tanh", "sigmoid", "relu", "leaky_relu", "maxout", "elu"}
        Of the hidden units. Those with two flat ends, tanh and sigmoid, keep the log-odds of somebody unlike
        all training people bounded.
    dropout : float
        Share of the hidden units that each step leaves out.
    weight_decay : float
        Half of it times the sum of squared weights is added to the mean cross-entropy. It is a penalty of the
        loss, since a share taken off each step (AdamW's own) leaves a network of hundreds of people and as
        many features where it began.
    learning_rate : float
        Of every weight.
    optimizer : {"adamw", "sgd", "rmsprop"}
        How steps follow from gradients.
    epochs : int
        Passes over the training rows. In a study they are tuned by inner folds as any other setting.
    batch_size : int, optional
        Rows a step; default: all of them.
    class_weight : None, "balanced" or dict
        Row weights by class; None keeps the training rows' shares.
    ensemble : int
        Networks trained from different starts; their probabilities are averaged.
    patience : int, optional
        Early stopping: hold a fifth of each class out, stop after so many epochs without a smaller loss on
        them, and return to the best epoch. Needs 100 rows a class. They are drawn by row, so two scans of one
        person may stand on both sides.
    random_state : int
        Seed of starts, batches, dropout and held-out rows.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:1"``: where it is trained. On a GPU in single precision.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    weights_ : dict of str to ndarray
        ``"0.weight"`` of shape (ensemble, n_inputs, n_units), ``"0.bias"`` (ensemble, n_units), and so on.
    centre_, scale_ : ndarray of shape (n_features,)
        Mean and standard deviation of the training rows; a constant feature's is infinite.
    n_iter_ : int
        Epochs trained.
    loss_curve_ : ndarray of shape (n_epochs,)
        Mean cross-entropy of the training rows while each epoch ran, averaged over the members.
    validation_curve_ : ndarray of shape (n_epochs,)
        Of the rows held out; only with ``patience``.

    Examples
    --------
    >>> X = np.array([[50.0], [52.0], [61.0], [64.0]])
    >>> model = NeuralClassifier(hidden=4, epochs=50).fit(X, ["normal", "normal", "AD", "AD"])
    >>> model.predict([[49.0], [65.0]]).tolist()
    ['normal', 'AD']
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
        class_weight: ClassWeight = None,
        ensemble: Count = 3,
        patience: Count | None = None,
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
        self.class_weight = class_weight
        self.ensemble = ensemble
        self.patience = patience
        self.random_state = random_state
        self.device = device

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        checkpoint: str | Path | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Train the networks.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,)
            Their classes.
        sample_weight : array-like of shape (n_samples,), optional
            Row weights of at least 0; a weight of two counts as the row written twice.
        checkpoint : path, optional
            A ``.safetensors`` file, written after each epoch; a killed training resumes from it to the same
            weights.
        progress : Progress, optional
            Shows epochs, loss and time left.

        Raises
        ------
        ClassifierError
            CLS-103 a setting out of range, CLS-106 a weight for no class, CLS-107 one class only, CLS-301 no
            PyTorch, CLS-302 no such device, CLS-303 a checkpoint of something else, CLS-304 a loss that is
            not finite, CLS-305 too few rows to stop early.
        """
        self.fit_together(
            [self],
            X,
            y,
            sample_weight,
            checkpoint=None if checkpoint is None else Path(checkpoint),
            progress=progress,
        )
        return self

    def decision_function(self, X: ArrayLike) -> Floats:
        """Return log-odds of the last of two classes, or a score a class, (n_samples, n_classes).

        They are those of the members' mean probability; a class's score is its logarithm.
        """
        rows = self.read_new(X)
        return joined_odds(self._network().scores(self._inputs(rows)))

    def attributions(self, X: ArrayLike, baseline: ArrayLike | None = None, *, toward: Any = None) -> Floats:
        """Return how much each feature moves each row's log-odds, by integrated gradients.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            What is explained.
        baseline : array-like of shape (n_features,), optional
            What it is compared with; default: the training rows' mean.
        toward : class, optional
            Whose log-odds against the rest; default: the last of ``classes_``.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            Positive where the feature raises the log-odds; a row adds up to the difference of its log-odds
            and the baseline's.
        """
        rows = self._inputs(self.read_new(X))
        base = self._inputs(
            np.asarray(self.centre_ if baseline is None else baseline, dtype=np.float64)[None]
        )
        names = self.classes_.tolist()
        place = len(names) - 1 if toward is None else names.index(toward)
        network = self._network()

        def log_odds(inputs: Floats) -> tuple[Floats, Floats]:
            scores, gradients = network.gradients(inputs, lambda scores: log_odds_gradient(scores, place))
            return odds_of(scores, place), gradients

        return integrated_gradients(log_odds, rows, base[0])

    def restore_weights(self, weights: Mapping[str, NDArray[Any]]) -> None:
        """Take over weights read from a file.

        Raises
        ------
        ValueError
            Where names, shapes or types are not those of this network, or a weight is not finite.
        """
        self.weights_ = check_weights(weights, self.shapes())

    def check_parts(self, parts: FittedParts) -> None:
        """Refuse weights that ``fit`` could not have learnt; see `Classifier.check_parts`."""
        super().check_parts(parts)
        columns = self.n_features_in_
        parts.array("centre_", (columns,))
        parts.array("scale_", (columns,), low=1e-300, infinite=True)
        parts.whole("n_iter_")
        for name in ("loss_curve_", "validation_curve_"):
            check_curve(parts, name)
        weights = parts.part("weights_")
        parts.expect("weights_", holds=isinstance(weights, dict), instead="arrays by name")
        self.restore_weights(weights)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return name and shape of each array of weights, from settings, training columns and classes."""
        n_outputs = 1 if len(self.classes_) == 2 else len(self.classes_)
        return shapes_of(self.n_features_in_, self._hidden(), n_outputs, self.activation, self.ensemble)

    def _hidden(self) -> list[int]:
        return [int(self.hidden)] if isinstance(self.hidden, (int, np.integer)) else list(self.hidden)

    def _network(self) -> Dense:
        return Dense(self.weights_, self.activation)

    def _inputs(self, rows: Floats) -> Floats:
        return np.asarray((rows - self.centre_) / self.scale_)

    def fit_together(
        self,
        models: Sequence[Self],
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        checkpoint: Path | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Train several clones on the same rows, those of one shape together."""
        need_torch("classifier neural")
        first = models[0]
        rows, codes = first.read_training(X, y)
        own = None
        if sample_weight is not None:
            own = _check_sample_weight(sample_weight, rows, dtype=np.float64, ensure_non_negative=True)
        alike: dict[str, list[Self]] = {}
        for place, model in enumerate(models):
            model.read_like(first)
            settings = {name: value for name, value in model.get_params().items() if name not in _SHARED}
            # Early stopping ends each setting's training at its own epoch.
            alike.setdefault(repr((settings, model.patience and place)), []).append(model)
        centre, scale = training_unit(rows, own)
        for together in alike.values():
            weights = together[0].row_weights(codes, own)
            together[0].train(together, (rows - centre) / scale, codes, weights, checkpoint, progress)
            for model in together:
                model.centre_, model.scale_ = centre, scale

    def train(
        self,
        models: Sequence[Self],
        rows: Floats,
        codes: NDArray[np.intp],
        weights: Floats,
        checkpoint: Path | None,
        progress: Progress | None,
    ) -> None:
        """Train settings that differ from this one in weight decay and epochs alone."""
        from normwise.networks import StackSettings, train_stack

        shared = StackSettings(
            tuple(self._hidden()), self.activation, float(self.dropout), float(self.learning_rate),
            self.optimizer, self.batch_size, self.ensemble, self.patience, self.random_state, self.device,
        )  # fmt: skip
        held_out = None if self.patience is None else self._held_out(codes)
        tried = [(float(model.weight_decay), int(model.epochs)) for model in models]
        stacks = train_stack(
            shared, tried, rows, codes, weights, held_out=held_out, checkpoint=checkpoint, progress=progress
        )
        for model, stack in zip(models, stacks, strict=True):
            model.weights_, model.loss_curve_, model.n_iter_ = stack.weights, stack.losses, len(stack.losses)
            if held_out is not None:
                model.validation_curve_ = stack.validation

    def _held_out(self, codes: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return a fifth of each class's rows, for early stopping."""
        counts = np.bincount(codes)
        if counts.min() < _ENOUGH:
            raise ClassifierError(
                "CLS-305",
                f"class {self.classes_[int(counts.argmin())]} has too few rows to hold some out.",
                subject=type(self).__name__,
                seen=f"{counts.min()} rows, patience={self.patience}",
                expected=f"{_ENOUGH} rows a class or more",
                advice="leave patience out, and tune epochs by the study's inner folds",
            )
        draw = np.random.default_rng([self.random_state, 2])
        return np.sort(
            np.concatenate(
                [draw.permutation(np.flatnonzero(codes == code))[: n // 5] for code, n in enumerate(counts)]
            )
        )
