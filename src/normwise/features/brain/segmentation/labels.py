"""The atlas's labels on the head: carried over by the warp, then held against the person's own tissue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from normwise.features.brain.grids import crop
from normwise.features.brain.label_schemes import LabelScheme, label_scheme_of
from normwise.features.brain.registration.reference import (
    load_labels,
    load_names,
    load_reference,
    sample,
)
from normwise.features.brain.registration.warp import template_points
from normwise.features.brain.segmentation.cortex import nearest_label
from normwise.features.brain.segmentation.ventricles import find_ventricles
from normwise.features.brain.settings import ChainSettings

__all__ = ["propagate", "refine", "settle_deep"]

_CORTEX_MM = 3.0
"""Grey matter so near to a carried cortical label is cortex."""
_WHITE_MM = 6.0
_HALF = 0.5


def propagate(arrays: Mapping[str, NDArray[Any]], settings: ChainSettings) -> dict[str, NDArray[Any]]:
    """Carry the atlas's labels over by nearest neighbour.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        ``mask``, ``box``, ``head_affine`` and the registration.
    settings : ChainSettings
        Its ``atlas`` and ``template``.

    Returns
    -------
    dict of str to ndarray
        ``propagated``, int32, 0 outside the mask; ``template_brain``, uint8: the mask's voxels that lie in
        the template's brain.
    """
    inside = crop(arrays["mask"], arrays["box"]) > 0
    points = template_points(arrays)
    atlas, reference = load_labels(settings.atlas), load_reference(settings.template)
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
    carried = arrays["propagated"]
    names = load_names(settings.atlas, settings.lut)
    kinds = label_scheme_of(names or {int(label): f"label_{label}" for label in np.unique(carried) if label})
    spacing = np.linalg.norm(arrays["head_affine"][:3, :3], axis=0)
    inside = crop(arrays["mask"], arrays["box"]) > 0
    csf, grey, white = arrays["csf"], arrays["grey"], arrays["white"]
    ventricles = find_ventricles(carried, csf, kinds, spacing)
    deep = settle_deep(carried, csf, white, kinds)
    fixed = np.where(ventricles > 0, ventricles, deep)
    free = inside & (fixed == 0)
    cortex = np.where(free, nearest_label(carried, kinds.cortex, spacing, _CORTEX_MM), 0)
    marrow = np.where(free, nearest_label(carried, kinds.white, spacing, _WHITE_MM), 0)
    labels = fixed.copy()
    tissue = np.stack([csf, grey, white]).argmax(axis=0)
    known = free & (csf + grey + white > _HALF)
    labels[known & (tissue == 1)] = cortex[known & (tissue == 1)]
    labels[known & (tissue == 2)] = marrow[known & (tissue == 2)]
    if kinds.fluid:
        labels[known & (tissue == 0)] = kinds.fluid[0]
    return {"labels": labels, "grey_territory": cortex, "white_territory": marrow}


def settle_deep(
    carried: NDArray[np.int32], csf: NDArray[np.float32], white: NDArray[np.float32], kinds: LabelScheme
) -> NDArray[np.int32]:
    """Return the deep nuclei's carried labels without the voxels that can't be theirs.

    Parameters
    ----------
    carried : ndarray of shape (nx, ny, nz)
        Labels of the atlas.
    csf, white : ndarray of shape (nx, ny, nz)
        Shares of tissue.
    kinds : LabelScheme
        Which labels are deep.

    Returns
    -------
    ndarray of shape (nx, ny, nz), int32
        0 elsewhere. No nucleus holds fluid. Hippocampus, amygdala, caudate and accumbens are as dark as
        cortex and hold no white matter; putamen, pallidum, thalamus and brain stem are as bright as white
        matter in part, so there the atlas alone knows.
    """
    deep = np.where(np.isin(carried, kinds.deep) & (csf <= _HALF), carried, 0).astype(np.int32)
    dark = [
        label
        for label in kinds.deep
        if any(
            word in kinds.names[label].lower() for word in ("hippocamp", "amygdala", "caudate", "accumbens")
        )
    ]
    deep[np.isin(deep, dark) & (white > _HALF)] = 0
    return deep
