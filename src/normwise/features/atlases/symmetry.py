"""A label map made symmetric: every region averaged with its mirrored twin.

Most atlases were drawn on an asymmetric MNI152 template: their middle lies half a millimetre to the right,
and most right structures lie 1 to 2.4 mm further forward than left ones. On the symmetric template, whose T1,
grey and white matter are their own mirror images, that displacement becomes a difference between left and
right in everybody: 16 % of a cortical region's volume and 5 % of a deep nucleus' on average. Averaged with
its mirror image an atlas has no side of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import numpy as np
from numpy.typing import NDArray

from normwise.features.atlases.mni_check import mni_template
from normwise.features.atlases.region_names import region_name
from normwise.images import LabelVolume

__all__ = ["SYMMETRY_VERSION", "lies_on_template", "make_symmetric", "ties_outwards", "twins_of"]

SYMMETRY_VERSION = 1
"""Raised when the same label map becomes another."""

_SIGMA_MM = 1.5  # of the blur, about the displacement of the two sides
_TRUNCATE = 3.0
_ROUNDS = 4  # of the weights that keep volumes: within 4 % for the structures of the installed atlases
_HEAVIEST = 8.0
_EQUAL = 1e-4  # scores nearer than this are a tie, as on the middle plane
_LEAST_OVERLAP = 0.1  # Dice of a region with the mirror image of its twin, where names don't tell

_Box = tuple[slice, slice, slice]


def make_symmetric(labels: LabelVolume, names: Mapping[int, str]) -> LabelVolume:
    """Average every region with the mirror image of its twin on the other side of x = 0.

    A label's score is the sum of its own and its twin's mirrored membership, both blurred by a Gaussian of
    1.5 mm; the largest score wins, the background's among them. Scores are weighted so that a pair keeps its
    mean volume, since a blur takes from what is thin or small. On the middle plane, where the twins of a pair
    have equal scores, they take turns.

    Parameters
    ----------
    labels : LabelVolume
        A label map in a space whose middle plane is x = 0.
    names : mapping of int to str
        Name of each label: ``Left-Caudate`` and ``Right-Caudate`` are twins.

    Returns
    -------
    LabelVolume
        On the map's grid, cut or widened so that it holds both sides. A label without a twin stays where it
        is.

    Examples
    --------
    >>> voxels = np.zeros((41, 21, 21), int)
    >>> voxels[5:14, 6:15, 6:15], voxels[29:38, 6:15, 6:15] = 1, 2  # the right one lies 2 mm further out
    >>> grid = np.diag([1.0, 1.0, 1.0, 1.0])
    >>> grid[0, 3] = -20
    >>> found = make_symmetric(LabelVolume(voxels, grid), {1: "Box_L", 2: "Box_R"})
    >>> [round(float(found.world(np.argwhere(found.voxels == label))[:, 0].mean()), 1) for label in (1, 2)]
    [-12.0, 12.0]
    """
    if not labels.voxels.any():
        return labels
    wide, affine = _widened(labels)
    present, places = np.unique(wide, return_inverse=True)
    own = places.reshape(wide.shape).astype(np.int32)  # numbered from 1: a label may be a billion
    mirrored = _mirrored(own, affine)
    known = {place: names[label] for place, label in enumerate(present.tolist()) if label in names}
    twins = twins_of(own, mirrored, known)
    scores = _scores(own, mirrored, twins, np.linalg.norm(affine[:3, :3], axis=0))
    sizes = np.bincount(own.ravel())
    wanted = {label: (sizes[label] + sizes[twins.get(label, label)]) / 2 for label in scores}
    weights = dict.fromkeys(scores, 1.0)
    for _ in range(_ROUNDS):
        found = np.bincount(_assign(scores, own.shape, twins, weights).ravel(), minlength=len(sizes))
        for label in scores:
            volume = (found[label] + found[twins.get(label, label)]) / 2
            missing = wanted[label] / max(volume, wanted[label] / 10)
            weights[label] = min(weights[label] * missing**0.5, _HEAVIEST)
    return LabelVolume(present[_assign(scores, own.shape, twins, weights)], affine)


def twins_of(own: NDArray[np.int32], mirrored: NDArray[np.int32], names: Mapping[int, str]) -> dict[int, int]:
    """Return the label on the other side of each label; its own where it lies on both.

    Parameters
    ----------
    own, mirrored : ndarray of shape (nx, ny, nz), int32
        A label map and its mirror image.
    names : mapping of int to str
        Names that differ in their side alone make a pair. Every other label goes with the one that its mirror
        image overlaps most, if that is so the other way round too.

    Examples
    --------
    >>> line = np.array([5, 5, 9, 9, 8, 8, 0, 7], np.int32).reshape(8, 1, 1)
    >>> twins_of(line, line[::-1], {5: "Insula_L", 7: "Insula_R"})
    {5: 7, 7: 5, 8: 9, 9: 8}
    """
    present = [int(label) for label in np.unique(own) if label]
    place = {region_name(names[label]): label for label in reversed(present) if label in names}
    twins = {}
    for name, label in place.items():
        stem, _, side = name.rpartition("_")
        other = (
            place.get(f"{stem}_{'right' if side == 'left' else 'left'}")
            if side in ("left", "right")
            else None
        )
        if other is not None:
            twins[label] = other
    rest = [label for label in present if label not in twins]
    row = np.zeros(int(own.max()) + 1, dtype=np.int64)
    row[rest] = np.arange(1, len(rest) + 1)
    count = len(rest) + 1
    shared = np.bincount(row[own.ravel()] * count + row[mirrored.ravel()], minlength=count * count)
    shared = shared.reshape(count, count)
    overlap = (2 * shared / np.maximum(shared.sum(axis=1)[:, None] + shared.sum(axis=0), 1))[1:, 1:]
    for number, label in enumerate(rest):
        best = int(overlap[number].argmax())
        if overlap[number, best] > _LEAST_OVERLAP and int(overlap[:, best].argmax()) == number:
            twins[label] = rest[best]
    return dict(sorted(twins.items()))


def lies_on_template(labels: LabelVolume) -> bool:
    """Return whether a label map seems to be drawn on MNI152, as an atlas of one's own may be.

    Nineteen in twenty of its labelled voxels lie in the template's brain, within 2 mm, and it is centred on
    the middle plane: its labels' mean within 3 mm, half of them with a label at their mirror image.
    """
    from scipy.ndimage import binary_dilation

    indices = np.argwhere(labels.voxels)
    template = mni_template()
    places = labels.world(indices)
    if not len(places) or abs(float(places[:, 0].mean())) > _OFF_CENTRE_MM:
        return False
    brain = binary_dilation(template.voxels > _OUTSIDE * template.voxels.max())
    inside = _values_at(brain.astype(np.int32), template.affine, places)
    mirrored = _values_at(labels.voxels, labels.affine, places * (-1, 1, 1))
    return bool((inside > 0).mean() >= _LEAST_INSIDE and (mirrored > 0).mean() >= _LEAST_MIRRORED)


_OFF_CENTRE_MM, _LEAST_INSIDE, _LEAST_MIRRORED = 3.0, 0.95, 0.5
_OUTSIDE = 0.15  # of the brightest: darker is outside the template's brain


def ties_outwards(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a symmetric map's affine so that a point between two voxels belongs to the outer one.

    A nearest voxel that is rounded upwards would move both sides half a voxel to the left where an image's
    grid falls between the map's. A ten-thousandth is lost in x, a hundredth of a millimetre at the rim.
    """
    moved = np.array(affine, dtype=np.float64)
    moved[0] *= 1 - 1e-4
    return moved


def _values_at(
    voxels: NDArray[np.int32], affine: NDArray[np.float64], places: NDArray[np.float64]
) -> NDArray[np.int32]:
    back = np.linalg.inv(affine)
    indices = np.rint(places @ back[:3, :3].T + back[:3, 3]).astype(np.int64)
    within = ((indices >= 0) & (indices < np.array(voxels.shape))).all(axis=1)
    values = np.zeros(len(places), dtype=np.int32)
    values[within] = voxels[tuple(indices[within].T)]
    return values


def _mirror(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the matrix from a voxel to the one at its mirror image."""
    matrix = np.linalg.inv(affine) @ np.diag([-1.0, 1.0, 1.0, 1.0]) @ affine
    whole = np.rint(matrix)
    return np.where(np.abs(matrix - whole) < 1e-4, whole, matrix)  # an exact flip where the grid allows it


def _widened(labels: LabelVolume) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return the smallest part of the grid, widened where needed, that holds the labels and their mirror."""
    filled = [np.flatnonzero(labels.voxels.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
    low, high = (np.array([each[end] for each in filled]) for end in (0, -1))
    corners = np.array(list(product(*zip(low, high, strict=True))))
    matrix = _mirror(labels.affine)
    across = corners @ matrix[:3, :3].T + matrix[:3, 3]
    start = np.floor(np.minimum(low, across.min(axis=0))).astype(np.int64) - 1
    stop = np.ceil(np.maximum(high, across.max(axis=0))).astype(np.int64) + 2
    wide = np.zeros(stop - start, dtype=np.int32)
    source = tuple(slice(a, b + 1) for a, b in zip(low, high, strict=True))
    target = tuple(slice(a - s, b - s + 1) for a, b, s in zip(low, high, start, strict=True))
    wide[target] = labels.voxels[source]
    affine = np.array(labels.affine, dtype=np.float64)
    affine[:3, 3] += affine[:3, :3] @ start
    return wide, affine


def _mirrored(voxels: NDArray[np.int32], affine: NDArray[np.float64]) -> NDArray[np.int32]:
    from scipy.ndimage import affine_transform

    matrix = _mirror(affine)
    mirrored: NDArray[np.int32] = affine_transform(voxels, matrix[:3, :3], matrix[:3, 3], order=0)
    return mirrored


def _scores(
    own: NDArray[np.int32],
    mirrored: NDArray[np.int32],
    twins: Mapping[int, int],
    spacing: NDArray[np.float64],
) -> dict[int, tuple[_Box, NDArray[np.float32]]]:
    """Return each label's box and its blurred memberships there, twins one after the other."""
    from scipy.ndimage import find_objects, gaussian_filter

    boxes, across = find_objects(own), find_objects(mirrored)
    margin = np.ceil(_TRUNCATE * _SIGMA_MM / spacing).astype(np.int64)
    order: dict[int, None] = {}
    for label in np.unique(own)[1:].tolist():
        order |= {label: None, twins.get(label, label): None}
    scores = {}
    for label in order:
        twin = twins.get(label)
        parts = [boxes[label - 1], *([across[twin - 1]] if twin is not None else [])]
        starts = np.array([[part.start for part in each] for each in parts if each is not None])
        stops = np.array([[part.stop for part in each] for each in parts if each is not None])
        start = np.maximum(starts.min(axis=0) - margin, 0)
        stop = np.minimum(stops.max(axis=0) + margin, own.shape)
        box = (slice(start[0], stop[0]), slice(start[1], stop[1]), slice(start[2], stop[2]))
        here = (own[box] == label).astype(np.float32)
        both = here + ((mirrored[box] == twin) if twin is not None else here)
        scores[label] = box, gaussian_filter(both, _SIGMA_MM / spacing, truncate=_TRUNCATE)
    return scores


def _assign(
    scores: Mapping[int, tuple[_Box, NDArray[np.float32]]],
    shape: tuple[int, ...],
    twins: Mapping[int, int],
    weights: Mapping[int, float],
) -> NDArray[np.int32]:
    """Give every voxel the label with the largest weighted score."""
    best, total = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32)
    labels = np.zeros(shape, dtype=np.int32)
    # Thue and Morse's pattern: every second voxel of it, as a coarser grid takes them, is as even.
    odd = np.bitwise_count(np.indices(shape[1:])).sum(axis=0) % 2 == 1
    for label, (box, score) in scores.items():
        total[box] += score
        weighted = score * np.float32(weights[label])
        wins = weighted > best[box] + _EQUAL
        if twins.get(label, label) != label:
            level = np.abs(weighted - best[box]) <= _EQUAL
            wins |= level & (labels[box] == twins[label]) & odd[box[1:]]
        best[box][wins] = weighted[wins]
        labels[box][wins] = label
    labels[2 - total > best] = 0  # memberships, the background's included, sum to one on each side
    return labels
