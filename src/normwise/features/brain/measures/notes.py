"""Unit and meaning of every feature of a head, told by its name."""

from __future__ import annotations

from collections.abc import Mapping

from normwise.results import FeatureNote

__all__ = ["MEASURES", "note_of"]

MEASURES: dict[str, tuple[str, str]] = {
    "volume_mm3": ("mm3", "Volume by the shares of tissue in its voxels"),
    "voxel_volume_mm3": ("mm3", "Volume by count of voxels"),
    "affine_volume_mm3": ("mm3", "Volume estimated from the scale of the template's registration"),
    "icv_share": ("1", "Volume as a share of the intracranial volume"),
    "brain_share": ("1", "Volume as a share of the brain's tissue"),
    "asymmetry": ("1", "Twice the difference of left and right over their sum"),
    "intensity_mean": ("1", "Mean intensity, white matter being 1"),
    "intensity_sd": ("1", "Standard deviation of the intensity, white matter being 1"),
    "thickness_mm": ("mm", "Mean thickness of the cortical ribbon"),
}
"""Unit and meaning, by the last part of a feature's name."""


def note_of(name: str, regions: Mapping[int, str]) -> FeatureNote:
    """Return what is to be said of a feature.

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
