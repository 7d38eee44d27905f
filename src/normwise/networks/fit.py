"""A network classifier's training: settings side by side, epochs recorded on the way, rows held out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from normwise.engine import Progress
from normwise.errors import ClassifierError
from normwise.networks.dense import first_weights
from normwise.networks.device import choose_device
from normwise.networks.stacked import StackedNetworks, row_losses
from normwise.networks.training import train_network

__all__ = ["train_together"]

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

Network = Any
"""A `normwise.classify.NeuralClassifier`; its file imports this one."""

_ENOUGH = 100
"""Rows a class from which on a fifth of them may be held out for early stopping."""


def train_together(
    models: Sequence[Network],
    rows: Floats,
    codes: Codes,
    weights: Floats,
    checkpoint: Path | None,
    progress: Progress | None,
) -> None:
    """Train settings that differ in weight decay and epochs alone, all of them in one loop.

    Parameters
    ----------
    models : sequence of NeuralClassifier
        Each learns ``weights_``, ``loss_curve_`` and ``n_iter_``.
    rows : ndarray of shape (n_samples, n_features)
        In the training rows' unit.
    codes, weights : ndarray of shape (n_samples,)
        Place of each row's class, and its weight.
    checkpoint : Path or None
        Written after each epoch; of a single model.
    progress : Progress or None
        Shows epochs.
    """
    first = models[0]
    decays = list(dict.fromkeys(float(model.weight_decay) for model in models))
    device = choose_device(first.device)
    dtype = torch.float64 if device.type == "cpu" else torch.float32
    start = first_weights(first.shapes(), first.activation, first.random_state)
    shares = np.bincount(codes, weights=weights)
    logs = np.log(shares / shares.sum())
    # Training starts from the classes' shares, which few steps would not reach.
    start[list(start)[-1]][:] = logs[1] - logs[0] if len(logs) == 2 else logs
    module = StackedNetworks(start, first.activation, dropout=first.dropout, copies=len(decays), dtype=dtype)
    kept, held = _held_out(first, codes)
    parts = (
        torch.tensor(rows, dtype=dtype, device=device),
        torch.tensor(codes, device=device),
        torch.tensor(weights, dtype=dtype, device=device),
    )
    inputs, target, weight = (
        part if held is None else part[torch.tensor(kept, device=device)] for part in parts
    )

    def batches(epoch: int) -> list[Any]:
        if first.batch_size is None or first.batch_size >= len(target):
            return [((inputs,), target, weight)]
        draw = np.random.default_rng([first.random_state, epoch, 1])
        order = torch.tensor(draw.permutation(len(target)), device=device)
        return [((inputs[part],), target[part], weight[part]) for part in order.split(first.batch_size)]

    def validate(network: Any) -> float:
        unseen = torch.tensor(held, device=device)
        losses = row_losses(network(parts[0][unseen]), parts[1][unseen]) * parts[2][unseen, None]
        return float(losses.mean())

    wanted = {int(model.epochs) for model in models}
    found: dict[int, list[dict[str, Floats]]] = {}

    def keep(done: int, network: Any) -> None:
        if done in wanted:
            found[done] = [network.members(copy) for copy in range(len(decays))]

    curve = train_network(
        module, batches, loss=row_losses, epochs=max(wanted), optimizer=first.optimizer,
        learning_rate=float(first.learning_rate), penalty=_each_network(decays, first.ensemble, device),
        random_state=first.random_state, device=str(device), checkpoint=checkpoint, progress=progress,
        validate=None if held is None else validate, patience=first.patience, after_epoch=keep,
        key=_key(first, rows, codes, weights), title="network",
    )  # fmt: skip
    found[max(wanted)] = [module.members(copy) for copy in range(len(decays))]
    for model in models:
        epochs, copy = int(model.epochs), decays.index(float(model.weight_decay))
        model.weights_ = found[epochs][copy]
        mine = curve.losses[:epochs, copy * first.ensemble : (copy + 1) * first.ensemble]
        model.loss_curve_, model.n_iter_ = mine.mean(axis=1), len(mine)
        if held is not None:
            model.validation_curve_ = np.asarray(curve.validation)


def _each_network(decays: list[float], ensemble: int, device: torch.device) -> float | torch.Tensor:
    if len(decays) == 1:
        return decays[0]
    return torch.tensor(np.repeat(decays, ensemble), device=device)


def _held_out(model: Network, codes: Codes) -> tuple[Codes, Codes | None]:
    """Return the rows that train, and those that early stopping looks at."""
    if model.patience is None:
        return np.arange(len(codes)), None
    counted = np.bincount(codes)
    if counted.min() < _ENOUGH:
        raise ClassifierError(
            "CLS-305",
            f"class {model.classes_[int(counted.argmin())]} has too few rows to hold some out.",
            subject=type(model).__name__,
            seen=f"{counted.min()} rows, patience={model.patience}",
            expected=f"{_ENOUGH} rows a class or more",
            advice="leave patience out, and tune epochs by the study's inner folds",
        )
    draw = np.random.default_rng([model.random_state, 2])
    held = np.concatenate(
        [draw.permutation(np.flatnonzero(codes == place))[: size // 5] for place, size in enumerate(counted)]
    )
    return np.setdiff1d(np.arange(len(codes)), held), np.sort(held)


def _key(model: Network, rows: Floats, codes: Codes, weights: Floats) -> str:
    """Name the training's rows, and the settings that its parameters don't show."""
    digest = hashlib.sha256()
    for part in (rows, codes, weights):
        digest.update(np.ascontiguousarray(part).tobytes())
    shown = (model.activation, float(model.dropout), model.batch_size, model.patience)
    return f"{digest.hexdigest()} {shown}"
