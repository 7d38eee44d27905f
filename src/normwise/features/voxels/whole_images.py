"""``images``: whole images on one coarse grid; ``trunk`` and ``autoencoder`` learn from the same.

Every image is read by the guarded reader in a child process, smoothed as much as the grid asks for, cut to
the box around the mask and resampled once. The rows lie in one memory-mapped file; in the travelling frame
each voxel is a column, so that splitters, the normalizer and networks all see the same table, and other
processes get the file's path and the rows.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from normwise.cohort import Cohort
from normwise.engine import Task
from normwise.errors import FeatureError
from normwise.features.atlases.mni_check import check_mni_space, voxels_around
from normwise.features.extractor import (
    ExtractionContext,
    Extractor,
    hash_of,
)
from normwise.features.feature_table import FeatureTable
from normwise.features.voxels.extractor import first_grid, run_sampling
from normwise.features.voxels.sampling import (
    Sampling,
    make_sampling,
    pack_sampling,
)
from normwise.images import Grid, read_volume
from normwise.networks.images import image_columns
from normwise.results import FeatureNote
from normwise.schema import Study

__all__ = ["AUTOENCODER", "IMAGES", "TRUNK", "image_box", "resample_image"]

IMAGES_VERSION = "1"
"""Raised whenever the numbers change."""

_SIGMA_OF_FWHM = 1 / np.sqrt(8 * np.log(2))
_MOST_OUTSIDE = 0.5  # a box has corners that no scanner need cover; more than this is another space


def image_box(
    mask: Path | None, voxel_size_mm: float, grid: Grid | None = None
) -> tuple[Sampling, tuple[int, int, int]]:
    """Choose the grid that all images are brought onto: the box around a mask.

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
        The places, the last axis changing fastest, and how many lie along each axis.

    Raises
    ------
    FeatureError
        FEA-307, no voxel of the mask is met.
    """
    inside = make_sampling(mask, voxel_size_mm, 0.0, grid)
    affine = np.diag([voxel_size_mm] * 3 + [1.0]) if grid is None else grid.affine
    indices = np.round((inside.points - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T).astype(int)
    low, high = indices.min(axis=0), indices.max(axis=0)
    lattice = np.stack(np.meshgrid(*map(np.arange, low, high + 1), indexing="ij"), axis=-1).reshape(-1, 3)
    points = (lattice @ affine[:3, :3].T + affine[:3, 3]).astype(np.float32)
    nx, ny, nz = (int(edge) for edge in high - low + 1)
    return replace(inside, points=points, fwhm_mm=voxel_size_mm), (nx, ny, nz)


def resample_image(image: str, sampling: str) -> dict[str, NDArray[np.float32]]:
    """Bring one image onto the places, linearly between voxels; 0 outside of it.

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
            "FEA-503",
            f"{outside:.0%} of the box lies outside the image.",
            expected=f"at most {_MOST_OUTSIDE:.0%}",
            advice="bring the image into the space of the mask, or give a mask as features.mask",
        )
    if len(landmarks[0]):
        check_mni_space(volume, voxels_around(volume, landmarks[0]), landmarks[1], refuse=False)
    # A grid no coarser than the image's own asks for no smoothing.
    sigma = [fwhm_mm * _SIGMA_OF_FWHM / edge if fwhm_mm > edge else 0.0 for edge in volume.spacing]
    smooth = gaussian_filter(volume.voxels, sigma, mode="nearest", truncate=3.0)
    values = map_coordinates(smooth, indices.T, order=1, mode="grid-constant", cval=0.0)
    return {"voxels": values.astype(np.float32)}


def _extract(cohort: Cohort, study: Study, means: ExtractionContext) -> FeatureTable:
    section = study.features
    if cohort.images is None:
        raise FeatureError(
            "FEA-107",
            "the study names no images, and a network looks at images.",
            advice='give cohort.images, as "volumes/{ID}.nii.gz", or another features.extractor',
        )
    mask = (study.cohort.root or Path()) / section.mask if section.mask is not None else None
    grid = first_grid(list(cohort.images)) if section.voxel_size_mm == 0 else None
    sampling, shape = image_box(mask, section.voxel_size_mm, grid)
    made = hash_of(extractor="images", version=IMAGES_VERSION, sampling=sampling.digest())
    with means.folder() as folder:
        packed = pack_sampling(sampling, folder)
        tasks = [
            Task(str(scan), {"image": image, "sampling": str(packed)}, (Path(image), packed))
            for scan, image in cohort.images.items()
        ]
        values, scans, failures = run_sampling(
            tasks, sampling, means, made, measure=resample_image, version=IMAGES_VERSION, title="images"
        )
    frame = pd.DataFrame(values, index=pd.Index(scans, name="id"), columns=image_columns(shape), copy=False)
    text = "Intensity of the voxel with these indices, of {} × {} × {}, right, front and up".format(*shape)
    return FeatureTable(frame, {"image_*": FeatureNote("intensity", text)}, failures, made)


IMAGES = Extractor(
    "Whole images, each brought once onto one coarse grid, for a convolutional network", _extract
)
TRUNK = Extractor("The trunk of a convolutional network, trained inside each fold", _extract)
AUTOENCODER = Extractor("The code of a convolutional autoencoder, trained inside each fold", _extract)
