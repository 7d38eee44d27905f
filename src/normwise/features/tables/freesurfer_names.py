"""One name for one structure, whatever FreeSurfer's releases, stats files and wide tables call it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from normwise.features.absent_regions import may_be_absent
from normwise.features.atlases import region_name
from normwise.results import FeatureNote

__all__ = [
    "MEASURES",
    "RENAMED_STEMS",
    "earlier_names",
    "feature_name",
    "is_never_zero",
    "note_of",
    "region_of",
    "release_of",
    "stem_and_side",
    "unitless_measure",
    "wide_name",
]

MEASURES: dict[str, FeatureNote] = {
    "volume_mm3": FeatureNote("mm3", "Volume, FreeSurfer"),
    "area_mm2": FeatureNote("mm2", "Surface area, FreeSurfer"),
    "thickness_mm": FeatureNote("mm", "Mean cortical thickness, FreeSurfer"),
    "thickness_sd_mm": FeatureNote("mm", "Standard deviation of the cortical thickness, FreeSurfer"),
    "mean_curvature": FeatureNote("1/mm", "Mean curvature, FreeSurfer"),
    "gaussian_curvature": FeatureNote("1/mm2", "Gaussian curvature, FreeSurfer"),
    "mean": FeatureNote("intensity", "Mean intensity, FreeSurfer"),
    "sd": FeatureNote("intensity", "Standard deviation of the intensity, FreeSurfer"),
    "ratio": FeatureNote("1", "Ratio, FreeSurfer"),
    "count": FeatureNote("1", "Count, FreeSurfer"),
}
"""What is measured, by the last part of a feature's name; the notes say unit and meaning."""

_MEASURE_OF = {
    "volume": "volume_mm3", "area": "area_mm2",
    "thickness": "thickness_mm", "thicknessstd": "thickness_sd_mm",
    "meancurv": "mean_curvature", "gauscurv": "gaussian_curvature", "mean": "mean", "std": "sd",
}  # fmt: skip
_ALIASES = {
    "estimatedtotalintracranialvol": "intracranial",
    "intracranialvol": "intracranial",
    "icv": "intracranial",
    "etiv": "intracranial",
}
_RENAMED = {"thalamus_proper": ("thalamus", 7), "cortical_white_matter_vol": ("cerebral_white_matter_vol", 6)}
"""What a release of FreeSurfer called otherwise: the new name, and the release that brought it."""
RENAMED_STEMS = {*_RENAMED, *(new for new, _ in _RENAMED.values())}
_NEVER_ZERO = ("volume_mm3", "area_mm2", "thickness_mm")


def feature_name(structure: str, measure: str) -> str:
    """Name one measure of one structure.

    Parameters
    ----------
    structure : str
        As FreeSurfer has it; what its releases call differently goes by one name.
    measure : str
        A key of `MEASURES`.

    Examples
    --------
    >>> feature_name("Left-Hippocampus", "volume_mm3"), feature_name("lh_bankssts", "thickness_mm")
    ('hippocampus_left.volume_mm3', 'bankssts_left.thickness_mm')
    >>> feature_name("EstimatedTotalIntraCranialVol", "volume_mm3"), feature_name("lhCortexVol", "volume_mm3")
    ('intracranial.volume_mm3', 'cortex_vol_left.volume_mm3')
    >>> feature_name("Left-Thalamus-Proper", "volume_mm3") == feature_name("Left-Thalamus", "volume_mm3")
    True
    """
    region, side = stem_and_side(region_of(structure))
    renamed, _ = _RENAMED.get(region, (region, 0))
    return f"{_ALIASES.get(structure.lower()) or renamed + side}.{measure}"


def region_of(structure: str) -> str:
    """Name a structure as its release of FreeSurfer calls it, in the form of the features."""
    return region_name(re.sub(r"^(lh|rh)(?=[A-Z])", r"\1_", structure.replace("&", "_and_")))


def stem_and_side(region: str) -> tuple[str, str]:
    """Split a region's name before its side."""
    stem = re.sub(r"_(left|right)$", "", region)
    return stem, region[len(stem) :]


def earlier_names(feature: str) -> list[str]:
    """Return what a feature was called where it was measured or trained on by an earlier release.

    Parameters
    ----------
    feature : str
        From `feature_name` or `wide_name`.

    Examples
    --------
    >>> earlier_names("thalamus_left.volume_mm3"), earlier_names("surface_holes.count")
    (['thalamus_proper_left.volume_mm3'], ['surface_holes.volume_mm3'])
    """
    region, _, measure = feature.rpartition(".")
    stem, side = stem_and_side(region)
    names = [f"{old}{side}.{measure}" for old, (new, _) in _RENAMED.items() if new == stem]
    if measure in ("ratio", "count"):
        names.append(f"{region}.volume_mm3")
    if stem.startswith("g_and_s_"):
        names.append(feature.replace("g_and_s_", "g_s_", 1))
    return names


def release_of(regions: Iterable[str]) -> list[str]:
    """Return the release that names structures so, or nothing where the names don't tell."""
    stems = {stem_and_side(region)[0] for region in regions}
    before = [release for old, (_, release) in _RENAMED.items() if old in stems]
    since = [release for new, release in _RENAMED.values() if new in stems]
    return [f"before {min(before)}"] if before else [f"{max(since)} or later"] if since else []


def is_never_zero(feature: str, may_lack: Sequence[str]) -> bool:
    """Return whether 0 says that the structure is absent; ``may_lack`` is ``features.may_be_absent``."""
    region, _, measure = feature.rpartition(".")
    return measure in _NEVER_ZERO and not may_be_absent(region, may_lack)


def unitless_measure(structure: str) -> str | None:
    """Return what a measure of a whole brain without a unit is; None for one with a unit."""
    if re.search(r"\Wto\We?TIV$", structure, flags=re.IGNORECASE):
        return "ratio"
    return "count" if structure.endswith("SurfaceHoles") else None


def wide_name(column: str, corner: str) -> str:
    """Name a column of a table by ``asegstats2table`` or ``aparcstats2table``.

    Parameters
    ----------
    column : str
        The column's head.
    corner : str
        The first column's head, which says what the table measures: ``Measure:volume``,
        ``lh.aparc.thickness``.

    Returns
    -------
    str
        A column whose measure is unknown keeps its own name.

    Examples
    --------
    >>> wide_name("Left-Hippocampus", "Measure:volume"), wide_name("rh_insula_area", "rh.aparc.area")
    ('hippocampus_left.volume_mm3', 'insula_right.area_mm2')
    >>> wide_name("eTIV", "lh.aparc.thickness"), wide_name("MaskVol-to-eTIV", "Measure:volume")
    ('intracranial.volume_mm3', 'maskvol_to_etiv.ratio')
    """
    word = re.split(r"[.:]", corner)[-1].lower()
    measure = _MEASURE_OF.get(word)
    unitless = unitless_measure(column)
    if unitless is not None:
        return feature_name(column, unitless)
    if column.lower() in _ALIASES or column.startswith("BrainSegVol"):
        return feature_name(column, "volume_mm3")  # aparcstats2table adds them to every table
    if measure is None:
        return column
    return feature_name(re.sub(rf"_{re.escape(word)}$", "", column, flags=re.IGNORECASE), measure)


def note_of(name: str, source: str) -> FeatureNote:
    """Return unit and description of a feature.

    Parameters
    ----------
    name : str
        From `feature_name` or `wide_name`.
    source : str
        Where it was read.
    """
    place, _, measure = name.rpartition(".")
    if place and measure in MEASURES:
        known = MEASURES[measure]
        return FeatureNote(known.unit, f"{known.description}: {place}", place)
    return FeatureNote("", f"{name}, as in {source}")
