"""The slow rise and fall of intensity over a head that the coil adds, estimated in white matter."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from normwise.features.tissue import TissueModel

__all__ = ["shading"]

_POWERS = [(i, j, k) for i in range(3) for j in range(3 - i) for k in range(3 - i - j)]
_ROUNDS = 3
_MOST = 40_000  # voxels that are fitted; ten coefficients need no more
_FEWEST = 500  # with less white matter than this nothing is corrected
_STRONGEST = 2.0


def shading(
    relative: NDArray[np.floating[Any]], places: NDArray[np.floating[Any]], model: TissueModel
) -> NDArray[np.float32]:
    """Estimate the shading of every voxel from those that look like white matter.

    The logarithm of the intensity of voxels nearer to white than to grey matter is fitted by a quadratic
    polynomial of place (a smooth multiplicative field, Van Leemput et al. 1999, eq. 5), three times over,
    since a corrected image tells white matter better.

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
    centred = (places - places.mean(axis=0)) / 50.0  # about −1 … 1 over a brain, which keeps powers tame
    terms = _polynomial(centred.astype(np.float32))
    field = np.ones(len(relative), dtype=np.float32)
    for _ in range(_ROUNDS):
        corrected = relative / field
        white = np.flatnonzero((corrected > darkest) & (corrected < brightest))
        if white.size < _FEWEST:
            return np.ones(len(relative), dtype=np.float32)
        white = white[:: -(-white.size // _MOST)]
        some = terms[white].astype(np.float64)
        normal = some.T @ some + 1e-6 * white.size * np.eye(len(_POWERS))
        weights = np.linalg.solve(normal, some.T @ np.log(relative[white] / wm))
        field = np.exp(terms @ weights.astype(np.float32))
        field = np.clip(field, 1 / _STRONGEST, _STRONGEST)
    return field


def _polynomial(places: NDArray[np.float32]) -> NDArray[np.float32]:
    x, y, z = places.T
    terms = np.empty((len(places), len(_POWERS)), dtype=np.float32)
    for column, (i, j, k) in enumerate(_POWERS):
        terms[:, column] = x**i * y**j * z**k
    return terms
