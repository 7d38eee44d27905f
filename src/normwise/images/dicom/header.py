"""One DICOM file's header by an allow-list: what places its slices, how they were acquired, and five facts.

Everything else in the header (names, comments, institutions) is skipped by the parser. Identifiers of person,
series and instance are hashed at once with a key that is thrown away, and only tell which files belong
together; of dates only the days between two studies are ever used.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from normwise.errors import ImageError
from normwise.images.dicom.acquisition import (
    ACQUISITION_TAGS,
    Acquisition,
    functional_groups,
    many,
    numbers,
    read_acquisitions,
)
from normwise.images.dicom.equipment import known_manufacturer, known_model
from normwise.images.dicom.parse import Parsed, damaged_header, parse_file, silent_parser

__all__ = ["ALLOWED_TAGS", "OF_A_DAY", "PROCESS_KEY", "Header", "Plane", "age_in_years", "read_header"]

ALLOWED_TAGS = (
    "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "SeriesNumber",
    "InstanceNumber", "Modality", "Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "NumberOfFrames",
    "ImagesInAcquisition",
    "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness", *ACQUISITION_TAGS,
    "PatientID", "PatientBirthDate", "StudyDate", "SeriesDate",
    "PatientAge", "PatientSex", "Manufacturer", "ManufacturerModelName", "MagneticFieldStrength",
)  # fmt: skip
"""Every element that is read."""

PROCESS_KEY = secrets.token_bytes(16)
"""Hashes identifiers that are compared within one process."""

OF_A_DAY = "day-"
"""Begins what stands for a study that has a date alone."""

_AGE = re.compile(r"0*([0-9]{1,3})\s*([YMWD]?)", re.IGNORECASE)
# What de-identification leaves in place of everybody's PatientID.
_NOBODY = re.compile(
    r"0+|x+|anon(ymi[sz]ed|ymous)?|de ?identified|removed|redacted|unknown|none|null|n/?a|no ?id|patient"
)
_UNITS = {"": 1.0, "Y": 1.0, "M": 12.0, "W": 365.25 / 7, "D": 365.25}  # units a year
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
    person, birth, study, series, instance : str
        Keyed hashes of the identifiers of person, study, series and instance, and of the date of birth; empty
        where there is none. A study without an identifier is known by its date, after `OF_A_DAY`.
    day : int or None
        Day of the study, counted from a fixed one; only differences of it are ever shown.
    number, order : int
        Series number, and the instance's number in it; 0 where there is none.
    claimed : int
        How many images the acquisition has, as the file says; 0 where it does not.
    modality : str
        As ``"MR"``.
    kind : tuple of str
        Values of ImageType, FrameType and ComplexImageComponent, in capitals.
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
    acquisitions : tuple of Acquisition
        The distinct ways in which its frames were acquired.
    damage : str
        What the file lacks of its end; empty where it is whole.
    facts : dict of str to str
        ``age`` in years, ``sex``, ``manufacturer``, ``model``, ``field_strength_t``; those that are known.
    patient : str
        PatientID where it was asked for, else empty.
    """

    path: Path
    person: str
    birth: str
    study: str
    series: str
    instance: str
    day: int | None = field(repr=False)
    number: int
    order: int
    claimed: int
    modality: str
    kind: tuple[str, ...]
    shape: tuple[int, int]
    samples: int
    spacing: tuple[float, ...]
    planes: tuple[Plane, ...]
    frames: int
    acquisitions: tuple[Acquisition, ...]
    damage: str
    facts: dict[str, str]
    patient: str = ""


def read_header(path: Path, *, with_patient: bool = False, key: bytes = PROCESS_KEY) -> Header | None:
    """Read what is allowed of one file's header.

    Parameters
    ----------
    path : Path
        Any file.
    with_patient : bool
        Whether PatientID was asked for.
    key : bytes
        What identifiers are hashed with: hashes can be compared where it is the same, and be undone by
        nobody who lacks it.

    Returns
    -------
    Header or None
        None where the file is no DICOM at all.

    Raises
    ------
    ImageError
        IMG-703, the file begins as DICOM and can't be read on.
    """
    parsed = parse_file(path, ALLOWED_TAGS)
    if parsed is None:
        return None
    try:
        with silent_parser():
            return _header_of(path, parsed, with_patient=with_patient, key=key)
    except (ImageError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - values are parsed only now, and may hold anything
        raise damaged_header(path, type(error).__name__) from None


def _header_of(path: Path, parsed: Parsed, *, with_patient: bool, key: bytes) -> Header:
    # Most of what is asked for is not there, and the parser's own look-up by keyword is slow.
    dataset = {element.keyword: element.value for element in parsed.dataset}
    frames = int(dataset.get("NumberOfFrames") or 1)
    if not 1 <= frames <= _MOST_FRAMES:
        raise damaged_header(path, f"{frames} frames")
    first, *_ = *functional_groups(dataset, 0), dataset
    planes = tuple(_plane(dataset, frame) for frame in range(frames))

    def hashed(keyword: str) -> str:
        text = str(dataset.get(keyword) or "").strip("\0 \t\r\n").casefold()
        if keyword == "PatientID" and _NOBODY.fullmatch(re.sub(r"[\s_.^-]+", " ", text).strip()):
            return ""
        return hashlib.blake2b(text.encode(), key=key, digest_size=8).hexdigest() if text else ""

    return Header(
        path=path,
        person=hashed("PatientID"),
        birth=hashed("PatientBirthDate"),
        study=hashed("StudyInstanceUID") or f"{OF_A_DAY}{hashed('StudyDate')}",
        series=hashed("SeriesInstanceUID"),
        instance=hashed("SOPInstanceUID"),
        day=_day(dataset.get("StudyDate") or dataset.get("SeriesDate")),
        number=_whole(dataset.get("SeriesNumber")),
        order=_whole(dataset.get("InstanceNumber")),
        claimed=_whole(dataset.get("ImagesInAcquisition")),
        modality=str(dataset.get("Modality") or "").upper(),
        kind=_kind(dataset),
        shape=(_whole(dataset.get("Rows")), _whole(dataset.get("Columns"))),
        samples=_whole(dataset.get("SamplesPerPixel")) or 1,
        spacing=numbers(_measures(dataset, first).get("PixelSpacing"), 2),
        planes=tuple(plane for plane in planes if plane is not None),
        frames=frames,
        acquisitions=read_acquisitions(dataset, frames),
        damage=parsed.damage,
        facts=_facts(dataset),
        patient=str(dataset.get("PatientID") or "") if with_patient else "",
    )


def _kind(dataset: Any) -> tuple[str, ...]:
    """Return the words for the kind of image: those of the whole, then those of the first frame."""
    words = many(dataset.get("ImageType"))
    for group in functional_groups(dataset, 0):
        for frame_type in group.get("MRImageFrameTypeSequence") or []:
            words += [*many(frame_type.get("FrameType")), *many(frame_type.get("ComplexImageComponent"))]
    return tuple(str(word).strip().upper() for word in [*words, *many(dataset.get("ComplexImageComponent"))])


def _measures(dataset: Any, first: Any) -> Any:
    for group in (first, *functional_groups(dataset, 0)):
        if sequence := group.get("PixelMeasuresSequence"):
            return sequence[0]
    return dataset


def _plane(dataset: Any, frame: int) -> Plane | None:
    """Return where a frame lies: what it says itself goes before what the file says of all at its top."""
    position = orientation = None
    for group in functional_groups(dataset, frame):
        if position is None and (sequence := group.get("PlanePositionSequence")):
            position = sequence[0].get("ImagePositionPatient")
        if orientation is None and (sequence := group.get("PlaneOrientationSequence")):
            orientation = sequence[0].get("ImageOrientationPatient")
    place = numbers(dataset.get("ImagePositionPatient") if position is None else position, 3)
    axes = numbers(dataset.get("ImageOrientationPatient") if orientation is None else orientation, 6)
    return Plane(place, axes) if place and axes else None


def _facts(dataset: Any) -> dict[str, str]:
    """Return the five facts, each only in a form that holds nothing else."""
    years = age_in_years(str(dataset.get("PatientAge") or ""))
    sex = str(dataset.get("PatientSex") or "").strip().upper()
    tesla = numbers(dataset.get("MagneticFieldStrength"), 1)
    facts = {
        "age": "" if years is None else f"{years:.4g}",
        "sex": sex if sex in {"F", "M", "O"} else "",
        "manufacturer": known_manufacturer(str(dataset.get("Manufacturer") or "")),
        "model": known_model(str(dataset.get("ManufacturerModelName") or "")),
        # Some scanners write gauss.
        "field_strength_t": f"{tesla[0] / 1e4 if tesla[0] > 100 else tesla[0]:.3g}" if tesla else "",
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


def _day(value: object) -> int | None:
    try:
        return dt.datetime.strptime(str(value).strip().replace(".", ""), "%Y%m%d").toordinal()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        return None


def _whole(value: Any) -> int:
    return int(value) if value not in (None, "") else 0
