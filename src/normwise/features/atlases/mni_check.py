"""A check whether an image lies in MNI152 space: a coarse correlation with the template inside the brain."""

from __future__ import annotations

import importlib.util
import warnings
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from normwise.errors import FeatureError, NormwiseWarning
from normwise.images import Grid, Volume, read_volume

__all__ = [
    "LEAST_CORRELATION",
    "check_mni_space",
    "mni_correlation",
    "mni_landmarks",
    "mni_template",
    "not_in_mni_space",
    "voxels_around",
]

_TEMPLATE = "mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"
_DEPTH_VOXELS = 4  # 8 mm below the surface, where heads in any position look alike
_NEIGHBOURS = np.array(
    list(product((-3.0, 0.0, 3.0), repeat=3)), dtype=np.float32
)  # mm: a cube, so that a shift of 3 mm changes little
LEAST_CORRELATION, _DOUBTFUL = 0.25, 0.35


def mni_template() -> Volume:
    """Return the MNI152 template of nilearn, every second voxel, without importing nilearn."""
    spec = importlib.util.find_spec("nilearn")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    whole = read_volume(Path(spec.submodule_search_locations[0]) / "datasets" / "data" / _TEMPLATE)
    affine = whole.affine.copy()
    affine[:3, :3] *= 2
    return Volume(np.ascontiguousarray(whole.voxels[::2, ::2, ::2]), affine)


def mni_landmarks() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return places 6 mm apart and at least 8 mm deep in the template's brain, and its brightness there.

    Returns
    -------
    points : ndarray of shape (n_points, 3), float32
        Millimetres.
    brightness : ndarray of shape (n_points,), float32
        Mean of the template over a cube of 27 voxels around each place.
    """
    from scipy.ndimage import binary_erosion

    template = mni_template()
    deep = binary_erosion(template.voxels > 0.15 * template.voxels.max(), iterations=_DEPTH_VOXELS)
    indices = np.argwhere(deep)
    points = template.world(indices[(indices % 3 == 0).all(axis=1)]).astype(np.float32)
    return points, _means(template, voxels_around(template, points))


def voxels_around(grid: Grid, points: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the 27 voxels of a grid around each place.

    Parameters
    ----------
    grid : Volume or LabelVolume
        The grid.
    points : ndarray of shape (n_points, 3)
        Millimetres.

    Returns
    -------
    ndarray of shape (n_points, 27), int64
        Flat indices with the first axis fastest; outside the grid its nearest voxel.
    """
    back = np.linalg.inv(grid.affine)
    around = (points[:, None] + _NEIGHBOURS).reshape(-1, 3)
    indices = np.rint(around @ back[:3, :3].T + back[:3, 3]).astype(np.int64)
    inside = np.clip(indices, 0, np.array(grid.shape) - 1)
    flat: NDArray[np.int64] = np.ravel_multi_index(tuple(inside.T), grid.shape, order="F")
    return flat.reshape(len(points), len(_NEIGHBOURS))


def mni_correlation(image: Volume, around: NDArray[np.int64], brightness: NDArray[np.float32]) -> float:
    """Return the correlation of an image with the template over the landmarks; 0 for a constant image.

    Parameters
    ----------
    image : Volume
        In any grid.
    around : ndarray of shape (n_points, 27)
        The image's voxels at the landmarks, from `voxels_around`.
    brightness : ndarray of shape (n_points,)
        The template's, from `mni_landmarks`.
    """
    values = _means(image, around)
    values = np.minimum(values, np.percentile(values, 99))  # vessels would outweigh the brain
    spread = float(values.std()) * float(brightness.std())
    covariance = float(((values - values.mean()) * (brightness - brightness.mean())).mean())
    return covariance / spread if spread else 0.0


def check_mni_space(
    image: Volume, around: NDArray[np.int64], brightness: NDArray[np.float32], *, refuse: bool
) -> None:
    """Check that an image which is said to lie in MNI152 space does.

    T1-weighted brains of people of 18 to 96 in that space reach 0.36 to 0.87. Heads that were never
    registered reach 0.1; brains upside down, back to front or 20 mm off reach 0.2 to 0.35.

    Parameters
    ----------
    image, around, brightness
        As in `mni_correlation`.
    refuse : bool
        Whether a low correlation is an error or a warning: a map that is no T1 image may have one.

    Raises
    ------
    FeatureError
        FEA-302, the correlation is below 0.25.

    Warns
    -----
    NormwiseWarning
        FEA-902, it is below 0.35, or below 0.25 and not refused.
    """
    correlation = mni_correlation(image, around, brightness)
    if correlation >= _DOUBTFUL:
        return
    if correlation >= LEAST_CORRELATION or not refuse:
        text = f"an image hardly looks like the MNI152 template (correlation {correlation:.2f}): look at it."
        warnings.warn(NormwiseWarning("FEA-902", text, value=correlation), stacklevel=2)
        return
    raise not_in_mni_space(correlation)


def not_in_mni_space(correlation: float) -> FeatureError:
    """Return the error of an image that is not where the atlas is."""
    return FeatureError(
        "FEA-302",
        f"the image does not look like the MNI152 template: their correlation is {correlation:.2f}.",
        seen="correlation over places deep in the brain",
        expected=f"at least {LEAST_CORRELATION} for a T1-weighted brain in MNI152 space",
        advice="measure heads as the scanner gave them with --extractor brain; else look at the image's "
        "orientation, register it to MNI152, or give labels in its own space",
    )


def _means(image: Volume, around: NDArray[np.int64]) -> NDArray[np.float32]:
    means: NDArray[np.float32] = image.voxels.ravel(order="F")[around].mean(axis=1)
    return means
