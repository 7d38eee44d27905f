"""Two grids compared in millimetres, and labels resampled from one to the other."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from normwise.errors import ImageError
from normwise.images.affines import corner_distance
from normwise.images.volume import Grid, LabelVolume

__all__ = ["check_same_grid", "resample_labels", "same_grid"]

TOLERANCE_MM = 0.01
_ALIGNED = 1e-4  # voxels: a tilt smaller than this over the whole grid moves no label


def same_grid(first: Grid, second: Grid, tolerance_mm: float = TOLERANCE_MM) -> bool:
    """Return whether every voxel of one volume lies on the same voxel of the other.

    Parameters
    ----------
    first, second : Volume or LabelVolume
        The two grids.
    tolerance_mm : float
        Largest distance between the places of one voxel.

    Returns
    -------
    bool

    Examples
    --------
    >>> labels = LabelVolume(np.ones((2, 2, 2)), np.eye(4))
    >>> same_grid(labels, labels)
    True
    """
    if first.shape != second.shape:
        return False
    return bool(corner_distance(first.shape, first.affine, second.affine).max() <= tolerance_mm)


def check_same_grid(image: Grid, labels: Grid, subject: str, tolerance_mm: float = TOLERANCE_MM) -> None:
    """Refuse two grids whose voxels have different places.

    Parameters
    ----------
    image, labels : Volume or LabelVolume
        The two grids.
    subject : str
        The scan, for the error.
    tolerance_mm : float
        Largest distance between the places of one voxel.

    Raises
    ------
    ImageError
        IMG-104, with the distance along the worst axis.
    """
    if same_grid(image, labels, tolerance_mm):
        return
    if image.shape != labels.shape:
        problem = "the label map and the image have different numbers of voxels."
    else:
        apart = corner_distance(image.shape, image.affine, labels.affine)
        worst = int(apart.argmax())
        problem = (
            f"the label map and the image differ by {apart[worst]:.3g} mm in {'xyz'[worst]} "
            f"(tolerance {tolerance_mm:g} mm)."
        )
    raise ImageError(
        "IMG-104",
        problem,
        subject=subject,
        seen=f"image {_describe(image)}, labels {_describe(labels)}",
        advice="resample the labels onto the image (nearest neighbour), or check the export",
    )


def resample_labels(labels: LabelVolume, onto: Grid) -> LabelVolume:
    """Give each voxel of a grid the label of the nearest voxel of a label map.

    Parameters
    ----------
    labels : LabelVolume
        The label map.
    onto : Volume or LabelVolume
        The grid that is wanted.

    Returns
    -------
    LabelVolume
        On the grid of ``onto``; 0 outside the label map. Between two voxels the one with the higher index is
        taken. Where the grids' axes are parallel, each axis is looked up once and nothing is interpolated.

    Raises
    ------
    ImageError
        IMG-105, no label lies inside the grid: they are in different spaces.

    Examples
    --------
    >>> labels = LabelVolume(np.arange(1, 9).reshape(2, 2, 2), np.diag([2.0, 2.0, 2.0, 1.0]))
    >>> fine = np.diag([1.0, 1.0, 1.0, 1.0])
    >>> resample_labels(labels, LabelVolume(np.zeros((3, 2, 1)), fine)).voxels[:, 0, 0]
    array([1, 5, 5], dtype=int32)
    """
    if same_grid(labels, onto, 0.0):
        return labels
    to_labels = np.linalg.inv(labels.affine) @ onto.affine
    matrix, start = to_labels[:3, :3], to_labels[:3, 3]
    tilt = np.abs(matrix - np.diag(matrix.diagonal())) @ np.array(onto.shape, dtype=np.float64)
    if tilt.max() < _ALIGNED:
        voxels = _by_axis(labels.voxels, matrix.diagonal(), start, onto.shape)
    else:
        from scipy.ndimage import affine_transform

        voxels = affine_transform(
            labels.voxels, matrix, start, output_shape=onto.shape, order=0, mode="constant", cval=0
        )
    if not voxels.any():
        raise ImageError(
            "IMG-105",
            "no label lies inside the image.",
            seen=f"labels {_describe(labels)}, image {_describe(onto)}",
            advice="bring the image into the space of the atlas, or give labels in the image's own space",
        )
    return LabelVolume(voxels, onto.affine)


def _by_axis(
    voxels: npt.NDArray[np.int32],
    steps: npt.NDArray[np.float64],
    start: npt.NDArray[np.float64],
    shape: tuple[int, int, int],
) -> npt.NDArray[np.int32]:
    """Look labels up along parallel axes; outside of the map they are 0."""
    result = np.zeros(shape, dtype=np.int32, order="F")
    inside, taken = [], []
    for axis in range(3):
        # Six decimals keep rounding errors from changing a half, which is frequent between two regular grids.
        exact = np.round(steps[axis] * np.arange(shape[axis]) + start[axis], 6)
        nearest = np.floor(exact + 0.5).astype(np.int64)
        valid = np.flatnonzero((nearest >= 0) & (nearest < voxels.shape[axis]))
        inside.append(valid)
        taken.append(nearest[valid])
    result[np.ix_(*inside)] = voxels[np.ix_(*taken)]
    return result


def _describe(grid: Grid) -> str:
    counts = " × ".join(str(count) for count in grid.shape)
    edges = " × ".join(f"{edge:.4g}" for edge in grid.spacing)
    origin = ", ".join(f"{mm:.4g}" for mm in grid.affine[:3, 3])
    return f"{counts} voxels of {edges} mm, origin ({origin})"
