"""Nuclei found and parted: a threshold on haematoxylin, then a watershed on the distance to the edge."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from normwise.errors import FeatureError
from normwise.features.slides.stain import StainModel

__all__ = ["label_nuclei", "segment_nuclei"]

SMOOTHING_UM = 0.5
OPENING_UM = 0.75
HOLE_UM2 = 60.0
PEAK_UM = 2.0
SMALLEST_UM2 = 8.0
"""What is smaller than a lymphocyte cut at its cap is debris."""

FLOOR_OD = 0.22
"""Haematoxylin below which nothing is a nucleus: Otsu would part an empty tile in two all the same."""

FLOOR_CONTRAST = 0.15
"""A picture in grey whose two sides differ by less, of full brightness, holds nothing."""

_BINS_PER_OD = 128.0  # of the histogram: 0.008 is far finer than noise
_STAINED_OD = 0.08  # sum of both dyes; below is glass, which has no say in the threshold


def segment_nuclei(
    rgb: NDArray[np.uint8], mpp: float, *, stain: StainModel | None = None
) -> NDArray[np.int32]:
    """Find the nuclei in a picture of stained tissue, or of fluorescence.

    Ruifrok and Johnston's separation in log10 optical density, a Gaussian, Otsu's threshold over the stained
    pixels with a floor, opening, filled holes; then the distance to the edge, its peaks, and a watershed
    from them that stays inside.

    Parameters
    ----------
    rgb : ndarray of uint8 of shape (height, width, 3), or of any number type of shape (height, width)
        Haematoxylin and eosin in colour; in grey, bright nuclei on dark ground, as DAPI shows them.
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
        FEA-601, the picture or ``mpp`` is of no kind that can be measured.

    Examples
    --------
    >>> white = np.full((64, 64, 3), 240, np.uint8)
    >>> white[20:36, 20:36] = (80, 60, 140)
    >>> labels = segment_nuclei(white, 0.5)
    >>> int(labels.max()), int(labels[28, 28]), int(labels[0, 0])
    (1, 1, 0)
    """
    import cv2

    picture = np.asarray(rgb)
    _check(picture, mpp)
    if picture.ndim == 2:
        return _parted(_bright(picture, mpp), mpp)
    separated = (stain or StainModel()).separate(np.ascontiguousarray(picture))
    haematoxylin = cv2.extractChannel(separated, 0)
    stained = (separated.sum(axis=2) > _STAINED_OD).astype(np.uint8)
    return label_nuclei(haematoxylin, stained, mpp)


def label_nuclei(
    haematoxylin: NDArray[np.float32], stained: NDArray[np.uint8], mpp: float
) -> NDArray[np.int32]:
    """Find nuclei in the density of haematoxylin.

    Parameters
    ----------
    haematoxylin : ndarray of float32 of shape (height, width)
        Optical density.
    stained : ndarray of uint8 of shape (height, width)
        1 where there is tissue: the pixels that the threshold is chosen on.
    mpp : float
        µm per pixel.

    Returns
    -------
    ndarray of int32 of shape (height, width)
    """
    import cv2

    smooth = cv2.GaussianBlur(haematoxylin, (0, 0), SMOOTHING_UM / mpp)
    bins = cv2.convertScaleAbs(cv2.max(smooth, 0), alpha=_BINS_PER_OD)
    threshold = _otsu(cv2.calcHist([bins], [0], stained, [256], [0, 256]).ravel())
    if threshold is None:
        return np.zeros(haematoxylin.shape, np.int32)
    level = max(threshold, FLOOR_OD * _BINS_PER_OD)
    mask = cv2.compare(bins, level, cv2.CMP_GT)
    return _parted(mask, mpp)


def _otsu(counts: NDArray[np.float32]) -> float | None:
    """Return the bin that parts a histogram with the largest variance between (Otsu, 1979)."""
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


def _bright(picture: NDArray[np.generic], mpp: float) -> NDArray[np.uint8]:
    """Return the mask of what is brighter than its surroundings."""
    import cv2

    grey = picture.astype(np.float32)
    low, high = np.percentile(grey, [1, 99.8])
    if high <= low:
        return np.zeros(picture.shape, np.uint8)
    smooth = cv2.GaussianBlur((grey - low) / (high - low), (0, 0), SMOOTHING_UM / mpp)
    bins = cv2.convertScaleAbs(cv2.max(smooth, 0), alpha=200.0)
    counts = cv2.calcHist([bins], [0], None, [256], [0, 256]).ravel()
    threshold = _otsu(counts)
    if threshold is None:
        return np.zeros(picture.shape, np.uint8)
    mask: NDArray[np.uint8] = cv2.compare(bins, threshold, cv2.CMP_GT)
    return mask


def _parted(mask: NDArray[np.uint8], mpp: float) -> NDArray[np.int32]:
    """Clean the mask and part nuclei that touch."""
    import cv2

    side = 2 * round(OPENING_UM / mpp) + 1
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    _fill_holes(mask, HOLE_UM2 / mpp**2)
    distance = cv2.distanceTransform(mask, cv2.DIST_L2, 5)
    distance = cv2.GaussianBlur(distance, (0, 0), SMOOTHING_UM / mpp)
    reach = 2 * round(PEAK_UM / mpp) + 1
    highest = cv2.dilate(distance, np.ones((reach, reach), np.uint8))
    peaks = cv2.bitwise_and(cv2.compare(distance, highest, cv2.CMP_EQ), mask)
    count, labels = cv2.connectedComponents(mask, connectivity=4, ltype=cv2.CV_32S)
    _, markers = cv2.connectedComponents(peaks, connectivity=8, ltype=cv2.CV_32S)
    return _compact(_watershed(labels, count, markers, distance), SMALLEST_UM2 / mpp**2)


def _watershed(
    labels: NDArray[np.int32], count: int, markers: NDArray[np.int32], distance: NDArray[np.float32]
) -> NDArray[np.int32]:
    """Flood only the components that hold several peaks: one peak takes its component whole anyway."""
    from skimage.segmentation import watershed

    place = np.flatnonzero(markers)
    marker = markers.ravel()[place]
    _, first = np.unique(marker, return_index=True)
    peaks = np.bincount(labels.ravel()[place[first]], minlength=count)
    several = peaks > 1
    several[0] = False
    if not several.any():
        return labels
    inside = several[labels]
    flooded = watershed(-distance, np.where(inside, markers, 0), mask=inside)
    return np.where(inside, flooded + count, labels).astype(np.int32)


def _fill_holes(mask: NDArray[np.uint8], smaller: float) -> None:
    """Fill holes below an area, px, in place; what reaches the edge of the picture is no hole."""
    import cv2

    count, labels, stats, _ = cv2.connectedComponentsWithStats(cv2.bitwise_not(mask), connectivity=4)
    height, width = mask.shape
    left, top = stats[:, cv2.CC_STAT_LEFT], stats[:, cv2.CC_STAT_TOP]
    right, bottom = left + stats[:, cv2.CC_STAT_WIDTH], top + stats[:, cv2.CC_STAT_HEIGHT]
    inner = (left > 0) & (top > 0) & (right < width) & (bottom < height)
    hole = inner & (stats[:, cv2.CC_STAT_AREA] < smaller)
    hole[0] = False
    if count > 1 and hole.any():
        mask[hole[labels]] = 255


def _compact(labels: NDArray[np.int32], smallest: float) -> NDArray[np.int32]:
    """Keep, numbered from 1 in the order of rows, what has at least ``smallest`` px."""
    areas = np.bincount(labels.ravel())
    keep = areas >= smallest
    keep[0] = False
    numbers = np.zeros(len(areas), np.int32)
    numbers[keep] = np.arange(1, keep.sum() + 1, dtype=np.int32)
    return numbers[labels]


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
