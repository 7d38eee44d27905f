"""A robust three-tissue model of a T1-weighted brain, fitted to one histogram a region.

Every region mixes the same cerebrospinal fluid, grey and white matter in proportions of its own. So the
ventricles show the intensity of fluid and the deep white matter that of white matter, without any prior map,
and no tissue has to be a peak of the whole brain's histogram, which in old age it often isn't.

The chain of raw heads has a model of its own, `normwise.features.brain.segmentation.tissue`: it gives shares
of every voxel, by priors of the warped template and of the neighbours. Here there is no warp and only a sum a
region is wanted, so that the two share no more than the density of a mixed voxel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from normwise.errors import FeatureError

__all__ = [
    "N_BINS",
    "WHITE_BIN",
    "TissueModel",
    "bias_field",
    "first_white",
    "fit_tissue",
    "quantise",
    "tissue_shares",
]

N_BINS = 256
WHITE_BIN = 150.0
"""The bin of white matter: what is brighter (vessels, fat) lies in the bins above."""

_EDGE = 0.06 * WHITE_BIN  # darker than any fluid: the background of a stripped image and its blurred rim
_START = np.array([0.16, 0.62, 1.0]) * WHITE_BIN  # usual T1 contrast of CSF, grey and white matter
_ANCHOR = 0.005  # share of voxels that count as fluid at its first guess, since few labels hold any
_MIXTURES = np.linspace(0.1, 0.9, 9)  # shares of the brighter tissue in a mixed voxel, all as likely
_STRAY = 1e-6  # density of what no tissue explains, so that distant voxels change no peak
_MOST_STEPS, _CONVERGED = 40, 0.02  # the fit ends once no peak moves by more than a fiftieth of a bin
_NARROWEST, _WIDEST = 2.0, 0.2 * WHITE_BIN


@dataclass(frozen=True)
class TissueModel:
    """Where the tissues lie.

    Attributes
    ----------
    peaks : ndarray of shape (3,)
        Mean bin of CSF, grey and white matter.
    spreads : ndarray of shape (3,)
        Standard deviations, in bins.
    """

    peaks: NDArray[np.float64]
    spreads: NDArray[np.float64]


def first_white(values: NDArray[np.floating[Any]]) -> float:
    """Return a first guess at white matter's intensity: nine tenths of the tissue are darker.

    Parameters
    ----------
    values : ndarray of shape (n_voxels,)
        Intensities of the labelled voxels; 0 and less is background.

    Raises
    ------
    FeatureError
        FEA-303, nothing is brighter than the background.
    """
    tissue = values[values > 0]
    if tissue.size == 0:
        raise FeatureError(
            "FEA-303",
            "no labelled voxel is brighter than 0.",
            seen=f"{values.size} labelled voxels, the brightest {values.max(initial=0.0):g}",
            advice="check that the labels lie on the brain, and that the image is no mask or difference map",
        )
    return float(np.percentile(tissue, 90))


def quantise(values: NDArray[np.floating[Any]], white: float) -> NDArray[np.int64]:
    """Sort intensities into bins in which white matter lies near `WHITE_BIN`.

    Parameters
    ----------
    values : ndarray of shape (n_voxels,)
        Intensities.
    white : float
        Intensity of white matter, or a first guess.

    Returns
    -------
    ndarray of shape (n_voxels,)
        0 … `N_BINS` − 1; what is darker or brighter lies in the first or last bin.
    """
    bins = values * (WHITE_BIN / white)
    np.clip(np.rint(bins, out=bins), 0, N_BINS - 1, out=bins)
    whole: NDArray[np.int64] = bins.astype(np.int64)
    return whole


def fit_tissue(counts: NDArray[np.int64], start: NDArray[np.float64] = _START) -> TissueModel:
    """Fit three tissues and their mixed voxels to the histograms of all regions together.

    Expectation–maximisation for Gaussian tissues whose means and spreads all regions share and whose
    proportions each region has for itself; between two tissues lies the density of voxels that hold both, at
    any share (Santago and Gage 1993, eq. 9, here as a sum over nine shares).

    Parameters
    ----------
    counts : ndarray of shape (n_regions, N_BINS)
        Voxels by region and bin, see `quantise`.
    start : ndarray of shape (3,)
        First guess of the peaks; default: the usual contrast of a T1-weighted image.

    Returns
    -------
    TissueModel

    Raises
    ------
    FeatureError
        FEA-304, no three tissues in the order of a T1-weighted image.
    """
    bins = np.arange(N_BINS, dtype=np.float64)
    inner = (bins >= _EDGE) & (bins < N_BINS - 1)
    used = counts[:, inner].astype(np.float64)
    used = used[used.sum(axis=1) > 0]
    bins = bins[inner]
    peaks, spreads = start, np.full(3, 0.1 * WHITE_BIN)
    proportions = np.full((len(used), 5), 0.2)
    totals = used.sum(axis=1, keepdims=True)
    anchor = np.array([_ANCHOR * used.sum(), 0.0, 0.0])
    for _ in range(_MOST_STEPS if len(used) else 0):
        density = _densities(bins, peaks, spreads)
        odds = used / (proportions @ density + _STRAY)
        proportions = np.maximum(proportions * (odds @ density.T) / totals, 1e-6)
        pure = (proportions[:, :3].T @ odds) * density[:3]
        weight = pure.sum(axis=1) + 1e-9
        moved = (pure @ bins + anchor * start) / (weight + anchor)
        squares = (pure * (bins - moved[:, None]) ** 2).sum(axis=1) / weight
        spreads = np.clip(np.sqrt(squares), _NARROWEST, _WIDEST)
        peaks, converged = moved, bool(abs(moved - peaks).max() < _CONVERGED)
        if converged:
            break
    _check(peaks)
    return TissueModel(peaks, spreads)


def tissue_shares(counts: NDArray[np.int64], model: TissueModel) -> dict[str, NDArray[np.float64]]:
    """Return how much of each region is fluid, grey and white matter.

    A voxel between two tissues' peaks holds both, in linear proportion (Choi et al. 1991); below the peak of
    fluid, background left by skull stripping included, nothing is tissue.

    Parameters
    ----------
    counts : ndarray of shape (n_regions, N_BINS)
        Voxels by region and bin.
    model : TissueModel
        From `fit_tissue`.

    Returns
    -------
    dict of str to ndarray of shape (n_regions,)
        ``csf_share``, ``gm_share``, ``wm_share``: they add up to 1; NaN for a region without voxels.

    Examples
    --------
    >>> model = TissueModel(np.array([20.0, 100.0, 150.0]), np.ones(3))
    >>> counts = np.zeros((1, N_BINS), int)
    >>> counts[0, [20, 60, 100, 125]] = 1
    >>> {name: share.tolist() for name, share in tissue_shares(counts, model).items()}
    {'csf_share': [0.375], 'gm_share': [0.5], 'wm_share': [0.125]}
    """
    bins = np.arange(N_BINS, dtype=np.float64)
    csf, gm, wm = model.peaks
    fluid = np.clip((gm - bins) / (gm - csf), 0.0, 1.0)
    white = np.clip((bins - gm) / (wm - gm), 0.0, 1.0)
    with np.errstate(invalid="ignore"):
        shares = counts @ np.column_stack([fluid, 1.0 - fluid - white, white]) / counts.sum(axis=1)[:, None]
    return dict(zip(("csf_share", "gm_share", "wm_share"), shares.T, strict=True))


def _densities(
    bins: NDArray[np.float64], peaks: NDArray[np.float64], spreads: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the five densities over the bins: three tissues, CSF with grey, grey with white."""
    pure = _gaussians(bins, peaks, spreads)
    mixed = []
    for dark in (0, 1):
        centres = peaks[dark] + (peaks[dark + 1] - peaks[dark]) * _MIXTURES
        widths = np.sqrt((1 - _MIXTURES) * spreads[dark] ** 2 + _MIXTURES * spreads[dark + 1] ** 2)
        mixed.append(_gaussians(bins, centres, widths).mean(axis=0))
    return np.vstack([pure, *mixed])


def _gaussians(
    bins: NDArray[np.float64], centres: NDArray[np.float64], widths: NDArray[np.float64]
) -> NDArray[np.float64]:
    deviations = (bins - centres[:, None]) / widths[:, None]
    densities: NDArray[np.float64] = np.exp(-0.5 * deviations**2) / (np.sqrt(2 * np.pi) * widths[:, None])
    return densities


def _check(peaks: NDArray[np.float64]) -> None:
    csf, gm = peaks[:2] / peaks[2] if peaks[2] > 0 else np.zeros(2)
    if not (csf < 0.75 * gm and 0.35 < gm < 0.92 and 0.5 < peaks[2] / WHITE_BIN < 1.5):
        raise FeatureError(
            "FEA-304",
            "the image shows no dark fluid, medium grey and bright white matter in its regions.",
            seen=f"fluid {csf:.2f}, grey {gm:.2f} of white matter, {peaks[2] / WHITE_BIN:.2f} of its guess",
            expected="a T1-weighted brain: about 0.16 and 0.62",
            advice="look at the image; for other contrasts name statistics without shares, "
            'as features.statistics = ["mean"]',
        )


_FACTORS = [(), (2,), (2, 2), (1,), (1, 2), (1, 1), (0,), (0, 2), (0, 1), (0, 0)]
"""Axes whose product is a term of the quadratic polynomial of place."""
_BLOCK = 8192  # voxels whose terms fit into a processor's cache
_ROUNDS = 3
_MOST = 40_000  # voxels that are fitted; ten coefficients need no more
_FEWEST = 500  # with less white matter than this nothing is corrected
_STRONGEST = 2.0


def bias_field(
    relative: NDArray[np.floating[Any]], places: NDArray[np.floating[Any]], model: TissueModel
) -> NDArray[np.float32]:
    """Estimate the bias field at every voxel from those that look like white matter.

    The logarithm of the intensity of voxels nearer to white than to grey matter is fitted by a quadratic
    polynomial of place (a smooth multiplicative field, Van Leemput et al. 1999, eq. 5), three times over,
    since white matter is found better in a corrected image.

    Parameters
    ----------
    relative : ndarray of shape (n_voxels,)
        Intensities on the scale of ``model``.
    places : ndarray of shape (n_voxels, 3)
        Where the voxels lie, mm.
    model : TissueModel
        Tissues of the uncorrected image.

    Returns
    -------
    ndarray of shape (n_voxels,), float32
        Factor by which each voxel is too bright; 1 everywhere where there is too little white matter.
    """
    _, gm, wm = model.peaks
    darkest, brightest = gm + 0.6 * (wm - gm), wm + 0.5 * (wm - gm)
    terms = _polynomial(places.astype(np.float32, copy=False))
    field, corrected = np.ones((2, len(relative)), dtype=np.float32)
    corrected *= relative
    for _ in range(_ROUNDS):
        white = np.flatnonzero((corrected > darkest) & (corrected < brightest))
        if white.size < _FEWEST:
            return np.ones(len(relative), dtype=np.float32)
        white = white[:: -(-white.size // _MOST)]
        some = terms.take(white, axis=0).astype(np.float64)
        normal = some.T @ some + 1e-6 * white.size * np.eye(len(_FACTORS))
        weights = np.linalg.solve(normal, some.T @ np.log(relative[white] / wm))
        shape = weights.astype(np.float32)
        for first in range(0, len(relative), _BLOCK):
            block = slice(first, first + _BLOCK)
            part = np.exp(terms[block] @ shape)
            np.clip(part, 1 / _STRONGEST, _STRONGEST, out=field[block])
            np.divide(relative[block], field[block], out=corrected[block])
    return field


def _polynomial(places: NDArray[np.float32]) -> NDArray[np.float32]:
    # Row by row, as float32: the order in which `mean` adds depends on how the rows lie in memory.
    centre = np.cumsum(places, axis=0)[-1:] / np.float32(len(places))
    terms = np.empty((len(places), len(_FACTORS)), dtype=np.float32)
    columns = np.ones((len(_FACTORS), _BLOCK), dtype=np.float32)
    for first in range(0, len(places), _BLOCK):
        # About −1 … 1 over a brain, which keeps powers tame.
        axes = ((places[first : first + _BLOCK] - centre) / np.float32(50)).T
        size = axes.shape[1]
        for column, factors in zip(columns, _FACTORS, strict=True):
            column[:size] = 1.0 if not factors else axes[factors[0]]
            if len(factors) > 1:
                column[:size] *= axes[factors[1]]
        terms[first : first + size] = columns[:, :size].T
    return terms
