"""The brain mask without a network: the template's mask, carried onto the whole head.

The affine is fitted on the whole head, within the template's brain and a rim of 4 mm. Skull and scalp lie
outside that rim where the fit is right, and pull at it only where it is wrong.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from normwise.features.brain.align import fit_affine
from normwise.features.brain.reference import load_reference, moved, sample

__all__ = ["mask_by_template"]

_BRIGHT = 0.15  # of the bright end: what is darker is air
_TOP_MM = 190.0  # from the crown down: a head without its neck


def mask_by_template(
    head: NDArray[np.float32], affine: NDArray[np.float64], template: Path | None
) -> NDArray[np.bool_]:
    """Return the voxels of a whole head that lie in the template's brain.

    Parameters
    ----------
    head : ndarray of shape (nx, ny, nz), float32
        The whole head, axes RAS.
    affine : ndarray of shape (4, 4)
        Its voxel to mm.
    template : Path or None
        As for `normwise.features.brain.reference.load_reference`.

    Returns
    -------
    ndarray of shape (nx, ny, nz), bool
        Rougher than a network's mask: it has the template's shape, and follows the person by an affine only.
    """
    reference = load_reference(template)
    ceiling = np.float32(np.percentile(head, 99.5))
    bright = np.minimum(head, ceiling)
    solid = bright > _BRIGHT * ceiling
    levels = np.flatnonzero(solid.mean(axis=(0, 1)) > 0.02)
    if levels.size:
        height = float(np.linalg.norm(affine[:3, 2]))
        solid[:, :, : max(int(levels[-1] - _TOP_MM / height), 0)] = False
    fitted = fit_affine(reference, bright, affine, where=solid)
    onto = np.linalg.inv(fitted) @ affine
    found = np.zeros(head.shape, dtype=np.bool_)
    for x in range(head.shape[0]):  # a slice at a time: the head's coordinates would be ten times the head
        plane = np.indices((1, *head.shape[1:]), dtype=np.float32)
        plane[0] += x
        inside = sample(reference.mask.view(np.uint8), reference.affine, moved(onto, plane), order=0)
        found[x] = inside[0] > 0
    return found & (bright > 0)
