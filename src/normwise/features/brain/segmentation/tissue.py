"""Fluid, grey and white matter as shares of each voxel: a Gaussian mixture with priors from the template.

The classes are the three tissues, the three pairs of them within one voxel, and whatever else lies inside the
mask (dura, vessels). A pair's density is that of two tissues mixed in any proportion (Santago and Gage 1993).
The priors are the template's shares to the power of one half, so that the data outweigh them; neighbours
enter by a mean-field Markov random field (Zhang, Brady and Smith 2001) on the shares. Intensities are sorted
into bins, so a density is looked up and not computed a voxel.

`normwise.features.regions.tissue` is a second model, for images without a warp: it fits shares of whole
regions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from normwise.features.brain.grids import crop
from normwise.features.brain.registration.reference import load_reference, sample
from normwise.features.brain.registration.warp import template_points
from normwise.features.brain.settings import ChainSettings

__all__ = ["classify_tissue"]

_BINS = 1024
_POWER = 0.5
_LEAST_PRIOR = 0.02
_NEIGHBOURS = 0.4  # weight of the six neighbours' mean shares, times six
_ALONE, _TOGETHER = 12, 8  # rounds without and with the neighbours
_MIXED = 0.5  # how common a mixed voxel is where the priors call both tissues equally likely
_OTHER_RIM, _OTHER_DEPTH_MM, _OTHER_DEEP = 0.3, 2.0, 0.003
_PAIRS = ((0, 1), (1, 2), (0, 2))


def classify_tissue(arrays: Mapping[str, NDArray[Any]], settings: ChainSettings) -> dict[str, NDArray[Any]]:
    """Estimate how much of each voxel is fluid, grey and white matter.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        ``corrected``, ``mask``, ``box``, ``head_affine`` and the registration.
    settings : ChainSettings
        Its ``template``.

    Returns
    -------
    dict of str to ndarray
        ``csf``, ``grey``, ``white``: shares of each voxel of the box, float32, which leave out what is
        neither. ``peaks``: the three mean intensities; ``spreads``: their standard deviations.
    """
    inside = crop(arrays["mask"], arrays["box"]) > 0
    spacing = np.linalg.norm(arrays["head_affine"][:3, :3], axis=0)
    values = arrays["corrected"][inside]
    top = float(np.percentile(values, 99.8)) * 1.1
    bins = np.clip(values * (_BINS / top), 0, _BINS - 1).astype(np.int16)
    priors = _priors(arrays, inside, spacing, settings)
    peaks, spreads = _start(bins, priors)
    for _ in range(_ALONE):
        posteriors = _posteriors(bins, _densities(peaks, spreads), priors, None)
        peaks, spreads = _moments(bins, posteriors, peaks, spreads)
    around = None
    for _ in range(_TOGETHER):
        posteriors = _posteriors(bins, _densities(peaks, spreads), priors, around)
        peaks, spreads = _moments(bins, posteriors, peaks, spreads)
        shares = _shares(bins, posteriors, peaks)
        around = _around(shares, inside)
    images = {}
    for name, part in zip(("csf", "grey", "white"), shares, strict=True):
        whole = np.zeros(inside.shape, dtype=np.float32)
        whole[inside] = part
        images[name] = whole
    scale = top / _BINS
    return {**images, "peaks": (peaks + 0.5) * scale, "spreads": spreads * scale}


def _priors(
    arrays: Mapping[str, NDArray[Any]],
    inside: NDArray[np.bool_],
    spacing: NDArray[np.float64],
    settings: ChainSettings,
) -> NDArray[np.float32]:
    """Return the prior of each of the seven classes, shape (7, n_voxels)."""
    from scipy.ndimage import distance_transform_edt

    reference = load_reference(settings.template)
    points = template_points(arrays)
    grey = sample(reference.grey, reference.affine, points)
    white = sample(reference.white, reference.affine, points)
    pure = np.stack([np.clip(1 - grey - white, 0, 1), grey, white])
    pure = np.maximum(pure, np.float32(_LEAST_PRIOR)) ** np.float32(_POWER)
    pure /= pure.sum(axis=0)
    depth = distance_transform_edt(np.pad(inside, 1), sampling=spacing)[1:-1, 1:-1, 1:-1][inside]
    rim = np.exp(-depth / _OTHER_DEPTH_MM).astype(np.float32)
    # Dura and vessels lie at the rim, and where the template has no tissue.
    other = _OTHER_RIM * rim * np.clip(1 - grey - white, 0, 1) + np.float32(_OTHER_DEEP)
    mixed = [2 * _MIXED * np.minimum(pure[a], pure[b]) for a, b in _PAIRS]
    priors = np.stack([*pure, *mixed, other]).astype(np.float32)
    normed: NDArray[np.float32] = priors / priors.sum(axis=0)
    return normed


def _start(
    bins: NDArray[np.int16], priors: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return means and deviations of the voxels whose priors are most certain."""
    peaks, spreads = np.empty(3), np.empty(3)
    for k in range(3):
        weights = np.bincount(bins, weights=priors[k].astype(np.float64) ** 4, minlength=_BINS)
        levels = np.arange(_BINS)
        half = weights.cumsum().searchsorted(weights.sum() / 2)
        near = np.abs(levels - half) < _BINS / 8
        peaks[k] = half
        spreads[k] = np.sqrt((weights * near * (levels - half) ** 2).sum() / (weights * near).sum())
    return peaks, spreads


def _densities(peaks: NDArray[np.float64], spreads: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return each class's density in each bin, shape (7, n_bins)."""
    from scipy.special import ndtr

    levels = np.arange(_BINS)[None, :]
    pure = (
        np.exp(-0.5 * ((levels - peaks[:, None]) / spreads[:, None]) ** 2)
        / spreads[:, None]
        / np.sqrt(2 * np.pi)
    )
    mixed = []
    for a, b in _PAIRS:
        spread = (spreads[a] + spreads[b]) / 2
        gap = max(peaks[b] - peaks[a], 1.0)
        mixed.append((ndtr((levels[0] - peaks[a]) / spread) - ndtr((levels[0] - peaks[b]) / spread)) / gap)
    other = np.full(_BINS, 1 / _BINS)
    return (np.stack([*pure, *mixed, other]) + 1e-12).astype(np.float32)


def _posteriors(
    bins: NDArray[np.int16],
    densities: NDArray[np.float32],
    priors: NDArray[np.float32],
    around: NDArray[np.float32] | None,
) -> NDArray[np.float32]:
    posteriors = priors * densities[:, bins]
    if around is not None:
        weight = np.exp(np.float32(6 * _NEIGHBOURS) * around)
        posteriors[:3] *= weight
        for k, (a, b) in enumerate(_PAIRS, start=3):
            posteriors[k] *= np.sqrt(weight[a] * weight[b])
    posteriors /= posteriors.sum(axis=0)
    return posteriors


def _moments(
    bins: NDArray[np.int16],
    posteriors: NDArray[np.float32],
    peaks: NDArray[np.float64],
    spreads: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    levels = np.arange(_BINS)
    peaks, spreads = peaks.copy(), spreads.copy()
    for k in range(3):
        weights = np.bincount(bins, weights=posteriors[k], minlength=_BINS)
        total = weights.sum()
        if total > 1:
            peaks[k] = (weights * levels).sum() / total
            spreads[k] = max(np.sqrt((weights * (levels - peaks[k]) ** 2).sum() / total), 3.0)
    return peaks, spreads


def _shares(
    bins: NDArray[np.int16], posteriors: NDArray[np.float32], peaks: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Return the expected shares of the three tissues, shape (3, n_voxels)."""
    shares = posteriors[:3].copy()
    levels = np.arange(_BINS)
    for k, (a, b) in enumerate(_PAIRS, start=3):
        brighter = np.clip((levels - peaks[a]) / max(peaks[b] - peaks[a], 1.0), 0, 1).astype(np.float32)[bins]
        shares[a] += posteriors[k] * (1 - brighter)
        shares[b] += posteriors[k] * brighter
    return shares


def _around(shares: NDArray[np.float32], inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the mean shares of the six neighbours of every voxel."""
    result = np.empty_like(shares)
    whole = np.zeros(inside.shape, dtype=np.float32)
    for k, part in enumerate(shares):
        whole[inside] = part
        total = np.zeros_like(whole)
        for axis in range(3):
            ahead = [slice(None)] * 3
            behind = [slice(None)] * 3
            ahead[axis], behind[axis] = slice(1, None), slice(None, -1)
            total[tuple(behind)] += whole[tuple(ahead)]
            total[tuple(ahead)] += whole[tuple(behind)]
        result[k] = total[inside] / 6
    return result
