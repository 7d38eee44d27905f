"""Quality of each stage of a chain: measured values against stated limits.

The limits are wide: they are to catch a chain that went wrong, not an unusual person. Regions have half the
smallest to twice the largest volume of 291 healthy adults of 40 to 86 years (the IXI data set,
brain-development.org, segmented by DLMUSE); grey and white matter half to one and a half; the ventricles more
at both ends, for the young and for hydrocephalus. The intracranial range of 306 adults of 18 to 96 years in
OASIS-1 (1.12–1.99 l; Marcus et al. 2007) is widened by a fifth.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from normwise.features.brain.grids import crop
from normwise.features.feature_table import check_range
from normwise.results import Quality

__all__ = ["VOLUME_RANGES_ML", "check_chain"]

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
_LEAST_BRAIN_DICE = 0.90
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
    checks: list[Quality] = []
    if "mask" in arrays:
        volume = float(np.count_nonzero(arrays["mask"])) * voxel_ml
        checks.append(check_range("mask", "brain mask", "ml", volume, *_MASK_ML))
    if "template_to_head" in arrays:
        with np.errstate(invalid="ignore"):
            scale = float(abs(np.linalg.det(arrays["template_to_head"][:3, :3]))) ** (1 / 3)
        checks.append(check_range("align", "scale of the template", "", scale, *_SCALE))
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


def _check_tissue(arrays: Mapping[str, NDArray[Any]], voxel_ml: float) -> list[Quality]:
    values, grey, white = arrays["corrected"], arrays["grey"], arrays["white"]
    pure = [values[share > _PURE].astype(np.float64) for share in (grey, white)]
    if min(len(each) for each in pure) > 1:
        spread = np.sqrt((pure[0].var() + pure[1].var()) / 2)
        contrast = float((pure[1].mean() - pure[0].mean()) / max(spread, 1e-9))
    else:
        contrast = 0.0
    return [
        check_range("tissue", "contrast of white to grey matter", "SD", contrast, _LEAST_CONTRAST, None),
        check_range("tissue", "grey matter", "ml", float(grey.sum(dtype=np.float64)) * voxel_ml, *_GREY_ML),
        check_range(
            "tissue", "white matter", "ml", float(white.sum(dtype=np.float64)) * voxel_ml, *_WHITE_ML
        ),
    ]


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
