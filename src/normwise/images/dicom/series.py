"""Slices sorted by series and place, and checked: a volume, or a reason why not."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from normwise.errors import ImageError
from normwise.images.dicom.contrast import Contrast, judge_contrast
from normwise.images.dicom.header import Header
from normwise.images.dicom.parse import read_pixels

__all__ = ["LEAST_SLICES", "Series", "check_series", "sort_series"]

LEAST_SLICES = 16
"""Fewer slices are a scout or a fragment: a head of 16 slices has 10 mm each."""

_SAME_MM = 1e-3
_SAME_DIRECTION = 1e-3
_TILT_DEGREES = 0.5
_STEP_MM, _STEP_SHARE = 0.02, 0.01  # how far steps may differ: what scanners round to
_WHOLE = 0.05  # a gap so near to whole steps is a missing slice
_MOST_VOXELS = 512 * 1024**2  # their float32 voxels hold 2 GiB, as of any image

_SCOUTS = {"LOCALIZER", "SCOUT", "SCANOGRAM"}
_DERIVED = {
    "MPR", "MIP", "MINIP", "REFORMATTED", "PROJECTION IMAGE", "PROJECTION", "SUBTRACTION", "SUBTRACT",
    "ADC", "FA", "TRACEW", "TENSOR", "PERFUSION", "RCBF", "RCBV", "MTT", "TTP", "CBF", "CBV",
    "SCREEN SAVE", "SCREEN", "P", "PHASE", "IMAGINARY", "I", "MAX_IP", "MIN_IP", "MNIP", "SPECTROSCOPY",
}  # fmt: skip
_MODALITIES = {
    "CT",
    "PT",
    "NM",
    "US",
    "CR",
    "DX",
    "MG",
    "XA",
    "RF",
    "OT",
    "SC",
    "SR",
    "PR",
    "SEG",
    "RTSTRUCT",
    "RTDOSE",
}


@dataclass(frozen=True)
class Series:
    """The files of one series, in order of place.

    Attributes
    ----------
    place : str
        The folder below the source in which its first file lies.
    headers : tuple of Header
        One a file, without copies of one instance.
    lost : int
        Files beside them that are empty, cut or unreadable, and no other series'.
    """

    place: str
    headers: tuple[Header, ...]
    lost: int = 0

    @property
    def first(self) -> Header:
        """The first file."""
        return self.headers[0]

    @property
    def is_derived(self) -> bool:
        """Whether ImageType says that it was computed from another series."""
        return self.first.kind[:1] == ("DERIVED",)

    @cached_property
    def contrast(self) -> Contrast:
        """Its contrast; the worst where its slices were acquired in several ways."""
        return judge_contrast({each: None for header in self.headers for each in header.acquisitions})

    @property
    def slices(self) -> int:
        """Number of slices."""
        return sum(header.frames for header in self.headers)

    @property
    def positions(self) -> npt.NDArray[np.float64]:
        """First voxel of each slice, of shape (n_slices, 3), in LPS mm."""
        return np.array([plane.position for header in self.headers for plane in header.planes])

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Millimetres between rows, columns and slices of a series that `check_series` accepted."""
        ends = np.array(sorted(self.positions @ _normal(self)))
        rows, columns = self.first.spacing
        return rows, columns, float((ends[-1] - ends[0]) / (len(ends) - 1))

    @property
    def extent(self) -> tuple[float, float, float]:
        """Millimetres that a series which `check_series` accepted covers along rows, columns and slices."""
        rows, columns, slices = self.spacing
        return rows * self.first.shape[0], columns * self.first.shape[1], slices * self.slices


def sort_series(headers: Iterable[tuple[str, Header]]) -> list[Series]:
    """Sort files by series and place.

    Parameters
    ----------
    headers : iterable of (str, Header)
        Folder below the source, and header.

    Returns
    -------
    list of Series
        By series number, then folder. Copies of one slice count once; files that hold no image (reports,
        presentations) are left out.
    """
    by_series: dict[tuple[object, ...], list[Header]] = {}
    places: dict[Path, str] = {}
    for place, header in headers:
        if min(header.shape) < 1:
            continue
        # Without an identifier the folder says which files belong together. Some exports give one identifier
        # to all that they write, so that number and study must agree as well.
        key = (header.series, header.study, header.number, "" if header.series else place)
        by_series.setdefault(key, []).append(header)
        places[header.path] = place
    series = []
    for each in by_series.values():
        ordered = sorted(_without_copies(each), key=lambda header: (header.order, header.path.name))
        series.append(Series(places[ordered[0].path], tuple(ordered)))
    return sorted(series, key=lambda each: (each.first.number, each.place, each.first.path.name))


def _without_copies(headers: list[Header]) -> list[Header]:
    """Keep one of each slice: a copy has the identifier, the place and the pixels of another file.

    The identifier alone does not tell: some exports give all slices the same.
    """
    alike: dict[tuple[object, ...], list[Header]] = {}
    for header in headers:
        key = (header.instance, header.order, header.planes) if header.instance else (header.path,)
        alike.setdefault(key, []).append(header)
    kept: list[Header] = []
    for group in alike.values():
        if len(group) == 1:
            kept += group
        else:
            kept += {
                hashlib.sha256(read_pixels(header.path)).digest(): header for header in group[::-1]
            }.values()
    return kept


def check_series(series: Series, name: str) -> None:
    """Refuse a series that is no volume on an even grid, or surely not T1-weighted.

    Parameters
    ----------
    series : Series
        From `sort_series`.
    name : str
        What errors call it.

    Raises
    ------
    ImageError
        IMG-704 a scout; IMG-705 no place; IMG-706 mixed orientations; IMG-707 mixed sizes; IMG-708 one place
        only; IMG-709 several volumes; IMG-710 a missing slice; IMG-711 uneven steps; IMG-712 gantry tilt;
        IMG-713 few slices; IMG-714 another modality; IMG-715 derived; IMG-716 another contrast; IMG-717
        colours; IMG-702 more voxels than a head has; IMG-723 cut, empty or unreadable files.
    """
    first = series.first
    if _SCOUTS & set(first.kind):
        raise _refusal("IMG-704", "the series is a scout for planning.", name, f"{series.slices} slices")
    if first.samples != 1:
        raise _refusal(
            "IMG-717", "the voxels are colours, not intensities.", name, f"{first.samples} a voxel"
        )
    voxels = series.slices * first.shape[0] * first.shape[1]
    if voxels > _MOST_VOXELS:
        raise _refusal("IMG-702", "the series is larger than a head can be.", name, f"{voxels:.3g} voxels")
    _check_whole(series, name)
    _check_planes(series, name)
    _check_steps(series, name)
    if series.slices < LEAST_SLICES:
        raise _refusal(
            "IMG-713",
            "the series has too few slices for a whole head.",
            name,
            f"{series.slices} slices",
            f"at least {LEAST_SLICES}",
            "look for the other files of the series",
        )
    if first.modality != "MR":
        shown = first.modality if first.modality in _MODALITIES else "another or none"
        raise _refusal(
            "IMG-714", "the series is no magnetic resonance image.", name, f"modality {shown}", "MR"
        )
    if kinds := sorted(kind for kind in first.kind if kind in _DERIVED or _is_map(kind)):
        raise _refusal(
            "IMG-715",
            "the series was computed from another one.",
            name,
            f"{kinds[0].lower() if kinds[0] in _DERIVED else 'a map'} among the image's types",
            advice="give the original acquisition",
        )
    if series.contrast.is_t1 is False:
        raise _refusal(
            "IMG-716",
            f"the image is not T1-weighted but {series.contrast.name}.",
            name,
            series.contrast.why,
            advice="give the T1-weighted series",
        )


def _is_map(kind: str) -> bool:
    return kind.endswith((" MAP", "_MAP"))


def _check_whole(series: Series, name: str) -> None:
    """Refuse a series some of whose files are cut: without its last slices a head is only shorter."""
    cut = [header.damage for header in series.headers if header.damage]
    if not cut and not series.lost:
        return
    broken = len(cut) + series.lost
    raise _refusal(
        "IMG-723",
        f"{broken} of the series' {len(series.headers) + series.lost} files {'is' if broken == 1 else 'are'} "
        "cut, empty or unreadable.",
        name,
        cut[0] if cut else f"{series.lost} beside {series.slices} whole slices",
        advice="fetch the whole series again",
    )


def _check_planes(series: Series, name: str) -> None:
    """Check each slice: it has a place, and direction and size are those of all."""
    lost = [header for header in series.headers if len(header.planes) != header.frames or not header.spacing]
    orientations = np.array([plane.orientation for header in series.headers for plane in header.planes])
    odd = bool(len(orientations)) and not _are_rotations(orientations)
    if lost or odd:
        raise _refusal(
            "IMG-705",
            "slices do not say where they lie.",
            name,
            f"{len(lost)} of {len(series.headers)} files without place or spacing"
            if lost
            else "axes at no right angle",
            advice="export the series again with its geometry",
        )
    if abs(orientations - orientations[0]).max() > _SAME_DIRECTION:
        raise _refusal(
            "IMG-706",
            "the slices of one series lie in different directions.",
            name,
            f"{len(np.unique(np.round(orientations, 2), axis=0))} orientations in {len(orientations)} slices",
            advice="this is a scout in three planes, or series that were mixed: give the volume alone",
        )
    kinds = {(header.shape, tuple(np.round(header.spacing, 3)), header.samples) for header in series.headers}
    if len(kinds) > 1:
        raise _refusal(
            "IMG-707",
            "the slices of one series differ in size or spacing.",
            name,
            f"{len(kinds)} kinds in {series.slices} slices",
            advice="give one acquisition alone",
        )


def _check_steps(series: Series, name: str) -> None:
    """Check the slices together: each has a place of its own, at even steps along their normal."""
    positions = series.positions
    if len(positions) < 2:
        raise _refusal(
            "IMG-713",
            "the series has too few slices for a whole head.",
            name,
            f"{len(positions)} slice",
            f"at least {LEAST_SLICES}",
            "look for the other files of the series",
        )
    along = positions @ _normal(series)
    order = np.argsort(along, kind="stable")
    steps = np.diff(along[order])
    distinct = 1 + int((steps > _SAME_MM).sum())
    if distinct == 1:
        raise _refusal(
            "IMG-708",
            "all slices lie at one place: this is no volume.",
            name,
            f"{len(positions)} slices",
            advice="give the volume, not a series over time",
        )
    if distinct < len(positions):
        raise _refusal(
            "IMG-709",
            "one series holds several volumes, or slices twice.",
            name,
            f"{len(positions)} slices at {distinct} places",
            advice="export one volume alone: one echo, one repetition",
        )
    usual = float(np.median(steps))
    off = abs(steps - usual) > max(_STEP_MM, _STEP_SHARE * usual)
    if off.any():
        _refuse_steps(steps, usual, off, name)
    path = np.diff(positions[order[[0, -1]]], axis=0)[0]
    tilt = np.degrees(np.arccos(np.clip(path @ _normal(series) / np.linalg.norm(path), -1, 1)))
    if tilt > _TILT_DEGREES:
        raise _refusal(
            "IMG-712",
            "the slices are sheared against one another (gantry tilt).",
            name,
            f"{tilt:.1f}° between the slices' normal and the way from slice to slice",
            f"at most {_TILT_DEGREES}°",
            "give an acquisition without tilt",
        )


def _refuse_steps(
    steps: npt.NDArray[np.float64], usual: float, off: npt.NDArray[np.bool_], name: str
) -> None:
    # With few slices a missing one may be the median itself: the least step is then the better guess.
    unit = usual if off.mean() < 0.25 else float(steps.min())
    times = steps / unit
    seen = f"steps of {steps.min():.4g} to {steps.max():.4g} mm, most of them {usual:.4g} mm"
    if (abs(times - np.round(times)) < _WHOLE).all():
        gone = int(np.round(times).sum()) - len(steps)
        raise _refusal(
            "IMG-710",
            f"{gone} slice{'s are' if gone > 1 else ' is'} missing between the others.",
            name,
            seen,
            advice="fetch the whole series again",
        )
    raise _refusal(
        "IMG-711",
        "the slices lie at uneven steps.",
        name,
        seen,
        f"steps that differ by less than {_STEP_MM} mm or {_STEP_SHARE:.0%}",
        "give one acquisition alone, with even steps",
    )


def _are_rotations(orientations: npt.NDArray[np.float64]) -> bool:
    rows, columns = orientations[:, :3], orientations[:, 3:]
    lengths = np.stack([np.linalg.norm(rows, axis=1), np.linalg.norm(columns, axis=1)])
    return bool(
        (abs(lengths - 1) < _SAME_DIRECTION * 10).all()
        and (abs((rows * columns).sum(axis=1)) < _SAME_DIRECTION * 10).all()
    )


def _normal(series: Series) -> npt.NDArray[np.float64]:
    orientation = np.array(series.first.planes[0].orientation)
    return np.asarray(np.cross(orientation[:3], orientation[3:]), dtype=np.float64)


def _refusal(
    code: str, problem: str, name: str, seen: str, expected: str | None = None, advice: str | None = None
) -> ImageError:
    return ImageError(code, problem, subject=name, seen=seen, expected=expected, advice=advice)
