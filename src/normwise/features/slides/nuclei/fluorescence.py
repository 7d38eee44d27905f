"""Bright nuclei on a dark background, each cut at half of its own brightness."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from normwise.features.slides.nuclei.watershed import SMOOTHING_UM, split_nuclei

__all__ = ["label_bright", "otsu"]

GROUND_UM = 25.0
"""Two nuclei wide: the darkest place so near is background."""

ROUNDS = 3
"""Of the half-maximum; another moves the mean area by less than the edge's own blur."""

FLOOR_RATIO = 4.0
"""Difference of the threshold's two sides in standard deviations of the darker; noise alone has 2.7."""

_BINS = 256


def otsu(counts: NDArray[np.floating]) -> float | None:
    """Return the bin that separates a histogram with the largest variance between its sides (Otsu, 1979).

    Parameters
    ----------
    counts : ndarray of shape (n_bins,)
        Values per bin.

    Returns
    -------
    float or None
        The last bin below the threshold; None for an empty histogram, or one with a single value.

    Examples
    --------
    >>> otsu(np.array([5.0, 9.0, 4.0, 0.0, 0.0, 6.0, 7.0]))
    2.0
    """
    weights = counts.astype(np.float64)
    total = weights.sum()
    if total == 0:
        return None
    below = np.cumsum(weights)
    sums = np.cumsum(weights * np.arange(len(weights)))
    above = total - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(np.nanargmax(between)) if np.isfinite(between).any() else None


def label_bright(grey: NDArray[np.float32], mpp: float) -> NDArray[np.int32]:
    """Find bright nuclei.

    Otsu's threshold on the square root finds them, dim and bright ones; then each is cut where it has fallen
    halfway from its own brightness to the background around it, which is where a blurred edge really lies.

    Parameters
    ----------
    grey : ndarray of float32 of shape (height, width)
        Any scale.
    mpp : float
        µm per pixel.

    Returns
    -------
    ndarray of int32 of shape (height, width)
        0 is background, nuclei are numbered from 1; none where brightness is noise alone.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(100, 5, (128, 128)).astype(np.float32)
    >>> int(label_bright(noise, 0.5).max())
    0
    """
    import cv2

    smooth = cv2.GaussianBlur(grey, (0, 0), max(SMOOTHING_UM / mpp, 0.3))
    mask = _bright(smooth)
    if mask is None:
        return np.zeros(grey.shape, np.int32)
    reach = 2 * round(GROUND_UM / mpp / 2) + 1
    background = cv2.erode(smooth, np.ones((reach, reach), np.uint8))
    background = cv2.GaussianBlur(background, (0, 0), GROUND_UM / mpp / 2)
    labels = split_nuclei(mask, mpp)
    for _ in range(ROUNDS):
        half = _half_maximum(labels, smooth, background)
        labels = split_nuclei(((labels > 0) & (smooth > half[labels])).astype(np.uint8) * 255, mpp)
    return labels


def _bright(smooth: NDArray[np.float32]) -> NDArray[np.uint8] | None:
    low, high = float(smooth.min()), float(np.percentile(smooth, 99))
    if high <= low:
        return None
    # The root makes the noise of counted photons even, so that dim nuclei weigh as bright ones do.
    level = np.sqrt(np.clip(smooth - low, 0, high - low))
    top = float(level.max())
    bins = np.clip(level / top * (_BINS - 1), 0, _BINS - 1).astype(np.uint8)
    threshold = otsu(np.bincount(bins.ravel(), minlength=_BINS).astype(np.float64))
    if threshold is None:
        return None
    above = bins > threshold
    dark, bright = smooth[~above], np.minimum(smooth[above], high)
    if float(bright.mean()) - float(dark.mean()) < FLOOR_RATIO * max(float(dark.std()), 1e-9 * (high - low)):
        return None
    return above.astype(np.uint8) * 255


def _half_maximum(
    labels: NDArray[np.int32], smooth: NDArray[np.float32], background: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return, by label, halfway between the background and the mean of the brighter part of the nucleus."""
    place = np.flatnonzero(labels)
    owner = labels.ravel()[place]
    count = int(owner.max(initial=0)) + 1
    value, under = smooth.ravel()[place], background.ravel()[place]

    def mean(values: NDArray[np.float32], among: NDArray[np.bool_]) -> NDArray[np.float64]:
        total = np.bincount(owner[among], values[among], minlength=count)
        means: NDArray[np.float64] = total / np.maximum(np.bincount(owner[among], minlength=count), 1)
        return means

    everywhere = np.ones(len(place), np.bool_)
    bright = mean(value, value > mean(value, everywhere)[owner])
    return (bright + mean(under, everywhere)) / 2
