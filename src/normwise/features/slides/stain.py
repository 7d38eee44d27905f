"""Stain separation: optical density, haematoxylin and eosin, and the vectors of a slide's own dyes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from normwise.errors import FeatureError

__all__ = ["RUIFROK_JOHNSTON", "WHITE", "StainModel", "estimate_stains", "optical_density"]

RUIFROK_JOHNSTON = np.array([[0.650, 0.704, 0.286], [0.072, 0.990, 0.105]])
"""Haematoxylin and eosin in log10 optical density of red, green, blue (Ruifrok and Johnston, 2001)."""

WHITE = (255.0, 255.0, 255.0)

_STAINED = 0.15  # optical density below which a pixel says nothing of its dye (Macenko et al., 2009)
_LEAST_SINE = 0.05  # of the angle between two dyes: half of the least that is learnt from a slide, below
_SAMPLE = 100_000  # pixels that a slide's vectors are learnt from


@dataclass(frozen=True, eq=False)
class StainModel:
    """Two dyes and the white of the glass, ready to separate pixels.

    Attributes
    ----------
    vectors : ndarray of shape (2, 3)
        Haematoxylin and eosin; each row becomes a unit vector. What neither explains is the residual, along
        their cross product.
    white : tuple of three floats
        Intensity of empty glass in red, green, blue.

    Raises
    ------
    FeatureError
        FEA-601, these are not two different dyes before a white that is brighter than black.

    Examples
    --------
    >>> model = StainModel()
    >>> haematoxylin, eosin = model.separate(np.array([[[255, 255, 255], [70, 60, 150]]], np.uint8))
    >>> haematoxylin.shape, float(haematoxylin[0, 0]), bool(haematoxylin[0, 1] > 0.8)
    ((1, 2), 0.0, True)
    """

    vectors: NDArray[np.float64] = None  # type: ignore[assignment] # set below: arrays can't be defaults
    white: tuple[float, float, float] = WHITE

    def __post_init__(self) -> None:
        vectors = RUIFROK_JOHNSTON if self.vectors is None else np.asarray(self.vectors, np.float64)
        white = np.asarray(self.white, np.float64)
        if vectors.shape != (2, 3) or white.shape != (3,) or not _separable(vectors, white):
            raise FeatureError(
                "FEA-601",
                "these dyes can't be separated.",
                seen=f"dyes {vectors.tolist()}, white {white.tolist()}",
                expected="two different vectors of three finite numbers; white of three from 1 to 255",
                advice="leave the stain model out for the published dyes",
            )
        object.__setattr__(self, "vectors", vectors / np.linalg.norm(vectors, axis=1, keepdims=True))

    def separate(self, rgb: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the density of both dyes at every pixel.

        Parameters
        ----------
        rgb : ndarray of uint8 of shape (height, width, 3)

        Returns
        -------
        haematoxylin, eosin : ndarray of float32 of shape (height, width)
            Log10 optical density; below 0 where the other dye is overrated.
        """
        import cv2

        density = cv2.LUT(rgb, self._table)
        # One dye at a time: OpenCV takes ten times as long for two at once.
        haematoxylin, eosin = (cv2.transform(density, weights) for weights in self._weights)
        return haematoxylin, eosin

    @cached_property
    def _table(self) -> NDArray[np.float32]:
        """Optical density by intensity and channel: 768 logarithms instead of three a pixel."""
        return optical_density(np.repeat(np.arange(256)[:, None, None], 3, axis=2), self.white)

    @cached_property
    def _weights(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        residual = np.cross(*self.vectors)
        basis = np.vstack([self.vectors, residual / np.linalg.norm(residual)])
        rows = np.linalg.inv(basis).T.astype(np.float32)
        return rows[:1].copy(), rows[1:2].copy()


def _separable(vectors: NDArray[np.float64], white: NDArray[np.float64]) -> bool:
    if not np.isfinite(vectors).all() or not ((white >= 1) & (white <= 255)).all():
        return False
    residual, lengths = np.linalg.norm(np.cross(*vectors)), np.linalg.norm(vectors, axis=1)
    return bool(residual > _LEAST_SINE * lengths.prod() > 0)


def optical_density(
    rgb: NDArray[np.generic], white: tuple[float, float, float] = WHITE
) -> NDArray[np.float32]:
    """Return −log10(I / white), 0 where a pixel is brighter than the glass.

    Parameters
    ----------
    rgb : ndarray of shape (..., 3)
        Intensities from 0 to 255.
    white : tuple of three floats
        Intensity of empty glass.

    Examples
    --------
    >>> optical_density(np.array([[255, 25.5, 2.55]])).round(2)
    array([[0., 1., 2.]], dtype=float32)
    """
    light = np.maximum(np.asarray(rgb, np.float64), 1.0) / np.asarray(white)
    density: NDArray[np.float32] = np.maximum(-np.log10(light), 0.0).astype(np.float32)
    return density


def estimate_stains(
    rgb: NDArray[np.uint8], method: Literal["macenko", "vahadane"], white: tuple[float, float, float] = WHITE
) -> NDArray[np.float64]:
    """Learn the two dyes' vectors from pixels of one slide.

    Parameters
    ----------
    rgb : ndarray of uint8 of shape (..., 3)
        Pixels of tissue.
    method : {"macenko", "vahadane"}
        Extreme angles in the plane of the two largest variances (Macenko et al., 2009), or sparse
        non-negative matrix factorization (Vahadane et al., 2016).
    white : tuple of three floats
        Intensity of empty glass.

    Returns
    -------
    ndarray of shape (2, 3)
        Haematoxylin and eosin, unit length; the published ones where too few pixels are stained.
    """
    density = optical_density(rgb.reshape(-1, 3), white).astype(np.float64)
    density = density[(density > _STAINED).any(axis=1) & (density.max(axis=1) < 2.0)]
    density = density[:: max(len(density) // _SAMPLE, 1)]
    if len(density) < 1000:
        return RUIFROK_JOHNSTON
    vectors = _macenko(density) if method == "macenko" else _vahadane(density)
    # Haematoxylin takes up more red light than eosin does, in every laboratory.
    order = np.argsort(-vectors[:, 0] / np.linalg.norm(vectors, axis=1))
    vectors = vectors[order] / np.linalg.norm(vectors[order], axis=1, keepdims=True)
    return (
        vectors if np.isfinite(vectors).all() and abs(vectors[0] @ vectors[1]) < 0.995 else RUIFROK_JOHNSTON
    )


def _macenko(density: NDArray[np.float64]) -> NDArray[np.float64]:
    _, axes = np.linalg.eigh(np.cov(density.T))
    plane = axes[:, [2, 1]]
    plane *= np.where(plane.sum(axis=0) < 0, -1, 1)
    flat = density @ plane
    angle = np.arctan2(flat[:, 1], flat[:, 0])
    low, high = np.percentile(angle, [1, 99])
    vectors: NDArray[np.float64] = np.abs([plane @ [np.cos(each), np.sin(each)] for each in (low, high)])
    return vectors


def _vahadane(density: NDArray[np.float64]) -> NDArray[np.float64]:
    """Factorize by alternating projected gradients, with an L1 penalty on the densities."""
    vectors = _macenko(density)
    sample = density[:: max(len(density) // 20_000, 1)]
    amount = np.maximum(sample @ np.linalg.pinv(vectors), 0)
    for _ in range(60):
        gram = vectors @ vectors.T
        step = 1 / np.linalg.norm(gram, 2)
        for _ in range(5):
            slope = amount @ gram - sample @ vectors.T + 0.02  # 0.02: sparsity, small beside densities near 1
            amount = np.maximum(amount - step * slope, 0)
        spread = amount.T @ amount
        gradient = spread @ vectors - amount.T @ sample
        vectors = np.maximum(vectors - gradient / max(np.linalg.norm(spread, 2), 1e-12), 1e-6)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors
