"""What does not change when a region is moved, turned or mirrored: moments, distances and a profile."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from normwise.features.shapes.mesh import Mesh

__all__ = ["distances", "moments", "profile"]

_SAMPLED = 512  # points of the surface of which all pairs are taken
_SLICES = 16  # along the major axis

Floats = NDArray[np.float64]


def moments(points: Floats, variances: Floats, vectors: Floats, radius: float) -> dict[str, float]:
    """Return invariants of the central moments of second to fourth order.

    Those of second order are the coefficients of the characteristic polynomial (Sadjadi and Hall 1980); of
    third and fourth order the norms of the moments as tensors, once scaled by the radius and once by the
    variances (Mardia 1970), so that all ellipsoids have the same.

    Parameters
    ----------
    points : ndarray of shape (n_voxels, 3)
        Centres of the voxels less their mean, mm.
    variances, vectors : ndarray
        From `normwise.features.shapes.morphology.principal_axes`.
    radius : float
        Of the sphere of the same volume, mm.
    """
    a, b, c = variances / radius**2
    third, vector, fourth, _ = _tensors(points / radius)
    skewness, _, kurtosis_norm, kurtosis = _tensors(points @ vectors / np.sqrt(variances))
    return {
        "moment_j1": float(a + b + c),
        "moment_j2": float(a * b + a * c + b * c),
        "moment_j3": float(a * b * c),
        "moment_3": third,
        "moment_3_vector": vector,
        "moment_4": fourth,
        "skewness": skewness,
        "kurtosis": kurtosis,
        "kurtosis_norm": kurtosis_norm,
    }


def _tensors(points: Floats) -> tuple[float, float, float, float]:
    """Return the norms of the third moments, of their trace and of the fourth ones, and the mean of r⁴."""
    x, y, z = points.T
    products = np.stack([x * x, y * y, z * z, x * y, x * z, y * z], axis=1)
    times = np.array([1.0, 1.0, 1.0, 2.0, 2.0, 2.0])  # xy stands for yx as well
    third = products.T @ points / len(points)
    fourth = products.T @ products / len(points)
    return (
        float(np.sqrt((times[:, None] * third**2).sum())),
        float(np.linalg.norm(third[:3].sum(axis=0))),
        float(np.sqrt((times[:, None] * times * fourth**2).sum())),
        float(fourth[:3, :3].sum()),
    )


def distances(mesh: Mesh, radius: float) -> dict[str, float]:
    """Return how far the surface is from the centre, and its points from each other (Osada et al. 2002).

    Parameters
    ----------
    mesh : Mesh
        The surface.
    radius : float
        Of the sphere of the same volume, mm, by which distances are divided.
    """
    from scipy.spatial.distance import pdist

    weights = mesh.vertex_areas / mesh.area
    centre = weights @ mesh.vertices
    radial = np.linalg.norm(mesh.vertices - centre, axis=1) / radius
    mean = float(weights @ radial)
    sd = float(np.sqrt(weights @ (radial - mean) ** 2))
    chosen = np.linspace(0, len(mesh.vertices) - 1, _SAMPLED).astype(np.int64)
    pairs = pdist(mesh.vertices[np.unique(chosen)]) / radius
    found = {
        "radial_mean": mean,
        "radial_sd": sd,
        "radial_skewness": float(weights @ (radial - mean) ** 3) / max(sd, 1e-9) ** 3,
        "radial_max": float(radial.max()),
        "radial_min": float(radial.min()),
        "pair_distance_mean": float(pairs.mean()),
        "pair_distance_sd": float(pairs.std()),
    }
    for percent, value in zip((10, 25, 50, 75, 90), np.percentile(pairs, (10, 25, 50, 75, 90)), strict=True):
        found[f"pair_distance_p{percent}"] = float(value)
    return found


def profile(points: Floats, vectors: Floats) -> dict[str, float]:
    """Return how the volume is spread along the major axis, in slices of equal thickness.

    Parameters
    ----------
    points : ndarray of shape (n_voxels, 3)
        Centres of the voxels less their mean, mm.
    vectors : ndarray of shape (3, 3)
        From `normwise.features.shapes.morphology.principal_axes`.
    """
    along = points @ vectors[:, 0]
    low, high = along.min(), along.max()
    shares = np.histogram(along, _SLICES, (low, high))[0] / len(along) * _SLICES
    return {
        "profile_peak": float(shares.max()),
        "profile_sd": float(shares.std()),
        "profile_asymmetry": float(abs((low + high) / 2) / (high - low)),
    }
