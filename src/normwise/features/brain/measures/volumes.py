"""The features of a head: volumes, shares, intensities, asymmetries and thickness of its regions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from normwise.features.atlases.region_names import region_names
from normwise.features.brain.grids import crop
from normwise.features.brain.label_schemes import LabelScheme, label_scheme_of
from normwise.features.brain.registration.reference import load_names, load_reference
from normwise.features.brain.settings import ChainSettings

__all__ = ["measure_volumes"]


def measure_volumes(arrays: Mapping[str, NDArray[Any]], settings: ChainSettings) -> dict[str, NDArray[Any]]:
    """Measure every region of the atlas, and the whole.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        Everything before.
    settings : ChainSettings
        Its ``atlas``, ``lut``, ``template``; with ``fast`` only volumes are measured.

    Returns
    -------
    dict of str to ndarray
        ``feature_names`` and ``feature_values``, of the same length. A region that holds nothing has the
        volume 0, and no intensity, asymmetry or thickness (NaN).
    """
    labels = arrays["labels"]
    names = load_names(settings.atlas, settings.lut)
    kinds = label_scheme_of(names or {int(label): f"label_{label}" for label in np.unique(labels) if label})
    regions = _regions(kinds)
    voxel = float(abs(np.linalg.det(arrays["head_affine"][:3, :3])))
    inside = crop(arrays["mask"], arrays["box"]) > 0
    skull = float(inside.sum()) * voxel
    counted, partial = _volumes(arrays, kinds, voxel)
    found: dict[str, float] = {}
    for label, name in regions.items():
        found[f"{name}.volume_mm3"] = partial.get(label, 0.0)
        found[f"{name}.voxel_volume_mm3"] = counted.get(label, 0.0)
        found[f"{name}.icv_share"] = partial.get(label, 0.0) / skull
    found |= _totals(arrays, kinds, partial, voxel, skull, settings)
    if settings.quality != "fast":
        found |= _asymmetries(regions, partial)
        found |= _intensities(arrays, regions)
        found |= _thicknesses(arrays, kinds, regions)
    return {
        "feature_names": np.array(list(found), dtype=np.str_),
        "feature_values": np.array(list(found.values()), dtype=np.float64),
    }


def _regions(kinds: LabelScheme) -> dict[int, str]:
    """Return the names of what is measured; a choroid plexus is counted with its ventricle."""
    kept = {label: raw for label, raw in kinds.names.items() if "choroid" not in raw.lower()}
    return region_names(kept)


def _volumes(
    arrays: Mapping[str, NDArray[Any]], kinds: LabelScheme, voxel: float
) -> tuple[dict[int, float], dict[int, float]]:
    """Return mm³ by voxel count and by the shares of tissue, a label."""
    labels = arrays["labels"]
    top = int(max(labels.max(), *kinds.names, 1)) + 1
    counts = np.bincount(labels.ravel(), minlength=top) * voxel
    grey = _weighed(arrays["grey_territory"], arrays["grey"], top) * voxel
    white = _weighed(arrays["white_territory"], arrays["white"], top) * voxel
    solid = _weighed(labels, 1 - arrays["csf"], top) * voxel
    fluid = _fluid_within(arrays, kinds, top) * voxel
    partial = {}
    for label in kinds.names:
        if label in kinds.cortex:
            partial[label] = grey[label]
        elif label in kinds.white:
            partial[label] = white[label]
        elif label in kinds.deep:
            partial[label] = solid[label]
        else:
            partial[label] = fluid[label]
    return (
        {label: float(counts[label]) for label in kinds.names},
        {label: float(volume) for label, volume in partial.items()},
    )


def _weighed(territory: NDArray[np.int32], shares: NDArray[np.float32], top: int) -> NDArray[np.float64]:
    held = territory > 0
    return np.bincount(territory[held], weights=shares[held], minlength=top).astype(np.float64)


def _fluid_within(arrays: Mapping[str, NDArray[Any]], kinds: LabelScheme, top: int) -> NDArray[np.float64]:
    """Sum the fluid of ventricles with that of the voxels at their rim, which hold wall and fluid."""
    labels, csf = arrays["labels"], arrays["csf"]
    reached = np.where(np.isin(labels, [*kinds.ventricles, *kinds.fluid]), labels, 0)
    rim = (reached == 0) & (csf > 0)
    for axis in range(3):
        for step in (1, -1):
            beside = np.roll(np.where(np.isin(labels, kinds.ventricles), labels, 0), step, axis)
            taken = rim & (reached == 0) & (beside > 0)
            reached[taken] = beside[taken]
    return _weighed(reached, csf, top)


def _totals(
    arrays: Mapping[str, NDArray[Any]],
    kinds: LabelScheme,
    partial: Mapping[int, float],
    voxel: float,
    skull: float,
    settings: ChainSettings,
) -> dict[str, float]:
    scale = abs(np.linalg.det(arrays["template_to_head"][:3, :3]))
    totals = {name: float(arrays[name].sum(dtype=np.float64)) * voxel for name in ("grey", "white", "csf")}
    ventricles = sum(partial[label] for label in kinds.ventricles)
    cortex = sum(partial[label] for label in kinds.cortex if not kinds.names[label].lower().count("cerebell"))
    found = {f"total_{name}.volume_mm3": volume for name, volume in totals.items()}
    found |= {f"total_{name}.icv_share": volume / skull for name, volume in totals.items()}
    return {
        **found,
        "cortex.volume_mm3": float(cortex),
        "ventricles.volume_mm3": float(ventricles),
        "ventricles.icv_share": float(ventricles) / skull,
        "intracranial.volume_mm3": skull,
        "intracranial.affine_volume_mm3": float(scale) * load_reference(settings.template).volume_mm3,
    }


def _asymmetries(regions: Mapping[int, str], partial: Mapping[int, float]) -> dict[str, float]:
    """Return 2 (left − right) / (left + right) of every pair."""
    volumes = {name: partial.get(label, 0.0) for label, name in regions.items()}
    found = {}
    for name, left in volumes.items():
        stem, _, side = name.rpartition("_")
        right = volumes.get(f"{stem}_right")
        if side == "left" and right is not None:
            total = left + right
            found[f"{stem}.asymmetry"] = 2 * (left - right) / total if total > 0 else np.nan
    return found


def _intensities(arrays: Mapping[str, NDArray[Any]], regions: Mapping[int, str]) -> dict[str, float]:
    """Return mean and deviation of each region's brightness, white matter's peak being 1."""
    labels = arrays["labels"].ravel()
    top = max(int(labels.max()), *regions) + 1
    values = arrays["corrected"].ravel() / arrays["peaks"][2]
    counts = np.bincount(labels, minlength=top)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.bincount(labels, weights=values, minlength=top) / counts
        apart = values - means[labels]
        spreads = np.sqrt(np.bincount(labels, weights=apart * apart, minlength=top) / (counts - 1))
    found = {}
    for label, name in regions.items():
        found[f"{name}.intensity_mean"] = float(means[label]) if counts[label] else np.nan
        found[f"{name}.intensity_sd"] = float(spreads[label]) if counts[label] > 1 else np.nan
    return found


def _thicknesses(
    arrays: Mapping[str, NDArray[Any]], kinds: LabelScheme, regions: Mapping[int, str]
) -> dict[str, float]:
    ribbon = (arrays["thickness"] > 0) & (arrays["grey_territory"] > 0)
    territory, shares = arrays["grey_territory"][ribbon], arrays["grey"][ribbon]
    top = max(int(territory.max(initial=0)), *regions) + 1
    weights = np.bincount(territory, weights=shares, minlength=top)
    sums = np.bincount(territory, weights=shares * arrays["thickness"][ribbon], minlength=top)
    return {
        f"{regions[label]}.thickness_mm": float(sums[label] / weights[label]) if weights[label] else np.nan
        for label in kinds.cortex
        if not kinds.names[label].lower().count("cerebell")
    }
