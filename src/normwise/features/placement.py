"""An atlas placed on an image's grid: which voxel is which region, and is the image where it should be.

The parent process writes an atlas once into one file (`pack_atlas`); children place it on the grid of their
image and keep the result beside that file, so that each grid is worked out once for a whole cohort.
"""

from __future__ import annotations

import hashlib
import importlib.util
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from normwise.errors import FeatureError, NormwiseWarning
from normwise.features.atlas import Atlas
from normwise.files import replacing
from normwise.images import Grid, LabelVolume, Volume, read_volume, resample_labels

__all__ = [
    "Placement",
    "check_likeness",
    "mni_template",
    "nearest_brightness",
    "pack_atlas",
    "place_atlas",
    "place_labels",
]

_FORMAT = 1
_MOST_OUTSIDE = 0.05  # share of an atlas that a tight field of view may cut off
_LEAST_LIKENESS = 0.25
_TEMPLATE = "mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"


@dataclass(frozen=True, eq=False)
class Placement:
    """The labelled voxels of one grid.

    Attributes
    ----------
    where : ndarray of shape (n_voxels,), int64
        Flat indices with the first axis fastest, as volumes lie in memory.
    regions : ndarray of shape (n_voxels,), int64
        Row of each voxel's label in ``labels``.
    labels : ndarray of shape (n_regions,), int64
        Labels, ascending.
    template : ndarray of shape (n_voxels,), float32, or of shape (0,)
        The MNI152 template's brightness, where the atlas is known to lie in its space.
    """

    where: NDArray[np.int64]
    regions: NDArray[np.int64]
    labels: NDArray[np.int64]
    template: NDArray[np.float32]

    def values(self, volume: Volume) -> NDArray[np.float32]:
        """Return the intensities of the labelled voxels."""
        return volume.voxels.ravel(order="F")[self.where]

    def places(self, grid: Grid) -> NDArray[np.float32]:
        """Return where the labelled voxels lie, of shape (n_voxels, 3), mm."""
        indices = np.stack(np.unravel_index(self.where, grid.shape, order="F"), axis=1)
        return grid.world(indices).astype(np.float32)


def pack_atlas(atlas: Atlas, folder: Path) -> Path:
    """Write an atlas as one file for children, named by its content.

    Parameters
    ----------
    atlas : Atlas
        From `normwise.features.atlas.load_atlas`.
    folder : Path
        Made where it is missing.

    Returns
    -------
    Path
        An ``.npz`` file; it is left alone where it is there already.
    """
    wanted = np.array(sorted(atlas.names), dtype=np.int64)
    labels = np.where(np.isin(atlas.labels.voxels, wanted), atlas.labels.voxels, 0)
    template, template_affine = (
        mni_template() if atlas.template else (np.zeros((0, 0, 0), np.float32), np.eye(4))
    )
    arrays = {
        "labels": np.ascontiguousarray(labels),
        "affine": atlas.labels.affine,
        "template": template,
        "template_affine": template_affine,
    }
    digest = hashlib.sha256(str(_FORMAT).encode())
    for array in arrays.values():
        digest.update(str(array.shape).encode() + array.tobytes())
    path = folder / f"atlas-{digest.hexdigest()[:32]}.npz"
    if not path.is_file():
        with replacing(path) as part:
            np.savez(part, allow_pickle=False, **arrays)
    return path


def place_atlas(packed: Path, grid: Grid) -> Placement:
    """Place a packed atlas on an image's grid, or recall where another child has done so.

    Parameters
    ----------
    packed : Path
        From `pack_atlas`.
    grid : Volume or LabelVolume
        The image.

    Returns
    -------
    Placement
        Each voxel has the label of the nearest voxel of the atlas, in mm.

    Raises
    ------
    FeatureError
        FEA-301, the image's field of view leaves out more than a twentieth of the atlas.
    """
    affine = np.round(grid.affine, 6) + 0.0  # no sign on zeros, so that equal grids have equal names
    key = hashlib.sha256(str(grid.shape).encode() + affine.tobytes()).hexdigest()[:16]
    path = packed.with_name(f"{packed.stem}-on-{key}.npz")
    if path.is_file():
        with np.load(path, allow_pickle=False) as kept:
            return Placement(**{name: kept[name] for name in kept.files})
    with np.load(packed, allow_pickle=False) as kept:
        atlas = LabelVolume(kept["labels"], kept["affine"])
        template = kept["template"]
        template_affine = kept["template_affine"]
    _check_field_of_view(atlas, grid)
    placed = place_labels(resample_labels(atlas, grid))
    if template.size:
        brightness = nearest_brightness(template, template_affine, placed.places(grid))
        placed = Placement(placed.where, placed.regions, placed.labels, brightness)
    with replacing(path) as part:
        np.savez(
            part, where=placed.where, regions=placed.regions, labels=placed.labels, template=placed.template
        )
    return placed


def place_labels(labels: LabelVolume) -> Placement:
    """List the labelled voxels of a map.

    Examples
    --------
    >>> placed = place_labels(LabelVolume(np.array([0, 7, 7, 3]).reshape(4, 1, 1), np.eye(4)))
    >>> placed.where, placed.regions, placed.labels
    (array([1, 2, 3]), array([1, 1, 0]), array([3, 7]))
    """
    flat = labels.voxels.ravel(order="F")
    where = np.flatnonzero(flat)
    present, regions = np.unique(flat[where], return_inverse=True)
    return Placement(where, regions.astype(np.int64), present.astype(np.int64), np.empty(0, np.float32))


def check_likeness(values: NDArray[np.float32], template: NDArray[np.float32], *, refuse: bool) -> None:
    """Ask whether an image that is said to be in MNI152 space looks like the template where the atlas lies.

    Parameters
    ----------
    values, template : ndarray of shape (n_voxels,)
        Intensities of the image, and of the template in the same places.
    refuse : bool
        Whether an unlike image is refused, or only spoken of: a map that is no T1 image need not look alike.

    Raises
    ------
    FeatureError
        FEA-302, the correlation is below 0.25. Brains of people of 18 to 96 in MNI152 space reach 0.35 to
        0.65; heads that were never registered, or lie 10 mm off, -0.1 to 0.25.

    Warns
    -----
    NormwiseWarning
        FEA-903, the same, where it is not refused.
    """
    capped = np.minimum(values, np.percentile(values, 99))  # vessels and fat would outweigh the brain
    spread = float(capped.std()) * float(template.std())
    likeness = (
        float(((capped - capped.mean()) * (template - template.mean())).mean()) / spread if spread else 0.0
    )
    if likeness >= _LEAST_LIKENESS:
        return
    problem = f"the image does not look like the MNI152 template: their correlation is {likeness:.2f}."
    if not refuse:
        warnings.warn(NormwiseWarning(f"FEA-903  {problem}"), stacklevel=2)
        return
    raise FeatureError(
        "FEA-302",
        problem,
        seen="correlation over the atlas's voxels",
        expected=f"at least {_LEAST_LIKENESS} for a T1-weighted brain in MNI152 space",
        advice="register the image to MNI152, or give a label map in the image's own space as features.atlas",
    )


def _check_field_of_view(atlas: LabelVolume, grid: Grid) -> None:
    indices = np.argwhere(atlas.voxels)
    back = np.linalg.inv(grid.affine)
    inside = atlas.world(indices) @ back[:3, :3].T + back[:3, 3]
    cut = ((inside < -0.5) | (inside > np.array(grid.shape) - 0.5)).any(axis=1).mean()
    if cut > _MOST_OUTSIDE:
        corners = [grid.world([0, 0, 0]), grid.world(np.array(grid.shape) - 1)]
        raise FeatureError(
            "FEA-301",
            f"{cut:.0%} of the atlas lies outside the image.",
            seen="image from ({:.0f}, {:.0f}, {:.0f}) to ({:.0f}, {:.0f}, {:.0f}) mm".format(
                *corners[0], *corners[1]
            ),
            expected=f"at most {_MOST_OUTSIDE:.0%} outside",
            advice="register the image to the atlas's space, or give a label map in the image's own space",
        )


def mni_template() -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return the MNI152 template that nilearn brings, every second voxel, without importing nilearn."""
    spec = importlib.util.find_spec("nilearn")
    [folder] = spec.submodule_search_locations or [""] if spec else [""]
    volume = read_volume(Path(folder) / "datasets" / "data" / _TEMPLATE)
    affine = volume.affine.copy()
    affine[:3, :3] *= 2
    return np.ascontiguousarray(volume.voxels[::2, ::2, ::2]), affine


def nearest_brightness(
    voxels: NDArray[np.float32], affine: NDArray[np.float64], places: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the nearest voxels' brightness; 0 outside."""
    back = np.linalg.inv(affine)
    nearest = np.rint(places @ back[:3, :3].T + back[:3, 3]).astype(np.int64)
    inside = ((nearest >= 0) & (nearest < voxels.shape)).all(axis=1)
    found = np.zeros(len(places), dtype=np.float32)
    found[inside] = voxels[tuple(nearest[inside].T)]
    return found
