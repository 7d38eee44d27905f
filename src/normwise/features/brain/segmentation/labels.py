"""The atlas's labels on the head: propagated by the warp, then corrected by the person's own tissue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from normwise.features.atlases import region_name
from normwise.features.brain.grids import box_around, crop, restore
from normwise.features.brain.label_schemes import LabelScheme, load_labels, load_scheme
from normwise.features.brain.registration.reference import load_reference, sample
from normwise.features.brain.registration.warp import template_points
from normwise.features.brain.settings import ChainSettings

__all__ = ["decide_deep", "find_ventricles", "nearest_label", "propagate", "refine"]

_CORTEX_MM = 3.0
"""Grey matter so near to a propagated cortical label is cortex."""
_WHITE_MM = 6.0
_VENTRICLE_MM = 4.0
"""How far the person's own ventricle may reach beyond the propagated label."""
_HALF = 0.5
_DARK = ("hippocamp", "amygdala", "caudate", "accumbens")


def propagate(arrays: Mapping[str, NDArray[Any]], settings: ChainSettings) -> dict[str, NDArray[Any]]:
    """Propagate the atlas's labels to the head by nearest neighbour.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        ``mask``, ``box``, ``head_affine`` and the registration.
    settings : ChainSettings
        Its ``atlas``, ``lut`` and ``template``.

    Returns
    -------
    dict of str to ndarray
        ``propagated``, int32, 0 outside the mask; ``template_brain``, uint8: the mask's voxels that lie in
        the template's brain.
    """
    inside = crop(arrays["mask"], arrays["box"]) > 0
    points = template_points(arrays)
    atlas, reference = load_labels(settings), load_reference(settings.template)
    labels = np.zeros(inside.shape, dtype=np.int32)
    labels[inside] = sample(atlas.voxels, atlas.affine, points, order=0)
    brain = np.zeros(inside.shape, dtype=np.uint8)
    brain[inside] = sample(reference.mask.astype(np.uint8), reference.affine, points, order=0)
    return {"propagated": labels, "template_brain": brain}


def refine(arrays: Mapping[str, NDArray[Any]], settings: ChainSettings) -> dict[str, NDArray[Any]]:
    """Give every voxel the label that its tissue allows.

    Ventricles are connected fluid; deep nuclei lose fluid, and those as dark as cortex lose white matter;
    grey matter takes the nearest cortical label within 3 mm, white matter the nearest one of white matter.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        ``propagated``, ``csf``, ``grey``, ``white``, ``mask``, ``box``, ``head_affine``.
    settings : ChainSettings
        Its ``atlas`` and ``lut``.

    Returns
    -------
    dict of str to ndarray
        ``labels``, int32. ``grey_territory`` and ``white_territory``, int32: the region to which each voxel's
        grey and white share belong, which reach beyond the voxels that are mostly of one tissue.
    """
    propagated = arrays["propagated"]
    scheme = load_scheme(settings.atlas, settings.lut, propagated)
    spacing = np.linalg.norm(arrays["head_affine"][:3, :3], axis=0)
    inside = crop(arrays["mask"], arrays["box"]) > 0
    csf, grey, white = arrays["csf"], arrays["grey"], arrays["white"]
    ventricles = find_ventricles(propagated, csf, scheme, spacing)
    labels = np.where(ventricles > 0, ventricles, decide_deep(propagated, csf, white, scheme))
    free = inside & (labels == 0)
    grey_territory = np.where(free, nearest_label(propagated, scheme.cortex, spacing, _CORTEX_MM), 0)
    white_territory = np.where(free, nearest_label(propagated, scheme.white, spacing, _WHITE_MM), 0)
    tissue = np.stack([csf, grey, white]).argmax(axis=0)
    known = free & (csf + grey + white > _HALF)
    for kind, territory in ((1, grey_territory), (2, white_territory)):
        labels[known & (tissue == kind)] = territory[known & (tissue == kind)]
    if scheme.fluid:
        labels[known & (tissue == 0)] = scheme.fluid[0]
    return {"labels": labels, "grey_territory": grey_territory, "white_territory": white_territory}


def decide_deep(
    propagated: NDArray[np.int32], csf: NDArray[np.float32], white: NDArray[np.float32], scheme: LabelScheme
) -> NDArray[np.int32]:
    """Return the deep nuclei's propagated labels without the voxels that can't be theirs.

    Parameters
    ----------
    propagated : ndarray of shape (nx, ny, nz)
        Labels of the atlas.
    csf, white : ndarray of shape (nx, ny, nz)
        Shares of tissue.
    scheme : LabelScheme
        Which labels are deep.

    Returns
    -------
    ndarray of shape (nx, ny, nz), int32
        0 elsewhere. No nucleus holds fluid. Hippocampus, amygdala, caudate and accumbens are as dark as
        cortex and hold no white matter; putamen, pallidum, thalamus and brain stem are as bright as white
        matter in part, so that brightness decides nothing there.
    """
    deep = np.where(np.isin(propagated, scheme.deep) & (csf <= _HALF), propagated, 0).astype(np.int32)
    dark = [label for label in scheme.deep if any(word in scheme.names[label].lower() for word in _DARK)]
    deep[np.isin(deep, dark) & (white > _HALF)] = 0
    return deep


def nearest_label(
    labels: NDArray[np.int32], wanted: Sequence[int], spacing: NDArray[np.float64], reach_mm: float
) -> NDArray[np.int32]:
    """Return, at every voxel, the nearest of some labels.

    A warp finds the ribbon of the cortex only nearly; the nearest label covers the person's own ribbon.

    Parameters
    ----------
    labels : ndarray of shape (nx, ny, nz), int32
        Propagated labels.
    wanted : sequence of int
        Labels that count.
    spacing : ndarray of shape (3,)
        Voxel edges in mm.
    reach_mm : float
        Farther is 0.

    Returns
    -------
    ndarray of shape (nx, ny, nz), int32

    Examples
    --------
    >>> line = np.array([0, 0, 5, 0, 0, 0, 7], np.int32).reshape(7, 1, 1)
    >>> nearest_label(line, [5, 7], np.ones(3), 1.0).ravel()
    array([0, 5, 5, 5, 0, 7, 7], dtype=int32)
    """
    from scipy.ndimage import distance_transform_edt

    seeds = np.isin(labels, list(wanted))
    if not seeds.any():
        return np.zeros_like(labels)
    distance, (x, y, z) = distance_transform_edt(~seeds, sampling=spacing, return_indices=True)
    nearest: NDArray[np.int32] = np.where(distance <= reach_mm, labels[x, y, z], 0).astype(np.int32)
    return nearest


def find_ventricles(
    propagated: NDArray[np.int32], csf: NDArray[np.float32], scheme: LabelScheme, spacing: NDArray[np.float64]
) -> NDArray[np.int32]:
    """Return the ventricles: fluid connected with the propagated label and nearer to it than to the cortex.

    Parameters
    ----------
    propagated : ndarray of shape (nx, ny, nz), int32
        Labels of the atlas.
    csf : ndarray of shape (nx, ny, nz), float32
        Share of fluid.
    scheme : LabelScheme
        Which labels are ventricles; a choroid plexus counts as a part of its lateral ventricle.
    spacing : ndarray of shape (3,)
        Voxel edges in mm.

    Returns
    -------
    ndarray of shape (nx, ny, nz), int32
        Labels of ventricles, 0 elsewhere.
    """
    from scipy import ndimage

    whole = np.zeros_like(propagated)
    for label in scheme.ventricles:
        whole[propagated == label] = _ventricle_of(label, scheme)
    if not whole.any():
        return whole
    box = box_around(whole, int(np.ceil(2 * _VENTRICLE_MM / spacing.min())))
    start, fluid = crop(whole, box), crop(csf, box) > _HALF
    outer = np.isin(crop(propagated, box), [*scheme.cortex, *scheme.fluid])
    # Where the box holds no cortex nothing is nearer to it.
    to_outer = ndimage.distance_transform_edt(~outer, sampling=spacing) if outer.any() else np.inf
    distance, (x, y, z) = ndimage.distance_transform_edt(start == 0, sampling=spacing, return_indices=True)
    nearest = start[x, y, z]
    near = fluid & (distance <= _VENTRICLE_MM) & (distance < to_outer)
    ventricles = np.zeros_like(start)
    for label in np.unique(start[start > 0]):
        candidates = near & (nearest == label)
        pieces, _ = ndimage.label(candidates)
        connected = np.unique(pieces[candidates & (start == label)])
        ventricles[np.isin(pieces, connected[connected > 0])] = label
    return restore(ventricles, box, propagated.shape)


def _ventricle_of(label: int, scheme: LabelScheme) -> int:
    """Return the lateral ventricle on the side of a choroid plexus, or the label itself."""
    name = region_name(scheme.names[label])
    if "choroid" not in name:
        return label
    lateral = f"lateral_ventricle_{name.rpartition('_')[2]}"
    return next((other for other in scheme.ventricles if region_name(scheme.names[other]) == lateral), label)
