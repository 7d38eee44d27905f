"""The template: brightness, shares of tissue and mask, on a grid of any spacing."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from normwise.errors import FeatureError
from normwise.features.brain.grids import box_affine, box_around, crop
from normwise.images import Volume, read_volume

__all__ = ["Reference", "block_mean", "load_reference", "moved", "sample", "to_voxels"]

_T1, _GREY, _WHITE = (f"mni_icbm152_{kind}_tal_nlin_sym_09a_converted.nii.gz" for kind in ("t1", "gm", "wm"))
_FLOOR = 0.05  # of the brightest: darker is outside a stripped template
_MARGIN_MM = 12.0  # around the brain: a warp may move its surface so far


@dataclass(frozen=True, eq=False)
class Reference:
    """A stripped template brain, cut to its box.

    Attributes
    ----------
    t1, grey, white : ndarray of shape (nx, ny, nz), float32
        Brightness, and the shares of grey and white matter.
    mask : ndarray of shape (nx, ny, nz), bool
        The brain with its fluid.
    affine : ndarray of shape (4, 4)
        Voxel to mm.
    """

    t1: NDArray[np.float32]
    grey: NDArray[np.float32]
    white: NDArray[np.float32]
    mask: NDArray[np.bool_]
    affine: NDArray[np.float64]

    @property
    def volume_mm3(self) -> float:
        """Volume inside the mask."""
        return float(self.mask.sum() * abs(np.linalg.det(self.affine[:3, :3])))

    def coarser(self, factor: int) -> Reference:
        """Return the means over cubes of ``factor`` voxels."""
        if factor == 1:
            return self
        affine = self.affine.copy()
        affine[:3, 3] += affine[:3, :3] @ np.full(3, (factor - 1) / 2)
        affine[:3, :3] *= factor
        mask = block_mean(self.mask.astype(np.float32), factor) >= 0.5
        t1, grey, white = (block_mean(part, factor) for part in (self.t1, self.grey, self.white))
        return Reference(t1, grey, white, mask, affine)


def block_mean(voxels: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Return the means over cubes; what is missing at the far edges counts as 0.

    Examples
    --------
    >>> block_mean(np.ones((4, 2, 2), np.float32), 2).ravel()
    array([1., 1.], dtype=float32)
    """
    padded = np.pad(voxels, [(0, -size % factor) for size in voxels.shape])
    shape = [part for size in padded.shape for part in (size // factor, factor)]
    mean: NDArray[np.float32] = padded.reshape(shape).mean(axis=(1, 3, 5)).astype(np.float32)
    return mean


@lru_cache(maxsize=2)
def load_reference(template: Path | None = None) -> Reference:
    """Load MNI152 2009a from the installed nilearn, which is not imported, or a person's own template.

    Parameters
    ----------
    template : Path or None
        A stripped T1-weighted brain.

    Returns
    -------
    Reference
        At 1 mm or the template's own spacing.

    Raises
    ------
    FeatureError
        FEA-511, a template without an outside.
    """
    if template is None:
        folder = _nilearn_data()
        t1, grey, white = (read_volume(folder / name) for name in (_T1, _GREY, _WHITE))
        return _cut(t1, _share(grey), _share(white))
    t1 = read_volume(template)
    return _cut(t1, *_guess_tissue(t1, template))


def _nilearn_data() -> Path:
    spec = importlib.util.find_spec("nilearn")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0]) / "datasets" / "data"


def _share(volume: Volume) -> NDArray[np.float32]:
    share: NDArray[np.float32] = (volume.voxels / volume.voxels.max()).astype(np.float32)
    return share


def _cut(t1: Volume, grey: NDArray[np.float32], white: NDArray[np.float32]) -> Reference:
    from scipy import ndimage

    bright = ndimage.binary_opening(t1.voxels > _FLOOR * t1.voxels.max())
    mask = ndimage.binary_fill_holes(ndimage.binary_closing(np.pad(bright, 3), iterations=2))
    mask = mask[3:-3, 3:-3, 3:-3]
    margin = round(_MARGIN_MM / min(t1.spacing))
    padding = [(margin, margin)] * 3
    parts = [np.pad(part, padding) for part in (t1.voxels, grey, white, mask)]
    affine = box_affine(t1.affine, np.array([[-margin] * 3, [0] * 3]))
    box = box_around(parts[3], margin)
    start = [np.ascontiguousarray(crop(part, box)) for part in parts]
    return Reference(start[0], start[1], start[2], start[3], box_affine(affine, box))


def _guess_tissue(t1: Volume, path: Path) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Estimate a template's tissue from its own brightness: three classes, blurred as an average brain is."""
    from scipy.ndimage import gaussian_filter

    inside = t1.voxels > _FLOOR * t1.voxels.max()
    if inside.mean() > 0.9:
        raise FeatureError(
            "FEA-511",
            "the template has no outside: it is not a brain without its skull.",
            subject=str(path),
            seen=f"{inside.mean():.0%} of its voxels are brighter than {_FLOOR:.0%} of the brightest",
            advice="give a T1-weighted template of the brain alone, 0 outside",
        )
    values = t1.voxels[inside]
    levels = np.percentile(values, [5, 45, 85])
    for _ in range(20):  # Lloyd's rounds, from where the three tissues of a T1 usually lie
        nearest = np.abs(values[:, None] - levels).argmin(axis=1)
        levels = np.array(
            [values[nearest == k].mean() if (nearest == k).any() else levels[k] for k in range(3)]
        )
    shares = []
    for k in (1, 2):
        hard = np.zeros(t1.shape, dtype=np.float32)
        hard[inside] = nearest == k
        shares.append(gaussian_filter(hard, 1.5 / np.array(t1.spacing)))
    return shares[0], shares[1]


def sample(
    voxels: NDArray[Any], affine: NDArray[np.float64], points: NDArray[np.float32], order: int = 1
) -> NDArray[Any]:
    """Return the values of a grid at points in mm, 0 outside.

    Parameters
    ----------
    voxels : ndarray of shape (nx, ny, nz)
        Values.
    affine : ndarray of shape (4, 4)
        Their grid.
    points : ndarray of shape (3, …)
        Millimetres.
    order : int
        0 for labels, 1 for anything else.
    """
    from scipy.ndimage import map_coordinates

    values: NDArray[Any] = map_coordinates(voxels, to_voxels(affine, points), order=order)  # 0 outside
    return values


def to_voxels(affine: NDArray[np.float64], points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return where points in mm lie on a grid, shape (3, …)."""
    inverse = np.asarray(np.linalg.inv(affine), dtype=np.float64)
    return moved(inverse, points)


def moved(matrix: NDArray[np.float64], points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Apply an affine to points of shape (3, …)."""
    result = matrix[:3, :3].astype(np.float32) @ points.reshape(3, -1)
    result += matrix[:3, 3].astype(np.float32)[:, None]
    return result.reshape(points.shape)
