"""Augmentation of whole batches: one resampling for all that is geometric, then changed intensities.

Every number is drawn on the processor by a generator of its own, so that the same seed gives the same batch
on any device. torch is imported at the top: import this file lazily.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["PRESETS", "Augmentation", "augment"]


@dataclass(frozen=True)
class Augmentation:
    """How far an image may be changed; 0 leaves a change out.

    Attributes
    ----------
    mirror : float
        Chance of a left–right mirror image. Leave it at 0 where the side means something.
    rotation : float
        Largest rotation about each axis, degrees.
    shear : float
        Largest shear: shift of a row as a share of its distance from the centre.
    scale : float
        Largest change of size, as a share.
    shift : float
        Largest shift, as a share of the image's edge.
    warp : float
        Largest local displacement, as a share of the image's edge.
    intensity : float
        Largest change of contrast, as a share, and of brightness, in standard deviations.
    bias : float
        Largest logarithm of a smooth field that multiplies the image, as a coil's shading does.
    noise : float
        Largest standard deviation of added noise, in the image's standard deviations.
    """

    mirror: float = 0.0
    rotation: float = 0.0
    shear: float = 0.0
    scale: float = 0.0
    shift: float = 0.0
    warp: float = 0.0
    intensity: float = 0.0
    bias: float = 0.0
    noise: float = 0.0

    @property
    def geometric(self) -> bool:
        """Whether voxels are moved."""
        return any((self.mirror, self.rotation, self.shear, self.scale, self.shift, self.warp))

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names of the changes."""
        return tuple(each.name for each in fields(cls))


PRESETS = {
    "none": Augmentation(),
    "mild": Augmentation(mirror=0.5, rotation=5, scale=0.05, shift=0.03, intensity=0.1, noise=0.05),
    "strong": Augmentation(
        mirror=0.5,
        rotation=15,
        shear=0.1,
        scale=0.15,
        shift=0.08,
        warp=0.03,
        intensity=0.2,
        bias=0.2,
        noise=0.1,
    ),
}
"""Named strengths, from nothing to what a cohort of a hundred bears."""


def augment(images: Tensor, settings: Augmentation, generator: torch.Generator) -> Tensor:
    """Change every image of a batch in its own way.

    Parameters
    ----------
    images : Tensor of shape (n, channels, …)
        Standardised images with 2 or 3 axes each.
    settings : Augmentation
        How far.
    generator : torch.Generator
        On the processor; it alone decides.

    Returns
    -------
    Tensor
        Of the same shape, on the same device.
    """
    if settings.geometric:
        grid = _grid(images, settings, generator)
        # The border is repeated, since standardised images have no black of their own to fill in.
        images = functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
    if settings.bias:
        images = images * torch.exp(_smooth(images, 1, settings.bias, generator))
    if settings.intensity:
        gain = 1 + settings.intensity * _between(images, (len(images),), generator)
        offset = settings.intensity * _between(images, (len(images),), generator)
        images = images * _per_image(gain, images) + _per_image(offset, images)
    if settings.noise:
        size = settings.noise * torch.rand(len(images), generator=generator).to(images.device)
        drawn = torch.randn(images.shape, generator=generator).to(images)
        images = images + drawn * _per_image(size, images)
    return images


def _grid(images: Tensor, settings: Augmentation, generator: torch.Generator) -> Tensor:
    """Return where each voxel is looked up, of shape (n, …, ndim), in units of half an edge."""
    ndim, count = images.ndim - 2, len(images)
    matrix = torch.eye(ndim, device=images.device).repeat(count, 1, 1)
    for first in range(ndim):
        for second in range(first + 1, ndim):
            angle = math.radians(settings.rotation) * _between(images, (count,), generator)
            matrix = matrix @ _turned(angle, first, second, ndim)
            tilt = torch.eye(ndim, device=images.device).repeat(count, 1, 1)
            tilt[:, first, second] = settings.shear * _between(images, (count,), generator)
            matrix = matrix @ tilt
    matrix = matrix * (1 + settings.scale * _between(images, (count, 1, 1), generator))
    flipped = torch.rand(count, generator=generator).to(images.device) < settings.mirror
    # grid_sample names the axes backwards; left to right is a volume's first axis and a picture's last.
    side = -1 if ndim == 3 else 0
    matrix[:, side] = torch.where(flipped[:, None], -matrix[:, side], matrix[:, side])
    # Turning must keep its shape in voxels where the edges differ in length.
    edges = torch.tensor(images.shape[:1:-1], device=images.device, dtype=matrix.dtype)
    matrix = matrix * edges[None, None, :] / edges[None, :, None]
    moved = 2 * settings.shift * _between(images, (count, ndim, 1), generator)
    grid = functional.affine_grid(torch.cat([matrix, moved], dim=2), list(images.shape), align_corners=False)
    if settings.warp:
        grid = grid + _smooth(images, ndim, 2 * settings.warp, generator).movedim(1, -1)
    return grid


def _turned(angle: Tensor, first: int, second: int, ndim: int) -> Tensor:
    turned = torch.eye(ndim, device=angle.device).repeat(len(angle), 1, 1)
    turned[:, first, first] = turned[:, second, second] = torch.cos(angle)
    turned[:, first, second], turned[:, second, first] = -torch.sin(angle), torch.sin(angle)
    return turned


def _smooth(images: Tensor, channels: int, size: float, generator: torch.Generator) -> Tensor:
    """Return smooth random fields of shape (n, channels, …) within ± size, from 4 points an axis."""
    ndim = images.ndim - 2
    coarse = size * _between(images, (len(images), channels, *([4] * ndim)), generator)
    kind = "trilinear" if ndim == 3 else "bilinear"
    return functional.interpolate(coarse, size=images.shape[2:], mode=kind, align_corners=True)


def _between(images: Tensor, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Return numbers between −1 and 1 on the images' device."""
    return (2 * torch.rand(shape, generator=generator) - 1).to(images.device)


def _per_image(values: Tensor, images: Tensor) -> Tensor:
    return values.reshape(-1, *([1] * (images.ndim - 1))).to(images.dtype)
