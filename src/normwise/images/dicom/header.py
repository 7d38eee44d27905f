"""One DICOM file's header by an allow-list: what places its slices, and five facts about the person.

Everything else in the header (names, dates, institutions, comments) is skipped by the parser.
Identifiers of series and instance are hashed at once, and only used to sort slices.
"""

from __future__ import annotations

import hashlib
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from normwise.errors import ImageError

__all__ = ["ALLOWED_TAGS", "Header", "Plane", "age_in_years", "read_header"]

ALLOWED_TAGS = (
    "SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "SeriesNumber", "InstanceNumber", "Modality",
    "ImageType", "Rows", "Columns", "SamplesPerPixel", "NumberOfFrames", "ImagePositionPatient",
    "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "EchoTime", "EchoNumbers",
    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
    "PatientAge", "PatientSex", "Manufacturer", "ManufacturerModelName", "MagneticFieldStrength",
)  # fmt: skip
"""Every element that is read; PatientID is read only where it was asked for."""

_DEFLATED = "1.2.840.10008.1.2.1.99"
_AGE = re.compile(r"0*([0-9]{1,3})\s*([YMWD]?)", re.IGNORECASE)
_UNITS = {"": 1.0, "Y": 1.0, "M": 12.0, "W": 365.25 / 7, "D": 365.25}  # units a year
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._+/-]{0,31}")
_MOST_FRAMES = 100_000


@dataclass(frozen=True)
class Plane:
    """Where one slice lies: its first voxel and the directions of its rows, in LPS millimetres."""

    position: tuple[float, ...]
    orientation: tuple[float, ...]


@dataclass(frozen=True)
class Header:
    """The header of one file.

    Attributes
    ----------
    path : Path
        The file.
    series, instance : str
        Hashes of the identifiers of series and instance.
    number, order : int
        Series number, and the instance's number in it; 0 where there is none.
    modality : str
        As ``"MR"``.
    kind : tuple of str
        Values of ImageType, in capitals.
    shape : tuple of int
        Rows and columns; zeros where the file holds no image.
    samples : int
        Values a voxel: 1 for grey, 3 for colour.
    spacing : tuple of float
        Millimetres between rows and between columns; empty where unknown.
    planes : tuple of Plane
        One a frame; empty where the header says nothing of place.
    frames : int
        How many frames the file claims.
    echo_ms : float or None
        Echo time.
    facts : dict of str to str
        ``age`` in years, ``sex``, ``manufacturer``, ``model``, ``field_strength_t``; those that are known.
    patient : str
        PatientID where it was asked for, else empty.
    """

    path: Path
    series: str
    instance: str
    number: int
    order: int
    modality: str
    kind: tuple[str, ...]
    shape: tuple[int, int]
    samples: int
    spacing: tuple[float, ...]
    planes: tuple[Plane, ...]
    frames: int
    echo_ms: float | None
    facts: dict[str, str]
    patient: str = ""


def read_header(path: Path, *, with_patient: bool = False) -> Header | None:
    """Read what is allowed of one file's header.

    Parameters
    ----------
    path : Path
        Any file.
    with_patient : bool
        Whether PatientID was asked for.

    Returns
    -------
    Header or None
        None where the file is no DICOM at all.

    Raises
    ------
    ImageError
        IMG-703, the file begins as DICOM and can't be read on.
    """
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError
    from pydicom.filereader import read_file_meta_info

    wanted = [*ALLOWED_TAGS, *(["PatientID"] if with_patient else [])]
    try:
        with _silent_parser():
            # A deflated header can unfold without bound.
            if read_file_meta_info(path).get("TransferSyntaxUID") != _DEFLATED:
                dataset = dcmread(path, stop_before_pixels=True, specific_tags=wanted)
                return _header_of(path, dataset, with_patient=with_patient)
    except InvalidDicomError:
        return None
    except (ImageError, MemoryError, OSError):
        raise
    except Exception as error:  # noqa: BLE001 - the parser fails in many ways; its messages may quote the header
        raise _unreadable(path, type(error).__name__) from None
    raise _unreadable(path, "a deflated header")


@contextmanager
def _silent_parser() -> Iterator[None]:
    """Silence pydicom, whose messages quote values of the header."""
    logger = logging.getLogger("pydicom")
    before, logger.disabled = logger.disabled, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.disabled = before


def _unreadable(path: Path, seen: str) -> ImageError:
    return ImageError(
        "IMG-703",
        "the header of a DICOM file can't be read.",
        subject=path.name,
        seen=seen,
        advice="export the series again",
    )


def _header_of(path: Path, dataset: Any, *, with_patient: bool) -> Header:
    frames = int(dataset.get("NumberOfFrames") or 1)
    if not 1 <= frames <= _MOST_FRAMES:
        raise _unreadable(path, f"{frames} frames")
    first, *_ = *_groups(dataset, 0), dataset
    planes = tuple(_plane(dataset, frame) for frame in range(frames))
    return Header(
        path=path,
        series=_hashed(dataset.get("SeriesInstanceUID")),
        instance=_hashed(dataset.get("SOPInstanceUID")),
        number=_whole(dataset.get("SeriesNumber")),
        order=_whole(dataset.get("InstanceNumber")),
        modality=str(dataset.get("Modality") or "").upper(),
        kind=tuple(str(word).upper() for word in _many(dataset.get("ImageType"))),
        shape=(_whole(dataset.get("Rows")), _whole(dataset.get("Columns"))),
        samples=_whole(dataset.get("SamplesPerPixel")) or 1,
        spacing=_numbers(_measures(dataset, first).get("PixelSpacing"), 2),
        planes=tuple(plane for plane in planes if plane is not None),
        frames=frames,
        echo_ms=next(iter(_numbers(dataset.get("EchoTime"), 1)), None),
        facts=_facts(dataset),
        patient=str(dataset.get("PatientID") or "") if with_patient else "",
    )


def _groups(dataset: Any, frame: int) -> Iterator[Any]:
    """Yield the functional groups of a frame: its own, then what all frames share."""
    own = dataset.get("PerFrameFunctionalGroupsSequence")
    if own is not None and frame < len(own):
        yield own[frame]
    yield from (dataset.get("SharedFunctionalGroupsSequence") or [])[:1]


def _measures(dataset: Any, first: Any) -> Any:
    for group in (first, *_groups(dataset, 0)):
        if sequence := group.get("PixelMeasuresSequence"):
            return sequence[0]
    return dataset


def _plane(dataset: Any, frame: int) -> Plane | None:
    position = dataset.get("ImagePositionPatient")
    orientation = dataset.get("ImageOrientationPatient")
    for group in _groups(dataset, frame):
        if position is None and (sequence := group.get("PlanePositionSequence")):
            position = sequence[0].get("ImagePositionPatient")
        if orientation is None and (sequence := group.get("PlaneOrientationSequence")):
            orientation = sequence[0].get("ImageOrientationPatient")
    place, axes = _numbers(position, 3), _numbers(orientation, 6)
    return Plane(place, axes) if place and axes else None


def _facts(dataset: Any) -> dict[str, str]:
    """Return the five facts, each only in a form that holds nothing else."""
    years = age_in_years(str(dataset.get("PatientAge") or ""))
    sex = str(dataset.get("PatientSex") or "").strip().upper()
    field = _numbers(dataset.get("MagneticFieldStrength"), 1)
    facts = {
        "age": "" if years is None else f"{years:.4g}",
        "sex": sex if sex in {"F", "M", "O"} else "",
        "manufacturer": _plain(dataset.get("Manufacturer")),
        "model": _plain(dataset.get("ManufacturerModelName")),
        # Some scanners write gauss.
        "field_strength_t": f"{field[0] / 1e4 if field[0] > 100 else field[0]:.3g}" if field else "",
    }
    return {name: text for name, text in facts.items() if text}


def age_in_years(text: str) -> float | None:
    """Read PatientAge: three digits and a unit, or what scanners and de-identifiers make of it.

    Parameters
    ----------
    text : str
        As ``042Y``, ``018M``, ``006W``, ``010D`` or ``42`` (years).

    Returns
    -------
    float or None
        Years; None where it is empty, zero (which de-identification leaves) or no age of a person.

    Examples
    --------
    >>> [age_in_years(text) for text in ("042Y", "42", "018M", "0Y", "", "Smith")]
    [42.0, 42.0, 1.5, None, None, None]
    """
    match = _AGE.fullmatch(text.strip())
    years = int(match[1]) / _UNITS[match[2].upper()] if match else 0.0
    return years if 0.0 < years <= 130.0 else None  # nobody has been older


def _plain(value: object) -> str:
    text = str(value or "").strip()
    return text if _PLAIN.fullmatch(text) else ""


def _hashed(value: object) -> str:
    return hashlib.sha256(str(value).encode()).hexdigest()[:16] if value else ""


def _many(value: Any) -> list[Any]:
    return [] if value is None else [value] if isinstance(value, str) else list(value)


def _whole(value: Any) -> int:
    return int(value) if value not in (None, "") else 0


def _numbers(value: Any, count: int) -> tuple[float, ...]:
    """Return exactly so many finite numbers, or none."""
    values = [value] if isinstance(value, int | float) else _many(value) if value not in (None, "") else []
    numbers = tuple(float(each) for each in values)
    fit = len(numbers) == count and all(abs(each) < float("inf") for each in numbers)
    return numbers if fit else ()
