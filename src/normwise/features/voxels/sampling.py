"""Where voxels are sampled, and the sampling of one image in a child process."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from normwise.errors import FeatureError
from normwise.features.atlases.mni_check import (
    check_mni_space,
    mni_landmarks,
    voxels_around,
)
from normwise.files import replacing
from normwise.images import (
    Grid,
    LabelVolume,
    read_labels,
    read_volume,
    resample_labels,
)

__all__ = ["SAMPLING_VERSION", "Sampling", "make_sampling", "pack_sampling", "sample_voxels"]

SAMPLING_VERSION = "1"
"""Raised whenever the numbers change."""

_MOST_OUTSIDE = 0.05
_SIGMA_OF_FWHM = 1 / np.sqrt(8 * np.log(2))


@dataclass(frozen=True, eq=False)
class Sampling:
    """Places in the brain.

    Attributes
    ----------
    points : ndarray of shape (n_points, 3), float32
        Millimetres to the right, front and top.
    fwhm_mm : float
        Full width at half maximum of the Gaussian that images are smoothed with.
    mni : bool
        Whether images are expected in MNI152 space, as with its own mask.
    """

    points: NDArray[np.float32]
    fwhm_mm: float
    mni: bool

    def names(self) -> list[str]:
        """Return one name a point, as ``voxel_-12_34_56``: where it lies, in mm."""
        return ["voxel_{:g}_{:g}_{:g}".format(*point) for point in np.round(self.points, 3) + 0.0]

    def digest(self) -> str:
        """Return the SHA-256 of it all."""
        content = hashlib.sha256(repr((self.points.shape, self.fwhm_mm, self.mni)).encode())
        content.update(self.points.tobytes())
        return content.hexdigest()


def make_sampling(
    mask: Path | None, voxel_size_mm: float, smoothing_mm: float, grid: Grid | None
) -> Sampling:
    """Choose the places.

    Parameters
    ----------
    mask : Path or None
        A map that is not 0 in the brain; default: the MNI152 brain mask of nilearn.
    voxel_size_mm : float
        Edge of the cubic grid, whose voxels lie at whole multiples of it.
    smoothing_mm : float
        Full width at half maximum; on a grid coarser than that images are smoothed by a voxel's edge, so that
        no detail is folded in.
    grid : Volume or None
        The grid to keep, where ``voxel_size_mm`` is 0.

    Returns
    -------
    Sampling

    Raises
    ------
    FeatureError
        FEA-307, no voxel of the mask is met.
    ImageError
        The mask can't be read.
    """
    brain = read_labels(mask) if mask is not None else _mni_mask()
    if grid is not None:
        indices = np.argwhere(resample_labels(brain, grid).voxels)
        points = grid.world(indices)
    else:
        corners = brain.world(np.argwhere(brain.voxels))
        low, high = (
            np.floor(corners.min(axis=0) / voxel_size_mm),
            np.ceil(corners.max(axis=0) / voxel_size_mm),
        )
        affine = np.diag([voxel_size_mm] * 3 + [1.0])
        affine[:3, 3] = low * voxel_size_mm
        coarse = LabelVolume(np.zeros((high - low + 1).astype(int), dtype=np.int32), affine)
        points = coarse.world(np.argwhere(resample_labels(brain, coarse).voxels))
    if not len(points):
        raise FeatureError(
            "FEA-307",
            "the mask holds no voxel of the grid.",
            subject=str(mask),
            seen=f"{np.count_nonzero(brain.voxels)} voxels in the mask, a grid of {voxel_size_mm:g} mm",
            advice="give a finer features.voxel_size_mm, or another mask",
        )
    return Sampling(points.astype(np.float32), max(smoothing_mm, voxel_size_mm), mask is None)


def pack_sampling(sampling: Sampling, folder: Path) -> Path:
    """Write the places as one file for children, named by its content."""
    path = folder / f"sampling-{sampling.digest()[:32]}.npz"
    if not path.is_file():
        with replacing(path) as part:
            places, brightness = mni_landmarks() if sampling.mni else (np.empty((0, 3)), np.empty(0))
            np.savez(
                part, points=sampling.points, fwhm_mm=sampling.fwhm_mm, places=places, brightness=brightness
            )
    return path


def sample_voxels(image: str, sampling: str) -> dict[str, NDArray[np.float32]]:
    """Smooth one image and read it at the places, linearly between voxels.

    Parameters
    ----------
    image : str
        The image.
    sampling : str
        A file from `pack_sampling`.

    Returns
    -------
    dict
        ``voxels``, ndarray of shape (n_points,), float32.

    Raises
    ------
    FeatureError
        FEA-305, more than a twentieth of the places lie outside the image.
    """
    from scipy.ndimage import gaussian_filter, map_coordinates

    volume = read_volume(image)
    with np.load(sampling, allow_pickle=False) as kept:
        points, fwhm_mm = kept["points"], float(kept["fwhm_mm"])
        landmarks = kept["places"], kept["brightness"]
    back = np.linalg.inv(volume.affine)
    indices = points @ back[:3, :3].T + back[:3, 3]
    outside = ((indices < -0.5) | (indices > np.array(volume.shape) - 0.5)).any(axis=1).mean()
    if outside > _MOST_OUTSIDE:
        raise FeatureError(
            "FEA-305",
            f"{outside:.0%} of the mask lies outside the image.",
            expected=f"at most {_MOST_OUTSIDE:.0%}",
            advice="bring the image into the space of the mask, or give a mask as features.mask",
        )
    if len(landmarks[0]):
        check_mni_space(volume, voxels_around(volume, landmarks[0]), landmarks[1], refuse=False)
    sigma = [fwhm_mm * _SIGMA_OF_FWHM / edge for edge in volume.spacing]
    smooth = gaussian_filter(volume.voxels, sigma, mode="nearest", truncate=3.0)
    values = map_coordinates(smooth, indices.T, order=1, mode="nearest").astype(np.float32)
    return {"voxels": values}


def _mni_mask() -> LabelVolume:
    from nilearn.datasets import load_mni152_brain_mask

    image = load_mni152_brain_mask(resolution=1)
    return LabelVolume(np.asarray(image.dataobj), image.affine)
