"""The work of one process on one mask or label map: the shape of every region."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from normwise.features.shapes.mesh import Mesh, curvature, make_mesh, smooth
from normwise.features.shapes.moments import distances, moments, profile
from normwise.features.shapes.morphology import axes, densities, forms, principal_axes
from normwise.features.shapes.names import MEASURES
from normwise.features.shapes.thickness import rays, skeleton_and_depth, weighted
from normwise.images import read_labels

__all__ = ["SHAPE_VERSION", "measure_map_shapes", "measure_shape"]

SHAPE_VERSION = "1"
"""Raised whenever the numbers change: it keys the cache and the hash of the features."""

_FLAT = 1e-6  # of the shortest edge of a voxel squared: all voxels lie in one plane


def measure_map_shapes(image: str) -> dict[str, NDArray[Any]]:
    """Measure every region of one mask or label map.

    Parameters
    ----------
    image : str
        A file.

    Returns
    -------
    dict
        ``labels`` that are there, ``voxels`` of each, both of shape (n_labels,), and ``values`` of shape
        (n_labels, n_measures), in the order of `normwise.features.shapes.names.MEASURES`; NaN where it is not
        defined, see `measure_shape`.

    Raises
    ------
    ImageError
        The file can't be read; IMG-505, no voxel is in a region.
    """
    from scipy.ndimage import find_objects

    volume = read_labels(image)
    present, ranks = np.unique(volume.voxels, return_inverse=True)
    # Labels may be as large as 2³¹, so boxes are looked for by rank.
    ranks = ranks.reshape(volume.shape)
    rows, voxels = [], []
    for rank, box in enumerate(find_objects(ranks + 1)):
        if present[rank]:
            mask = ranks[box] == rank
            rows.append(list(measure_shape(mask, volume.affine).values()))
            voxels.append(int(mask.sum()))
    return {
        "labels": present[present != 0],
        "voxels": np.array(voxels),
        "values": np.array(rows, dtype=np.float64),
    }


def measure_shape(mask: NDArray[np.bool_], affine: NDArray[np.float64]) -> dict[str, float]:
    """Measure the shape of one region.

    Parameters
    ----------
    mask : ndarray of shape (nx, ny, nz)
        The region, with one voxel or more.
    affine : ndarray of shape (4, 4)
        From voxel indices to millimetres.

    Returns
    -------
    dict of str to float
        Every measure of `normwise.features.shapes.names.MEASURES`; where the region lies does not matter. A
        region whose voxels lie in one plane has volumes and an area; the rest is NaN.

    Examples
    --------
    >>> x, y, z = np.mgrid[-12:13, -12:13, -12:13]
    >>> ball = measure_shape(x**2 + y**2 + z**2 <= 100, np.eye(4))
    >>> f"{ball['volume_mm3']:.0f} {ball['diameter_mm']:.0f} {ball['elongation']:.2f}"
    '4148 21 1.00'
    """
    from scipy.ndimage import find_objects

    mask = mask[find_objects(np.asarray(mask, dtype=np.uint8))[0]].astype(bool)
    linear = np.asarray(affine, dtype=np.float64)[:3, :3]
    edges = np.linalg.norm(linear, axis=0)
    mesh = make_mesh(mask, linear)
    points = np.argwhere(mask) @ linear.T
    points -= points.mean(axis=0)
    variances, vectors = principal_axes(points)
    found = dict.fromkeys(MEASURES, np.nan)
    found |= forms(mesh, len(points) * abs(float(np.linalg.det(linear))))
    if variances[2] <= _FLAT * edges.min() ** 2:
        return found
    radius = float(np.cbrt(3 * found["volume_mm3"] / (4 * np.pi)))
    found |= axes(variances)
    found |= densities(mesh, variances, vectors, linear / edges)
    found |= moments(points, variances, vectors, radius) | profile(points, vectors)
    found |= distances(mesh, radius)
    even = smooth(mesh)
    found |= _curvatures(even, radius)
    thickness, weights = rays(mask, even, linear, float(edges.min()))
    found |= weighted("thickness", "_mm", thickness, weights)
    found |= skeleton_and_depth(mask, tuple(edges), found["volume_mm3"])
    assert list(found) == list(MEASURES), "every measure has a note, and the order of the notes"
    return found


def _curvatures(even: Mesh, radius: float) -> dict[str, float]:
    """Return how mean and Gaussian curvature are spread over the surface."""
    bent = curvature(even)
    areas = bent.areas
    spread = np.sqrt(np.maximum(bent.mean**2 - bent.gaussian, 0.0))
    first, second = bent.mean + spread, bent.mean - spread
    shape_index = 2 / np.pi * np.arctan2(first + second, np.maximum(first - second, 1e-9))
    curvedness = np.sqrt((first**2 + second**2) / 2)
    shares = areas / areas.sum()
    return (
        weighted("mean_curvature", "_per_mm", bent.mean, areas)
        | weighted("gaussian_curvature", "_per_mm2", bent.gaussian, areas)
        | weighted("curvedness", "_per_mm", curvedness, areas)
        | weighted("shape_index", "", shape_index, areas)
        | {
            "integral_mean_curvature_mm": bent.integral,
            "mean_curvature_of_sphere": bent.integral / (4 * np.pi * radius),
            "absolute_gaussian_curvature": float(areas @ abs(bent.gaussian)) / (4 * np.pi),
            "concave_share": float(shares[bent.mean < 0].sum()),
            "saddle_share": float(shares[bent.gaussian < 0].sum()),
            "euler_number": bent.euler,
        }
    )
