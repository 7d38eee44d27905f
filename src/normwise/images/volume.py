"""Voxels with their place in the world: `Volume` for intensities, `LabelVolume` for label maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from normwise.errors import ImageError
from normwise.images.affines import spacing_of
from normwise.reprs import ShortRepr

__all__ = ["Grid", "LabelVolume", "Volume"]

_SPACING_TOLERANCE = 1e-3  # relative; the float32 affine of a NIfTI header is far finer


@dataclass(frozen=True, eq=False, repr=False)
class Grid(ShortRepr):
    """A box of voxels and its place in the world: what both kinds of volume share.

    Attributes
    ----------
    voxels : ndarray of shape (nx, ny, nz)
        The axes run to the right, to the front and upwards (RAS) in whatever a reader returns. It may be a
        view with any strides.
    affine : ndarray of shape (4, 4), float64
        From voxel indices to millimetres.
    spacing : tuple of three floats
        Edge lengths of a voxel in mm; taken from the affine where it is not given.
    """

    voxels: npt.NDArray[Any]
    affine: npt.NDArray[np.float64]
    spacing: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.voxels.ndim != 3:
            raise ImageError(
                "IMG-601",
                f"a volume has 3 axes, these voxels have {self.voxels.ndim}.",
                seen=f"shape {self.voxels.shape}",
                advice="give one volume of shape (nx, ny, nz)",
            )
        affine = np.asarray(self.affine, dtype=np.float64)
        if affine.shape != (4, 4) or not np.isfinite(affine).all() or np.linalg.det(affine[:3, :3]) == 0:
            raise ImageError(
                "IMG-602",
                "an affine is a finite, invertible matrix of shape (4, 4).",
                seen=f"{affine.tolist()}",
                advice="give the affine that maps voxel indices to millimetres",
            )
        spacing = spacing_of(affine)
        if self.spacing and not np.allclose(self.spacing, spacing, rtol=_SPACING_TOLERANCE):
            raise ImageError(
                "IMG-603",
                "the spacing and the affine disagree.",
                seen=f"spacing {tuple(self.spacing)} mm, affine {tuple(round(mm, 6) for mm in spacing)} mm",
                advice="leave the spacing out: it is taken from the affine",
            )
        object.__setattr__(self, "affine", affine)
        object.__setattr__(self, "spacing", spacing)

    def facts(self) -> dict[str, str]:
        """Return size and place; the voxels are what nobody wants to read."""
        return {
            "shape": " × ".join(map(str, self.shape)),
            "voxel": " × ".join(f"{mm:.3g}" for mm in self.spacing) + " mm",
            "values": f"{self.voxels.min():.4g} to {self.voxels.max():.4g}" if self.voxels.size else "none",
        }

    def _repr_html_(self) -> str:
        from normwise.images.slices import show_slices
        from normwise.reprs import block, facts_table

        pictures = show_slices(self.voxels, self.affine, labels=self.voxels.dtype.kind == "i")
        return block(type(self).__name__, facts_table(self.facts()), pictures)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of voxels along each axis."""
        nx, ny, nz = self.voxels.shape
        return nx, ny, nz

    @property
    def voxel_mm3(self) -> float:
        """Volume of one voxel in mm³: the determinant of the affine, right for tilted axes too."""
        return float(abs(np.linalg.det(self.affine[:3, :3])))

    def world(self, indices: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return where voxel indices lie.

        Parameters
        ----------
        indices : array-like of shape (..., 3)
            Voxel indices; fractions are allowed.

        Returns
        -------
        ndarray of shape (..., 3)
            Millimetres to the right, to the front and upwards.

        Examples
        --------
        >>> volume = Volume(np.zeros((2, 2, 2), np.float32), np.diag([2.0, 2.0, 2.0, 1.0]))
        >>> volume.world([1, 0, 0])
        array([2., 0., 0.])
        """
        points = np.asarray(indices, dtype=np.float64)
        return points @ self.affine[:3, :3].T + self.affine[:3, 3]


@dataclass(frozen=True, eq=False, repr=False)
class Volume(Grid):
    """Intensities: float32 voxels with their place in the world.

    See `Grid` for the attributes.

    Examples
    --------
    >>> volume = Volume(np.zeros((4, 5, 6)), np.diag([2.0, 2.0, 3.0, 1.0]))
    >>> volume.voxels.dtype.name, volume.shape, volume.spacing, volume.voxel_mm3
    ('float32', (4, 5, 6), (2.0, 2.0, 3.0), 12.0)
    """

    def __post_init__(self) -> None:
        object.__setattr__(self, "voxels", np.asarray(self.voxels, dtype=np.float32))
        super().__post_init__()


@dataclass(frozen=True, eq=False, repr=False)
class LabelVolume(Grid):
    """A label map: int32 voxels, 0 is background, with their place in the world.

    See `Grid` for the attributes.

    Examples
    --------
    >>> LabelVolume(np.ones((2, 2, 2), np.uint8), np.eye(4)).voxels.dtype.name
    'int32'
    """

    def __post_init__(self) -> None:
        object.__setattr__(self, "voxels", np.asarray(self.voxels, dtype=np.int32))
        super().__post_init__()
