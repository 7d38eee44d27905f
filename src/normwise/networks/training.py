"""A training's moving parts: one epoch, early stopping, and going on from a checkpoint."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
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
    read_checkpoint,
    restore_optimizer,
    store_optimizer,
    write_checkpoint,
)
from normwise.networks.device import choose_device, deterministic_torch
from normwise.networks.distributed import Group, joined_group

__all__ = ["OPTIMIZERS", "Batch", "Training", "TrainingCurve", "train_network"]

Batch = tuple[tuple[torch.Tensor, ...], torch.Tensor, torch.Tensor]
"""Inputs of the network, target, and weight of each row."""

OPTIMIZERS = ("adamw", "sgd", "rmsprop")

_NOTHING = 1e-30  # a batch whose rows all weigh nothing takes a step of nothing


@dataclass
class TrainingCurve:
    """How a training went.

    Attributes
    ----------
    losses : ndarray of shape (n_epochs,) or (n_epochs, n_members)
        Weighted mean loss of the training rows while each epoch ran; a column a member where there are some.
    validation : list of float
        What ``validate`` returned after each epoch.
    best_epoch : int or None
        The epoch, from 1, whose weights were kept by early stopping.
    resumed_at : int
        Epochs that a checkpoint had done before.
    seconds, loading_seconds : float
        Of this call: in all, and waiting for batches.
    rows : int
        Rows that this process has trained on in this call.
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


class Training:
    """A training's moving parts: network, optimizer, scaler, curve, and the best weights so far."""

    shared: bool
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    patience: int | None

    def __init__(
        self,
        module: torch.nn.Module,
        device: torch.device,
        group: Group,
        optimizer: str,
        learning_rate: float,
        weight_decay: float | torch.Tensor,
        penalty: float | torch.Tensor,
        mixed: bool,  # noqa: FBT001 - called once
        compiled: bool,  # noqa: FBT001 - called once
    ) -> None:
        self.module, self.device, self.group = module, device, group
        on_gpu = device.type == "cuda"
        self.half = None
        if mixed and on_gpu:
            self.half = torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
        # A float16 gradient would vanish below 6e-8; bfloat16 has float32's range.
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.half == torch.float16)
        named = [(name, part) for name, part in module.named_parameters() if part.requires_grad]
        self.optimizer = _make_optimizer(optimizer, [part for _, part in named], learning_rate)
        decay, pull = (torch.as_tensor(each, dtype=torch.float64) for each in (weight_decay, penalty))
        self.settings = {
            "optimizer": optimizer,
            "learning_rate": learning_rate,
            "weight_decay": decay.tolist(),
            "penalty": pull.tolist(),
        }
        weights = [part for name, part in named if part.ndim > 1 and name.rpartition(".")[2] != "bias"]
        self.decayed = [(part, _spread(decay, part)) for part in weights if bool((decay != 0.0).any())]
        self.penalised = [(part, _spread(pull, part)) for part in weights if bool((pull != 0.0).any())]
        self.called = group.wrap(module, device)
        if compiled and on_gpu:
            self.called = torch.compile(self.called)
        self.curve = TrainingCurve()
        self.done = 0
        self.best: dict[str, torch.Tensor] = {}

    @property
    def is_over(self) -> bool:
        """Whether early stopping has seen enough."""
        best = self.curve.best_epoch
        return self.patience is not None and best is not None and self.done - best >= self.patience

    def describe(self, random_state: int, key: str) -> None:
        """Say what is trained, so that a checkpoint of something else is told apart."""
        self.description: dict[str, Any] = {
            **self.settings,
            "random_state": random_state,
            "data": key,
            "device": self.device.type,
            "precision": str(self.half),
            "processes": self.group.size,
            "network": [
                [name, list(part.shape), str(part.dtype), bool(part.requires_grad)]
                for name, part in self.module.named_parameters()
            ],
        }

    def run_epoch(self, batches: Iterable[Batch], learning_rate: float) -> None:
        """Train on each batch once."""
        self.called.train()
        for settings in self.optimizer.param_groups:
            settings["lr"] = learning_rate
        summed: torch.Tensor | None = None
        weighed = torch.zeros((), dtype=torch.float64, device=self.device)
        source, waiting_since = iter(batches), time.perf_counter()
        for inputs, target, weight in source:
            self.curve.loading_seconds += time.perf_counter() - waiting_since
            part, whole = self._step(inputs, target, weight, learning_rate)
            summed = part if summed is None else summed + part
            weighed = weighed + whole
            waiting_since = time.perf_counter()
        assert summed is not None, "an epoch has at least one batch"
        mean = (self.group.total(summed) / weighed).cpu().numpy().astype(np.float64)
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
        """Take one step; return this process's weighted sum of losses, and the whole batch's weight."""
        group = self.group
        whole = weight.sum(dtype=torch.float64).to(self.device)
        if self.shared:
            whole = group.total(whole)
        else:
            inputs = tuple(map(group.share, inputs))
            target, weight = group.share(target), group.share(weight)
        inputs = tuple(part.to(self.device, non_blocking=True) for part in inputs)
        target, weight = (part.to(self.device, non_blocking=True) for part in (target, weight))
        self.optimizer.zero_grad(set_to_none=True)
        with self._precision():
            losses = self.loss(self.called(*inputs), target)
        wide = losses if losses.ndim == 1 else losses.movedim(0, -1)
        part = (wide.double() if self.half is not None else wide) * weight.to(wide.dtype)
        part = part.sum(dim=-1)
        # The group's average over processes, times their number, is the sum over the whole batch.
        self.scaler.scale(part.sum() * group.size / whole.to(part.dtype).clamp_min(_NOTHING)).backward()
        self.scaler.unscale_(self.optimizer)
        with torch.no_grad():
            for weights, pull in self.penalised:
                weights.grad.addcmul_(weights, pull)
            for weights, decay in self.decayed:
                weights.mul_(1.0 - learning_rate * decay)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.curve.rows += len(target)
        return part.detach().double(), whole

    def _precision(self) -> AbstractContextManager[Any]:
        return nullcontext() if self.half is None else torch.autocast(self.device.type, dtype=self.half)

    def judge(self, validate: Callable[[torch.nn.Module], float]) -> None:
        """Validate, and keep the weights where they are the best so far."""
        self.module.eval()
        with torch.no_grad(), self._precision():
            found = float(validate(self.module))
        earlier = self.curve.validation
        better = self.group.agree(not earlier or found < min(earlier))
        earlier.append(found)
        if better:
            self.curve.best_epoch = self.done
            if self.patience is not None:
                self.best = {name: value.detach().clone() for name, value in self.module.state_dict().items()}

    def finish(self) -> None:
        """Return to the best weights, if early stopping was asked for."""
        if self.patience is not None and self.best:
            self.module.load_state_dict(self.best)
        self.module.eval()

    def save(self, path: Path) -> None:
        """Write the checkpoint; only the first process does."""
        states = [torch.get_rng_state()]
        if self.device.type == "cuda":
            states.append(torch.cuda.get_rng_state(self.device))
        gathered = [self.group.gather(state, self.device) for state in states]
        if self.group.rank > 0:
            return
        tensors = {f"module.{name}": value for name, value in self.module.state_dict().items()}
        tensors |= {f"best.{name}": value for name, value in self.best.items()}
        tensors |= store_optimizer(self.optimizer)
        for kind, each in zip(("processor", "device"), gathered, strict=False):
            tensors |= {f"random.{kind}.{rank}": state for rank, state in enumerate(each)}
        facts = {
            "training": self.description,
            "epoch": self.done,
            "losses": self.curve.losses.tolist(),
            "validation": self.curve.validation,
            "best_epoch": self.curve.best_epoch,
            "scaler": self.scaler.state_dict(),
        }
        write_checkpoint(path, Checkpoint(tensors, facts))

    def resume(self, path: Path, epochs: int) -> None:
        """Go on from a checkpoint, if there is one."""
        found = read_checkpoint(path, self.description)
        if found is None:
            return
        facts, rank = found.facts, self.group.rank
        if facts["epoch"] > epochs:
            raise ClassifierError(
                "CLS-303",
                "the checkpoint can't be gone on from.",
                subject=str(path),
                seen=f"{facts['epoch']} epochs done",
                expected=f"at most the {epochs} that are to be trained",
                advice="remove the file to train from the start, or name another",
            )
        self.module.load_state_dict(found.part("module"))
        self.best = {name: value.to(self.device) for name, value in found.part("best").items()}
        restore_optimizer(self.optimizer, found.part("optimizer"))
        self.scaler.load_state_dict(facts["scaler"])
        random = found.part("random")
        torch.set_rng_state(random[f"processor.{rank}"])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(random[f"device.{rank}"], self.device)
        self.curve.losses = np.asarray(facts["losses"], dtype=np.float64)
        self.curve.validation = list(facts["validation"])
        self.curve.best_epoch = facts["best_epoch"]
        self.curve.resumed_at = self.done = facts["epoch"]


def _make_optimizer(name: str, parameters: list[torch.Tensor], learning_rate: float) -> torch.optim.Optimizer:
    # Weight decay is taken by the loop, so that it means the same for each of them.
    if name == "adamw":
        return torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=0.0, fused=True)
    if name == "sgd":
        return torch.optim.SGD(parameters, lr=learning_rate, momentum=0.9, nesterov=True)
    assert name == "rmsprop", f"an optimizer is one of {OPTIMIZERS}"
    return torch.optim.RMSprop(parameters, lr=learning_rate)


def _spread(decay: torch.Tensor, part: torch.Tensor) -> torch.Tensor:
    """Return decay, one for all or one a place of the first dimension, ready to multiply a parameter."""
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
    mixed: bool = False,
    compiled: bool = False,
    schedule: Callable[[int], float] | None = None,
    validate: Callable[[torch.nn.Module], float] | None = None,
    patience: int | None = None,
    after_epoch: Callable[[int, torch.nn.Module], None] | None = None,
    threads: int | None = 1,
    shared: bool = False,
    key: str = "",
    title: str = "training",
) -> TrainingCurve:
    """Train a network in place; it is left in evaluation mode on the device.

    Parameters
    ----------
    module : torch.nn.Module
        Its parameters that ask for a gradient are trained.
    batches : callable
        ``batches(epoch)``, from 0, gives the epoch's ``((inputs, …), target, weight)``; the first dimension
        of each tensor is the row. It must depend on the epoch and torch's generator alone, so that an epoch
        can be repeated.
    loss : callable
        ``loss(output, target)`` gives each row's loss, (n_rows,) or (n_rows, n_members); their weighted mean
        is made small, summed over members.
    epochs : int
        Passes over the batches.
    optimizer : {"adamw", "sgd", "rmsprop"}
        AdamW (Loshchilov and Hutter 2019), Nesterov's momentum of 0.9, or RMSprop.
    learning_rate : float
        Of every parameter.
    weight_decay : float or Tensor
        Share of a weight, times the learning rate, that each step takes away, whatever the optimizer; biases
        and norms (one dimension, or named ``bias``) keep theirs. A tensor is spread over the first
        dimension of each parameter.
    penalty : float or Tensor
        Half of it times the squares of the same weights is added to the loss; spread in the same way.
    random_state : int
        Seed of torch's generator while the network trains.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:1"``.
    checkpoint : Path, optional
        A ``.safetensors`` file, written after each epoch and gone on from where it exists.
    progress : Progress, optional
        Shows epochs, loss and time left.
    mixed : bool
        Half precision on a GPU: bfloat16 where it can, float16 with a scaled loss where not. Elsewhere full.
    compiled : bool
        ``torch.compile`` on a GPU.
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
    shared : bool
        Whether ``batches`` already gives each process of a data-parallel group its own share; otherwise all
        of them are given the whole batch and take theirs.
    key : str
        What the batches are made of; a checkpoint of another key is refused.
    title : str
        Of the progress bar.

    Returns
    -------
    TrainingCurve
        Losses, and the time that it took.

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
    with joined_group(place) as group, deterministic_torch(random_state + group.rank, place, threads=threads):
        module.to(place)
        training = Training(
            module, place, group, optimizer, learning_rate, weight_decay, penalty, mixed, compiled
        )
        training.describe(random_state, key)
        if checkpoint is not None:
            training.resume(checkpoint, epochs)
        training.shared, training.loss, training.patience = shared, loss, patience
        if progress is not None and group.rank == 0:
            progress.start(title, epochs)
            for _ in range(training.done):
                progress.advance(title, state="cached")
        began, curve = time.perf_counter(), training.curve
        while training.done < epochs and not training.is_over:
            factor = 1.0 if schedule is None else schedule(training.done)
            training.run_epoch(batches(training.done), learning_rate * factor)
            if validate is not None:
                training.judge(validate)
            if after_epoch is not None:
                after_epoch(training.done, module)
            if checkpoint is not None:
                training.save(checkpoint)
            if progress is not None and group.rank == 0:
                spent = time.perf_counter() - began
                left = spent / (training.done - curve.resumed_at) * (epochs - training.done)
                progress.advance(title, f"loss {curve.losses[-1].mean():.4g}, {left:.0f} s left")
        training.finish()
        if progress is not None and group.rank == 0:
            progress.finish(title)
        curve.seconds = time.perf_counter() - began
    return curve
