"""Three slices of a volume as pictures, for a notebook."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt

from normwise.images.affines import canonical, spacing_of
from normwise.reprs import picture

__all__ = ["show_slices"]

_LARGEST = 180  # pixels of the longer edge of a picture
_BRIGHTEST = 99.5  # percentile that is white: a few bright vessels must not darken the brain
_GOLDEN = 0.618  # steps of a hue circle that never come close to an earlier one
_PLANES = {
    "sagittal": (0, "posterior on the left, anterior on the right"),
    "coronal": (1, "the body's left on the left"),
    "axial": (2, "the body's left on the left"),
}


def show_slices(voxels: npt.NDArray[Any], affine: npt.NDArray[np.float64], *, labels: bool) -> str:
    """Return the middle slice of each plane as HTML.

    Parameters
    ----------
    voxels : ndarray of shape (nx, ny, nz)
        Intensities or labels, in any order of axes.
    affine : ndarray of shape (4, 4)
        From voxel indices to millimetres.
    labels : bool
        Whether each value has a colour of its own.
    """
    if voxels.size == 0:
        return ""
    standing, placed = canonical(voxels, affine)
    spacing = spacing_of(placed)
    shown = []
    for plane, (axis, sides) in _PLANES.items():
        middle = standing.shape[axis] // 2
        cut = standing.take(middle, axis).T[::-1]
        across, up = (spacing[other] for other in range(3) if other != axis)
        width, height = cut.shape[1] * across, cut.shape[0] * up
        scale = _LARGEST / max(width, height)
        size = (max(round(width * scale), 1), max(round(height * scale), 1))
        shown.append(
            picture(_png(_paint(cut, labels=labels), size), size, f"{plane} slice {middle}: {sides}")
        )
    note = "Sagittal, coronal and axial slice through the middle; left is left."
    return f'<div>{"".join(shown)}</div><p style="margin:0">{note}</p>'


def _paint(cut: npt.NDArray[Any], *, labels: bool) -> npt.NDArray[np.uint8]:
    if labels:
        from matplotlib.colors import hsv_to_rgb

        hue = cut * _GOLDEN % 1
        full = np.stack([hue, np.full(cut.shape, 0.6), np.where(cut == 0, 0.0, 0.9)], axis=-1)
        return np.asarray(hsv_to_rgb(full) * 255, dtype=np.uint8)
    finite = np.isfinite(cut)
    if not finite.any():
        return np.zeros(cut.shape, dtype=np.uint8)
    low, high = np.percentile(cut[finite].astype(np.float64), (100 - _BRIGHTEST, _BRIGHTEST))
    grey = (np.where(finite, cut, low).astype(np.float64) - low) / (high - low if high > low else 1.0)
    return np.asarray(np.clip(grey, 0, 1) * 255, dtype=np.uint8)


def _png(pixels: npt.NDArray[np.uint8], size: tuple[int, int]) -> bytes:
    from PIL import Image

    coloured = pixels.ndim == 3
    how = Image.Resampling.NEAREST if coloured else Image.Resampling.BILINEAR
    out = io.BytesIO()
    Image.fromarray(pixels).resize(size, how).save(out, "PNG", optimize=True)
    return out.getvalue()
