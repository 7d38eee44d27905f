"""Texture of tissue: co-occurrence of grey levels at two scales, and sharpness."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["TEXTURE_NAMES", "sharpness", "texture"]

LEVELS = 16
SCALES_UM = (1.0, 4.0)
_STATISTICS = ("contrast", "homogeneity", "entropy", "correlation")

TEXTURE_NAMES = tuple(f"texture.{name}_{scale:g}um" for scale in SCALES_UM for name in _STATISTICS)
"""What `texture` returns, in order."""


def texture(grey: NDArray[np.uint8], tissue: NDArray[np.bool_], mpp: float) -> NDArray[np.float64]:
    """Return four of Haralick's statistics at 1 and 4 µm.

    The picture is averaged to the scale; neighbours to the right and below, both ways round, fill one matrix
    of 16 × 16 grey levels (Haralick, Shanmugam and Dinstein, 1973).

    Parameters
    ----------
    grey : ndarray of uint8 of shape (height, width)
        Brightness.
    tissue : ndarray of bool of shape (height, width)
        Pairs with a pixel outside don't count.
    mpp : float
        µm per pixel.

    Returns
    -------
    ndarray of shape (8,)
        As `TEXTURE_NAMES`; 0 where there are no pairs.

    Examples
    --------
    >>> stripes = np.tile(np.array([0, 255], np.uint8), (8, 4))
    >>> contrast, homogeneity, entropy, correlation = texture(stripes, stripes >= 0, 1.0)[:4]
    >>> float(contrast.round(1)), float(entropy.round(1)), float(correlation.round(1))
    (112.5, 2.0, 0.0)
    """
    import cv2

    found = []
    for scale in SCALES_UM:
        step = max(scale / mpp, 1.0)
        size = (max(round(grey.shape[1] / step), 2), max(round(grey.shape[0] / step), 2))
        small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA) // (256 // LEVELS)
        inside = cv2.resize(tissue.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST).astype(bool)
        found.append(_statistics(_pairs(small, inside)))
    return np.concatenate(found)


def _pairs(levels: NDArray[np.uint8], inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    codes = levels.astype(np.int32) * LEVELS
    counts = np.zeros(LEVELS * LEVELS)
    for one, other in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        both = inside[one] & inside[other]
        counts += np.bincount((codes[one] + levels[other])[both], minlength=LEVELS * LEVELS)
    matrix = counts.reshape(LEVELS, LEVELS)
    return matrix + matrix.T


def _statistics(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    if matrix.sum() == 0:
        return np.zeros(len(_STATISTICS))
    share = matrix / matrix.sum()
    row, column = np.indices(share.shape)
    apart = (row - column) ** 2
    margin = share.sum(axis=0)
    mean = margin @ np.arange(LEVELS)
    variance = margin @ (np.arange(LEVELS) - mean) ** 2
    some = share[share > 0]
    covariance = float((share * (row - mean) * (column - mean)).sum())
    return np.array(
        [
            float((share * apart).sum()),
            float((share / (1 + apart)).sum()),
            float(-(some * np.log2(some)).sum()),
            covariance / variance if variance > 0 else 0.0,
        ]
    )


def sharpness(grey: NDArray[np.uint8]) -> float:
    """Return the standard deviation of the Laplacian relative to the picture's; low where it is blurred.

    Examples
    --------
    >>> import cv2
    >>> picture = np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8)
    >>> sharpness(picture) > 2 * sharpness(cv2.GaussianBlur(picture, (0, 0), 2))
    True
    """
    import cv2

    edges = cv2.Laplacian(grey, cv2.CV_32F)
    spread = float(grey.std())
    return float(edges.std()) / spread if spread > 0 else 0.0
