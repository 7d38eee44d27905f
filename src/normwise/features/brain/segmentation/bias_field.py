"""The bias field, corrected by N4 (Tustison et al. 2010) of antspyx."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from normwise.features.brain.grids import crop
from normwise.features.brain.settings import ChainSettings, need_ants

__all__ = ["correct_bias"]

_ITERATIONS = {"fast": [30, 20, 10]}
_DEFAULT_ITERATIONS = [50, 50, 30, 20]
_TOLERANCE = 1e-6
_SHRINK_MM = 4.0


def correct_bias(arrays: Mapping[str, NDArray[Any]], settings: ChainSettings) -> dict[str, NDArray[Any]]:
    """Divide the head by the smooth field that sharpens its histogram.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        ``head``, ``head_affine``, ``mask``, ``box``.
    settings : ChainSettings
        Its ``quality`` and ``threads``.

    Returns
    -------
    dict of str to ndarray
        ``corrected``, float32, on the box's grid.

    Raises
    ------
    FeatureError
        FEA-514, antspyx is not installed.
    """
    ants = need_ants(settings.threads)
    inside = crop(arrays["mask"], arrays["box"])
    head = np.ascontiguousarray(crop(arrays["head"], arrays["box"]))
    spacing = tuple(float(edge) for edge in np.linalg.norm(arrays["head_affine"][:3, :3], axis=0))
    image = ants.from_numpy(np.maximum(head, 0), spacing=spacing)
    field = ants.n4_bias_field_correction(
        image,
        mask=ants.from_numpy(inside.astype(np.float32), spacing=spacing),
        shrink_factor=max(round(_SHRINK_MM / max(spacing)), 1),
        convergence={"iters": _ITERATIONS.get(settings.quality, _DEFAULT_ITERATIONS), "tol": _TOLERANCE},
        return_bias_field=True,
    ).numpy()
    brain = inside > 0
    # The field's scale is arbitrary: its geometric mean over the brain becomes 1.
    scale = np.exp(np.log(np.maximum(field[brain], 1e-6)).mean())
    return {"corrected": (head / np.maximum(field / scale, 0.1)).astype(np.float32)}
