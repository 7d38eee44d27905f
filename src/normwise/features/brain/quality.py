"""Quality of each stage of a chain: measured values against stated limits.

The limits are wide: they are to catch a chain that went wrong, not an unusual person. Regions have half the
smallest to twice the largest volume of 291 healthy adults of 40 to 86 years (the IXI data set,
brain-development.org, segmented by DLMUSE); grey and white matter half to one and a half; the ventricles more
at both ends, for the young and for hydrocephalus. The intracranial range of 306 adults of 18 to 96 years in
OASIS-1 (1.12–1.99 l; Marcus et al. 2007) is widened by a fifth.

Pose, slices and mask have limits between what good heads measured (docs/benchmarks.md) and what was made of
them: turned over, with axes exchanged, with slices of 4 mm and more, with dura.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from normwise.features.brain.grids import box_around, crop
from normwise.features.feature_table import check_range
from normwise.results import Quality

__all__ = ["VOLUME_RANGES_ML", "check_chain", "check_contrast", "measure_sharpness"]

VOLUME_RANGES_ML = {
    "hippocampus": (1.3, 10.6),
    "amygdala": (0.3, 2.8),
    "caudate": (1.1, 9.8),
    "putamen": (1.5, 10.3),
    "pallidum": (0.45, 4.0),
    "thalamus": (2.7, 20.0),
    "lateral_ventricle": (0.5, 120.0),
}
"""Millilitres on one side, by the region's name without side; ``thalamus_proper`` counts as thalamus."""

_MASK_ML = (900.0, 2400.0)
_GREY_ML, _WHITE_ML = (220.0, 1250.0), (195.0, 1120.0)
_SCALE = (0.75, 1.35)  # edge of the template's brain to the person's: 0.42 to 2.5 in volume
_LEAST_BRAIN_DICE = 0.94  # the most shrunken brain of OASIS-1 reaches .952
_LONGEST_MM = 3.0
_LEAST_SHARPNESS = 0.65
_LEAST_FIT = 0.80  # shrunken brains of old people reach .84, and must not be those who are left out
_MOST_MISFIT = 1.0
_TURNS = ("upside down and back to front", "upside down", "back to front")
"""Half turns about the axis from left to right, from back to front, and upwards."""
_LEAST_WHITE_DICE = 0.45
_LEAST_CONTRAST = 0.8
_MOST_FOLDED = 0.01
_PURE = 0.9
_ML = 1000.0  # mm³
_SIDES = ("_left", "_right")


def check_chain(arrays: Mapping[str, NDArray[Any]], names: Mapping[int, str]) -> list[Quality]:
    """Check every stage that has run.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        A chain's arrays, as far as it came; see `normwise.features.brain.chain`.
    names : mapping of int to str
        Region of each label.

    Returns
    -------
    list of Quality
        In the order of the stages.
    """
    voxel_ml = float(abs(np.linalg.det(arrays["head_affine"][:3, :3]))) / _ML
    edges = np.linalg.norm(arrays.get("affine", arrays["head_affine"])[:3, :3], axis=0)
    longest = round(float(edges.max()), 3)  # 3 mm in a header of single precision are 3.0000002
    checks = [check_range("conform", "longest voxel edge", "mm", longest, None, _LONGEST_MM)]
    if "mask" in arrays:
        sharpness = measure_sharpness(arrays["head"], arrays["mask"] > 0, arrays["head_affine"])
        checks.append(
            check_range(
                "conform",
                "sharpness of the dullest axis",
                "of the middle one",
                sharpness,
                _LEAST_SHARPNESS,
                None,
            )
        )
        volume = float(np.count_nonzero(arrays["mask"])) * voxel_ml
        checks.append(check_range("mask", "brain mask", "ml", volume, *_MASK_ML))
    if "template_to_head" in arrays:
        with np.errstate(invalid="ignore"):
            scale = float(abs(np.linalg.det(arrays["template_to_head"][:3, :3]))) ** (1 / 3)
        checks.append(check_range("align", "scale of the template", "", scale, *_SCALE))
    if "affine_fit" in arrays:
        checks += _check_pose(float(arrays["affine_fit"][0]), arrays["flip_misfits"])
    if "forward" in arrays:
        folded = _folded_share(arrays["forward"], arrays["warp_affine"])
        checks.append(check_range("warp", "share of the warp that folds", "", folded, None, _MOST_FOLDED))
    if "white" in arrays:
        checks += _check_tissue(arrays, voxel_ml)
    if "template_brain" in arrays:
        brain = crop(arrays["mask"], arrays["box"]) > 0
        dice = _dice(brain, arrays["template_brain"] > 0)
        checks.append(
            check_range("propagate", "overlap of mask and template", "Dice", dice, _LEAST_BRAIN_DICE, 1.0)
        )
    if "propagated" in arrays and "white" in arrays:
        checks += _check_white(arrays, names)
    if "labels" in arrays:
        checks += _check_volumes(arrays["labels"], names, voxel_ml)
    return checks


def _check_pose(fit: float, misfits: NDArray[np.float64]) -> list[Quality]:
    fits = [check_range("align", "fit of the template", "correlation", fit, _LEAST_FIT, 1.0)]
    return fits + [
        check_range("align", f"misfit upright over {turn}", "", float(misfit), None, _MOST_MISFIT)
        for turn, misfit in zip(_TURNS, misfits, strict=True)
    ]


_STEP_MM = 2.0  # finer detail differs with the scanner's own smoothing, and no region needs it


def measure_sharpness(
    head: NDArray[np.float32], mask: NDArray[np.bool_], affine: NDArray[np.float64]
) -> float:
    """Measure how sharp a head is along its dullest axis, its middle axis being 1.

    Slices of 4 mm and more that were resampled to a finer grid are dull across them, whatever the header
    says.

    Parameters
    ----------
    head : ndarray of shape (nx, ny, nz)
        The head.
    mask : ndarray of shape (nx, ny, nz), bool
        The brain.
    affine : ndarray of shape (4, 4)
        Voxel to mm.

    Returns
    -------
    float
        Sharpness along an axis is the root of the mean square of second differences over 2 mm, times the
        share of neighbours that differ at all: repeated slices are no detail.
    """
    box = box_around(mask, 0)
    voxels, inside = crop(head, box), crop(mask, box)
    sharpness = []
    for axis, edge in enumerate(np.linalg.norm(affine[:3, :3], axis=0)):
        along, within = np.moveaxis(voxels, axis, 0), np.moveaxis(inside, axis, 0)
        lag = max(int(_STEP_MM / edge + 1e-3), 1)
        detail = _second_difference(along, within, lag)
        if lag * edge < _STEP_MM - 1e-2:
            part = (_STEP_MM - lag * edge) / edge
            detail += part * (_second_difference(along, within, lag + 1) - detail)
        both = within[1:] & within[:-1]
        differing = (along[1:] != along[:-1])[both].mean() if both.any() else np.nan
        sharpness.append(detail * float(differing))
    low, middle, _ = sorted(sharpness)
    return low / middle if middle > 0 else float("nan")


def _second_difference(voxels: NDArray[np.float32], inside: NDArray[np.bool_], lag: int) -> float:
    if len(voxels) <= 2 * lag:
        return float("nan")
    before, here, after = slice(None, -2 * lag), slice(lag, -lag), slice(2 * lag, None)
    within = inside[before] & inside[here] & inside[after]
    change = (voxels[before] - 2 * voxels[here] + voxels[after])[within].astype(np.float64)
    return float(np.sqrt((change**2).mean())) if change.size else float("nan")


def _check_tissue(arrays: Mapping[str, NDArray[Any]], voxel_ml: float) -> list[Quality]:
    values, grey, white = arrays["corrected"], arrays["grey"], arrays["white"]
    return [
        check_contrast(*(values[share > _PURE] for share in (grey, white))),
        check_range("tissue", "grey matter", "ml", float(grey.sum(dtype=np.float64)) * voxel_ml, *_GREY_ML),
        check_range(
            "tissue", "white matter", "ml", float(white.sum(dtype=np.float64)) * voxel_ml, *_WHITE_ML
        ),
    ]


def check_contrast(grey: NDArray[np.floating[Any]], white: NDArray[np.floating[Any]]) -> Quality:
    """Check how far white matter is brighter than grey matter, in standard deviations.

    Parameters
    ----------
    grey, white : ndarray of shape (n_voxels,)
        Intensities in voxels of one tissue.

    Examples
    --------
    >>> check_contrast(np.array([60.0, 64.0]), np.array([98.0, 102.0])).value
    19.0
    """
    grey, white = np.asarray(grey, dtype=np.float64), np.asarray(white, dtype=np.float64)
    contrast = 0.0
    if min(len(grey), len(white)) > 1:
        spread = np.sqrt((grey.var() + white.var()) / 2)
        contrast = float((white.mean() - grey.mean()) / max(spread, 1e-9))
    return check_range("tissue", "contrast of white to grey matter", "SD", contrast, _LEAST_CONTRAST, None)


def _check_white(arrays: Mapping[str, NDArray[Any]], names: Mapping[int, str]) -> list[Quality]:
    """Compare the warped template's white matter with the person's own, where the atlas has one."""
    labels = [label for label, name in names.items() if "cerebral_white_matter" in name]
    if not labels:
        return []
    dice = _dice(np.isin(arrays["propagated"], labels), arrays["white"] > 0.5)
    return [
        check_range("propagate", "overlap of white matter and template", "Dice", dice, _LEAST_WHITE_DICE, 1.0)
    ]


def _check_volumes(labels: NDArray[Any], names: Mapping[int, str], voxel_ml: float) -> list[Quality]:
    counts = np.bincount(labels.ravel(), minlength=max(names, default=0) + 1)
    checks = []
    for label, name in names.items():
        side = next((side for side in _SIDES if name.endswith(side)), None)
        region = name.removesuffix(side).removesuffix("_proper") if side else ""
        if region in VOLUME_RANGES_ML:
            volume = float(counts[label]) * voxel_ml
            low, high = VOLUME_RANGES_ML[region]
            checks.append(check_range("labels", name.replace("_", " "), "ml", volume, low, high))
    return checks


def _folded_share(forward: NDArray[Any], affine: NDArray[Any]) -> float:
    """Return the share of the warp's voxels whose Jacobian determinant is not positive."""
    spacing = np.sqrt((affine[:3, :3] ** 2).sum(axis=0))
    jacobian = np.empty((*forward.shape[:3], 3, 3), dtype=np.float32)
    for axis in range(3):
        jacobian[..., axis] = np.gradient(forward, spacing[axis], axis=axis)
    # Steps are along the grid's axes, displacements along the world's: both are expressed in the world's.
    rotation = np.linalg.inv(affine[:3, :3] / spacing).astype(np.float32)
    with np.errstate(invalid="ignore"):  # a field that is no number folds everywhere
        determinants = np.linalg.det(jacobian @ rotation + np.eye(3, dtype=np.float32))
    return float(1 - (determinants > 0).mean())


def _dice(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    total = np.count_nonzero(one) + np.count_nonzero(other)
    return 2 * np.count_nonzero(one & other) / total if total else 0.0
