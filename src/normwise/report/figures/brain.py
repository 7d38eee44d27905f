"""Weights of atlas regions on slices of the MNI152 brain, as pictures that stand on light and dark pages."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from normwise.errors import NormwiseError
from normwise.results import Importance

__all__ = [
    "AXIS_NAMES",
    "PLANES",
    "BrainSlice",
    "Outliner",
    "Template",
    "colour_bar",
    "draw_slices",
    "encode",
    "open_template",
    "region_weights",
    "shade",
]

Floats = NDArray[np.float64]

PLANES = ("sagittal", "coronal", "axial")
"""Planes by the axis of a right-anterior-superior volume that they cut."""

AXIS_NAMES = "xyz"
"""Axes in the order of the planes."""

_SLICES = 4  # a plane
_APART_MM = 14  # between two slices of a plane, so that they do not show the same regions twice
_BRAIN = 0.75  # grey of a typical voxel, below the colours of the bar
_MARGIN = 2  # voxels around the brain, so that its soft edge is whole
_BLUR = 0.7  # voxels
_OPACITY = 0.9  # of the heaviest region's colour over the brain; lighter ones let the anatomy through
_INSIDE = 0.7  # share of the weighted voxels that must lie in the template's brain

_BLUE = ((0.62, 0.79, 0.92), (0.02, 0.29, 0.58))
_ORANGE = ((0.99, 0.76, 0.53), (0.70, 0.24, 0.02))
"""Ends of the two halves, weak to strong: told apart by every kind of colour vision."""


@dataclass(frozen=True)
class BrainSlice:
    """One slice as a PNG.

    Attributes
    ----------
    plane : str
        One of `PLANES`.
    axis : str
        ``"x"``, ``"y"`` or ``"z"``.
    position_mm : int
        MNI152 coordinate along that axis.
    png : bytes
        Transparent outside the brain.
    width, height : int
        Pixels of 1 mm.
    """

    plane: str
    axis: str
    position_mm: int
    png: bytes
    width: int
    height: int


def region_weights(importances: list[Importance]) -> dict[int, Importance]:
    """Return the feature with the largest absolute weight of each atlas region.

    Examples
    --------
    >>> rows = [Importance("a.mean", 0.2, "a", 3), Importance("a.sd", -0.5, "a", 3), Importance("eTIV", 1.0)]
    >>> {label: row.feature for label, row in region_weights(rows).items()}
    {3: 'a.sd'}
    """
    strongest: dict[int, Importance] = {}
    for row in importances:
        if row.label is not None and (
            row.label not in strongest or abs(row.weight) > abs(strongest[row.label].weight)
        ):
            strongest[row.label] = row
    return strongest


def draw_slices(importances: list[Importance], atlas: str, lut: str | None = None) -> list[BrainSlice] | None:
    """Draw the regions' weights over the brain, on the slices that hold most of them.

    Parameters
    ----------
    importances : list of Importance
        Those with a label are drawn.
    atlas : str
        Name or path, as `normwise.features.atlases.load_atlas` takes it.
    lut : str, optional
        Look-up table of a label map.

    Returns
    -------
    list of BrainSlice, or None
        None where the atlas can't be loaded or does not lie in MNI152 space.
    """
    weights = {label: row.weight for label, row in region_weights(importances).items()}
    largest = max((abs(weight) for weight in weights.values()), default=0.0)
    template = open_template(atlas, lut) if largest > 0.0 else None
    if template is None or not template.holds(set(weights)):
        return None
    brain, affine = template.brain, template.affine
    values = np.where(brain > 0, _table_of(template, weights)[template.labels] / largest, 0.0)
    return [
        _slice(brain, values, axis, place, round(float(affine[axis, 3]) + place))
        for axis in range(3)
        for place in _chosen_slices(values, axis)
    ]


@dataclass(frozen=True)
class Template:
    """The MNI152 brain with an atlas on its grid.

    Attributes
    ----------
    brain : ndarray of shape (nx, ny, nz)
        Brightness, 0 outside.
    labels : ndarray of int of shape (nx, ny, nz)
        The atlas' index at every voxel; 0 where it has none.
    affine : ndarray of shape (4, 4)
        From voxels to millimetres, right-anterior-superior.
    """

    brain: Floats
    labels: NDArray[np.intp]
    affine: Floats

    def holds(self, wanted: set[int]) -> bool:
        """Return whether the regions are there and lie in the brain, as they must in MNI152 space."""
        inside = np.isin(self.labels, list(wanted))
        return bool(inside.any()) and bool((self.brain[inside] > 0).mean() >= _INSIDE)


def open_template(atlas: str, lut: str | None = None) -> Template | None:
    """Lay an atlas over the MNI152 brain.

    Parameters
    ----------
    atlas : str
        Name or path, as `normwise.features.atlases.load_atlas` takes it.
    lut : str, optional
        Look-up table of a label map.

    Returns
    -------
    Template or None
        None where the atlas can't be loaded.
    """
    brain, affine = _template()
    labels = _labels_on(brain.shape, affine, atlas, lut)
    return None if labels is None else Template(brain, labels, affine)


def _table_of(template: Template, weights: dict[int, float]) -> Floats:
    """Return the weight of every index, 0 for those without one."""
    table = np.zeros(int(template.labels.max(initial=0)) + 1)
    for label, weight in weights.items():
        if 0 < label < len(table):
            table[label] = weight
    return table


def colour_bar(*, signed: bool) -> bytes:
    """Return the colours from the lowest to the highest weight, as they look on the brain: a PNG 200 wide."""
    line = np.linspace(-1.0 if signed else 0.0, 1.0, 200)[None, :]
    cover = _cover(line)
    return encode(np.dstack([_BRAIN * (1.0 - cover) + _colours(line) * cover, np.ones_like(line)]))


def _template() -> tuple[Floats, Floats]:
    """Return the MNI152 brain that nilearn ships, 1 mm, cut to the brain, and its affine."""
    from nilearn.datasets import load_mni152_template

    image: Any = load_mni152_template(resolution=1)
    brain, affine = np.asarray(image.dataobj, dtype=float), np.array(image.affine, dtype=float)
    box = _bounding_box(brain > 0)
    affine[:3, 3] += [part.start for part in box]
    return brain[box], affine


def _labels_on(
    shape: tuple[int, ...], affine: Floats, atlas: str, lut: str | None
) -> NDArray[np.intp] | None:
    """Return the atlas' index at every voxel of the template's grid."""
    from scipy.ndimage import affine_transform

    from normwise.features.atlases import load_atlas

    try:
        labels = load_atlas(atlas, lut).labels
    except (NormwiseError, OSError):
        return None
    to_atlas = np.linalg.inv(labels.affine) @ affine
    near = affine_transform(
        labels.voxels, to_atlas[:3, :3], offset=to_atlas[:3, 3], output_shape=shape, order=0
    )
    found: NDArray[np.intp] = np.maximum(near, 0).astype(np.intp)
    return found


def _bounding_box(inside: NDArray[np.bool_]) -> tuple[slice, ...]:
    edges = []
    for axis in range(3):
        other = tuple(place for place in range(3) if place != axis)
        found = np.flatnonzero(inside.any(axis=other))
        edges.append(slice(max(0, int(found[0]) - _MARGIN), int(found[-1]) + 1 + _MARGIN))
    return tuple(edges)


def _chosen_slices(values: Floats, axis: int) -> list[int]:
    """Return the slices with most weight, kept apart, in order."""
    other = tuple(place for place in range(3) if place != axis)
    # Squares, so that a small region with much weight is not passed over for a large one with little.
    left = np.square(values).sum(axis=other)
    chosen: list[int] = []
    while len(chosen) < _SLICES and left.max() > 0:
        best = int(left.argmax())
        chosen.append(best)
        left[max(0, best - _APART_MM) : best + _APART_MM + 1] = 0.0
    return sorted(chosen)


def _slice(brain: Floats, values: Floats, axis: int, place: int, position_mm: int) -> BrainSlice:
    from scipy.ndimage import gaussian_filter

    # Rows run downwards in a picture: transpose, then flip so that anterior or superior is on top.
    grey = np.take(brain, place, axis).T[::-1]
    value = np.take(values, place, axis).T[::-1]
    cover = _cover(value)
    # A slight blur of the coloured patches and of the brain's edge takes the steps of 1 mm voxels away.
    patches = gaussian_filter(_colours(value) * cover, (_BLUR, _BLUR, 0.0))
    cover = gaussian_filter(cover, (_BLUR, _BLUR, 0.0))
    shade = np.clip(0.12 + 0.85 * grey, 0.0, 1.0)[..., None]
    mixed = np.clip(shade * (1.0 - cover) + patches, 0.0, 1.0)
    inside = gaussian_filter((grey > 0).astype(float), 1.5 * _BLUR)
    opacity = np.clip(2.5 * (inside - 0.45), 0.0, 1.0)
    picture = np.dstack([mixed, opacity])
    return BrainSlice(
        PLANES[axis], AXIS_NAMES[axis], position_mm, encode(picture), picture.shape[1], picture.shape[0]
    )


def _cover(value: Floats) -> Floats:
    """Return the opacity of values from −1 to 1, of shape (…, 1)."""
    cover: Floats = _OPACITY * np.clip(np.abs(value), 0.0, 1.0)[..., None]
    return cover


def _colours(value: Floats) -> Floats:
    """Return colours of shape (…, 3) for values from −1 to 1."""
    strength = np.clip(np.abs(value), 0.0, 1.0)[..., None]
    halves = [
        np.asarray(weak) * (1 - strength) + np.asarray(strong) * strength for weak, strong in (_BLUE, _ORANGE)
    ]
    mixed: Floats = np.where(value[..., None] < 0, halves[0], halves[1])
    return mixed


def shade(value: Floats) -> NDArray[np.uint8]:
    """Return red, green, blue and opacity, of shape (…, 4), for values from −1 to 1, over a brain."""
    return np.round(np.concatenate([_colours(value), _cover(value)], axis=-1) * 255).astype(np.uint8)


def encode(picture: Floats, *, smallest: bool = True) -> bytes:
    """Encode red, green, blue and opacity from 0 to 1 as a PNG whose bytes follow from the picture alone.

    The ``smallest`` file takes ten times as long as one a little larger.
    """
    from matplotlib.image import imsave

    stream = io.BytesIO()
    pixels = np.round(picture * 255).astype(np.uint8)
    unsigned: Any = {"Software": None}  # a version of matplotlib inside would change the bytes
    imsave(stream, pixels, format="png", metadata=unsigned, pil_kwargs={"optimize": smallest})
    return stream.getvalue()


_OUTLINES_SLICES = 2  # a plane
_OUTLINES_APART_MM = 12
_ZOOM = 2  # pixels a voxel, so that a line is thinner than a voxel
_LESS, _MORE = (0.05, 0.35, 0.75), (0.82, 0.28, 0.02)


@dataclass(frozen=True)
class Outliner:
    """Draws outlines on one template, for many people.

    Attributes
    ----------
    template : Template
        The brain with the atlas on its grid.
    """

    template: Template

    @cached_property
    def _profiles(self) -> list[Floats]:
        """Voxels of each label by place along each axis, of shape (n_labels, n_places)."""
        labels = np.where(self.template.brain > 0, self.template.labels, 0)
        count = int(labels.max(initial=0)) + 1
        found = []
        for axis, size in enumerate(labels.shape):
            place = np.arange(size).reshape([-1 if other == axis else 1 for other in range(3)])
            joint = np.bincount((labels * size + place).ravel(), minlength=count * size)
            table = joint.reshape(count, size).astype(float)
            table[0] = 0.0
            found.append(table)
        return found

    def draw(self, scores: dict[int, float]) -> list[BrainSlice]:
        """Draw the slices that hold most of the regions.

        Parameters
        ----------
        scores : dict of int to float
            W-score by label: orange outlines for more than expected, blue for less.

        Returns
        -------
        list of BrainSlice
            Two a plane; empty where no region is on the template.
        """
        known = {label: score for label, score in scores.items() if 0 < label < len(self._profiles[0])}
        cuts = []
        for axis in range(3):
            # Shares of a region, so that a small one counts as much as a large one.
            parts = [self._profiles[axis][label] for label in known]
            weight = sum((part / part.sum() for part in parts if part.sum() > 0), np.zeros(1))
            cuts += [self._slice(known, axis, place) for place in _chosen(np.asarray(weight))]
        return cuts

    def _slice(self, scores: dict[int, float], axis: int, place: int) -> BrainSlice:
        from scipy.ndimage import binary_erosion, gaussian_filter, zoom

        # Rows run downwards in a picture: transpose, then flip so that anterior or superior is on top.
        grey = np.take(self.template.brain, place, axis).T[::-1]
        labels = np.repeat(np.repeat(np.take(self.template.labels, place, axis).T[::-1], _ZOOM, 0), _ZOOM, 1)
        fine = zoom(grey, _ZOOM, order=1)
        picture = np.repeat(np.clip(0.12 + 0.85 * fine, 0.0, 1.0)[..., None], 3, axis=2)
        # The heaviest departure is drawn last, so that it lies on top.
        for label, score in sorted(scores.items(), key=lambda item: abs(item[1])):
            region = labels == label
            if not region.any():
                continue
            line = region & ~binary_erosion(region, iterations=_ZOOM)
            picture[line] = _MORE if score > 0 else _LESS
        inside = gaussian_filter((fine > 0).astype(float), 1.0)
        opacity = np.clip(2.5 * (inside - 0.45), 0.0, 1.0)
        position = round(float(self.template.affine[axis, 3]) + place)
        png = encode(np.dstack([picture, opacity]), smallest=False)
        return BrainSlice(PLANES[axis], AXIS_NAMES[axis], position, png, fine.shape[1], fine.shape[0])


def _chosen(weight: Floats) -> list[int]:
    """Return the heaviest places, kept apart, in order."""
    left = weight.copy()
    chosen: list[int] = []
    while len(chosen) < _OUTLINES_SLICES and left.max(initial=0.0) > 0:
        best = int(left.argmax())
        chosen.append(best)
        left[max(0, best - _OUTLINES_APART_MM) : best + _OUTLINES_APART_MM + 1] = 0.0
    return sorted(chosen)
