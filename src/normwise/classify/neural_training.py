"""The loop that trains every network: one code path for processor, GPU and several of them.

The same seed and the same batches give the same weights on one device. A training with a checkpoint that is
killed goes on to the same weights as one that was not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

import torch

from normwise.classify.neural_device import choose_device, settled_torch
from normwise.classify.neural_group import joined_group
from normwise.classify.neural_steps import OPTIMIZERS, Batch, Training, TrainingCurve
from normwise.engine import Progress

__all__ = ["OPTIMIZERS", "Batch", "TrainingCurve", "train_network"]


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
    with joined_group(place) as group, settled_torch(random_state + group.rank, place, threads=threads):
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
