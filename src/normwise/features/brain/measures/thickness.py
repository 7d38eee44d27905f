"""Cortical thickness from distances in the partial-volume ribbon: for comparing people, no absolute length.

In a ribbon of thickness t the grey matter lies t / 2 from the white matter on average, whether or not the far
side can be seen. So twice the mean distance to white matter needs no outer surface, which is lost where two
banks of a sulcus touch. A gyrus' crown counts a little more and a sulcus' floor a little less than its share.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from normwise.features.brain.settings import ChainSettings

__all__ = ["measure_thickness"]

_LONGEST_MM = 6.0  # no cortex is thicker
_HALF = 0.5


def measure_thickness(arrays: Mapping[str, NDArray[Any]], settings: ChainSettings) -> dict[str, NDArray[Any]]:
    """Measure twice the distance to white matter over the ribbon.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        ``grey``, ``white``, ``grey_territory``, ``head_affine``.
    settings : ChainSettings
        With ``fast`` nothing is measured.

    Returns
    -------
    dict of str to ndarray
        ``thickness``, float32, mm: 0 outside the ribbon. Its mean over a region, weighted by the share of
        grey matter, is the region's thickness.
    """
    from scipy.ndimage import distance_transform_edt

    grey, white = arrays["grey"], arrays["white"]
    thickness = np.zeros(grey.shape, dtype=np.float32)
    core = white >= _HALF
    if settings.quality == "fast" or not core.any():
        return {"thickness": thickness}
    spacing = np.linalg.norm(arrays["head_affine"][:3, :3], axis=0)
    edge = float(np.cbrt(np.prod(spacing)))
    ribbon = (arrays["grey_territory"] > 0) & (grey > 0) & ~core
    distance, (x, y, z) = distance_transform_edt(~core, sampling=spacing, return_indices=True)
    # A core voxel's white share tells where between the two centres the border runs; the grey part of a voxel
    # that holds white matter too lies on its far side.
    beyond = np.maximum(distance - edge * white[x, y, z] + edge / 2 * (1 - grey) * (white > 0), 0)
    ribbon &= beyond <= _LONGEST_MM / 2 + edge
    thickness[ribbon] = 2 * beyond[ribbon]
    return {"thickness": thickness}
