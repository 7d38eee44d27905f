"""Nuclei segmented: a threshold on haematoxylin, then a watershed on the distance to the edge."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from normwise.errors import FeatureError
from normwise.extras import EXTRAS, need_packages
from normwise.features.slides.nuclei.fluorescence import label_bright, otsu
from normwise.features.slides.nuclei.watershed import SMOOTHING_UM, split_nuclei
from normwise.features.slides.stain import StainModel

__all__ = ["label_nuclei", "segment_nuclei", "stained_mask"]

FLOOR_OD = 0.22
"""Haematoxylin below which nothing is a nucleus: Otsu's threshold separates an empty tile as well."""

FLOOR_CONTRAST_OD = 0.15
"""Least difference of the two sides of the threshold: cytoplasm alone varies by less."""

HALF = 0.41
"""Where a nucleus ends, between the ground around it and its darkest place: a blurred edge lies halfway, and
the darkest place is darker than the nucleus in the mean."""

MOST = 1.1
"""By the threshold of the whole picture: what is darker is nucleus in any case."""

GROUND_UM = 12.0
"""Half the side of the square whose lighter pixels are the ground around a nucleus."""

REACH_UM = 2.5
"""Half the side of the square in which the darkest place is looked for: a small nucleus's radius."""

LARGEST_GREY = 1e15
"""Of a grey picture's pixels: no camera counts so far, and beyond 1e19 a square overflows in float32."""

_BINS_PER_OD = 128.0  # of the histogram: 0.008 is far finer than noise
_STAINED_OD = 0.08  # sum of both dyes
_COARSE_UM = 2.0  # pixels on which the ground is averaged: it has no finer detail
_LEAST_GROUND = 0.01  # share of a square's pixels; where fewer are light, the ground is the picture's


def segment_nuclei(
    rgb: NDArray[np.uint8], mpp: float, *, stain: StainModel | None = None
) -> NDArray[np.int32]:
    """Find the nuclei in a picture of stained tissue, or of fluorescence.

    Ruifrok and Johnston's separation in log10 optical density, a Gaussian, Otsu's threshold over the stained
    pixels with a floor; then a threshold of each place's own, halfway between the ground and the darkest
    place near, so that faint nuclei are found and crowded ones come apart; opening, filled convex holes; then
    the distance to the edge, its peaks, and a watershed from them that stays inside.

    Parameters
    ----------
    rgb : ndarray of uint8 of shape (height, width, 3), or of any number type of shape (height, width)
        Haematoxylin and eosin in colour; in grey, bright nuclei on a dark background, as DAPI shows them.
    mpp : float
        µm per pixel, from 0.1 to 1.5: beyond, a nucleus is a few pixels.
    stain : StainModel, optional
        The dyes and the white of the glass; default: the published ones and 255.

    Returns
    -------
    ndarray of int32 of shape (height, width)
        0 is background, nuclei are numbered from 1.

    Raises
    ------
    FeatureError
        FEA-601, the picture or ``mpp`` is of no kind that can be measured, or a pixel is not finite;
        FEA-110, a package of the extra ``slides`` is not installed.

    Examples
    --------
    >>> white = np.full((64, 64, 3), 240, np.uint8)
    >>> white[20:36, 20:36] = (80, 60, 140)
    >>> labels = segment_nuclei(white, 0.5)
    >>> int(labels.max()), int(labels[28, 28]), int(labels[0, 0])
    (1, 1, 0)
    """
    need_packages(EXTRAS["slides"], "FEA-110", FeatureError, subject="segment_nuclei")
    picture = np.asarray(rgb)
    _check(picture, mpp)
    if picture.ndim == 2:
        return label_bright(_as_float32(picture), mpp)
    haematoxylin, eosin = (stain or StainModel()).separate(np.ascontiguousarray(picture))
    return label_nuclei(haematoxylin, stained_mask(haematoxylin, eosin), mpp)


def stained_mask(haematoxylin: NDArray[np.float32], eosin: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return 255 where both dyes together are denser than glass, which does not enter the threshold."""
    import cv2

    mask: NDArray[np.uint8] = cv2.compare(cv2.add(haematoxylin, eosin), _STAINED_OD, cv2.CMP_GT)
    return mask


def label_nuclei(
    haematoxylin: NDArray[np.float32], stained: NDArray[np.uint8], mpp: float
) -> NDArray[np.int32]:
    """Find nuclei in the density of haematoxylin.

    Parameters
    ----------
    haematoxylin : ndarray of float32 of shape (height, width)
        Optical density.
    stained : ndarray of uint8 of shape (height, width)
        Not 0 where there is tissue: the pixels that the threshold is chosen on.
    mpp : float
        µm per pixel.

    Returns
    -------
    ndarray of int32 of shape (height, width)
    """
    import cv2

    smooth = cv2.GaussianBlur(haematoxylin, (0, 0), SMOOTHING_UM / mpp)
    bins = cv2.convertScaleAbs(cv2.max(smooth, 0), alpha=_BINS_PER_OD)
    counts = cv2.calcHist([bins], [0], stained, [256], [0, 256]).ravel()
    threshold = otsu(counts)
    if threshold is None:
        return np.zeros(haematoxylin.shape, np.int32)
    level = max(threshold, FLOOR_OD * _BINS_PER_OD)
    if _contrast(counts, level) < FLOOR_CONTRAST_OD * _BINS_PER_OD:
        return np.zeros(haematoxylin.shape, np.int32)
    light = cv2.bitwise_and(cv2.compare(bins, level, cv2.CMP_LE), stained)
    # Far above the threshold of all, thin nuclei would be cut so thin that the opening takes them.
    certain = cv2.compare(bins, level * MOST, cv2.CMP_GT)
    return split_nuclei(cv2.bitwise_or(_darker_than_around(bins, light, mpp), certain), mpp)


def _darker_than_around(bins: NDArray[np.uint8], light: NDArray[np.uint8], mpp: float) -> NDArray[np.uint8]:
    """Return 255 where the density exceeds a threshold of each place's own.

    Parameters
    ----------
    bins : ndarray of uint8 of shape (height, width)
        Density.
    light : ndarray of uint8 of shape (height, width)
        255 where there is tissue and no dark nucleus: the ground.
    mpp : float
        µm per pixel.

    Returns
    -------
    ndarray of uint8 of shape (height, width)
    """
    import cv2

    height, width = bins.shape
    step = max(_COARSE_UM / mpp, 1.0)
    coarse = max(round(width / step), 1), max(round(height / step), 1)
    side = (2 * round(GROUND_UM / (mpp * step)) + 1,) * 2
    weight = cv2.resize(light, coarse, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    value = cv2.resize(cv2.min(bins, light), coarse, interpolation=cv2.INTER_AREA).astype(np.float32)
    usual = float(value.sum()) / max(float(weight.sum()), 1e-6)
    weight, value = cv2.blur(weight, side), cv2.blur(value, side)
    ground = cv2.max((value + _LEAST_GROUND * usual) / (weight + _LEAST_GROUND), 0)
    ground = cv2.resize(cv2.convertScaleAbs(ground), (width, height), interpolation=cv2.INTER_LINEAR)
    reach = 2 * round(REACH_UM / mpp) + 1
    darkest = cv2.blur(cv2.dilate(bins, np.ones((reach, reach), np.uint8)), (reach, reach))
    half = cv2.max(cv2.addWeighted(ground, 1 - HALF, darkest, HALF, 0), FLOOR_OD * _BINS_PER_OD)
    apart = cv2.compare(cv2.subtract(darkest, ground), FLOOR_CONTRAST_OD * _BINS_PER_OD, cv2.CMP_GT)
    dark: NDArray[np.uint8] = cv2.bitwise_and(cv2.compare(bins, half, cv2.CMP_GT), apart)
    return dark


def _contrast(counts: NDArray[np.float32], level: float) -> float:
    """Return the difference of the means of a threshold's two sides, in bins; 0 where one is empty."""
    bins = np.arange(len(counts))
    above = bins > level
    dark, bright = counts[above].sum(dtype=np.float64), counts[~above].sum(dtype=np.float64)
    if dark == 0 or bright == 0:
        return 0.0
    return float((counts * bins)[above].sum() / dark - (counts * bins)[~above].sum() / bright)


def _as_float32(grey: NDArray[np.generic]) -> NDArray[np.float32]:
    """Return a grey picture as float32; one pixel that is no number would spread into every nucleus."""
    with np.errstate(over="ignore"):
        values: NDArray[np.float32] = grey.astype(np.float32)
    usable = np.abs(values) <= LARGEST_GREY  # False of NaN
    if not usable.all():
        row, column = np.argwhere(~usable)[0]
        first = f"{grey[row, column]} at ({column}, {row}) px"
        raise FeatureError(
            "FEA-601",
            "the picture holds pixels that are not finite, or too large to be measured.",
            seen=f"{np.count_nonzero(~usable)} of {usable.size}, as {first}",
            expected=f"finite numbers of a size of at most {LARGEST_GREY:g}",
            advice="mask or fill these pixels before nuclei are searched",
        )
    return values


def _check(picture: NDArray[np.generic], mpp: float) -> None:
    colour = picture.ndim == 3 and picture.shape[2] == 3 and picture.dtype == np.uint8
    grey = picture.ndim == 2 and picture.dtype.kind in "uif"
    if not (colour or grey) or 0 in picture.shape:
        raise FeatureError(
            "FEA-601",
            "the picture is of no kind in which nuclei are found.",
            seen=f"{picture.dtype} of shape {picture.shape}",
            expected="uint8 RGB of shape (height, width, 3), or grey numbers of shape (height, width)",
            advice="leave out alpha, and scale 16-bit colour to 8 bits",
        )
    if not 0.1 <= mpp <= 1.5:
        raise FeatureError(
            "FEA-601",
            f"nuclei can't be measured at {mpp:g} µm a pixel.",
            expected="0.1 to 1.5 µm a pixel",
            advice="read the slide at 0.25 to 1 µm a pixel",
        )
