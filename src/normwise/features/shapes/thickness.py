"""How thick a region is from place to place, how deep, and how its skeleton branches."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from normwise.features.shapes.mesh import Mesh

__all__ = ["rays", "skeleton_and_depth", "weighted"]

_RAYS = 2000  # places of the surface at which thickness is measured
_STEP = 0.5  # of the shortest edge of a voxel
_PERCENTS = (5, 25, 50, 75, 95)

Floats = NDArray[np.float64]


def rays(mask: NDArray[np.bool_], smooth: Mesh, linear: Floats, spacing: float) -> tuple[Floats, Floats]:
    """Measure the thickness from places of the surface straight inwards to the other side.

    Parameters
    ----------
    mask : ndarray of shape (nx, ny, nz)
        The region.
    smooth : Mesh
        Its smooth surface: whence and whither.
    linear : ndarray of shape (3, 3)
        From voxel indices to millimetres.
    spacing : float
        The shortest edge of a voxel, mm.

    Returns
    -------
    thickness, areas : ndarray of shape (n_places,)
        mm, and the mm² that each place stands for.
    """
    from scipy.ndimage import map_coordinates

    chosen = np.unique(np.linspace(0, len(smooth.vertices) - 1, _RAYS).astype(np.int64))
    back = np.linalg.inv(linear).T
    field = np.pad(mask, 2).astype(np.float32)
    start = (smooth.vertices[chosen] @ back + 2).T
    step = -(smooth.vertex_normals[chosen] @ back).T * (_STEP * spacing)
    found = np.zeros(len(chosen))
    inside = np.arange(len(chosen))
    before = np.ones(len(chosen))
    number = 1
    while inside.size:  # outside of the grid it is 0, so that every ray ends
        number += 1  # the first step is still within the voxel's own edge
        values = map_coordinates(field, start[:, inside] + number * step[:, inside], order=1)
        out = values < 0.5
        left = before[out] - values[out]
        share = np.where(left > 0, (before[out] - 0.5) / np.maximum(left, 1e-9), 1.0)
        found[inside[out]] = (number - 1 + np.clip(share, 0, 1)) * _STEP * spacing
        inside, before = inside[~out], values[~out]
    return found, smooth.vertex_areas[chosen]


def weighted(prefix: str, unit: str, values: Floats, weights: Floats) -> dict[str, float]:
    """Return mean, SD and percentiles of weighted values.

    Parameters
    ----------
    prefix, unit : str
        Of the names, as ``thickness`` and ``_mm``.
    values, weights : ndarray of shape (n,)
        Values, and how much each counts.

    Examples
    --------
    >>> found = weighted("thickness", "_mm", np.array([1.0, 3.0]), np.array([3.0, 1.0]))
    >>> found["thickness_mean_mm"], found["thickness_p50_mm"], found["thickness_p95_mm"]
    (1.5, 1.0, 3.0)
    """
    shares = weights / weights.sum()
    mean = float(shares @ values)
    found = {
        f"{prefix}_mean{unit}": mean,
        f"{prefix}_sd{unit}": float(np.sqrt(shares @ (values - mean) ** 2)),
    }
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(shares[order])
    for percent in _PERCENTS:
        row = min(int(np.searchsorted(reached, percent / 100)), len(values) - 1)
        found[f"{prefix}_p{percent}{unit}"] = float(values[order[row]])
    return found


def skeleton_and_depth(
    mask: NDArray[np.bool_], spacing: tuple[float, ...], volume: float
) -> dict[str, float]:
    """Measure the depth under the surface, the thickness along the medial surface, and the skeleton.

    Parameters
    ----------
    mask : ndarray of shape (nx, ny, nz)
        The region.
    spacing : tuple of three floats
        Edges of a voxel, mm.
    volume : float
        Of the region, mm³.
    """
    from scipy.ndimage import distance_transform_edt, label, maximum_filter
    from skimage.morphology import skeletonize

    padded = np.pad(mask, 1)
    depth = distance_transform_edt(padded, sampling=spacing)
    edge = float(np.cbrt(np.prod(spacing)))
    within = depth[padded]
    medial = padded & (depth == maximum_filter(depth, 3))
    # From the middle of a voxel to the middle of the first outside: half a voxel too far on each side of an
    # odd number of voxels, right for an even one.
    widths = 2 * depth[medial] - edge / 2
    found = {
        "depth_mean_mm": float(within.mean()),
        "depth_sd_mm": float(within.std()),
        "depth_p90_mm": float(np.percentile(within, 90)),
        "depth_max_mm": float(within.max()),
        "inscribed_sphere_share": float(4 / 3 * np.pi * (within.max() - edge / 4) ** 3 / volume),
    }
    found |= weighted("medial_thickness", "_mm", widths, np.ones(len(widths)))
    found |= {
        "medial_thickness_max_mm": float(widths.max()),
        "medial_thickness_cv": float(widths.std() / widths.mean()),
        "medial_thickness_max_ratio": float(widths.max() / np.median(widths)),
    }
    bodies, count = label(padded, np.ones((3, 3, 3)))
    sizes = np.bincount(bodies[padded])
    found |= {"components": float(count), "largest_component_share": float(sizes.max() / sizes.sum())}
    return found | _branches(skeletonize(padded), spacing)


def _branches(skeleton: NDArray[np.bool_], spacing: tuple[float, ...]) -> dict[str, float]:
    """Measure the skeleton as a graph of neighbouring voxels, without its small loops."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components, dijkstra, minimum_spanning_tree
    from scipy.spatial import cKDTree

    places = np.argwhere(skeleton)
    names = ("skeleton_length_mm", "skeleton_longest_mm", "skeleton_ends", "skeleton_branchings")
    if len(places) < 2:
        return dict.fromkeys(names, 0.0)
    pairs = cKDTree(places).query_pairs(1.8, output_type="ndarray").astype(np.int32)  # across a corner √3
    lengths = np.linalg.norm((places[pairs[:, 0]] - places[pairs[:, 1]]) * np.array(spacing), axis=1)
    size = len(places)
    graph = coo_array((lengths, (pairs[:, 0], pairs[:, 1])), shape=(size, size))
    tree = minimum_spanning_tree(graph.tocsr())
    degrees = np.bincount(np.concatenate(tree.nonzero()), minlength=size)
    _, bodies = connected_components(tree, directed=False)
    start = int(np.argmax(bodies == np.bincount(bodies).argmax()))
    # Who goes from anywhere to the farthest point of a tree stands at an end of its longest way.
    far = dijkstra(tree, directed=False, indices=start)
    across = dijkstra(tree, directed=False, indices=int(np.where(np.isfinite(far), far, -1).argmax()))
    longest = float(across[np.isfinite(across)].max())
    counts = (float((degrees == 1).sum()), float((degrees > 2).sum()))
    return dict(zip(names, (float(tree.sum()), longest, *counts), strict=True))
