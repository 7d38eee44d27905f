"""An atlas placed on an image's grid: which voxel belongs to which region.

The atlas is written once into one file (`pack_atlas`). The process of an image places it on the image's grid
and writes the result beside that file, so that each grid is computed once for a whole cohort.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from normwise.engine import read_shared, read_stored, write_stored
from normwise.errors import FeatureError
from normwise.features.atlases.atlas import Atlas
from normwise.features.atlases.mni_check import mni_landmarks, voxels_around
from normwise.features.atlases.symmetry import ties_outwards
from normwise.images import Grid, LabelVolume, Volume, resample_labels

__all__ = ["Placement", "pack_atlas", "place_atlas", "place_labels"]

_FORMAT = 1
_MOST_OUTSIDE = 0.05  # share of an atlas that a tight field of view may cut off


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
    landmarks : tuple of two arrays, or None
        Voxels of the image around landmarks and the template's brightness there, by which
        `normwise.features.atlases.mni_check` checks that the image lies in MNI152 space, where the atlas
        does.
    """

    where: NDArray[np.int64]
    regions: NDArray[np.int64]
    labels: NDArray[np.int64]
    landmarks: tuple[NDArray[np.int64], NDArray[np.float32]] | None = None

    def values(self, volume: Volume) -> NDArray[np.float32]:
        """Return the intensities of the labelled voxels."""
        return volume.voxels.ravel(order="F")[self.where]

    def places(self, grid: Grid) -> NDArray[np.float32]:
        """Return where the labelled voxels lie, of shape (n_voxels, 3), mm."""
        indices = np.unravel_index(self.where, grid.shape, order="F")
        places = np.empty((len(self.where), 3), dtype=np.float32, order="F")
        for axis, (*steps, origin) in enumerate(grid.affine[:3].tolist()):
            # Of each index there are a few hundred values, and on most grids one of them moves along an axis.
            (first, of), *others = [
                (np.arange(size) * step, index)
                for size, step, index in zip(grid.shape, steps, indices, strict=True)
                if step
            ]
            if others:
                places[:, axis] = sum((table[index] for table, index in others), first[of]) + origin
            else:
                places[:, axis] = (first + origin).astype(np.float32)[of]
        return places


def pack_atlas(atlas: Atlas, folder: Path) -> Path:
    """Write an atlas as one file for other processes, named by its content.

    Parameters
    ----------
    atlas : Atlas
        From `normwise.features.atlases.atlas.load_atlas`.
    folder : Path
        Made where it is missing.

    Returns
    -------
    Path
        It is left alone where it is there already, and undamaged.
    """
    wanted = np.array(sorted(atlas.names), dtype=np.int64)
    labels = np.where(np.isin(atlas.labels.voxels, wanted), atlas.labels.voxels, 0)
    nothing = np.empty((0, 3), np.float32), np.empty(0, np.float32)
    points, brightness = mni_landmarks() if atlas.template else nothing
    arrays = {
        "labels": np.ascontiguousarray(labels),
        "affine": ties_outwards(atlas.labels.affine) if atlas.symmetric else atlas.labels.affine,
        "points": points,
        "brightness": brightness,
    }
    digest = hashlib.sha256(str(_FORMAT).encode())
    for array in arrays.values():
        digest.update(str(array.shape).encode() + array.tobytes())
    path = folder / f"atlas-{digest.hexdigest()[:32]}.stored"
    if read_stored(path) is None:
        write_stored(path, arrays)
    return path


def place_atlas(packed: Path, grid: Grid) -> Placement:
    """Place a packed atlas on an image's grid, or read what another process has computed.

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
    path = packed.with_name(f"{packed.stem}-on-{key}.stored")
    known: Any = read_stored(path)
    if known is None:
        known = _place(read_shared(packed), grid)
        write_stored(path, known)
    landmarks = (known["around"], known["brightness"]) if len(known["around"]) else None
    return Placement(known["where"], known["regions"], known["labels"], landmarks)


def _place(packed: Any, grid: Grid) -> dict[str, NDArray[Any]]:
    atlas = LabelVolume(packed["labels"], packed["affine"])
    _check_field_of_view(atlas, grid)
    placed = place_labels(resample_labels(atlas, grid))
    return {
        "where": placed.where,
        "regions": placed.regions,
        "labels": placed.labels,
        "around": voxels_around(grid, packed["points"]),
        "brightness": packed["brightness"],
    }


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
    return Placement(where, regions.astype(np.int64), present.astype(np.int64))


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
