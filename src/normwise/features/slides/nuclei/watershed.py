"""A mask cleaned, and touching nuclei separated by a watershed on the distance to the edge."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["SMOOTHING_UM", "split_nuclei"]

SMOOTHING_UM = 0.5
OPENING_UM = 0.75
HOLE_UM2 = 60.0
PEAK_UM = 1.5
CONVEX = 0.85
"""Least share of its convex hull that a hole fills, as a pale nucleus's middle does; a gap between four disks
fills 0.43."""

SMALLEST_UM2 = 8.0
"""What is smaller than a lymphocyte cut at its cap is debris."""


def split_nuclei(mask: NDArray[np.uint8], mpp: float) -> NDArray[np.int32]:
    """Clean a mask and separate the nuclei that touch.

    Parameters
    ----------
    mask : ndarray of uint8 of shape (height, width)
        255 where there is a nucleus.
    mpp : float
        µm per pixel.

    Returns
    -------
    ndarray of int32 of shape (height, width)
        0 is background, nuclei are numbered from 1.

    Examples
    --------
    >>> import cv2
    >>> mask = np.zeros((60, 90), np.uint8)
    >>> for x in (32, 52):  # they overlap by 2 px
    ...     _ = cv2.circle(mask, (x, 30), 11, 255, -1)
    >>> int(split_nuclei(mask, 0.5).max())
    2
    """
    import cv2

    side = 2 * round(OPENING_UM / mpp) + 1
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    _fill_holes(mask, HOLE_UM2 / mpp**2)
    distance = cv2.distanceTransform(mask, cv2.DIST_L2, 5)
    distance = cv2.GaussianBlur(distance, (0, 0), SMOOTHING_UM / mpp)
    reach = 2 * round(PEAK_UM / mpp) + 1
    highest = cv2.dilate(distance, np.ones((reach, reach), np.uint8))
    peaks = cv2.bitwise_and(cv2.compare(distance, highest, cv2.CMP_EQ), mask)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4, ltype=cv2.CV_32S)
    _, markers = cv2.connectedComponents(peaks, connectivity=8, ltype=cv2.CV_32S)
    # From here on only what lies inside the mask is touched, a sixth of a tile.
    place = np.flatnonzero(mask > 0)
    owner = labels.ravel()[place]
    owner = _flood(place, owner, markers.ravel()[place], distance.ravel()[place], stats, mask.shape[1])
    areas = np.bincount(owner)
    keep = areas >= SMALLEST_UM2 / mpp**2
    numbers = np.zeros(len(areas), np.int32)
    numbers[keep] = np.arange(1, int(keep.sum()) + 1, dtype=np.int32)
    separated = np.zeros(mask.shape, np.int32)
    separated.ravel()[place] = numbers[owner]
    return separated


def _flood(
    place: NDArray[np.intp],
    owner: NDArray[np.int32],
    marker: NDArray[np.int32],
    distance: NDArray[np.float32],
    stats: NDArray[np.int32],
    width: int,
) -> NDArray[np.int32]:
    """Separate the components that hold several peaks by a watershed.

    A component with one peak stays as it is. The others are moved side by side into a picture of their own,
    which is much smaller than the tile.

    Parameters
    ----------
    place : ndarray of shape (n_inside,)
        Flat index of every pixel of the mask.
    owner, marker, distance : ndarray of shape (n_inside,)
        Component, peak (0 for none) and distance to the edge of each.
    stats : ndarray of int32 of shape (n_components, 5)
        Boxes, from OpenCV.
    width : int
        Of the tile.

    Returns
    -------
    ndarray of int32 of shape (n_inside,)
        The nucleus of each pixel.
    """
    from skimage.segmentation import watershed

    top = np.flatnonzero(marker > 0)
    _, first = np.unique(marker[top], return_index=True)
    peaks = np.bincount(owner[top[first]], minlength=len(stats))
    several = np.flatnonzero(peaks > 1)
    if not len(several):
        return owner
    shift_x, shift_y, shape = _side_by_side(stats[several])
    row_of = np.full(len(stats), -1)
    row_of[several] = np.arange(len(several))
    chosen = np.flatnonzero(row_of[owner] >= 0)
    row = row_of[owner[chosen]]
    y, x = np.divmod(place[chosen], width)
    moved = (y + shift_y[row]) * shape[1] + x + shift_x[row]
    depth = np.zeros(shape)
    seeds = np.zeros(shape, np.int32)
    inside = np.zeros(shape, bool)
    depth.ravel()[moved] = -distance[chosen].astype(np.float64)
    seeds.ravel()[moved] = marker[chosen]
    inside.ravel()[moved] = True
    flooded = watershed(depth, seeds, mask=inside)
    separated = owner.copy()
    separated[chosen] = flooded.ravel()[moved] + len(stats)
    return separated


def _side_by_side(boxes: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64], tuple[int, int]]:
    """Lay boxes on shelves, a pixel apart; return how far each moves, and the size of the whole."""
    left, top, wide, high = boxes[:, :4].astype(np.int64).T
    across = max(int(np.sqrt(((wide + 1) * (high + 1)).sum()) * 1.2), int(wide.max()) + 2)
    shift_x, shift_y = np.zeros_like(left), np.zeros_like(top)
    x, y, tallest = 0, 0, 0
    for number in np.argsort(-high, kind="stable"):
        if x + wide[number] > across:
            x, y, tallest = 0, y + tallest + 1, 0
        shift_x[number], shift_y[number] = x - left[number], y - top[number]
        x += int(wide[number]) + 1
        tallest = max(tallest, int(high[number]))
    return shift_x, shift_y, (y + tallest, across)


def _fill_holes(mask: NDArray[np.uint8], smaller: float) -> None:
    """Fill convex holes below an area, px, in place; what reaches the edge of the picture is no hole."""
    import cv2

    _, labels, stats, _ = cv2.connectedComponentsWithStats(cv2.bitwise_not(mask), connectivity=4)
    height, width = mask.shape
    left, top, wide, high, area = stats.T
    inner = (left > 0) & (top > 0) & (left + wide < width) & (top + high < height) & (area < smaller)
    for number in np.flatnonzero(inner[1:]) + 1:
        box = np.s_[top[number] : top[number] + high[number], left[number] : left[number] + wide[number]]
        hole = labels[box] == number
        if _is_convex(hole):
            mask[box][hole] = 255


def _is_convex(hole: NDArray[np.bool_]) -> bool:
    import cv2

    (outline, *_), _ = cv2.findContours(hole.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return bool(cv2.contourArea(outline) >= CONVEX * cv2.contourArea(cv2.convexHull(outline)))
