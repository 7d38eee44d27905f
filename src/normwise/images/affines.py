"""Checks of an affine, and its reorientation to RAS by flips and swaps of axes alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from normwise.errors import ImageError

__all__ = ["canonical", "check_affine", "corner_distance", "spacing_of"]

SMALLEST_MM, LARGEST_MM = 0.01, 50.0
"""Voxel edges of a body: metres or microns taken for millimetres fall outside."""

FARTHEST_MM = 1e5  # no scanner is a hundred metres long
SMALLEST_ANGLE = 0.1  # |det| over the product of the edges: 1 for right angles, 0 for a flat voxel


def spacing_of(affine: npt.NDArray[np.float64]) -> tuple[float, ...]:
    """Return the edge lengths of a voxel.

    Parameters
    ----------
    affine : ndarray of shape (4, 4)
        From voxel indices to mm.

    Returns
    -------
    tuple of three floats
        Millimetres along each voxel axis.

    Examples
    --------
    >>> spacing_of(np.diag([-2.0, 2.0, 3.0, 1.0]))
    (2.0, 2.0, 3.0)
    """
    return tuple(float(edge) for edge in np.sqrt((affine[:3, :3] ** 2).sum(axis=0)))


def check_affine(affine: npt.NDArray[np.float64], name: str) -> None:
    """Refuse an affine that can't be one of a body in a scanner.

    Parameters
    ----------
    affine : ndarray of shape (4, 4)
        From voxel indices to mm.
    name : str
        The file, for the error.

    Raises
    ------
    ImageError
        IMG-402 not finite; IMG-403 wild voxel edges; IMG-404 singular; IMG-405 far from the scanner.
    """
    if not np.isfinite(affine).all():
        raise ImageError(
            "IMG-402",
            "the affine holds NaN or infinite numbers, so no voxel has a place.",
            subject=name,
            seen=_rows(affine),
            advice="convert the original (DICOM) again",
        )
    edges = spacing_of(affine)
    if min(edges) == 0.0:
        volume = 0.0
    elif min(edges) < SMALLEST_MM or max(edges) > LARGEST_MM:
        raise ImageError(
            "IMG-403",
            f"the voxel edges are outside {SMALLEST_MM}–{LARGEST_MM:g} mm.",
            subject=name,
            seen=" × ".join(f"{edge:g}" for edge in edges) + " mm",
            advice="check the unit of the header (xyzt_units): metres or microns may stand as millimetres",
        )
    else:
        volume = abs(float(np.linalg.det(affine[:3, :3] / edges)))
    if volume < SMALLEST_ANGLE:
        raise ImageError(
            "IMG-404",
            "the affine is singular: its axes lie in a plane, or nearly so.",
            subject=name,
            seen=f"{_rows(affine)} (volume of a voxel over the product of its edges {volume:.3g})",
            expected=f"at least {SMALLEST_ANGLE}; right angles give 1",
            advice="convert the original (DICOM) again",
        )
    if abs(affine[:3, 3]).max() > FARTHEST_MM:
        raise ImageError(
            "IMG-405",
            "the volume lies more than a hundred metres from the scanner's centre.",
            subject=name,
            seen="origin " + ", ".join(f"{mm:g}" for mm in affine[:3, 3]) + " mm",
            advice="convert the original (DICOM) again",
        )


def _rows(affine: npt.NDArray[np.float64]) -> str:
    return "; ".join(" ".join(f"{value:g}" for value in row) for row in affine[:3])


def canonical(
    voxels: npt.NDArray[Any], affine: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[Any], npt.NDArray[np.float64]]:
    """Turn voxels to the nearest right–front–up order of axes, without resampling.

    Parameters
    ----------
    voxels : ndarray of shape (nx, ny, nz)
        In any order and direction of axes.
    affine : ndarray of shape (4, 4)
        Their affine.

    Returns
    -------
    voxels : ndarray
        A view: axes swapped and flipped, every value kept.
    affine : ndarray of shape (4, 4)
        The affine of the view; each voxel stays where it was in the world.

    Examples
    --------
    >>> voxels, affine = canonical(np.arange(3).reshape(3, 1, 1), np.diag([-2.0, 1.0, 1.0, 1.0]))
    >>> voxels.ravel(), affine[0]
    (array([2, 1, 0]), array([ 2.,  0.,  0., -4.]))
    """
    from nibabel.orientations import apply_orientation, inv_ornt_aff, io_orientation

    matrix = affine[:3, :3]
    used = matrix != 0
    if (used.sum(axis=0) == 1).all():  # every axis runs along one of the world's: nothing has to be searched
        orientation = np.column_stack([used.argmax(axis=0), np.sign(matrix.sum(axis=0))])
    else:
        orientation = io_orientation(affine)
    if (orientation == [[0, 1], [1, 1], [2, 1]]).all():
        return voxels, affine
    return apply_orientation(voxels, orientation), affine @ inv_ornt_aff(orientation, voxels.shape)


def corner_distance(
    shape: tuple[int, ...], first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the largest distance between two affines over a box of voxels.

    Parameters
    ----------
    shape : tuple of three ints
        Number of voxels along each axis.
    first, second : ndarray of shape (4, 4)
        From voxel indices to mm.

    Returns
    -------
    ndarray of shape (3,)
        The largest distance over the corners in x, y and z, in mm. Two affine maps differ most at a corner,
        so no voxel is farther apart.
    """
    difference = first[:3] - second[:3]
    ends = np.array([max(count - 1, 1) for count in shape])  # one slice still has a direction
    steps = difference[:, :3] * ends
    low = difference[:, 3] + np.minimum(steps, 0).sum(axis=1)
    high = difference[:, 3] + np.maximum(steps, 0).sum(axis=1)
    return np.asarray(np.maximum(np.abs(low), np.abs(high)))
