"""Where the brain changes: places in MNI millimetres, the sulci, and how the ventricles widen."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from normwise.samples.template import Template

__all__ = ["Anatomy", "find_anatomy"]

# Centre lines of the right hemisphere in MNI mm (x to the right, y to the front, z up) and the SD of the
# Gaussian tube around them; the left hemisphere is the mirror image.
TUBES: dict[str, tuple[float, tuple[tuple[float, float, float], ...]]] = {
    "hippocampus": (4.5, ((23, -9, -20), (27, -20, -15), (28, -30, -9), (24, -38, -2))),
    "medial_temporal": (6.0, ((21, -2, -21), (23, -12, -30), (26, -26, -20))),
    "temporoparietal": (14.0, ((56, -30, -10), (48, -58, 34), (10, -62, 36))),
}
VENTRICLE_BOX = ((-38.0, 38.0), (-56.0, 38.0), (-6.0, 30.0))  # mm; holds the lateral ventricles only
REACH_MM = 14.0  # how far from a widening ventricle tissue still moves
SULCUS_MM = 3.0  # how far from fluid cortex counts as the bank of a sulcus


@dataclass(frozen=True)
class Anatomy:
    """How much a change of one place touches each voxel.

    Attributes
    ----------
    weights : dict of str to ndarray of shape (nx, ny, nz)
        Weight of each place that loses tissue, 0 to 1.
    widening : ndarray of shape (3, nx, ny, nz)
        Where to look in the template, in mm away from here, for ventricles one millimetre wider.
    """

    weights: dict[str, NDArray[np.float64]]
    widening: NDArray[np.float64]


def find_anatomy(template: Template) -> Anatomy:
    """Find the places that change on the template.

    Parameters
    ----------
    template : Template
        The average brain.

    Returns
    -------
    Anatomy
        Weights and the widening on the template's grid.
    """
    world = template.world()
    weights: dict[str, NDArray[np.float64]] = {}
    for name, (sd, line) in TUBES.items():
        right, left = (_tube(world, np.array(line, np.float64) * (side, 1, 1), sd) for side in (1, -1))
        if name == "temporoparietal":
            weights[name] = np.maximum(right, left)
        else:
            weights[f"{name}_left"], weights[f"{name}_right"] = left, right
    spacing = float(template.affine[0, 0])
    ventricles = _ventricles(template, world)
    outer_fluid = np.where(ventricles, 0.0, template.fluid)
    bank = ndimage.gaussian_filter(outer_fluid, SULCUS_MM / spacing)
    weights["sulci"] = np.clip(bank / np.percentile(bank[template.inside], 95), 0.0, 1.0)
    return Anatomy(weights, _widening(ventricles, spacing))


def _tube(world: NDArray[np.float64], line: NDArray[np.float64], sd: float) -> NDArray[np.float64]:
    """Return a Gaussian of the distance to a polyline, 1 on the line."""
    squared = np.full(world.shape[1:], np.inf)
    for start, end in pairwise(line):
        along = end - start
        offset = world - start[:, None, None, None]
        share = np.clip(np.einsum("i,i...->...", along, offset) / np.sum(along**2), 0.0, 1.0)
        nearest = offset - along[:, None, None, None] * share
        squared = np.minimum(squared, np.sum(nearest**2, axis=0))
    tube: NDArray[np.float64] = np.exp(-squared / (2.0 * sd**2))
    return tube


def _ventricles(template: Template, world: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return the lateral ventricles: the largest piece of fluid in the middle of the brain."""
    fluid = template.fluid > 0.5  # more fluid than anything else
    for axis, (low, high) in enumerate(VENTRICLE_BOX):
        fluid &= (world[axis] > low) & (world[axis] < high)
    pieces, _ = ndimage.label(fluid)
    largest = int(np.argmax(np.bincount(pieces.ravel())[1:])) + 1
    ventricles: NDArray[np.bool_] = pieces == largest
    return ventricles


def _widening(ventricles: NDArray[np.bool_], spacing: float) -> NDArray[np.float64]:
    """Return the displacement that moves the ventricles' wall outwards by one millimetre."""
    outside = ndimage.distance_transform_edt(~ventricles, sampling=spacing)
    within = ndimage.distance_transform_edt(ventricles, sampling=spacing)
    away = np.stack(np.gradient(ndimage.gaussian_filter(outside - within, 1.5), spacing))
    moved = -away * np.exp(-((outside / REACH_MM) ** 2))
    # Smooth, so that no voxel is torn where two walls face each other.
    return np.stack([ndimage.gaussian_filter(part, 1.0) for part in moved])
