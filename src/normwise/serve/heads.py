"""One head with its regions: as NIfTI for the viewer in the browser, and as slices where it has none."""

from __future__ import annotations

import io
import re
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from normwise.errors import NormwiseError
from normwise.features import fill, has_columns
from normwise.features.atlases import load_atlas
from normwise.images import LabelVolume, Volume, read_head, read_labels, resample_labels
from normwise.report import shade
from normwise.run_folder import RunFolder
from normwise.runs import PreparedRun
from normwise.schema import AtlasSection, BrainSection, SlidesSection

__all__ = ["PLANES", "Head", "Heads", "label_colours", "score_colours"]

PLANES = ("sagittal", "coronal", "axial")
"""Planes by the axis of a right-anterior-superior volume that they cut."""

_KEPT = 2  # heads in memory
_DARKEST, _BRIGHTEST = (
    1.0,
    99.5,
)  # percentiles of the voxels in the head: a few bright vessels must not darken it
_LARGEST = 640  # pixels of the longer edge of a slice
_END = 4.0  # W-score at the ends of the colours


@dataclass(frozen=True, eq=False)
class Head:
    """An image with its regions on the same grid.

    Attributes
    ----------
    image : Volume
        What is shown in grey.
    regions : ndarray of int of shape (nx, ny, nz), or None
        0, or one more than the place of the region's label in ``labels``.
    labels : tuple of int
        Atlas index of each region.
    mask : ndarray of bool of shape (nx, ny, nz), or None
        The brain, where the run keeps it.
    space : str
        Whose brain it is shown on, in words.
    """

    image: Volume
    regions: NDArray[np.int16] | None
    labels: tuple[int, ...]
    mask: NDArray[np.bool_] | None
    space: str

    @cached_property
    def _window(self) -> tuple[float, float]:
        """Intensities that are drawn black and white."""
        sample = self.image.voxels[::3, ::3, ::3]
        known = sample[np.isfinite(sample) & (sample > sample.min())]
        low, high = np.percentile(known, (_DARKEST, _BRIGHTEST)) if known.size else (0.0, 1.0)
        low = min(float(low), 0.0) if float(np.min(sample)) >= 0 else float(low)
        return low, float(high)

    def _grey(self, voxels: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Return the brightness of some voxels, from 0 to 255."""
        low, high = self._window
        scaled = (np.nan_to_num(voxels) - np.float32(low)) * np.float32(255.0 / max(high - low, 1e-12))
        grey: NDArray[np.uint8] = np.clip(scaled, 0, 255).astype(np.uint8)
        return grey

    @cached_property
    def centres(self) -> list[list[float]]:
        """Where each region lies, in mm: the voxel of it nearest to its mean."""
        if self.regions is None:
            return []
        regions = self.regions.ravel()
        flat = np.flatnonzero(regions)
        order = flat[np.argsort(regions[flat], kind="stable")]
        ends = np.searchsorted(regions[order], np.arange(1, len(self.labels) + 2))
        found: list[list[float]] = []
        for start, end in pairwise(ends.tolist()):
            if start == end:
                found.append([])
                continue
            places = np.stack(np.unravel_index(order[start:end], self.regions.shape), axis=1)
            nearest = np.square(places - places.mean(axis=0)).sum(axis=1).argmin()
            found.append([round(float(each), 2) for each in self.image.world(places[nearest])])
        return found

    def nifti(self, layer: str) -> bytes | None:
        """Return ``image``, ``regions`` or ``mask`` as an uncompressed NIfTI file; None without it."""
        import nibabel

        layers = {"regions": self.regions, "mask": self.mask}
        voxels = self._grey(self.image.voxels) if layer == "image" else layers.get(layer)
        if voxels is None:
            return None
        kind = np.uint8 if voxels.dtype != np.int16 or len(self.labels) < 256 else np.int16
        image = nibabel.Nifti1Image(np.ascontiguousarray(voxels, dtype=kind), self.image.affine)
        image.header.set_xyzt_units("mm")
        if layer == "regions":
            image.header.set_intent("label", name="regions")  # NiiVue colours it by a table
        return bytes(image.to_bytes())

    def place(self, mm: NDArray[np.float64]) -> tuple[int, ...]:
        """Return the voxel in which a point lies, inside the box."""
        inverse = np.linalg.inv(self.image.affine)
        voxel = np.rint(inverse[:3, :3] @ mm + inverse[:3, 3]).astype(int)
        return tuple(
            int(np.clip(each, 0, size - 1)) for each, size in zip(voxel, self.image.shape, strict=True)
        )

    def region_at(self, mm: NDArray[np.float64]) -> int:
        """Return the region at a point, as in ``regions``."""
        return 0 if self.regions is None else int(self.regions[self.place(mm)])

    def slice_png(self, axis: int, place: int, layer: str, colours: NDArray[np.uint8]) -> bytes:
        """Draw one slice.

        Parameters
        ----------
        axis : int
            The axis that is cut.
        place : int
            Index along it.
        layer : str
            ``scores``, ``regions``, ``mask`` or ``none``.
        colours : ndarray of uint8 of shape (n_regions + 1, 4)
            Red, green, blue and opacity of each region.

        Returns
        -------
        bytes
            PNG; front or top is up, and the body's left is on the left.
        """
        from PIL import Image

        place = int(np.clip(place, 0, self.image.shape[axis] - 1))
        # Of one slice alone, by a view: of a whole head of 1 mm it takes a second, and `take` copies it.
        grey = self._grey(_cut(self.image.voxels, axis, place))
        picture = np.repeat(grey[..., None], 3, axis=2).astype(np.float32)
        if layer in ("scores", "regions") and self.regions is not None:
            over = colours[_cut(self.regions, axis, place)].astype(np.float32)
            opacity = over[..., 3:] / 255.0
            picture = picture * (1 - opacity) + over[..., :3] * opacity
        if layer == "mask" and self.mask is not None:
            inside = _cut(self.mask, axis, place)
            picture[inside] = picture[inside] * 0.6 + np.array([18, 140, 100], np.float32) * 0.4
        spacing = [self.image.spacing[other] for other in range(3) if other != axis]
        width, height = picture.shape[1] * spacing[0], picture.shape[0] * spacing[1]
        scale = _LARGEST / max(width, height)
        size = (max(round(width * scale), 1), max(round(height * scale), 1))
        stream = io.BytesIO()
        shown = Image.fromarray(np.round(picture).astype(np.uint8)).resize(size, Image.Resampling.BILINEAR)
        shown.save(stream, "PNG", compress_level=1)
        return stream.getvalue()


def _cut(voxels: NDArray[Any], axis: int, place: int) -> NDArray[Any]:
    """Return one slice as it is drawn."""
    drawn: NDArray[Any] = np.moveaxis(voxels, axis, 0)[place].T[::-1]
    return drawn


def score_colours(scores: Mapping[int, float], labels: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return the colour of each region by its W-score, (n_regions + 1, 4); clear without one.

    Examples
    --------
    >>> score_colours({7: 4.0, 9: 0.0}, (7, 8, 9))[:, 3].tolist()
    [0, 230, 0, 0]
    """
    values = np.array([0.0, *(scores.get(label, 0.0) for label in labels)])
    colours: NDArray[np.uint8] = shade(np.clip(values / _END, -1.0, 1.0))
    return colours


def label_colours(count: int) -> NDArray[np.uint8]:
    """Return one colour a region that its neighbours in the list do not have, (n_regions + 1, 4)."""
    from matplotlib.colors import hsv_to_rgb

    number = np.arange(count + 1)
    hues = np.stack([(number * 0.618034) % 1.0, np.full(count + 1, 0.65), 0.75 + 0.25 * (number % 2)], axis=1)
    colours = np.round(hsv_to_rgb(hues) * 255).astype(np.uint8)
    opacity = np.where(number == 0, 0, 150)
    return np.column_stack([colours, opacity]).astype(np.uint8)


class Heads:
    """Reads heads of a run, and keeps the last ones.

    Parameters
    ----------
    prepared : PreparedRun
        Cohort and study.
    """

    def __init__(self, prepared: PreparedRun) -> None:
        self._prepared = prepared
        self._kept: OrderedDict[str, Head] = OrderedDict()
        self._bare: OrderedDict[str, Head] = OrderedDict()
        self._lock, self._reading = Lock(), Lock()

    def has(self, scan: str) -> bool:
        """Return whether the study names an image of the scan that is a volume."""
        section = self._prepared.study.features
        images = self._prepared.cohort.images
        if isinstance(section, SlidesSection):
            return False
        given = isinstance(section, BrainSection) and section.labels is not None
        return (images is not None and scan in images.index) or (
            given and scan in self._prepared.cohort.raw.index
        )

    def warm_up(self) -> None:
        """Load the atlas, where one serves everybody, so that the first head need not wait for it."""
        section = self._prepared.study.features
        if isinstance(section, AtlasSection) and not isinstance(section, BrainSection):
            with suppress(NormwiseError, OSError):
                if not has_columns(section.atlas):
                    self._atlas  # noqa: B018 - kept from now on

    @cached_property
    def _atlas(self) -> LabelVolume:
        section = self._prepared.study.features
        assert isinstance(section, AtlasSection), "asked of extractors with an atlas"
        atlas, lut = section.atlas_in(self._prepared.study.cohort.root)
        return load_atlas(atlas or section.atlas, lut).labels

    def read_image(self, scan: str) -> Head:
        """Return a head without its regions, which takes less long; as `read`."""
        with self._reading:
            if scan in self._bare:
                self._bare.move_to_end(scan)
                return self._bare[scan]
            images = self._prepared.cohort.images
            if images is None or scan not in images.index:
                head = self.read(scan)
            else:
                head = Head(read_head(Path(str(images[scan]))), None, (), None, "")
            return _keep(self._bare, scan, head)

    def read(self, scan: str) -> Head:
        """Return a head.

        Raises
        ------
        NormwiseError
            Why the image can't be read.
        """
        with self._lock:
            if scan in self._kept:
                self._kept.move_to_end(scan)
                return self._kept[scan]
            return _keep(self._kept, scan, self._read(scan))

    def _read(self, scan: str) -> Head:
        images = self._prepared.cohort.images
        known = images is not None and scan in images.index
        image = self.read_image(scan).image if known else None
        labels, mask, space = self._labels(scan, image)
        if image is None:
            assert labels is not None, "a scan without an image has labels"
            image = Volume((labels.voxels > 0).astype(np.float32), labels.affine)
        if labels is None:
            return Head(image, None, (), mask, space)
        inside = labels.voxels > 0
        found = labels.voxels[inside]
        present = np.unique(found)
        regions = np.zeros_like(labels.voxels, dtype=np.int16)
        regions[inside] = np.searchsorted(present, found) + 1
        return Head(image, regions, tuple(present.tolist()), mask, space)

    def _labels(
        self, scan: str, image: Volume | None
    ) -> tuple[LabelVolume | None, NDArray[np.bool_] | None, str]:
        study, own = self._prepared.study, "on this person's own image"
        section, root = study.features, study.cohort.root
        raw = self._prepared.cohort.raw.loc[[scan]]
        try:
            if isinstance(section, BrainSection):
                if section.labels is not None:
                    labels = read_labels((root or Path()) / fill(section.labels, raw)[0])
                    return _onto(labels, image), None, own
                return *self._kept_by_run(scan, image), own
            if isinstance(section, AtlasSection):
                if has_columns(section.atlas):
                    labels = read_labels((root or Path()) / fill(section.atlas, raw)[0])
                    return _onto(labels, image), None, own
                return _onto(self._atlas, image), None, "in the template's space"
        except (NormwiseError, OSError) as error:
            if image is None:
                raise
            return None, None, f"{own}; its regions can't be shown: {getattr(error, 'problem', error)}"
        return None, None, own

    def _kept_by_run(
        self, scan: str, image: Volume | None
    ) -> tuple[LabelVolume | None, NDArray[np.bool_] | None]:
        label = re.sub(r"[^0-9A-Za-z]", "", scan.removeprefix("sub-"))  # as `derivative_labels`
        stem = self._prepared.folder / RunFolder.DERIVATIVES / f"sub-{label}" / f"sub-{label}"
        files = [stem.with_name(f"{stem.name}_{end}.nii.gz") for end in ("dseg", "desc-brain_mask")]
        labels, mask = (_onto(read_labels(path), image) if path.is_file() else None for path in files)
        return labels, None if mask is None else mask.voxels > 0


def _keep(kept: OrderedDict[str, Head], scan: str, head: Head) -> Head:
    kept[scan] = head
    while len(kept) > _KEPT:
        kept.popitem(last=False)
    return head


def _onto(labels: LabelVolume, image: Volume | None) -> LabelVolume:
    return labels if image is None else resample_labels(labels, image)
