"""An atlas: a label map with the names of its regions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from normwise.errors import FeatureError
from normwise.features.atlases.installed import atlas_files, read_likeliest
from normwise.features.atlases.lookup_table import read_lookup
from normwise.features.atlases.region_names import is_background, region_names
from normwise.images import LabelVolume, read_labels

__all__ = ["IMAGE_SUFFIXES", "SMALLEST_MM3", "Atlas", "load_atlas", "names_of"]

IMAGE_SUFFIXES = (".nii", ".nii.gz", ".mgh", ".mgz")
SMALLEST_MM3 = 100.0
"""Smaller regions of a template are not measured: a dozen voxels of 2 mm hold more noise than person."""


@dataclass(frozen=True, eq=False)
class Atlas:
    """A label map with names.

    Attributes
    ----------
    labels : LabelVolume
        0 is background, and so is a label without a name.
    names : dict of int to str
        Region of each label, see `normwise.features.atlases.region_names.region_name`.
    source : str
        The atlas's name, or the file.
    template : bool
        Whether it is known to lie in MNI152 space, as the installed atlases do.
    """

    labels: LabelVolume
    names: dict[int, str]
    source: str
    template: bool = False


def load_atlas(name_or_path: str | Path, lut: str | Path | None = None) -> Atlas:
    """Load an installed atlas by its name, or a label map with its look-up table.

    Parameters
    ----------
    name_or_path : str or Path
        ``neuromorphometrics``, ``aal``, ``desikan_killiany`` …, or a NIfTI or MGH file.
    lut : str or Path, optional
        Table of index and name, see `normwise.features.atlases.lookup_table.read_lookup`; default: the
        installed atlas's
        own, or regions called ``label_17``.

    Returns
    -------
    Atlas
        Its axes are turned to RAS, so that left is left however the file is stored. Regions called unknown or
        background, and those under 100 mm³, are left out.

    Raises
    ------
    FeatureError
        FEA-101, FEA-102 no such atlas; FEA-103 no label of the map is in the table; FEA-105, FEA-106 the
        table can't be read.
    ImageError
        The label map can't be read.

    Examples
    --------
    >>> atlas = load_atlas("aal")
    >>> atlas.names[4101], atlas.labels.spacing, atlas.template
    ('hippocampus_left', (2.0, 2.0, 2.0), True)
    """
    source, offset = str(name_or_path), 0
    installed = not source.lower().endswith(IMAGE_SUFFIXES)
    if installed:
        path, table = atlas_files(source)
        labels, offset = read_likeliest(path)
        lut = lut if lut is not None else table
    else:
        labels = read_labels(source)
    present, counts = np.unique(labels.voxels, return_counts=True)
    sizes = dict(zip(present.tolist(), (counts * labels.voxel_mm3).tolist(), strict=True))
    raw = _raw_names(sizes, lut, offset)
    kept = {label: name for label, name in raw.items() if sizes.get(label, 0.0) >= SMALLEST_MM3}
    if not kept:
        raise FeatureError(
            "FEA-103",
            "no label of the map is a region of its look-up table.",
            subject=source,
            seen=f"labels {list(sizes)[:8]}, table {list(raw)[:8]}",
            advice="give the look-up table that belongs to the map as features.lut",
        )
    return Atlas(labels, region_names(kept), source, template=installed)


def names_of(labels: list[int], lut: str | Path | None) -> dict[int, str]:
    """Name the labels of maps that people bring along, in the table's order.

    Parameters
    ----------
    labels : list of int
        Every label that some map holds.
    lut : str or Path or None
        Table of index and name, without whose name a label is left out; without a table regions are called
        ``label_17``.
    """
    raw = _raw_names(dict.fromkeys(sorted(labels), 0.0), lut, 0)
    return region_names({label: name for label, name in raw.items() if label in set(labels)})


def _raw_names(sizes: dict[int, float], lut: str | Path | None, offset: int) -> dict[int, str]:
    if lut is None:
        return {label: f"label_{label}" for label in sizes if label}
    table = {label + offset: name for label, name in read_lookup(Path(lut)).items()}
    return {label: name for label, name in table.items() if label and not is_background(name)}
