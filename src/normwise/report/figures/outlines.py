"""One person's most abnormal regions, outlined on slices of the MNI152 brain."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from normwise.report.figures.brain import AXIS_NAMES, PLANES, BrainSlice, Template, encode

__all__ = ["Outliner"]

Floats = NDArray[np.float64]

_SLICES = 2  # a plane
_APART_MM = 12
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
    while len(chosen) < _SLICES and left.max(initial=0.0) > 0:
        best = int(left.argmax())
        chosen.append(best)
        left[max(0, best - _APART_MM) : best + _APART_MM + 1] = 0.0
    return sorted(chosen)
