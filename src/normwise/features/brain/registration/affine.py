"""The affine from the template to a head: least squares on brightness, from coarse to fine.

Both are T1-weighted brains without skull, so up to noise one brightness is a straight line of the other. Then
the affine that maximises their correlation is the least-squares fit of the template by ``gain · head +
offset``, for which Gauss–Newton needs a few dozen steps (Lucas and Kanade 1981, in three dimensions).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from normwise.errors import FeatureError
from normwise.features.brain.grids import box_affine, crop
from normwise.features.brain.registration.reference import (
    Reference,
    block_mean,
    load_reference,
    moved,
    to_voxels,
)
from normwise.features.brain.settings import ChainSettings

__all__ = ["align", "fit_affine", "measure_pose"]

_COARSE, _FINE = 8, 4  # mm of the two levels, where the template has 1 mm
_STEPS = {8: 30, 4: 30}
_CONVERGED_MM = 0.01  # no corner of the brain moves further in a step
_TILTS = (-0.35, 0.0, 0.35)  # radians: rotations of the head that the moments don't show
_DAMPING = 1e-3
_HEAD_SIZES = (0.7, 0.85)  # edge of a brain as a share of what bounds it with skull and scalp


def align(arrays: Mapping[str, NDArray[Any]], settings: ChainSettings) -> dict[str, NDArray[Any]]:
    """Find the affine from the template's to the head's millimetres.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        ``corrected``, ``mask``, ``box``, ``head_affine``.
    settings : ChainSettings
        Its ``template``.

    Returns
    -------
    dict of str to ndarray
        ``template_to_head``, shape (4, 4); ``affine_fit`` and ``flip_misfits``, see `measure_pose`.

    Raises
    ------
    FeatureError
        FEA-517, the brain is too little, or too flat, to be placed.
    """
    brain = arrays["corrected"] * crop(arrays["mask"], arrays["box"])
    affine = box_affine(arrays["head_affine"], arrays["box"])
    reference = load_reference(settings.template)
    fitted = fit_affine(reference, brain, affine)
    with np.errstate(all="ignore"), suppress(np.linalg.LinAlgError):
        return {"template_to_head": fitted, **measure_pose(reference, brain, affine, fitted)}
    raise _unplaced(brain)


def _unplaced(brain: NDArray[np.float32]) -> FeatureError:
    inside = brain[brain > 0]
    return FeatureError(
        "FEA-517",
        "the brain can't be placed on the template.",
        seen=f"{inside.size} of its voxels are brighter than 0, "
        f"from {inside.min(initial=np.inf):.4g} to {inside.max(initial=0):.4g}",
        expected="a T1-weighted brain, brighter than 0",
        advice="look at the image: it may be a mask, or empty where the brain is",
    )


def measure_pose(
    reference: Reference, brain: NDArray[np.float32], affine: NDArray[np.float64], fitted: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """Measure how well a brain fits the template at 8 mm, and whether it would fit better turned over.

    Parameters
    ----------
    reference, brain, affine
        As of `fit_affine`.
    fitted : ndarray of shape (4, 4)
        What it found.

    Returns
    -------
    dict of str to ndarray
        ``affine_fit``, shape (1,): correlation of template and head. ``flip_misfits``, shape (3,): the
        variance that the fit leaves over what one leaves that starts half a turn about x, y or z away. Above
        1 the head fits better turned.
    """
    from scipy.spatial.transform import Rotation

    level = _Level(reference, brain, affine, _COARSE)
    left = level.fit(fitted, 12)[1]
    ratios = []
    for axis in "xyz":
        turn = np.eye(4)
        turn[:3, :3] = Rotation.from_euler(axis, np.pi).as_matrix()
        turn[:3, 3] = level.middle - turn[:3, :3] @ level.middle
        turned, _ = level.fit(fitted @ turn, 7)
        ratios.append(left / max(level.fit(turned, 12)[1], 1e-9))
    return {"affine_fit": np.array([np.sqrt(max(1 - left, 0.0))]), "flip_misfits": np.array(ratios)}


def fit_affine(
    reference: Reference,
    brain: NDArray[np.float32],
    affine: NDArray[np.float64],
    where: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64]:
    """Fit the affine from a reference to a stripped brain.

    Parameters
    ----------
    reference : Reference
        The template.
    brain : ndarray of shape (nx, ny, nz)
        Brightness, 0 outside.
    affine : ndarray of shape (4, 4)
        Its voxel to mm.
    where : ndarray of shape (nx, ny, nz), optional
        Voxels whose centre and volume start the fit; default: all brighter than 0. A head that is not
        stripped is larger than its brain, so with ``where`` the start is also tried smaller.

    Returns
    -------
    ndarray of shape (4, 4)
        From the reference's mm to the brain's mm.

    Raises
    ------
    FeatureError
        FEA-517, the brain is too little, or too flat, to be placed.
    """
    inside = brain > 0 if where is None else where
    # What can't be placed is no number somewhere, or its equations have no solution.
    with np.errstate(all="ignore"), suppress(np.linalg.LinAlgError):
        if inside.any():
            fitted = _fit(reference, brain, affine, inside, (1.0,) if where is None else _HEAD_SIZES)
            if np.isfinite(fitted).all():
                return fitted
    raise _unplaced(brain)


def _fit(
    reference: Reference,
    brain: NDArray[np.float32],
    affine: NDArray[np.float64],
    inside: NDArray[np.bool_],
    sizes: Sequence[float],
) -> NDArray[np.float64]:
    start = _moments(reference, inside, affine)
    level = _Level(reference, brain, affine, _COARSE)
    fits = [level.fit(rotated, 7) for size in sizes for rotated in _rotated(start, reference, size)]
    best = min(fits, key=lambda pair: pair[1])[0]
    best, _ = level.fit(best, 12)
    best, _ = _Level(reference, brain, affine, _FINE).fit(best, 12)
    return best


def _moments(
    reference: Reference, where: NDArray[np.bool_], affine: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Put centre on centre and volume on volume."""
    inside = np.argwhere(where)
    centre = affine[:3, :3] @ inside.mean(axis=0) + affine[:3, 3]
    volume = len(inside) * abs(np.linalg.det(affine[:3, :3]))
    middle = reference.affine[:3, :3] @ np.argwhere(reference.mask).mean(axis=0) + reference.affine[:3, 3]
    start = np.eye(4)
    start[:3, :3] *= (volume / reference.volume_mm3) ** (1 / 3)
    start[:3, 3] = centre - start[:3, :3] @ middle
    return start


def _rotated(start: NDArray[np.float64], reference: Reference, size: float) -> list[NDArray[np.float64]]:
    from scipy.spatial.transform import Rotation

    middle = reference.affine[:3, :3] @ np.argwhere(reference.mask).mean(axis=0) + reference.affine[:3, 3]
    starts = []
    for nod, turn in product(_TILTS, _TILTS):
        rotation = np.eye(4)
        rotation[:3, :3] = size * Rotation.from_euler("xz", [nod, turn]).as_matrix()
        rotation[:3, 3] = middle - rotation[:3, :3] @ middle
        starts.append(start @ rotation)
    return starts


class _Level:
    """Both brains at one spacing, and Gauss–Newton on them."""

    def __init__(
        self, reference: Reference, brain: NDArray[np.float32], affine: NDArray[np.float64], spacing_mm: float
    ) -> None:
        from scipy.ndimage import binary_dilation, gaussian_filter

        fixed = reference.coarser(round(spacing_mm / np.linalg.norm(reference.affine[:3, 0])))
        inside = binary_dilation(fixed.mask, iterations=2)
        self.points = moved(fixed.affine, np.argwhere(inside).T.astype(np.float32))
        blurred = gaussian_filter(fixed.t1, 0.5)[inside]
        self.wanted = (blurred - blurred.mean()) / blurred.std()
        self.middle = self.points.mean(axis=1, dtype=np.float64)
        self.extent = float(np.abs(self.points - self.middle[:, None].astype(np.float32)).max())
        factor = max(round(spacing_mm / 2 / np.linalg.norm(affine[:3, 0])), 1)
        self.brain = block_mean(brain, factor)
        self.affine = affine.copy()
        self.affine[:3, 3] += affine[:3, :3] @ np.full(3, (factor - 1) / 2)
        self.affine[:3, :3] *= factor
        sigma = spacing_mm * 0.6 / np.linalg.norm(self.affine[:3, :3], axis=0)
        self.brain = gaussian_filter(self.brain, sigma)
        self.slopes = [np.asarray(slope, np.float32) for slope in np.gradient(self.brain)]
        self.most = _STEPS[int(spacing_mm)]

    def fit(self, matrix: NDArray[np.float64], freedom: int) -> tuple[NDArray[np.float64], float]:
        """Return the fitted affine and the share of the template's variance that is left."""
        local = (self.points - self.middle[:, None].astype(np.float32)) / np.float32(self.extent)
        matrix, left = matrix.copy(), np.inf
        damping = _DAMPING
        trial = matrix
        for _ in range(self.most):
            residual, columns = self._linear(trial, local, freedom)
            now = float((residual**2).mean())
            if now < left:
                gained = left - now
                matrix, left, damping = trial, now, damping / 3
                normal, gradient = columns @ columns.T, columns @ residual
                if gained < 1e-5:
                    break
            else:
                damping *= 10
                if damping > 1e3:
                    break
            damped = normal + damping * np.diag(normal.diagonal())
            step = np.asarray(np.linalg.solve(damped, -gradient), dtype=np.float64)
            if np.abs(step[2:]).max() < _CONVERGED_MM:
                break
            trial = matrix @ self._motion(step[2:], freedom)
        return matrix, left

    def _linear(
        self, matrix: NDArray[np.float64], local: NDArray[np.float32], freedom: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        from scipy.ndimage import map_coordinates

        places = to_voxels(self.affine, moved(matrix, self.points))
        values = map_coordinates(self.brain, places, order=1)
        shared = np.stack([values, np.ones_like(values)])
        gain, offset = np.linalg.lstsq(shared.T.astype(np.float64), self.wanted, rcond=None)[0]
        residual = gain * values + offset - self.wanted
        slope = np.stack([map_coordinates(part, places, order=1) for part in self.slopes])
        rotation = (np.linalg.inv(self.affine) @ matrix)[:3, :3]
        gradient = gain * (rotation.T @ slope)  # per mm of a motion of the template's point
        motion = _generators(freedom)
        columns = [
            sum(
                gradient[axis]
                * (sum(local[k] * part[axis, k] for k in range(3) if part[axis, k]) + part[axis, 3])
                for axis in range(3)
                if part[axis].any()
            )
            for part in motion
        ]
        return residual.astype(np.float64), np.stack([*shared, *columns]).astype(np.float64)

    def _motion(self, step: NDArray[np.float64], freedom: int) -> NDArray[np.float64]:
        """Return the affine that moves the template's points by a step; steps are mm at the brain's rim."""
        change = np.tensordot(step, _generators(freedom), axes=1)
        matrix = np.eye(4)
        matrix[:3, :3] += change[:, :3] / self.extent
        if freedom == 7:  # a rotation and one scale stay so
            left, scale, right = np.linalg.svd(matrix[:3, :3])
            matrix[:3, :3] = left @ right * scale.mean()
        matrix[:3, 3] = change[:, 3] + self.middle - matrix[:3, :3] @ self.middle
        return matrix


def _generators(freedom: int) -> NDArray[np.float64]:
    """Return 3 × 4 motions: shifts, then either rotations and one scale or all nine linear ones."""
    motions = np.zeros((freedom, 3, 4))
    for axis in range(3):
        motions[axis, axis, 3] = 1
    if freedom == 12:
        for number, (row, column) in enumerate(product(range(3), range(3))):
            motions[3 + number, row, column] = 1
    else:
        for number, (row, column) in enumerate(((0, 1), (0, 2), (1, 2))):
            motions[3 + number, row, column], motions[3 + number, column, row] = 1, -1
        motions[6, range(3), range(3)] = 1
    return motions
