"""One tile measured: every nucleus whose centre lies in its core, and the tissue between."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from normwise.features.slides.nuclei.segmentation import label_nuclei, stained_mask
from normwise.features.slides.stain import StainModel

__all__ = [
    "NUCLEUS_COLUMNS",
    "TEXTURE_NAMES",
    "TILE_MEASURES",
    "measure_nuclei",
    "measure_tile",
    "sharpness",
    "texture",
]

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

    statistics = []
    for scale in SCALES_UM:
        step = max(scale / mpp, 1.0)
        size = (max(round(grey.shape[1] / step), 2), max(round(grey.shape[0] / step), 2))
        small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA) // (256 // LEVELS)
        inside = cv2.resize(tissue.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST).astype(bool)
        statistics.append(_statistics(_pairs(small, inside)))
    return np.concatenate(statistics)


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


NUCLEUS_COLUMNS = (
    "x_um", "y_um", "area_um2", "major_um", "minor_um", "eccentricity", "h_od", "e_od", "h_od_sd", "solidity",
)  # fmt: skip
"""What is measured on a nucleus; its place is that of its centre."""

TILE_MEASURES = ("tissue.share", "tissue.sharpness", "tissue.h_od", "tissue.e_od", *TEXTURE_NAMES)
"""What is measured on a tile beside its nuclei."""


def measure_tile(
    rgb: NDArray[np.uint8], mpp: float, halo: int, stain: StainModel, *, solidity: bool = False
) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.int32]]:
    """Find and measure the nuclei of a tile, and its tissue.

    Parameters
    ----------
    rgb : ndarray of uint8 of shape (side + 2 halo, side + 2 halo, 3)
        The tile with its halo.
    mpp : float
        µm per pixel.
    halo : int
        Px on every side that belong to the neighbours: a nucleus there is seen whole, and counted by the
        tile in whose core its centre lies.
    stain : StainModel
        The dyes.
    solidity : bool
        Whether each nucleus's share of its convex hull is measured, which takes an outline each.

    Returns
    -------
    nuclei : ndarray of float32 of shape (n_nuclei, n_columns)
        As `NUCLEUS_COLUMNS`; places in µm from the core's upper left corner.
    tile : ndarray of shape (n_measures,)
        As `TILE_MEASURES`, of the core alone.
    labels : ndarray of int32 of shape (side + 2 halo, side + 2 halo)
        The nuclei counted, numbered as the rows from 1; all others are 0.
    """
    import cv2

    haematoxylin, eosin = stain.separate(rgb)
    stained = stained_mask(haematoxylin, eosin)
    labels = label_nuclei(haematoxylin, stained, mpp)
    nuclei, labels = measure_nuclei(labels, haematoxylin, eosin, mpp, halo, solidity=solidity)
    core = np.s_[halo : rgb.shape[0] - halo, halo : rgb.shape[1] - halo]
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[core]
    inside = stained[core].astype(bool)
    # The tissue's own colour is that between the nuclei, whose colour is measured by itself.
    between = inside & (labels[core] == 0)
    n_between = max(int(between.sum()), 1)
    tile = np.array(
        [
            float(inside.mean()),
            sharpness(grey),
            float(haematoxylin[core][between].sum(dtype=np.float64)) / n_between,
            float(eosin[core][between].sum(dtype=np.float64)) / n_between,
            *texture(grey, inside, mpp),
        ]
    )
    return nuclei, tile, labels


def measure_nuclei(
    labels: NDArray[np.int32],
    haematoxylin: NDArray[np.float32],
    eosin: NDArray[np.float32],
    mpp: float,
    halo: int = 0,
    *,
    solidity: bool = False,
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Measure all nuclei of a label map in one pass over its pixels.

    Axes are those of the ellipse with the nucleus's second moments.

    Parameters
    ----------
    labels : ndarray of int32 of shape (height, width)
        0 is background, nuclei from 1.
    haematoxylin, eosin : ndarray of float32 of shape (height, width)
        Optical density.
    mpp : float
        µm per pixel.
    halo : int
        As of `measure_tile`.
    solidity : bool
        As of `measure_tile`.

    Returns
    -------
    nuclei : ndarray of float32 of shape (n_nuclei, n_columns)
        Those with their centre in the core.
    labels : ndarray of int32 of shape (height, width)
        Those alone, numbered as the rows from 1.

    Examples
    --------
    >>> import cv2
    >>> picture = np.zeros((80, 80), np.int32)
    >>> picture = cv2.ellipse(picture, (40, 40), (20, 10), 0, 0, 360, 1, -1)
    >>> flat = np.full(picture.shape, 0.5, np.float32)
    >>> nuclei, _ = measure_nuclei(picture, flat, flat, 0.5)
    >>> dict(zip(NUCLEUS_COLUMNS, nuclei[0].round(0).tolist()))["major_um"]
    20.0
    """
    width = labels.shape[1]
    place = np.flatnonzero(labels > 0)
    owner = labels.ravel()[place]
    count = int(owner.max(initial=0)) + 1
    y, x = np.divmod(place, width)
    area = np.bincount(owner, minlength=count).astype(np.float64)
    safe = np.maximum(area, 1)

    def mean(values: NDArray[np.generic]) -> NDArray[np.float64]:
        means: NDArray[np.float64] = np.bincount(owner, values, minlength=count) / safe
        return means

    centre_x, centre_y = mean(x), mean(y)
    across, down = x - centre_x[owner], y - centre_y[owner]
    # A pixel is a square: its own second moment is 1/12 in each direction.
    xx, yy, xy = mean(across**2) + 1 / 12, mean(down**2) + 1 / 12, mean(across * down)
    half, tilt = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    major, minor = 4 * np.sqrt(half + tilt), 4 * np.sqrt(np.maximum(half - tilt, 1e-12))
    dye, pink = haematoxylin.ravel()[place], eosin.ravel()[place]
    density = mean(dye)
    spread = np.sqrt(np.maximum(mean(dye.astype(np.float64) ** 2) - density**2, 0))
    height = labels.shape[0]
    keep = (area > 0) & (centre_x >= halo - 0.5) & (centre_x < width - halo - 0.5)
    keep &= (centre_y >= halo - 0.5) & (centre_y < height - halo - 0.5)
    hull = _solidity(labels, keep) if solidity else np.full(count, np.nan)
    table = np.column_stack(
        [
            (centre_x + 0.5 - halo) * mpp,
            (centre_y + 0.5 - halo) * mpp,
            area * mpp**2,
            major * mpp,
            minor * mpp,
            np.sqrt(np.maximum(1 - (minor / major) ** 2, 0)),
            density,
            mean(pink),
            spread,
            hull,
        ]
    )
    numbers = np.zeros(count, np.int32)
    numbers[keep] = np.arange(1, int(keep.sum()) + 1, dtype=np.int32)
    renumbered = np.zeros_like(labels)
    renumbered.ravel()[place] = numbers[owner]
    return table[keep].astype(np.float32), renumbered


def _solidity(labels: NDArray[np.int32], keep: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return each nucleus's area as a share of its convex hull's, both of the outline's polygon."""
    import cv2
    from scipy import ndimage

    shares = np.full(len(keep), np.nan)
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is None or not keep[number]:
            continue
        mask = np.pad((labels[box] == number).astype(np.uint8), 1)
        outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        outline = max(outlines, key=cv2.contourArea)
        hull = cv2.contourArea(cv2.convexHull(outline))
        shares[number] = cv2.contourArea(outline) / hull if hull > 0 else 1.0
    return shares
