"""The training loop of every network: epochs, early stopping, and resuming from a checkpoint."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from normwise.engine import Progress
from normwise.errors import ClassifierError
from normwise.networks.checkpoint import (
    Checkpoint,
    checkpoint_refused,
    read_checkpoint,
    restore_optimizer,
    store_optimizer,
    write_checkpoint,
)
from normwise.networks.device import choose_device, deterministic_torch

__all__ = ["OPTIMIZERS", "Batch", "TrainingCurve", "train_network"]

Batch = tuple[tuple[torch.Tensor, ...], torch.Tensor, torch.Tensor]
"""Inputs of the network, target, and weight of each row."""

OPTIMIZERS: dict[str, Callable[[list[torch.Tensor], float], torch.optim.Optimizer]] = {
    # The loop applies weight decay, so that it means the same for each optimizer.
    "adamw": lambda parameters, rate: torch.optim.AdamW(parameters, lr=rate, weight_decay=0.0, fused=True),
    "sgd": lambda parameters, rate: torch.optim.SGD(parameters, lr=rate, momentum=0.9, nesterov=True),
    "rmsprop": lambda parameters, rate: torch.optim.RMSprop(parameters, lr=rate),
}
"""AdamW (Loshchilov and Hutter 2019), Nesterov's momentum of 0.9, and RMSprop."""

_TINY = 1e-30  # a batch whose rows all have weight 0 takes a step of length 0


@dataclass
class TrainingCurve:
    """How a training went.

    Attributes
    ----------
    losses : ndarray of shape (n_epochs,) or (n_epochs, n_members)
        Weighted mean loss of the training rows while each epoch ran; one column a member of a stack.
    validation : list of float
        What ``validate`` returned after each epoch.
    best_epoch : int or None
        The epoch, from 1, whose ``validate`` was smallest.
    resumed_at : int
        Epochs that a checkpoint had already done.
    seconds, loading_seconds : float
        Of this call: in all, and waiting for batches.
    rows : int
        Rows trained on in this call.
    """

    losses: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    validation: list[float] = field(default_factory=list)
    best_epoch: int | None = None
    resumed_at: int = 0
    seconds: float = 0.0
    loading_seconds: float = 0.0
    rows: int = 0

    @property
    def epochs(self) -> int:
        """Epochs trained, those before a resume among them."""
        return len(self.losses)


class _Training:
    """The state of a training: network, optimizer, curve, and the best weights so far."""

    def __init__(
        self,
        module: torch.nn.Module,
        device: torch.device,
        loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
        optimizer: str,
        learning_rate: float,
        weight_decay: float | torch.Tensor,
        penalty: float | torch.Tensor,
        patience: int | None,
    ) -> None:
        self.module, self.device, self.loss, self.patience = module, device, loss, patience
        named = [(name, part) for name, part in module.named_parameters() if part.requires_grad]
        self.optimizer = OPTIMIZERS[optimizer]([part for _, part in named], learning_rate)
        decay, ridge = (torch.as_tensor(each, dtype=torch.float64) for each in (weight_decay, penalty))
        weights = [part for name, part in named if part.ndim > 1 and name.rpartition(".")[2] != "bias"]
        self.decayed = [(part, _broadcast(decay, part)) for part in weights if bool((decay != 0.0).any())]
        self.penalised = [(part, _broadcast(ridge, part)) for part in weights if bool((ridge != 0.0).any())]
        self.settings = {
            "optimizer": optimizer,
            "learning_rate": learning_rate,
            "weight_decay": decay.tolist(),
            "penalty": ridge.tolist(),
        }
        self.curve = TrainingCurve()
        self.done = 0
        self.best: dict[str, torch.Tensor] = {}

    @property
    def is_over(self) -> bool:
        """Whether early stopping ends the training."""
        best = self.curve.best_epoch
        return self.patience is not None and best is not None and self.done - best >= self.patience

    def describe(self, random_state: int, key: str) -> None:
        """Describe what is trained, so that a checkpoint of something else is refused."""
        self.description: dict[str, Any] = {
            **self.settings,
            "random_state": random_state,
            "data": key,
            "device": self.device.type,
            "network": [
                [name, list(part.shape), str(part.dtype), bool(part.requires_grad)]
                for name, part in self.module.named_parameters()
            ],
        }

    def run_epoch(self, batches: Iterable[Batch], learning_rate: float) -> None:
        """Train on each batch once."""
        self.module.train()
        for settings in self.optimizer.param_groups:
            settings["lr"] = learning_rate
        total_loss: torch.Tensor | None = None
        total_weight = torch.zeros((), dtype=torch.float64, device=self.device)
        waiting_since = time.perf_counter()
        for inputs, target, weight in batches:
            self.curve.loading_seconds += time.perf_counter() - waiting_since
            batch_loss, batch_weight = self._step(inputs, target, weight, learning_rate)
            total_loss = batch_loss if total_loss is None else total_loss + batch_loss
            total_weight = total_weight + batch_weight
            waiting_since = time.perf_counter()
        assert total_loss is not None, "an epoch has at least one batch"
        mean = (total_loss / total_weight).cpu().numpy().astype(np.float64)
        self.done += 1
        if not np.isfinite(mean).all():
            raise ClassifierError(
                "CLS-304",
                f"the network's loss is no longer finite after epoch {self.done}.",
                seen=f"learning rate {learning_rate:g}",
                expected="a loss that falls",
                advice="lower learning_rate, or look for features of huge size",
            )
        self.curve.losses = np.concatenate([self.curve.losses.reshape(-1, *mean.shape), mean[None]])

    def _step(
        self,
        inputs: tuple[torch.Tensor, ...],
        target: torch.Tensor,
        weight: torch.Tensor,
        learning_rate: float,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Take one step; return the batch's weighted sum of losses, and its sum of weights."""
        whole = weight.sum(dtype=torch.float64).to(self.device)
        inputs = tuple(part.to(self.device, non_blocking=True) for part in inputs)
        target, weight = (part.to(self.device, non_blocking=True) for part in (target, weight))
        self.optimizer.zero_grad(set_to_none=True)
        losses = self.loss(self.module(*inputs), target)
        by_row = losses if losses.ndim == 1 else losses.movedim(0, -1)
        summed = (by_row * weight.to(by_row.dtype)).sum(dim=-1)
        (summed.sum() / whole.to(summed.dtype).clamp_min(_TINY)).backward()
        with torch.no_grad():
            for part, ridge in self.penalised:
                part.grad.addcmul_(part, ridge)
            for part, decay in self.decayed:
                part.mul_(1.0 - learning_rate * decay)
        self.optimizer.step()
        self.curve.rows += len(target)
        return summed.detach().double(), whole

    def validate(self, validate: Callable[[torch.nn.Module], float]) -> None:
        """Validate, and remember the weights where they are the best so far."""
        self.module.eval()
        with torch.no_grad():
            value = float(validate(self.module))
        if not self.curve.validation or value < min(self.curve.validation):
            self.curve.best_epoch = self.done
            if self.patience is not None:
                self.best = {name: part.detach().clone() for name, part in self.module.state_dict().items()}
        self.curve.validation.append(value)

    def finish(self) -> None:
        """Return to the best weights, if early stopping was asked for."""
        if self.patience is not None and self.best:
            self.module.load_state_dict(self.best)
        self.module.eval()

    def save(self, path: Path) -> None:
        """Write the checkpoint."""
        tensors = {f"module.{name}": value for name, value in self.module.state_dict().items()}
        tensors |= {f"best.{name}": value for name, value in self.best.items()}
        tensors |= store_optimizer(self.optimizer)
        tensors["random.processor"] = torch.get_rng_state()
        if self.device.type == "cuda":
            tensors["random.device"] = torch.cuda.get_rng_state(self.device)
        facts = {
            "training": self.description,
            "epoch": self.done,
            "losses": self.curve.losses.tolist(),
            "validation": self.curve.validation,
            "best_epoch": self.curve.best_epoch,
        }
        write_checkpoint(path, Checkpoint(tensors, facts))

    def resume(self, path: Path, epochs: int) -> None:
        """Resume from a checkpoint, if there is one."""
        checkpoint = read_checkpoint(path, self.description)
        if checkpoint is None:
            return
        facts = checkpoint.facts
        if facts["epoch"] > epochs:
            raise checkpoint_refused(
                path, f"{facts['epoch']} epochs done", f"at most the {epochs} that are to be trained"
            )
        self.module.load_state_dict(checkpoint.part("module"))
        self.best = {name: value.to(self.device) for name, value in checkpoint.part("best").items()}
        restore_optimizer(self.optimizer, checkpoint.part("optimizer"))
        random = checkpoint.part("random")
        torch.set_rng_state(random["processor"])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(random["device"], self.device)
        self.curve.losses = np.asarray(facts["losses"], dtype=np.float64)
        self.curve.validation = list(facts["validation"])
        self.curve.best_epoch = facts["best_epoch"]
        self.curve.resumed_at = self.done = facts["epoch"]


def _broadcast(decay: torch.Tensor, part: torch.Tensor) -> torch.Tensor:
    """Return decay, a scalar or one value a place of the first dimension, in a shape that multiplies part."""
    decay = decay.to(part.device, part.dtype)
    return decay if decay.ndim == 0 else decay.reshape(-1, *[1] * (part.ndim - 1))


def train_network(
    module: torch.nn.Module,
    batches: Callable[[int], Iterable[Batch]],
    *,
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    epochs: int,
    optimizer: str = "adamw",
    learning_rate: float = 1e-3,
    weight_decay: float | torch.Tensor = 0.0,
    penalty: float | torch.Tensor = 0.0,
    random_state: int = 0,
    device: str = "cpu",
    checkpoint: Path | None = None,
    progress: Progress | None = None,
    schedule: Callable[[int], float] | None = None,
    validate: Callable[[torch.nn.Module], float] | None = None,
    patience: int | None = None,
    after_epoch: Callable[[int, torch.nn.Module], None] | None = None,
    threads: int | None = 1,
    key: str = "",
    title: str = "training",
) -> TrainingCurve:
    """Train a network in place; it is left in evaluation mode on the device.

    Parameters
    ----------
    module : torch.nn.Module
        Its parameters that require a gradient are trained.
    batches : callable
        ``batches(epoch)``, from 0, gives the epoch's ``((inputs, …), target, weight)``; the first dimension
        of each tensor is the row. It must depend on the epoch and torch's generator alone, so that an epoch
        can be repeated.
    loss : callable
        ``loss(output, target)`` gives each row's loss, (n_rows,) or (n_rows, n_members); their weighted mean
        is minimised, summed over members.
    epochs : int
        Passes over the batches.
    optimizer : {"adamw", "sgd", "rmsprop"}
        A key of `OPTIMIZERS`.
    learning_rate : float
        Of every parameter.
    weight_decay : float or Tensor
        Each step shrinks the weights by this share of themselves, times the learning rate, whatever the
        optimizer; biases and norms (one dimension, or named ``bias``) are not shrunk. A tensor is broadcast
        along the first dimension of each parameter.
    penalty : float or Tensor
        Half of it times the squares of the same weights is added to the loss; broadcast in the same way.
    random_state : int
        Seed of torch's generator while the network trains.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:1"``.
    checkpoint : Path, optional
        A ``.safetensors`` file, written after each epoch; where it exists, training resumes from it.
    progress : Progress, optional
        Shows epochs, loss and time left.
    schedule : callable, optional
        ``schedule(epoch)``, a factor of the learning rate.
    validate : callable, optional
        ``validate(module)``, in evaluation mode after each epoch; smaller is better.
    patience : int, optional
        Stop after so many epochs without a smaller ``validate``, and return to the best weights.
    after_epoch : callable, optional
        ``after_epoch(n_done, module)``; only of epochs that this call trains.
    threads : int, optional
        Processor threads while it trains; None leaves them as they are.
    key : str
        Identifies the data; a checkpoint of another key is refused.
    title : str
        Of the progress bar.

    Returns
    -------
    TrainingCurve
        Losses, and the time taken.

    Raises
    ------
    ClassifierError
        CLS-302 no such device, CLS-303 a checkpoint of something else, CLS-304 a loss that is not finite.

    Examples
    --------
    >>> rows = torch.linspace(-1, 1, 20)[:, None]
    >>> line = torch.nn.Linear(1, 1)
    >>> curve = train_network(line, lambda epoch: [((rows,), 3 * rows, torch.ones(20))], epochs=200,
    ...                       loss=lambda out, target: ((out - target) ** 2)[:, 0], learning_rate=0.05)
    >>> curve.epochs, bool(curve.losses[-1] < 1e-3 < curve.losses[0])
    (200, True)
    """
    place = choose_device(device)
    with deterministic_torch(random_state, place, threads=threads):
        module.to(place)
        training = _Training(module, place, loss, optimizer, learning_rate, weight_decay, penalty, patience)
        training.describe(random_state, key)
        if checkpoint is not None:
            training.resume(checkpoint, epochs)
        if progress is not None:
            progress.start(title, epochs)
            for _ in range(training.done):
                progress.advance(title, state="cached")
        began, curve = time.perf_counter(), training.curve
        while training.done < epochs and not training.is_over:
            factor = 1.0 if schedule is None else schedule(training.done)
            training.run_epoch(batches(training.done), learning_rate * factor)
            if validate is not None:
                training.validate(validate)
            if after_epoch is not None:
                after_epoch(training.done, module)
            if checkpoint is not None:
                training.save(checkpoint)
            if progress is not None:
                spent = time.perf_counter() - began
                left = spent / (training.done - curve.resumed_at) * (epochs - training.done)
                progress.advance(title, f"loss {curve.losses[-1].mean():.4g}, {left:.0f} s left")
        training.finish()
        if progress is not None:
            progress.finish(title)
        curve.seconds = time.perf_counter() - began
    return curve
