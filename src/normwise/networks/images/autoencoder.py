"""Encoder and decoder of the convolutional autoencoder, and their training.

torch is imported at the top: import this file lazily.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from normwise.networks.device import choose_device, deterministic_torch
from normwise.networks.images.architectures import ResidualTrunk
from normwise.networks.images.training import (
    ImageBatches,
    ImageSet,
    Settings,
    load_weights,
    predict_scores,
    weights_of,
)
from normwise.networks.training import Batch, train_network

__all__ = ["build_coder", "encode_images", "train_coder"]


class Coder(nn.Module):  # type: ignore[misc]  # torch has no types here
    """Encoder: a residual trunk and a linear map to the code. Decoder: convolutions between interpolations.

    Parameters
    ----------
    shape : tuple of int
        Channels and axes of an image.
    width, blocks : int
        Of the trunk.
    code : int
        Numbers in the code of an image.
    """

    def __init__(self, shape: tuple[int, ...], width: int, blocks: int, code: int) -> None:
        super().__init__()
        channels, *self.edges = shape
        ndim = len(self.edges)
        conv: Any = {2: nn.Conv2d, 3: nn.Conv3d}[ndim]
        self.kind = "trilinear" if ndim == 3 else "bilinear"
        self.trunk = ResidualTrunk(ndim, channels, width, blocks, stem_stride=2)
        with torch.no_grad():
            self.deep = tuple(self.trunk(torch.zeros(2, *shape)).shape[1:])
        size = int(np.prod(self.deep))
        self.to_code, self.from_code = nn.Linear(size, code), nn.Linear(code, size)
        widths = [width * 2**place for place in reversed(range(blocks))] + [width]
        self.rising = nn.ModuleList(
            conv(inside, outside, 3, padding=1) for inside, outside in pairwise(widths)
        )
        self.last = conv(width, channels, 3, padding=1)

    def embed(self, images: Tensor) -> Tensor:
        """Return codes of shape (n, code)."""
        return self.to_code(self.trunk(images).flatten(1))

    def forward(self, images: Tensor) -> Tensor:
        """Return the images reconstructed from their codes."""
        maps = self.from_code(self.embed(images)).reshape(-1, *self.deep)
        for place, step in enumerate(self.rising, start=1):
            left = 2 ** (len(self.rising) - place)
            edges = [max(1, -(-edge // left)) for edge in self.edges]
            maps = functional.interpolate(maps, size=edges, mode=self.kind, align_corners=False)
            maps = torch.relu(step(maps))
        return self.last(maps)


def build_coder(shape: tuple[int, ...], settings: Mapping[str, Any], code: int) -> Coder:
    """Build encoder and decoder with fresh weights, from complete settings."""
    return Coder(shape, settings["width"], settings["blocks"], code)


def train_coder(
    images: NDArray[Any], centre: float, spread: float, code: int, settings: Mapping[str, Any], seed: int
) -> tuple[dict[str, NDArray[Any]], NDArray[np.float64]]:
    """Train an autoencoder.

    Parameters
    ----------
    images : ndarray of shape (n, channels, …)
        Training images.
    centre, spread : float
        By which they are standardised.
    code : int
        Numbers in the code.
    settings : mapping
        As `ConvAutoencoder.settings`, complete.
    seed : int
        Of weights, order and augmentation.

    Returns
    -------
    tuple of dict of str to ndarray, and ndarray of shape (epochs,)
        Weights by name, and the losses.
    """
    rows = _rows(images, centre, spread)
    plan = Settings(
        settings["epochs"], settings["batch_size"], settings["learning_rate"], settings["weight_decay"],
        settings["augmentation"], settings["device"], threads=settings["threads"],
    )  # fmt: skip
    with deterministic_torch(seed, choose_device(plan.device), threads=plan.threads):
        network = build_coder(images.shape[1:], settings, code)
    drawn = ImageBatches(rows, plan, seed)

    def batches(epoch: int) -> Iterator[Batch]:
        for (augmented, _), _, weights in drawn(epoch):
            yield (augmented,), augmented, weights

    curve = train_network(
        network, batches, loss=lambda output, images: ((output - images) ** 2).flatten(1).mean(dim=1),
        epochs=plan.epochs, learning_rate=plan.learning_rate, weight_decay=plan.weight_decay,
        random_state=seed, device=plan.device, threads=plan.threads,
    )  # fmt: skip
    return weights_of(network), curve.losses


def encode_images(
    images: NDArray[Any],
    centre: float,
    spread: float,
    code: int,
    settings: Mapping[str, Any],
    weights: dict[str, NDArray[Any]],
) -> NDArray[np.float64]:
    """Return the codes of images, of shape (n, code); parameters as in `train_coder`."""
    device = choose_device(settings["device"])
    network = build_coder(images.shape[1:], settings, code)
    load_weights(network, weights)
    with deterministic_torch(0, device, threads=settings["threads"]):
        codes = predict_scores(network.to(device), _rows(images, centre, spread), embed=True)
    return codes.astype(np.float64)


def _rows(images: NDArray[Any], centre: float, spread: float) -> ImageSet:
    count = len(images)
    nothing = np.empty((count, 0), np.float32)
    return ImageSet(images, centre, spread, nothing, np.zeros(count, np.intp), np.ones(count))
