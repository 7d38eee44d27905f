"""Stacked fully connected networks in PyTorch: all members, of all settings, in one matrix product.

torch is imported at the top: import this file lazily.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from normwise.engine import Progress
from normwise.networks.dense import LEAK, MAXOUT_PIECES, first_weights, shapes_of
from normwise.networks.device import choose_device
from normwise.networks.training import train_network

__all__ = [
    "StackSettings",
    "StackedNetworks",
    "TrainedStack",
    "activate",
    "row_losses",
    "squared_losses",
    "train_stack",
]

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]


@dataclass(frozen=True)
class StackSettings:
    """How stacked networks are built and trained; see `normwise.classify.NeuralClassifier`."""

    hidden: Sequence[int]
    activation: str
    dropout: float
    learning_rate: float
    optimizer: str
    batch_size: int | None
    ensemble: int
    patience: int | None
    random_state: int
    device: str


@dataclass(frozen=True)
class TrainedStack:
    """The members of one setting after training.

    Attributes
    ----------
    weights : dict of str to ndarray
        Names and shapes as `normwise.networks.dense.shapes_of` gives them.
    losses : ndarray of shape (n_epochs,)
        Mean cross-entropy of the training rows in each epoch, averaged over the members.
    validation : ndarray of shape (n_epochs,)
        Of the held-out rows; without epochs where none are held out.
    """

    weights: dict[str, Floats]
    losses: Floats
    validation: Floats


def activate(name: str, inputs: torch.Tensor) -> torch.Tensor:
    """Return an activation's outputs; of maxout, half as many as there are inputs."""
    if name == "sigmoid":
        return torch.sigmoid(inputs)
    if name == "tanh":
        return torch.tanh(inputs)
    if name == "relu":
        return torch.relu(inputs)
    if name == "leaky_relu":
        return functional.leaky_relu(inputs, LEAK)
    if name == "maxout":
        return inputs.unflatten(-1, (-1, MAXOUT_PIECES)).amax(dim=-1)
    assert name == "elu"
    return functional.elu(inputs)


class _Linear(torch.nn.Module):  # type: ignore[misc]  # torch is not followed by the type checker
    def __init__(self, weight: Floats, bias: Floats, copies: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(weight, dtype=dtype).repeat(copies, 1, 1))
        self.bias = torch.nn.Parameter(torch.tensor(bias[:, None, :], dtype=dtype).repeat(copies, 1, 1))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return torch.baddbmm(self.bias, inputs, self.weight)


class StackedNetworks(torch.nn.Module):  # type: ignore[misc]  # torch is not followed by the type checker
    """Equal networks side by side.

    Parameters
    ----------
    weights : mapping of str to ndarray
        Of the members, as `normwise.networks.dense.first_weights` draws them.
    activation : str
        A key of `normwise.networks.dense.ACTIVATIONS`.
    dropout : float
        Share of hidden units that a training step leaves out.
    copies : int
        How often the members are repeated, one a setting. Copies leave out the same units.
    dtype : torch.dtype
        Of the weights.
    """

    def __init__(
        self,
        weights: Mapping[str, Floats],
        activation: str,
        *,
        dropout: float = 0.0,
        copies: int = 1,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        super().__init__()
        self.activation, self.dropout, self.copies = activation, dropout, copies
        self.layers = torch.nn.ModuleList(
            _Linear(weights[f"{place}.weight"], weights[f"{place}.bias"], copies, dtype)
            for place in range(len(weights) // 2)
        )

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Return scores of shape (copies · n_members, n_rows, n_outputs) of rows (n_rows, n_features)."""
        signals = rows.expand(len(self.layers[0].weight), *rows.shape)
        for place, layer in enumerate(self.layers):
            signals = layer(signals)
            if place < len(self.layers) - 1:
                signals = self._drop(activate(self.activation, signals))
        return signals

    def _drop(self, units: torch.Tensor) -> torch.Tensor:
        if not self.training or self.dropout == 0.0:
            return units
        members = len(units) // self.copies
        retained = torch.rand((members, *units.shape[1:]), device=units.device) >= self.dropout
        return units * retained.repeat(self.copies, 1, 1) / (1.0 - self.dropout)

    def members(self, copy: int) -> dict[str, Floats]:
        """Return the weights of one copy's members as arrays."""
        weights: dict[str, Floats] = {}
        for place, layer in enumerate(self.layers):
            for name, part in (("weight", layer.weight), ("bias", layer.bias[:, 0])):
                own = part.detach().chunk(self.copies)[copy]
                weights[f"{place}.{name}"] = own.double().cpu().numpy().copy()
        return weights


def row_losses(scores: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return −log of the true class's probability, (n_rows, n_networks).

    Parameters
    ----------
    scores : Tensor of shape (n_networks, n_rows, n_outputs)
        One output is the log-odds of the last of two classes; several are a score a class.
    target : Tensor of shape (n_rows,)
        Place of each row's class.
    """
    n_networks, n_rows, n_outputs = scores.shape
    if n_outputs == 1:
        labels = target.to(scores.dtype).expand(n_networks, n_rows)
        losses = functional.binary_cross_entropy_with_logits(scores[..., 0], labels, reduction="none")
    else:
        labels = target.expand(n_networks, n_rows)
        losses = functional.cross_entropy(scores.movedim(-1, 1), labels, reduction="none")
    return losses.T


def squared_losses(scores: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return the squared error of each row's number, (n_rows, n_networks); as `row_losses` of one output."""
    return ((scores[..., 0] - target) ** 2).T


def train_stack(
    settings: StackSettings,
    tried: Sequence[tuple[float, int]],
    rows: Floats,
    codes: Codes | Floats,
    weights: Floats,
    *,
    held_out: Codes | None = None,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
) -> list[TrainedStack]:
    """Train settings that differ in weight decay and epochs alone, all of them in one loop.

    Parameters
    ----------
    settings : StackSettings
        What the settings have in common.
    tried : sequence of tuple of float and int
        Weight decay and epochs of each setting.
    rows : ndarray of shape (n_samples, n_features)
        Standardised.
    codes, weights : ndarray of shape (n_samples,)
        Number of each row's class, from 0, or, as float64, the number that is predicted; and the row's
        weight.
    held_out : ndarray of int, optional
        Rows that early stopping validates on; all others are trained on.
    checkpoint : Path, optional
        Written after each epoch; of a single setting.
    progress : Progress, optional
        Shows epochs.

    Returns
    -------
    list of TrainedStack
        One a setting, in their order.
    """
    decays = list(dict.fromkeys(decay for decay, _ in tried))
    device = choose_device(settings.device)
    dtype = torch.float64 if device.type == "cpu" else torch.float32
    begin = np.atleast_1d(_first_scores(codes, weights))
    shapes = shapes_of(rows.shape[1], settings.hidden, len(begin), settings.activation, settings.ensemble)
    start = first_weights(shapes, settings.activation, settings.random_state)
    # Few steps would not reach it.
    start[list(start)[-1]][:] = begin
    numbers = codes.dtype.kind == "f"
    losses_of = squared_losses if numbers else row_losses
    module = StackedNetworks(
        start, settings.activation, dropout=settings.dropout, copies=len(decays), dtype=dtype
    )
    inputs = torch.tensor(rows, dtype=dtype, device=device)
    target = torch.tensor(codes, dtype=dtype if numbers else None, device=device)
    weight = torch.tensor(weights, dtype=dtype, device=device)
    train, unseen = np.arange(len(codes)), None
    if held_out is not None:
        train = np.setdiff1d(train, held_out)
        unseen = torch.tensor(held_out, device=device)
    trained = torch.tensor(train, device=device)

    def batches(epoch: int) -> list[Any]:
        parts = [trained]
        if settings.batch_size is not None and settings.batch_size < len(train):
            draw = np.random.default_rng([settings.random_state, epoch, 1])
            order = torch.tensor(draw.permutation(len(train)), device=device)
            parts = [trained[part] for part in order.split(settings.batch_size)]
        return [((inputs[part],), target[part], weight[part]) for part in parts]

    def validate(network: Any) -> float:
        losses = losses_of(network(inputs[unseen]), target[unseen]) * weight[unseen, None]
        return float(losses.mean())

    last = max(epochs for _, epochs in tried)
    wanted = {epochs for _, epochs in tried} - {last}
    weights_at: dict[int, list[dict[str, Floats]]] = {}

    def after_epoch(done: int, network: Any) -> None:
        if done in wanted:
            weights_at[done] = [network.members(copy) for copy in range(len(decays))]

    penalty = torch.tensor(np.repeat(decays, settings.ensemble), device=device)
    curve = train_network(
        module, batches, loss=losses_of, epochs=last, optimizer=settings.optimizer,
        learning_rate=settings.learning_rate, penalty=decays[0] if len(decays) == 1 else penalty,
        random_state=settings.random_state, device=str(device), checkpoint=checkpoint, progress=progress,
        validate=None if unseen is None else validate, patience=settings.patience, after_epoch=after_epoch,
        key=_key(settings, rows, codes, weights), title="network",
    )  # fmt: skip
    weights_at[last] = [module.members(copy) for copy in range(len(decays))]
    stacks = []
    for decay, epochs in tried:
        copy = decays.index(decay)
        losses = curve.losses[:epochs, copy * settings.ensemble : (copy + 1) * settings.ensemble]
        stacks.append(
            TrainedStack(weights_at[epochs][copy], losses.mean(axis=1), np.asarray(curve.validation))
        )
    return stacks


def _first_scores(codes: Codes | Floats, weights: Floats) -> Floats | float:
    """Return the scores that training starts from: those of the classes' shares, or the mean number."""
    if codes.dtype.kind == "f":
        return float(np.average(codes, weights=weights))
    shares = np.bincount(codes, weights=weights)
    logs = np.log(shares / shares.sum())
    return np.asarray(logs[1] - logs[0] if len(logs) == 2 else logs)


def _key(settings: StackSettings, rows: Floats, codes: Codes | Floats, weights: Floats) -> str:
    """Identify the training rows, and the settings that the module's parameters don't show."""
    digest = hashlib.sha256()
    for part in (rows, codes, weights):
        digest.update(np.ascontiguousarray(part).tobytes())
    return f"{digest.hexdigest()} {settings}"
