"""The features of a head: volumes, shares, intensities, asymmetries and thickness of its regions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from normwise.features.atlases import region_names
from normwise.features.brain.grids import crop
from normwise.features.brain.label_schemes import LabelScheme, load_scheme
from normwise.features.brain.registration.reference import load_reference
from normwise.features.brain.settings import ChainSettings
from normwise.results import FeatureNote

__all__ = ["MEASURES", "asymmetries", "mean_thickness", "measure_thickness", "measure_volumes", "note_of"]

MEASURES: dict[str, tuple[str, str]] = {
    "volume_mm3": ("mm3", "Volume by the shares of tissue in its voxels"),
    "voxel_volume_mm3": ("mm3", "Volume by count of voxels"),
    "affine_volume_mm3": ("mm3", "Volume estimated from the scale of the template's registration"),
    "icv_share": ("1", "Volume as a share of the intracranial volume"),
    "brain_share": ("1", "Volume as a share of the brain's tissue"),
    "asymmetry": ("1", "Twice the difference of left and right over their sum"),
    "intensity_mean": ("1", "Mean intensity, white matter being 1"),
    "intensity_sd": ("1", "Standard deviation of the intensity, white matter being 1"),
    "intensity_median": ("1", "Median intensity, white matter being 1"),
    "intensity_p5": ("1", "5th percentile of the intensity, white matter being 1"),
    "intensity_p95": ("1", "95th percentile of the intensity, white matter being 1"),
    "thickness_mm": ("mm", "Mean thickness of the cortical ribbon"),
}
"""Unit and meaning, by the last part of a feature's name."""

DEFINITIONS = {
    "putamen": "20 to 30 % larger than FreeSurfer's",
    "amygdala": "about as FreeSurfer's, a third to a half larger than DLMUSE's",
    "pallidum": "about as FreeSurfer's, a fifth to a third larger than DLMUSE's",
}
"""How the installed Desikan-Killiany atlas draws a nucleus beside other programs (docs/benchmarks.md)."""

WEAK_ASYMMETRY = "a person's own is weakly measured: correlation with DLMUSE's .14 to .28"
"""Of deep nuclei, which the atlas outlines more than the image does."""

_DEFINED = ("volume_mm3", "voxel_volume_mm3", "icv_share")
_LONGEST_MM = 6.0  # no cortex is thicker
_HALF = 0.5


def note_of(name: str, regions: Mapping[int, str]) -> FeatureNote:
    """Return unit and meaning of a feature.

    Parameters
    ----------
    name : str
        ``region.measure``.
    regions : mapping of int to str
        Region of each label.

    Examples
    --------
    >>> note = note_of("hippocampus_left.volume_mm3", {17: "hippocampus_left"})
    >>> note.unit, note.place, note.label
    ('mm3', 'hippocampus_left', 17)
    """
    place, _, measure = name.rpartition(".")
    unit, meaning = MEASURES.get(measure, ("1", measure.replace("_", " ")))
    label = next((label for label, region in regions.items() if region == place), None)
    return FeatureNote(unit, f"{meaning}: {place.replace('_', ' ')}", place, label)


def chain_note_of(name: str, scheme: LabelScheme, atlas: str) -> FeatureNote:
    """Return unit and meaning of a feature of the chain on raw heads, with what limits it.

    Parameters
    ----------
    name : str
        ``region.measure``.
    scheme : LabelScheme
        The kinds of the atlas's labels.
    atlas : str
        `ChainSettings.atlas`: other atlases draw nuclei in ways of their own.

    Examples
    --------
    >>> scheme = LabelScheme(deep=(12,), names={12: "Left-Putamen"})
    >>> chain_note_of("putamen_left.icv_share", scheme, "desikan_killiany").description
    "Volume as a share of the intracranial volume: putamen left (20 to 30 % larger than FreeSurfer's)"
    """
    note = note_of(name, scheme.regions)
    place, _, measure = name.rpartition(".")
    stem = place.removesuffix("_left").removesuffix("_right")
    remark = DEFINITIONS.get(stem) if atlas == "desikan_killiany" and measure in _DEFINED else None
    if measure == "asymmetry" and f"{stem}_left" in {scheme.regions[label] for label in scheme.deep}:
        remark = WEAK_ASYMMETRY
    return replace(note, description=f"{note.description} ({remark})") if remark else note


def measure_thickness(arrays: Mapping[str, NDArray[Any]], settings: ChainSettings) -> dict[str, NDArray[Any]]:
    """Measure cortical thickness as twice the distance to white matter over the partial-volume ribbon.

    In a ribbon of thickness t the grey matter lies t / 2 from the white matter on average. So twice the mean
    distance to white matter needs no outer surface, which is not visible where two banks of a sulcus touch. A
    gyrus' crown counts a little more and a sulcus' floor a little less than its share: the measure is for
    comparing people, and no absolute length.

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
    # A core voxel's white share says where between the two centres the border runs; the grey part of a voxel
    # that holds white matter too lies on its far side.
    beyond = np.maximum(distance - edge * white[x, y, z] + edge / 2 * (1 - grey) * (white > 0), 0)
    ribbon &= beyond <= _LONGEST_MM / 2 + edge
    thickness[ribbon] = 2 * beyond[ribbon]
    return {"thickness": thickness}


def measure_volumes(arrays: Mapping[str, NDArray[Any]], settings: ChainSettings) -> dict[str, NDArray[Any]]:
    """Measure every region of the atlas, and the whole.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        The arrays of all stages before.
    settings : ChainSettings
        Its ``atlas``, ``lut``, ``template``; with ``fast`` only volumes are measured.

    Returns
    -------
    dict of str to ndarray
        ``feature_names`` and ``feature_values``, of the same length. A region that registration or tissue has
        lost has neither size nor intensity, asymmetry or thickness (NaN): nobody's region is 0 mm³.
    """
    scheme = load_scheme(settings.atlas, settings.lut, arrays["labels"])
    # A choroid plexus is counted with its ventricle.
    regions = region_names(
        {label: raw for label, raw in scheme.names.items() if "choroid" not in raw.lower()}
    )
    voxel = float(abs(np.linalg.det(arrays["head_affine"][:3, :3])))
    intracranial = float((crop(arrays["mask"], arrays["box"]) > 0).sum()) * voxel
    counted, partial = _volumes(arrays, scheme, voxel)
    features: dict[str, float] = {}
    volumes = {name: partial.get(label) or np.nan for label, name in regions.items()}
    for label, name in regions.items():
        features[f"{name}.volume_mm3"] = volumes[name]
        features[f"{name}.voxel_volume_mm3"] = counted.get(label) or np.nan
        features[f"{name}.icv_share"] = volumes[name] / intracranial
    features |= _totals(arrays, scheme, partial, voxel, intracranial, settings)
    if settings.quality != "fast":
        features |= asymmetries(volumes)
        features |= _intensities(arrays, regions)
        features |= mean_thickness(arrays, scheme, regions)
    return {
        "feature_names": np.array(list(features), dtype=np.str_),
        "feature_values": np.array(list(features.values()), dtype=np.float64),
    }


def _volumes(
    arrays: Mapping[str, NDArray[Any]], scheme: LabelScheme, voxel: float
) -> tuple[dict[int, float], dict[int, float]]:
    """Return mm³ by voxel count and by the shares of tissue, a label."""
    labels = arrays["labels"]
    size = int(max(labels.max(), *scheme.names, 1)) + 1
    counts = np.bincount(labels.ravel(), minlength=size) * voxel
    sums = {
        "cortex": _sum_shares(arrays["grey_territory"], arrays["grey"], size) * voxel,
        "white": _sum_shares(arrays["white_territory"], arrays["white"], size) * voxel,
        "deep": _sum_shares(labels, 1 - arrays["csf"], size) * voxel,
        "ventricles": _fluid_within(arrays, scheme, size) * voxel,
    }
    sums["fluid"] = sums["ventricles"]
    partial = {label: float(each[label]) for kind, each in sums.items() for label in getattr(scheme, kind)}
    return (
        {label: float(counts[label]) for label in scheme.names},
        {label: partial[label] for label in scheme.names},
    )


def _sum_shares(territory: NDArray[np.int32], shares: NDArray[np.float32], size: int) -> NDArray[np.float64]:
    inside = territory > 0
    return np.bincount(territory[inside], weights=shares[inside], minlength=size).astype(np.float64)


def _fluid_within(arrays: Mapping[str, NDArray[Any]], scheme: LabelScheme, size: int) -> NDArray[np.float64]:
    """Sum the fluid of ventricles with that of the voxels at their rim, which hold wall and fluid."""
    labels, csf = arrays["labels"], arrays["csf"]
    owner = np.where(np.isin(labels, [*scheme.ventricles, *scheme.fluid]), labels, 0)
    rim = (owner == 0) & (csf > 0)
    for axis in range(3):
        for step in (1, -1):
            beside = np.roll(np.where(np.isin(labels, scheme.ventricles), labels, 0), step, axis)
            taken = rim & (owner == 0) & (beside > 0)
            owner[taken] = beside[taken]
    return _sum_shares(owner, csf, size)


def _totals(
    arrays: Mapping[str, NDArray[Any]],
    scheme: LabelScheme,
    partial: Mapping[int, float],
    voxel: float,
    intracranial: float,
    settings: ChainSettings,
) -> dict[str, float]:
    scale = abs(np.linalg.det(arrays["template_to_head"][:3, :3]))
    totals = {name: float(arrays[name].sum(dtype=np.float64)) * voxel for name in ("grey", "white", "csf")}
    ventricles = float(sum(partial[label] for label in scheme.ventricles))
    cortex = float(sum(partial[label] for label in scheme.cortex if not scheme.is_cerebellum(label)))
    return {
        **{f"total_{name}.volume_mm3": volume for name, volume in totals.items()},
        **{f"total_{name}.icv_share": volume / intracranial for name, volume in totals.items()},
        "cortex.volume_mm3": cortex,
        "ventricles.volume_mm3": ventricles,
        "ventricles.icv_share": ventricles / intracranial,
        "intracranial.volume_mm3": intracranial,
        "intracranial.affine_volume_mm3": float(scale) * load_reference(settings.template).volume_mm3,
    }


def asymmetries(volumes: Mapping[str, float]) -> dict[str, float]:
    """Return 2 (left − right) / (left + right) of every pair of regions; NaN where both are empty.

    Examples
    --------
    >>> asymmetries({"insula_left": 3.0, "insula_right": 1.0, "brain_stem": 9.0})
    {'insula.asymmetry': 1.0}
    """
    pairs = {}
    for name, left in volumes.items():
        stem, _, side = name.rpartition("_")
        right = volumes.get(f"{stem}_right")
        if side == "left" and right is not None:
            total = left + right
            pairs[f"{stem}.asymmetry"] = 2 * (left - right) / total if total > 0 else np.nan
    return pairs


def _intensities(arrays: Mapping[str, NDArray[Any]], regions: Mapping[int, str]) -> dict[str, float]:
    """Return mean and deviation of each region's brightness, white matter's peak being 1."""
    labels = arrays["labels"].ravel()
    size = max(int(labels.max()), *regions) + 1
    values = arrays["corrected"].ravel() / arrays["peaks"][2]
    counts = np.bincount(labels, minlength=size)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.bincount(labels, weights=values, minlength=size) / counts
        centred = values - means[labels]
        spreads = np.sqrt(np.bincount(labels, weights=centred * centred, minlength=size) / (counts - 1))
    features = {}
    for label, name in regions.items():
        features[f"{name}.intensity_mean"] = float(means[label]) if counts[label] else np.nan
        features[f"{name}.intensity_sd"] = float(spreads[label]) if counts[label] > 1 else np.nan
    return features


def mean_thickness(
    arrays: Mapping[str, NDArray[Any]], scheme: LabelScheme, regions: Mapping[int, str]
) -> dict[str, float]:
    """Return the thickness of every region of the cerebral cortex, NaN where it has no ribbon.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        ``thickness``, ``grey``, ``grey_territory``.
    scheme : LabelScheme
        Which labels are cortex.
    regions : mapping of int to str
        Region of each label.
    """
    ribbon = (arrays["thickness"] > 0) & (arrays["grey_territory"] > 0)
    territory, shares = arrays["grey_territory"][ribbon], arrays["grey"][ribbon]
    size = max(int(territory.max(initial=0)), *regions) + 1
    weights = np.bincount(territory, weights=shares, minlength=size)
    sums = np.bincount(territory, weights=shares * arrays["thickness"][ribbon], minlength=size)
    return {
        f"{regions[label]}.thickness_mm": float(sums[label] / weights[label]) if weights[label] else np.nan
        for label in scheme.cortex
        if not scheme.is_cerebellum(label)
    }
