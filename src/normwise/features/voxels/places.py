"""Names of the places in a whole image: regions of an atlas on MNI152, else thirds along each axis."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from normwise.features.atlases import (
    LEAST_CORRELATION,
    installed_atlases,
    load_atlas,
    mni_correlation,
    mni_landmarks,
    voxels_around,
)
from normwise.features.voxels.sampling import image_box
from normwise.images import LabelVolume, Volume, resample_labels
from normwise.results import FeatureNote
from normwise.schema import ImagesSection

__all__ = ["Places", "name_places"]

_ATLAS = "neuromorphometrics"
_FEWEST = 2  # voxels of a region: what is smaller on this grid is no place
_THIRDS = (
    (("lower", "", "upper"), ("left", "", "right"), ("back", "", "front")),  # of a volume: up, right, front
    (("upper", "", "lower"), ("left", "", "right")),  # of a picture: from the top, from the left
)


@dataclass(frozen=True, eq=False)
class Places:
    """The places of one image grid.

    Attributes
    ----------
    labels : ndarray of int, of an image's shape
        Number of each voxel's place, from 1; 0 belongs to none.
    names : tuple of str
        By number.
    notes : dict of str to FeatureNote
        By name: where it lies.
    affine : ndarray of shape (4, 4), optional
        From indices to mm, where the images lie in MNI152 space.
    """

    labels: NDArray[np.intp]
    names: tuple[str, ...]
    notes: dict[str, FeatureNote]
    affine: NDArray[np.float64] | None = None

    def of_voxel(self, index: tuple[int, ...]) -> str:
        """Return in words where a voxel lies: its place, and millimetres or pixels."""
        number = int(self.labels[index])
        name = self.names[number - 1] if number else "between regions"
        if self.affine is not None:
            place = ", ".join(f"{each:.0f}".replace("-", "−") for each in self.affine[:3] @ [*index, 1.0])
            return f"{name} at ({place}) mm"
        unit = "pixel" if len(index) == 2 else "voxel"
        return f"{name}, {unit} {' × '.join(map(str, index))}"


def name_places(section: ImagesSection, image: NDArray[np.float32], *, regions: bool = True) -> Places:
    """Name the places of images on one grid.

    Parameters
    ----------
    section : ImagesSection
        How the grid was chosen.
    image : ndarray of shape (rows, columns) or (nx, ny, nz)
        An image, or the mean of some, by which it is seen whether they lie in MNI152 space.
    regions : bool
        Whether regions of an atlas are wanted where there are any.

    Returns
    -------
    Places
        The regions of neuromorphometrics where the grid is that of the MNI152 brain and the image is like it;
        else thirds along each axis, as ``upper left front``.

    Examples
    --------
    >>> places = name_places(ImagesSection(), np.zeros((9, 6), np.float32))
    >>> places.names[0], places.notes["upper left"].description
    ('upper left', 'Rows 0 to 2 from the top, columns 0 to 1 from the left')
    >>> places.of_voxel((8, 3))
    'lower, pixel 8 × 3'
    """
    on_template = section.mask is None and section.voxel_size_mm > 0 and image.ndim == 3
    if regions and on_template and _ATLAS in installed_atlases():
        affine = _box_affine(section.voxel_size_mm, image.shape)
        if affine is not None and _like_template(Volume(np.asarray(image, dtype=np.float32), affine)):
            return _regions(section.voxel_size_mm, image.shape)
    return _thirds(image.shape)


@cache
def _box_affine(voxel_size_mm: float, shape: tuple[int, ...]) -> NDArray[np.float64] | None:
    """Return where the box around the MNI152 brain lies; None where it has another shape."""
    sampling, box = image_box(None, voxel_size_mm)
    if box != shape:
        return None
    affine = np.diag([voxel_size_mm] * 3 + [1.0])
    affine[:3, 3] = sampling.points[0]
    return affine


def _like_template(image: Volume) -> bool:
    points, brightness = mni_landmarks()
    return mni_correlation(image, voxels_around(image, points), brightness) >= LEAST_CORRELATION


@cache
def _regions(voxel_size_mm: float, shape: tuple[int, ...]) -> Places:
    affine, atlas = _box_affine(voxel_size_mm, shape), load_atlas(_ATLAS)
    assert affine is not None
    found = resample_labels(atlas.labels, LabelVolume(np.zeros(shape, dtype=np.int32), affine)).voxels
    sizes = dict(zip(*np.unique(found, return_counts=True), strict=True))
    kept = [label for label in sorted(atlas.names) if sizes.get(label, 0) >= _FEWEST]
    labels = np.zeros(shape, dtype=np.intp)
    for number, label in enumerate(kept, start=1):
        labels[found == label] = number
    names = tuple(atlas.names[label] for label in kept)
    notes = {}
    for number, name in enumerate(names, start=1):
        centre = affine[:3] @ [*np.argwhere(labels == number).mean(axis=0), 1.0]
        text = ", ".join(f"{each:.0f}".replace("-", "−") for each in centre)
        notes[name] = FeatureNote("intensity", f"Region of {_ATLAS} around ({text}) mm", name)
    return Places(labels, names, notes, affine)


@cache
def _thirds(shape: tuple[int, ...]) -> Places:
    words = _THIRDS[0] if len(shape) == 3 else _THIRDS[1]
    axes = (2, 0, 1) if len(shape) == 3 else (0, 1)  # in the order of the words
    ends = [[round(edge * part / 3) for part in range(4)] for edge in shape]
    labels, names, notes = np.zeros(shape, dtype=np.intp), [], {}
    for parts in product(range(3), repeat=len(shape)):
        where = [slice(0)] * len(shape)
        for axis, part in zip(axes, parts, strict=True):
            where[axis] = slice(ends[axis][part], ends[axis][part + 1])
        if any(each.start == each.stop for each in where):
            continue
        name = " ".join(filter(None, (own[part] for own, part in zip(words, parts, strict=True)))) or "centre"
        names.append(name)
        labels[tuple(where)] = len(names)
        notes[name] = FeatureNote("intensity", _extent(where), name)
    return Places(labels, tuple(names), notes)


def _extent(where: list[slice]) -> str:
    spans = [f"{each.start} to {each.stop - 1}" for each in where]
    if len(spans) == 2:
        return f"Rows {spans[0]} from the top, columns {spans[1]} from the left"
    return f"Voxels {spans[0]} to the right, {spans[1]} to the front, {spans[2]} upwards"
