"""Networks for images: a small residual trunk, MONAI's trunks by name, and the head that joins demographics.

A trunk turns images into maps, the maps' means over the image are the embedding, and one fully connected
layer reads the embedding and the demographics together. torch is imported at the top: import this file
lazily.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from normwise.errors import ClassifierError

__all__ = ["ImageNetwork", "ResidualTrunk", "build_network"]

_CONV: dict[int, Any] = {2: nn.Conv2d, 3: nn.Conv3d}
# Over the batch, never over one image: that would take out how large and how bright a thing is.
_NORM: dict[int, Any] = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
# Channels side by side in memory: on a processor a third less time in three dimensions.
_LAYOUT = {4: torch.channels_last, 5: torch.channels_last_3d}


class ResidualBlock(nn.Module):  # type: ignore[misc]  # torch has no types here
    """Two convolutions beside a shortcut (He et al. 2016), with batch normalisation.

    Parameters
    ----------
    ndim : int
        2 or 3.
    inside, outside : int
        Channels that come and that leave.
    stride : int
        2 halves the image.
    """

    def __init__(self, ndim: int, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        conv, norm = _CONV[ndim], _NORM[ndim]
        self.first = conv(inside, outside, 3, stride=stride, padding=1, bias=False)
        self.first_norm = norm(outside)
        self.second = conv(outside, outside, 3, padding=1, bias=False)
        self.second_norm = norm(outside)
        # A block begins as its shortcut, so that depth costs nothing until it helps.
        nn.init.zeros_(self.second_norm.weight)
        same = stride == 1 and inside == outside
        self.shortcut = nn.Identity() if same else conv(inside, outside, 1, bias=False)
        # A strided 1 × 1 convolution of fewer than eight channels that lie side by side in memory makes
        # oneDNN 3.12 write past its buffers with AVX2. Every stride-th pixel, then the convolution, is equal.
        self._every = (slice(None), slice(None), *(slice(None, None, stride) for _ in range(ndim)))

    def forward(self, images: Tensor) -> Tensor:
        """Return maps of shape (n, outside, …)."""
        maps = torch.relu(self.first_norm(self.first(images)))
        return torch.relu(self.second_norm(self.second(maps)) + self.shortcut(images[self._every]))


class ResidualTrunk(nn.Module):  # type: ignore[misc]  # torch has no types here
    """A stem and a few residual blocks; each block after the first halves the image and doubles the width.

    Parameters
    ----------
    ndim : int
        2 or 3.
    channels : int
        Channels of an image.
    width : int
        Channels of the first block.
    blocks : int
        Residual blocks.
    stem_stride : int
        2 halves the image before the first block: large volumes are paid for by the voxel.
    """

    def __init__(self, ndim: int, channels: int, width: int, blocks: int, stem_stride: int = 1) -> None:
        super().__init__()
        conv = _CONV[ndim]
        self.stem = nn.Sequential(
            conv(channels, width, 3, stride=stem_stride, padding=1, bias=False), _NORM[ndim](width), nn.ReLU()
        )
        widths = [width * 2**place for place in range(blocks)]
        self.blocks = nn.ModuleList(
            ResidualBlock(ndim, inside, outside, 1 if place == 0 else 2)
            for place, (inside, outside) in enumerate(zip([width, *widths], widths, strict=False))
        )
        self.width = widths[-1]

    def forward(self, images: Tensor) -> Tensor:
        """Return maps of shape (n, width, …)."""
        maps = self.stem(images)
        for block in self.blocks:
            maps = block(maps)
        return maps


class MonaiTrunk(nn.Module):  # type: ignore[misc]  # torch has no types here
    """The convolutional part of one of MONAI's networks.

    Parameters
    ----------
    name : str
        ``DenseNet121`` … or ``resnet10``, ``resnet18`` …, as MONAI calls it.
    ndim : int
        2 or 3.
    channels : int
        Channels of an image.
    """

    def __init__(self, name: str, ndim: int, channels: int) -> None:
        super().__init__()
        nets = _monai_networks()
        if name.startswith("DenseNet"):
            whole = getattr(nets, name)(spatial_dims=ndim, in_channels=channels, out_channels=1)
            self.body = nn.Sequential(whole.features, nn.ReLU())
            self.width = int(whole.class_layers.out.in_features)
        else:
            whole = getattr(nets, name)(spatial_dims=ndim, n_input_channels=channels, num_classes=1)
            layers = [whole.conv1, whole.bn1, nn.ReLU(), whole.maxpool]
            self.body = nn.Sequential(*layers, whole.layer1, whole.layer2, whole.layer3, whole.layer4)
            self.width = int(whole.fc.in_features)

    def forward(self, images: Tensor) -> Tensor:
        """Return maps of shape (n, width, …)."""
        return self.body(images)


class ImageNetwork(nn.Module):  # type: ignore[misc]  # torch has no types here
    """Images through a trunk, pooled, joined by demographics, to one score a class.

    Parameters
    ----------
    trunk : Module or None
        Gives maps and has ``width``; None where there are only demographics.
    demographics : int
        Standardised columns that join after pooling.
    classes : int
        Scores.
    dropout : float
        Share of the embedding that is left out at random in training.
    """

    def __init__(self, trunk: Any, demographics: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.trunk = trunk
        self.dropout = nn.Dropout(dropout)
        self.embedding_width = trunk.width if trunk is not None else 0
        self.head = nn.Linear(self.embedding_width + demographics, classes)

    def train(self, mode: bool = True) -> ImageNetwork:  # noqa: FBT001, FBT002 - torch's signature
        """Train, but leave frozen norms with the means that their weights were learnt for."""
        super().train(mode)
        for part in self.modules():
            own = list(part.parameters(recurse=False))
            if own and not any(each.requires_grad for each in own):
                part.eval()
        return self

    def embed(self, images: Tensor) -> Tensor:
        """Return the mean of each map, of shape (n, width)."""
        return self.trunk(images.contiguous(memory_format=_LAYOUT[images.ndim])).flatten(2).mean(dim=2)

    def forward(self, images: Tensor, demographics: Tensor) -> Tensor:
        """Return scores of shape (n, classes)."""
        if self.trunk is None:
            return self.head(demographics)
        return self.head(torch.cat([self.dropout(self.embed(images)), demographics], dim=1))

    def read_maps(self, maps: Tensor, demographics: Tensor) -> Tensor:
        """Return the scores that given maps of the trunk lead to: what Grad-CAM differentiates."""
        return self.head(torch.cat([maps.flatten(2).mean(dim=2), demographics], dim=1))


def build_network(
    network: str,
    *,
    ndim: int,
    channels: int,
    width: int,
    blocks: int,
    stem_stride: int,
    demographics: int,
    classes: int,
    dropout: float,
    images: bool = True,
) -> ImageNetwork:
    """Build a network with fresh weights, which torch's own generator draws.

    Parameters
    ----------
    network : str
        ``residual``, or the name of one of MONAI's networks.
    ndim, channels : int
        Axes and channels of an image.
    width, blocks, stem_stride : int
        Of the residual trunk.
    demographics, classes : int
        Columns joined, and scores.
    dropout : float
        Share of the embedding left out in training.
    images : bool
        False leaves the trunk out.

    Raises
    ------
    ClassifierError
        CLS-501, MONAI is wanted and not installed.
    """
    trunk: Any = None
    if images and network == "residual":
        trunk = ResidualTrunk(ndim, channels, width, blocks, stem_stride)
    elif images:
        trunk = MonaiTrunk(network, ndim, channels)
    if trunk is not None:
        trunk.to(memory_format=_LAYOUT[ndim + 2])
    return ImageNetwork(trunk, demographics, classes, dropout)


def _monai_networks() -> Any:
    try:
        from monai.networks import nets
    except ImportError as error:
        raise ClassifierError(
            "CLS-501",
            "this network is MONAI's, and MONAI is not installed.",
            expected="the package monai, or network = 'residual'",
            advice="type: python -m pip install monai",
        ) from error
    return nets
