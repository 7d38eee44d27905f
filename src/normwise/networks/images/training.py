"""Training of networks for images: batches drawn by seed, and the number of epochs by inner folds.

torch is imported at the top: import this file lazily.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from normwise.engine import Progress
from normwise.networks.device import choose_device, deterministic_torch
from normwise.networks.images.augmentation import Augmentation, augment
from normwise.networks.training import Batch, TrainingCurve, train_network

__all__ = [
    "ImageBatches",
    "ImageSet",
    "Settings",
    "best_epochs",
    "class_maps",
    "load_weights",
    "predict_scores",
    "train_member",
    "weights_of",
]

_RESIDENT = 0.25  # share of a GPU's free memory that images may take and stay
_WARM_UP = 0.1  # share of the epochs in which the learning rate rises
_AT_ONCE = 64  # images in memory when nothing is learnt
_MAPS_AT_ONCE = 16  # and where gradients are wanted


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Rows ready for a network.

    Attributes
    ----------
    images : ndarray of shape (n, channels, …)
        As stored; standardised by the batch.
    centre, spread : float
        Mean and standard deviation of the training images.
    demographics : ndarray of shape (n, n_columns), float32
        Standardised.
    aims : ndarray of shape (n,)
        What is learnt of each row: the code of its class, int64; or a standardised number, float32.
    weights : ndarray of shape (n,)
        Weight of each row.
    """

    images: NDArray[Any]
    centre: float
    spread: float
    demographics: NDArray[np.float32]
    aims: NDArray[Any]
    weights: NDArray[np.float64]

    def take(self, rows: NDArray[np.intp]) -> ImageSet:
        """Return some of the rows."""
        return replace(
            self,
            images=self.images[rows],
            demographics=self.demographics[rows],
            aims=self.aims[rows],
            weights=self.weights[rows],
        )

    def with_images(self, images: NDArray[Any]) -> ImageSet:
        """Return the same rows with other images."""
        return replace(self, images=images)

    def read(self, rows: Any) -> torch.Tensor:
        """Return standardised images of some rows, on the processor."""
        picked = np.asarray(self.images[rows], dtype=np.float32)
        return (torch.from_numpy(np.array(picked)) - self.centre) / self.spread


@dataclass(frozen=True)
class Settings:
    """How a network is trained; see `normwise.classify.ConvClassifier`."""

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    augmentation: Augmentation
    device: str = "auto"
    threads: int | None = 1
    constant_rate: bool = False


class ImageBatches:
    """Batches of an epoch, drawn and augmented by the seed and the epoch's number alone.

    Parameters
    ----------
    rows : ImageSet
        What is trained on.
    settings : Settings
        Batch size, augmentation and device.
    seed : int
        Of the order and the augmentation.
    """

    def __init__(self, rows: ImageSet, settings: Settings, seed: int) -> None:
        self.rows, self.settings, self.seed = rows, settings, seed
        self.device = choose_device(settings.device)
        self.aims = torch.from_numpy(rows.aims)
        self.weights = torch.from_numpy(rows.weights)
        self.demographics = torch.from_numpy(rows.demographics)
        self.resident = self._resident()

    def __call__(self, epoch: int) -> Iterator[Batch]:
        """Give the batches of an epoch, numbered from 0."""
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + epoch)
        order = torch.randperm(len(self.aims), generator=generator)
        parts = list(order.split(self.settings.batch_size))
        if len(parts) > 1 and len(parts[-1]) == 1:  # one image alone has no spread to be normalised by
            parts[-2:] = [torch.cat(parts[-2:])]
        for part, images in zip(parts, self._loaded(parts), strict=True):
            augmented = augment(images, self.settings.augmentation, generator)
            yield (augmented, self.demographics[part]), self.aims[part], self.weights[part]

    def _loaded(self, parts: list[torch.Tensor]) -> Iterator[torch.Tensor]:
        """Give each part's images on the device; on a GPU the next are read while these are trained on."""
        if self.resident is not None:
            yield from (self.resident[part.to(self.device)] for part in parts)
        elif self.device.type == "cpu":
            yield from (self.rows.read(part.numpy()) for part in parts)
        else:
            with ThreadPoolExecutor(1) as reader:
                waiting = reader.submit(self._pinned, parts[0])
                for following in [*parts[1:], None]:
                    images = waiting.result()
                    if following is not None:
                        waiting = reader.submit(self._pinned, following)
                    yield images.to(self.device, non_blocking=True)

    def _pinned(self, part: torch.Tensor) -> torch.Tensor:
        return self.rows.read(part.numpy()).pin_memory()

    def _resident(self) -> torch.Tensor | None:
        """Return all images on the GPU, where they fit beside the network."""
        if self.device.type != "cuda":
            return None
        free, _ = torch.cuda.mem_get_info(self.device)
        if self.rows.images.size * 4 > _RESIDENT * free:
            return None
        starts = range(0, len(self.aims), _AT_ONCE)
        pieces = [self.rows.read(slice(start, start + _AT_ONCE)).to(self.device) for start in starts]
        return torch.cat(pieces)


def train_member(
    build: Callable[[], Any],
    rows: ImageSet,
    settings: Settings,
    seed: int,
    *,
    checkpoint: Path | None = None,
    key: str = "",
    progress: Progress | None = None,
    validate: Callable[[Any], float] | None = None,
) -> tuple[dict[str, NDArray[Any]], TrainingCurve]:
    """Train one network.

    Parameters
    ----------
    build : callable
        Returns the network; its weights are drawn by torch's generator, which ``seed`` has set.
    rows : ImageSet
        Training rows.
    settings : Settings
        How.
    seed : int
        Of weights, order, augmentation and dropout.
    checkpoint : Path, optional
        Written after each epoch; where it exists, training resumes from it.
    key : str
        Identifies the data; a checkpoint of another key is refused.
    progress : Progress, optional
        Where it is shown.
    validate : callable, optional
        Loss of held-out rows, asked after each epoch.

    Returns
    -------
    tuple of dict of str to ndarray, and TrainingCurve
        The weights by name, and how the training went.
    """
    device = choose_device(settings.device)
    with deterministic_torch(seed, device, threads=settings.threads):
        network = build()
    curve = train_network(
        network,
        ImageBatches(rows, settings, seed),
        loss=row_losses,
        epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        random_state=seed,
        device=settings.device,
        checkpoint=checkpoint,
        progress=progress,
        schedule=None if settings.constant_rate else lambda epoch: one_cycle(epoch, settings.epochs),
        validate=validate,
        threads=settings.threads,
        key=key,
    )
    return weights_of(network), curve


def row_losses(scores: torch.Tensor, aims: torch.Tensor) -> torch.Tensor:
    """Return the loss of each row: the cross-entropy of classes, or the squared error of a number.

    Parameters
    ----------
    scores : Tensor of shape (n, n_classes), or (n, 1) of a number
        What the network says.
    aims : Tensor of shape (n,)
        As of `ImageSet`.
    """
    if aims.is_floating_point():
        return functional.mse_loss(scores[:, 0], aims, reduction="none")
    return functional.cross_entropy(scores, aims, reduction="none")


def one_cycle(epoch: int, epochs: int) -> float:
    """Return an epoch's share of the largest learning rate: rising for a tenth, then falling as a cosine.

    Examples
    --------
    >>> [round(one_cycle(epoch, 20), 2) for epoch in (0, 1, 2, 10, 19)]
    [0.5, 1.0, 1.0, 0.59, 0.01]
    """
    rising = max(1, round(_WARM_UP * epochs))
    if epoch < rising:
        return (epoch + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (epoch - rising) / max(1, epochs - rising)))


def best_epochs(
    build: Callable[[], Any],
    rows: ImageSet,
    settings: Settings,
    folds: list[tuple[NDArray[np.intp], NDArray[np.intp]]],
    seed: int,
    *,
    checkpoint: Path | None = None,
    key: str = "",
) -> tuple[int, NDArray[np.float64]]:
    """Choose how many epochs to train, by the held-out loss of several folds together.

    The best epoch of one small validation set would be chance. The learning rate is held constant, since
    where a schedule ends depends on how long it runs; the losses are averaged over folds and over three
    neighbouring epochs.

    Parameters
    ----------
    build, rows, settings, seed, checkpoint, key
        As in `train_member`.
    folds : list of tuple of ndarray
        Rows trained on, and rows held out.

    Returns
    -------
    tuple of int and ndarray of shape (n_folds, n_epochs)
        The number of epochs, and the held-out losses.
    """
    losses, constant = [], replace(settings, constant_rate=True)
    for number, (train, held) in enumerate(folds):
        held_out = rows.take(held)

        def loss_of(network: Any, held_out: ImageSet = held_out) -> float:
            scores = torch.from_numpy(predict_scores(network, held_out))
            each = row_losses(scores, torch.from_numpy(held_out.aims))
            return float(np.average(each.double().numpy(), weights=held_out.weights))

        _, curve = train_member(
            build, rows.take(train), constant, seed + number, validate=loss_of, key=key,
            checkpoint=None if checkpoint is None else checkpoint.with_name(f"fold-{number}.safetensors"),
        )  # fmt: skip
        losses.append(curve.validation)
    mean = np.mean(losses, axis=0)
    smooth = np.convolve(np.pad(mean, 1, mode="edge"), np.full(3, 1 / 3), mode="valid")
    return int(np.argmin(smooth)) + 1, np.array(losses)


def predict_scores(network: Any, rows: ImageSet, *, embed: bool = False) -> NDArray[np.float32]:
    """Return a network's scores, (n, n_classes), or its embedding, (n, width), on the network's device."""
    device = next(network.parameters()).device
    network.eval()
    parts = []
    with torch.no_grad():
        for start in range(0, len(rows.aims), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            images = rows.read(part).to(device)
            demographics = torch.from_numpy(rows.demographics[part]).to(device)
            output = network.embed(images) if embed else network(images, demographics)
            parts.append(output.float().cpu().numpy())
    return np.concatenate(parts)


def weights_of(network: Any) -> dict[str, NDArray[Any]]:
    """Return a network's weights by name."""
    return {name: value.detach().cpu().numpy().copy() for name, value in network.state_dict().items()}


def load_weights(network: Any, weights: dict[str, NDArray[Any]]) -> None:
    """Give a network its weights."""
    network.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in weights.items()})


def class_maps(network: Any, rows: ImageSet, place: int) -> NDArray[np.float32]:
    """Return signed Grad-CAM maps on the images' grid (Selvaraju et al. 2017, equations 1 and 2).

    Parameters
    ----------
    network : ImageNetwork
        Trained, on its device.
    rows : ImageSet
        The people.
    place : int
        Of the class, among the scores; of a number, 0.

    Returns
    -------
    ndarray of shape (n, …)
    """
    device = next(network.parameters()).device
    network.eval()
    parts = []
    with deterministic_torch(0, device), torch.enable_grad():
        for start in range(0, len(rows.aims), _MAPS_AT_ONCE):
            part = slice(start, start + _MAPS_AT_ONCE)
            images = rows.read(part).to(device)
            demographics = torch.from_numpy(rows.demographics[part]).to(device)
            with torch.no_grad():
                maps = network.trunk(images)
            maps = maps.detach().requires_grad_()
            scores = network.read_maps(maps, demographics)
            said = scores[:, place]
            if scores.shape[1] > 1:
                others = torch.cat([scores[:, :place], scores[:, place + 1 :]], dim=1)
                # The log-odds, since a score that all classes share says nothing.
                said = said - torch.logsumexp(others, dim=1)
            (slope,) = torch.autograd.grad(said.sum(), maps)
            axes = tuple(range(2, maps.ndim))
            cam = (slope.mean(dim=axes, keepdim=True) * maps).sum(dim=1, keepdim=True)
            kind = "trilinear" if maps.ndim == 5 else "bilinear"
            large = functional.interpolate(
                cam.detach(), size=images.shape[2:], mode=kind, align_corners=False
            )
            parts.append(large[:, 0].float().cpu().numpy())
    return np.concatenate(parts)
