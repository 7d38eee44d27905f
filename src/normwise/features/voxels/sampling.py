"""The points at which images are sampled, and the sampling of one image in a process of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from normwise.engine import read_shared, read_stored, write_stored
from normwise.errors import FeatureError, ImageError
from normwise.features.atlases import check_mni_space, mni_landmarks, voxels_around
from normwise.images import Grid, LabelVolume, Volume, read_labels, read_volume, resample_labels

__all__ = [
    "SAMPLING_VERSION",
    "Sampling",
    "first_grid",
    "image_box",
    "make_sampling",
    "pack_sampling",
    "resample_image",
    "sample_voxels",
]

SAMPLING_VERSION = "1"
"""Raised whenever the numbers change."""

MOST_OUTSIDE_MASK = 0.05
"""Share of the mask that a tight field of view may cut off."""

MOST_OUTSIDE_BOX = 0.5
"""Of a box, whose corners no scanner need cover; beyond it the image lies in another space."""

_SIGMA_OF_FWHM = 1 / np.sqrt(8 * np.log(2))


@dataclass(frozen=True, eq=False)
class Sampling:
    """Points in the brain.

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
        """Return the name of each point, as ``voxel_-12_34_56``: its place in mm."""
        return ["voxel_{:g}_{:g}_{:g}".format(*point) for point in np.round(self.points, 3) + 0.0]

    def digest(self) -> str:
        """Return the SHA-256 of it all."""
        content = hashlib.sha256(repr((self.points.shape, self.fwhm_mm, self.mni)).encode())
        content.update(self.points.tobytes())
        return content.hexdigest()


def make_sampling(
    mask: Path | None, voxel_size_mm: float, smoothing_mm: float, grid: Grid | None
) -> Sampling:
    """Choose the points in a mask.

    Parameters
    ----------
    mask : Path or None
        A map that is not 0 in the brain; default: the MNI152 brain mask of nilearn.
    voxel_size_mm : float
        Edge of the cubic grid, whose voxels lie at whole multiples of it.
    smoothing_mm : float
        Full width at half maximum; on a grid coarser than that images are smoothed by a voxel's edge, so that
        nothing is aliased.
    grid : Volume or None
        The grid to keep, where ``voxel_size_mm`` is 0.

    Returns
    -------
    Sampling

    Raises
    ------
    FeatureError
        FEA-307, no voxel of the mask lies on the grid.
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


def image_box(
    mask: Path | None, voxel_size_mm: float, grid: Grid | None = None
) -> tuple[Sampling, tuple[int, int, int]]:
    """Choose the grid that all images are resampled to: the box around a mask.

    Parameters
    ----------
    mask : Path or None
        A map that is not 0 in what is looked at; default: the MNI152 brain.
    voxel_size_mm : float
        Edge of a cubic voxel; 0 keeps the voxels of ``grid``.
    grid : Volume, optional
        The grid to keep where ``voxel_size_mm`` is 0.

    Returns
    -------
    tuple of Sampling and tuple of int
        The points, the last axis changing fastest, and how many lie along each axis.

    Raises
    ------
    FeatureError
        FEA-307, no voxel of the mask lies on the grid.
    """
    inside = make_sampling(mask, voxel_size_mm, 0.0, grid)
    affine = np.diag([voxel_size_mm] * 3 + [1.0]) if grid is None else grid.affine
    indices = np.round((inside.points - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T).astype(int)
    low, high = indices.min(axis=0), indices.max(axis=0)
    lattice = np.stack(np.meshgrid(*map(np.arange, low, high + 1), indexing="ij"), axis=-1).reshape(-1, 3)
    points = (lattice @ affine[:3, :3].T + affine[:3, 3]).astype(np.float32)
    nx, ny, nz = (int(edge) for edge in high - low + 1)
    return replace(inside, points=points, fwhm_mm=voxel_size_mm), (nx, ny, nz)


def pack_sampling(sampling: Sampling, folder: Path) -> Path:
    """Write the points as one file for the processes, named by its content."""
    path = folder / f"sampling-{sampling.digest()[:32]}.stored"
    if read_stored(path) is None:
        places, brightness = mni_landmarks() if sampling.mni else (np.empty((0, 3)), np.empty(0))
        write_stored(
            path,
            {
                "points": sampling.points,
                "fwhm_mm": float(sampling.fwhm_mm),
                "places": places,
                "brightness": brightness,
            },
        )
    return path


def sample_voxels(image: str, sampling: str) -> dict[str, NDArray[np.float32]]:
    """Smooth one image and read it at the points, linearly between voxels.

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
        FEA-305, more than a twentieth of the points lie outside the image.
    """
    volume, indices, fwhm_mm = _read_at(image, sampling, "FEA-305", "mask", MOST_OUTSIDE_MASK)
    return _interpolate(volume, indices, [fwhm_mm] * 3, mode="nearest")


def resample_image(image: str, sampling: str) -> dict[str, NDArray[np.float32]]:
    """Interpolate one image at the points, linearly between voxels; 0 outside of it.

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
        FEA-503, more than half of the box lies outside the image.
    """
    volume, indices, fwhm_mm = _read_at(image, sampling, "FEA-503", "box", MOST_OUTSIDE_BOX)
    # A grid no coarser than the image's own needs no smoothing.
    widths = [fwhm_mm if fwhm_mm > edge else 0.0 for edge in volume.spacing]
    return _interpolate(volume, indices, widths, mode="grid-constant")


def first_grid(images: Iterable[str]) -> Grid:
    """Return the grid of the first image that can be read: the others are resampled to it.

    Raises
    ------
    FeatureError
        FEA-306, not one can be read.
    """
    count = 0
    for image in images:
        try:
            return read_volume(image)
        except ImageError:
            count += 1
    raise FeatureError(
        "FEA-306",
        "not one image can be read, so there is no grid to keep.",
        seen=f"{count} images",
        advice="check cohort.images, or give features.voxel_size_mm",
    )


def _read_at(
    image: str, sampling: str, code: str, name: str, most_outside: float
) -> tuple[Volume, NDArray[np.float64], float]:
    """Return an image, the voxel coordinates of the points, and the smoothing's width in mm."""
    volume = read_volume(image)
    packed: Any = read_shared(Path(sampling))
    points, places, brightness = packed["points"], packed["places"], packed["brightness"]
    back = np.linalg.inv(volume.affine)
    indices = points @ back[:3, :3].T + back[:3, 3]
    outside = ((indices < -0.5) | (indices > np.array(volume.shape) - 0.5)).any(axis=1).mean()
    if outside > most_outside:
        raise FeatureError(
            code,
            f"{outside:.0%} of the {name} lies outside the image.",
            expected=f"at most {most_outside:.0%}",
            advice="bring the image into the space of the mask, or give a mask as features.mask",
        )
    if len(places):
        check_mni_space(volume, voxels_around(volume, places), brightness, refuse=False)
    return volume, indices, packed["fwhm_mm"]


def _interpolate(
    volume: Volume, indices: NDArray[np.float64], fwhm_mm: list[float], mode: str
) -> dict[str, NDArray[np.float32]]:
    from scipy.ndimage import gaussian_filter, map_coordinates

    sigma = [width * _SIGMA_OF_FWHM / edge for width, edge in zip(fwhm_mm, volume.spacing, strict=True)]
    smooth = gaussian_filter(volume.voxels, sigma, mode="nearest", truncate=3.0)
    return {"voxels": map_coordinates(smooth, indices.T, order=1, mode=mode).astype(np.float32)}


def _mni_mask() -> LabelVolume:
    from nilearn.datasets import load_mni152_brain_mask

    image = load_mni152_brain_mask(resolution=1)
    return LabelVolume(np.asarray(image.dataobj), image.affine)
