"""Smooth random fields from cubic B-splines: individual shape, and the uneven sensitivity of a coil."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline

__all__ = ["FieldBasis", "make_field_basis"]

# Mean square of a cubic B-spline over its shifts, 151/315 along each axis, scales a field to unit variance.
_VARIANCE = (151.0 / 315.0) ** 3


@dataclass(frozen=True)
class FieldBasis:
    """B-splines along each axis of a grid; a field is their product with random weights.

    Attributes
    ----------
    axes : tuple of three ndarrays, each of shape (voxels along the axis, knots)
        The splines.
    """

    axes: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]

    def draw(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """Draw one field.

        Parameters
        ----------
        rng : numpy.random.Generator
            Where the randomness comes from.

        Returns
        -------
        ndarray of shape (nx, ny, nz)
            Mean 0 and variance 1 over draws.
        """
        x, y, z = self.axes
        weights = rng.standard_normal((x.shape[1], y.shape[1], z.shape[1])) / np.sqrt(_VARIANCE)
        # One axis at a time: a thousand times fewer products than all three at once.
        along_x = np.einsum("ia,abc->ibc", x, weights)
        along_y = np.einsum("jb,ibc->ijc", y, along_x)
        field: NDArray[np.float64] = np.einsum("kc,ijc->ijk", z, along_y)
        return field


def make_field_basis(shape: tuple[int, int, int], spacing_mm: float, knot_mm: float) -> FieldBasis:
    """Make the splines for a grid.

    Parameters
    ----------
    shape : tuple of three int
        Voxels along each axis.
    spacing_mm : float
        Edge of a voxel, mm.
    knot_mm : float
        Distance of the knots, mm; a field changes over about this length.

    Returns
    -------
    FieldBasis
        Ready to draw from.

    Examples
    --------
    >>> basis = make_field_basis((12, 10, 8), 2.0, 8.0)
    >>> basis.draw(np.random.default_rng(0)).shape
    (12, 10, 8)
    """
    x, y, z = (_splines(count * spacing_mm, count, knot_mm) for count in shape)
    return FieldBasis((x, y, z))


def _splines(length_mm: float, count: int, knot_mm: float) -> NDArray[np.float64]:
    inner = int(np.ceil(length_mm / knot_mm)) + 1
    knots = np.arange(-3, inner + 4, dtype=np.float64) * knot_mm
    places = np.linspace(0.0, length_mm, count)
    splines: NDArray[np.float64] = BSpline.design_matrix(places, knots, 3).toarray()
    return splines
