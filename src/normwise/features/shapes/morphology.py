"""Size and form of a region as the Image Biomarker Standardisation Initiative defines them.

The reference manual (Zwanenburg et al., arXiv 1612.07003, section 3.1) says what each is; in brackets stands
its code there. ``tests/features/shapes`` holds them against the initiative's digital phantom.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from normwise.features.shapes.mesh import Mesh

__all__ = ["axes", "densities", "ellipsoid_area", "forms", "principal_axes"]

_DEGREES = 20

Floats = NDArray[np.float64]


def forms(mesh: Mesh, voxel_volume: float) -> dict[str, float]:
    """Return volume and surface, and how they compare with those of a sphere.

    Parameters
    ----------
    mesh : Mesh
        The surface.
    voxel_volume : float
        The count of voxels times the volume of one, mm³.
    """
    volume, area = mesh.volume, mesh.area
    sphere = 36 * np.pi * volume**2 / area**3
    return {
        "volume_mm3": volume,
        "voxel_volume_mm3": voxel_volume,
        "area_mm2": area,
        "surface_to_volume_per_mm": area / volume,
        "compactness_1": float(sphere**0.5 / (6 * np.pi)),
        "compactness_2": float(sphere),
        "spherical_disproportion": float(sphere ** (-1 / 3)),
        "sphericity": float(sphere ** (1 / 3)),
        "asphericity": float(sphere ** (-1 / 3) - 1),
    }


def principal_axes(points: Floats) -> tuple[Floats, Floats]:
    """Return the variances along the principal axes, the largest first, and the axes as columns.

    Parameters
    ----------
    points : ndarray of shape (n_voxels, 3)
        Centres of the voxels less their mean, mm; two or more.
    """
    variances, vectors = np.linalg.eigh(points.T @ points / max(len(points) - 1, 1))
    return np.maximum(variances[::-1], 0.0), vectors[:, ::-1]


def axes(variances: Floats) -> dict[str, float]:
    """Return the lengths of the principal axes, 4 √variance, and their ratios.

    Examples
    --------
    >>> axes(np.array([4.0, 1.0, 0.25]))
    {'major_axis_mm': 8.0, 'minor_axis_mm': 4.0, 'least_axis_mm': 2.0, 'elongation': 0.5, 'flatness': 0.25}
    """
    major, minor, least = (float(each) for each in 4 * np.sqrt(variances))
    return {
        "major_axis_mm": major,
        "minor_axis_mm": minor,
        "least_axis_mm": least,
        "elongation": minor / major,
        "flatness": least / major,
    }


def densities(mesh: Mesh, variances: Floats, vectors: Floats, frame: Floats) -> dict[str, float]:
    """Return the diameter, and how a region fills its boxes, its ellipsoid and its convex hull.

    Parameters
    ----------
    mesh : Mesh
        The surface.
    variances, vectors : ndarray
        From `principal_axes`.
    frame : ndarray of shape (3, 3)
        Unit vectors along the image's axes, as columns.
    """
    from scipy.spatial import ConvexHull
    from scipy.spatial.distance import pdist

    hull = ConvexHull(mesh.vertices)
    corners = mesh.vertices[hull.vertices]
    own, image = np.ptp(corners @ vectors, axis=0), np.ptp(corners @ frame, axis=0)
    half = 2 * np.sqrt(variances)
    solids = {
        "aabb": (float(image.prod()), _box_area(image)),
        "box": (float(own.prod()), _box_area(own)),
        "aee": (float(4 / 3 * np.pi * half.prod()), ellipsoid_area(half)),
        "hull": (float(hull.volume), float(hull.area)),
    }
    found = {"diameter_mm": float(pdist(corners).max())}
    for name, (volume, area) in solids.items():
        found[f"volume_density_{name}"] = mesh.volume / volume
        found[f"area_density_{name}"] = mesh.area / area
    return found


def _box_area(sides: Floats) -> float:
    return float(2 * (sides[0] * sides[1] + sides[0] * sides[2] + sides[1] * sides[2]))


def ellipsoid_area(half_axes: Floats) -> float:
    """Return the area that the initiative gives an ellipsoid: its series of 20 Legendre polynomials.

    It lies a few per cent below the true area of an elongated ellipsoid; who would compare values with other
    programs needs the same.

    Parameters
    ----------
    half_axes : ndarray of shape (3,)
        The largest first, mm.

    Examples
    --------
    >>> round(ellipsoid_area(np.array([2.0, 2.0, 2.0])) / (16 * np.pi), 12)
    1.0
    """
    major, minor, least = half_axes
    alpha, beta = 1 - (minor / major) ** 2, 1 - (least / major) ** 2  # squares of the two eccentricities
    # (αβ)^ν P_ν((α² + β²) / 2αβ) by the polynomials' own recurrence, which needs no division by αβ.
    before, term, total = 0.0, 1.0, 0.0
    for degree in range(_DEGREES + 1):
        total += term / (1 - 4 * degree**2)
        following = ((2 * degree + 1) * (alpha + beta) / 2 * term - degree * alpha * beta * before) / (
            degree + 1
        )
        before, term = term, following
    return float(4 * np.pi * major * minor * total)
