"""Ventricles: fluid that hangs together with the carried label and is nearer to it than to the cortex."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from normwise.features.atlases.region_names import region_name
from normwise.features.brain.grids import (
    box_around,
    crop,
    restore,
)
from normwise.features.brain.label_schemes import LabelScheme

__all__ = ["find_ventricles"]

_REACH_MM = 4.0
_HALF = 0.5


def find_ventricles(
    carried: NDArray[np.int32], csf: NDArray[np.float32], kinds: LabelScheme, spacing: NDArray[np.float64]
) -> NDArray[np.int32]:
    """Return the ventricles as the person's own fluid shows them.

    Parameters
    ----------
    carried : ndarray of shape (nx, ny, nz), int32
        Labels of the atlas.
    csf : ndarray of shape (nx, ny, nz), float32
        Share of fluid.
    kinds : LabelScheme
        Which labels are ventricles; a choroid plexus is a part of the ventricle in which it hangs.
    spacing : ndarray of shape (3,)
        Voxel edges in mm.

    Returns
    -------
    ndarray of shape (nx, ny, nz), int32
        Labels of ventricles, 0 elsewhere.
    """
    from scipy import ndimage

    own = np.zeros_like(carried)
    for label in kinds.ventricles:
        own[carried == label] = _host(label, kinds)
    if not own.any():
        return own
    box = box_around(own, int(np.ceil(2 * _REACH_MM / spacing.min())))
    own_here, carried_here, fluid = crop(own, box), crop(carried, box), crop(csf, box) > _HALF
    outer = np.isin(carried_here, [*kinds.cortex, *kinds.fluid])
    # Where the box holds no cortex nothing is nearer to it.
    to_outer = ndimage.distance_transform_edt(~outer, sampling=spacing) if outer.any() else np.inf
    distance, (x, y, z) = ndimage.distance_transform_edt(own_here == 0, sampling=spacing, return_indices=True)
    nearest = own_here[x, y, z]
    near = fluid & (distance <= _REACH_MM) & (distance < to_outer)
    found = np.zeros_like(own_here)
    for label in np.unique(own_here[own_here > 0]):
        candidates = near & (nearest == label)
        pieces, _ = ndimage.label(candidates)
        connected = np.unique(pieces[candidates & (own_here == label)])
        found[np.isin(pieces, connected[connected > 0])] = label
    return restore(found, box, carried.shape)


def _host(label: int, kinds: LabelScheme) -> int:
    """Return the lateral ventricle of a choroid plexus's own side, or the label itself."""
    name = region_name(kinds.names[label])
    if "choroid" not in name:
        return label
    side = name.rpartition("_")[2]
    hosts = [
        other for other in kinds.ventricles if region_name(kinds.names[other]) == f"lateral_ventricle_{side}"
    ]
    return hosts[0] if hosts else label
