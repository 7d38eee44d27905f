"""FreeSurfer's measures under one set of names, whichever file they come from."""

from __future__ import annotations

import re

from normwise.features.atlases.region_names import region_name
from normwise.results import FeatureNote

__all__ = ["MEASURES", "feature_name", "note_of", "wide_name"]

MEASURES: dict[str, FeatureNote] = {
    "volume_mm3": FeatureNote("mm3", "Volume, FreeSurfer"),
    "area_mm2": FeatureNote("mm2", "Surface area, FreeSurfer"),
    "thickness_mm": FeatureNote("mm", "Mean cortical thickness, FreeSurfer"),
    "thickness_sd_mm": FeatureNote("mm", "Standard deviation of the cortical thickness, FreeSurfer"),
    "mean_curvature": FeatureNote("1/mm", "Mean curvature, FreeSurfer"),
    "gaussian_curvature": FeatureNote("1/mm2", "Gaussian curvature, FreeSurfer"),
    "mean": FeatureNote("intensity", "Mean intensity, FreeSurfer"),
    "sd": FeatureNote("intensity", "Standard deviation of the intensity, FreeSurfer"),
}
"""What is measured, by the last part of a feature's name; the notes say unit and meaning."""

_SPOKEN = {
    "volume": "volume_mm3", "area": "area_mm2",
    "thickness": "thickness_mm", "thicknessstd": "thickness_sd_mm",
    "meancurv": "mean_curvature", "gauscurv": "gaussian_curvature", "mean": "mean", "std": "sd",
}  # fmt: skip
_ALIASES = {
    "estimatedtotalintracranialvol": "intracranial",
    "intracranialvol": "intracranial",
    "etiv": "intracranial",
}


def feature_name(structure: str, measure: str) -> str:
    """Name one measure of one structure.

    Parameters
    ----------
    structure : str
        As FreeSurfer has it; intracranial volume goes by one name, whichever of three it has.
    measure : str
        A key of `MEASURES`.

    Examples
    --------
    >>> feature_name("Left-Hippocampus", "volume_mm3"), feature_name("lh_bankssts", "thickness_mm")
    ('hippocampus_left.volume_mm3', 'bankssts_left.thickness_mm')
    >>> feature_name("EstimatedTotalIntraCranialVol", "volume_mm3"), feature_name("lhCortexVol", "volume_mm3")
    ('intracranial.volume_mm3', 'cortex_vol_left.volume_mm3')
    """
    alias = _ALIASES.get(structure.lower())
    parted = re.sub(r"^(lh|rh)(?=[A-Z])", r"\1_", structure)
    return f"{alias or region_name(parted)}.{measure}"


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
    >>> wide_name("eTIV", "lh.aparc.thickness")
    'intracranial.volume_mm3'
    """
    spoken = re.split(r"[.:]", corner)[-1].lower()
    measure = _SPOKEN.get(spoken)
    if column.lower() in _ALIASES or column.startswith("BrainSegVol"):
        return feature_name(column, "volume_mm3")  # aparcstats2table adds them to every table
    if measure is None:
        return column
    return feature_name(re.sub(rf"_{re.escape(spoken)}$", "", column, flags=re.IGNORECASE), measure)


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
