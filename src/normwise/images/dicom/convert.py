"""A head from a folder or a zip of DICOM files: every series is checked, one is chosen and read."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from normwise.errors import ImageError, NormwiseWarning
from normwise.images.dicom.files import is_dicom_source, open_source
from normwise.images.dicom.header import Header, read_header
from normwise.images.dicom.series import Series, check_series, sort_series
from normwise.images.dicom.voxels import convert_series
from normwise.images.volume import Volume
from normwise.images.volumes.read import MAX_BYTES, read_volume
from normwise.images.volumes.write import write_volume

__all__ = ["DicomHead", "RefusedSeries", "convert_dicom", "read_dicom", "read_head"]


@dataclass(frozen=True)
class RefusedSeries:
    """A series that is no usable volume: the folder it lies in, how many slices it has, and why."""

    place: str
    slices: int
    error: ImageError


@dataclass(frozen=True, eq=False)
class DicomHead:
    """The head among one person's DICOM files.

    Attributes
    ----------
    volume : Volume
        The head, in RAS order.
    facts : dict of str to str
        ``age``, ``sex``, ``manufacturer``, ``model``, ``field_strength_t`` where known, ``spacing_mm``.
    refused : tuple of RefusedSeries
        The other series.
    others : int
        Usable series that were not chosen.
    patient : str
        PatientID where it was asked for.
    """

    volume: Volume
    facts: dict[str, str]
    refused: tuple[RefusedSeries, ...] = ()
    others: int = 0
    patient: str = ""


@dataclass
class _Judged:
    """The series of one source, usable and refused."""

    usable: list[Series] = field(default_factory=list)
    refused: list[RefusedSeries] = field(default_factory=list)
    damaged: int = 0


def read_head(path: str | Path, *, max_bytes: int = MAX_BYTES, scratch: Path | None = None) -> Volume:
    """Read one head, whatever form it comes in.

    Parameters
    ----------
    path : str or Path
        A NIfTI or MGH file, or a folder or zip of DICOM files.
    max_bytes : int
        As of `normwise.images.read_volume`.
    scratch : Path, optional
        Where temporary files of a DICOM series go; default: the system's temporary folder.

    Returns
    -------
    Volume
        In RAS order.

    Raises
    ------
    ImageError
        As of `normwise.images.read_volume`, and IMG-7xx for DICOM.
    """
    if is_dicom_source(Path(path)):
        return read_dicom(path, scratch=scratch).volume
    return read_volume(path, max_bytes=max_bytes)


def read_dicom(path: str | Path, *, scratch: Path | None = None, with_patient: bool = False) -> DicomHead:
    """Read the T1-weighted head among the series of a folder or zip.

    Parameters
    ----------
    path : str or Path
        A folder, searched with the folders below it, or a zip.
    scratch : Path, optional
        Where temporary files go.
    with_patient : bool
        Whether to read PatientID; nothing else that names a person is ever read.

    Returns
    -------
    DicomHead
        Of several usable series an original one is preferred to a derived one, then finer voxels, then the
        lower series number.

    Raises
    ------
    ImageError
        IMG-700 no DICOM image there; IMG-701 to IMG-703 the files; IMG-704 to IMG-717 the reason why the only
        series is refused; IMG-721 several series, none of them usable; IMG-718 to IMG-720 the conversion.

    Warns
    -----
    NormwiseWarning
        IMG-904, several series could be used; IMG-905, the series says that it is derived; IMG-906, files
        that can't be read.
    """
    _, head = _read(Path(path), scratch, with_patient=with_patient)
    if isinstance(head, ImageError):
        raise head
    return head


def convert_dicom(
    source: str, target: str, scratch: str | None = None, *, with_patient: bool = False
) -> dict[str, Any]:
    """Convert one person's series into a NIfTI file; made to run in a process of its own.

    Parameters
    ----------
    source : str
        A folder or zip.
    target : str
        The NIfTI file to write; it holds voxels and their place, and nothing of the header.
    scratch : str, optional
        Where temporary files go.
    with_patient : bool
        As of `read_dicom`.

    Returns
    -------
    dict
        ``refused``, a list of folder, slices and error; then ``facts``, ``others`` and ``patient``, or
        ``error`` where no series is usable.

    Raises
    ------
    ImageError
        As of `read_dicom`, where the files can't be sorted by series.
    """
    judged, head = _read(Path(source), Path(scratch) if scratch else None, with_patient=with_patient)
    value: dict[str, Any] = {"refused": [_as_json(each) for each in judged.refused]}
    if isinstance(head, ImageError):
        return {**value, "error": head.to_dict()}
    write_volume(head.volume, target)
    return {**value, "facts": head.facts, "others": head.others, "patient": head.patient}


def _read(
    source: Path, scratch: Path | None, *, with_patient: bool
) -> tuple[_Judged, DicomHead | ImageError]:
    with open_source(source, scratch) as files:
        judged = _judge(files, source.name, with_patient=with_patient)
        if not judged.usable:
            return judged, _none_usable(judged, source.name)
        chosen = min(judged.usable, key=_rank)
        if len(judged.usable) > 1:
            count = len(judged.usable)
            _warn("IMG-904", source.name, f"{count} series could be used; one was chosen.", count)
        if chosen.is_derived:
            _warn("IMG-905", source.name, "the series says that it is derived from another one.")
        if judged.damaged:
            text = f"{judged.damaged} DICOM files can't be read and were left out."
            _warn("IMG-906", source.name, text, judged.damaged)
        volume = convert_series(chosen, source.name, scratch)
    facts = {**chosen.first.facts, "spacing_mm": "x".join(f"{mm:.3g}" for mm in volume.spacing)}
    refused = tuple(judged.refused)
    return judged, DicomHead(volume, facts, refused, len(judged.usable) - 1, chosen.first.patient)


def _as_json(refused: RefusedSeries) -> dict[str, Any]:
    return {"place": refused.place, "slices": refused.slices, "error": refused.error.to_dict()}


def _judge(files: list[tuple[str, Path]], name: str, *, with_patient: bool) -> _Judged:
    headers: list[tuple[str, Header]] = []
    damaged: list[ImageError] = []
    for place, path in files:
        try:
            header = read_header(path, with_patient=with_patient)
        except ImageError as error:
            damaged.append(error)
            continue
        if header is not None:
            headers.append((place, header))
    judged = _Judged(damaged=len(damaged))
    for series in sort_series(headers):
        title = f"{name}/{series.place}" if series.place not in ("", ".") else name
        try:
            check_series(series, title)
        except ImageError as error:
            judged.refused.append(RefusedSeries(series.place, series.slices, error))
        else:
            judged.usable.append(series)
    if damaged and not headers:
        judged.refused.append(RefusedSeries("", len(damaged), damaged[0]))
    if not judged.usable and not judged.refused:
        raise ImageError(
            "IMG-700",
            "there is no DICOM image in it.",
            subject=name,
            seen=f"{len(files)} files",
            advice="give the folder or zip of one person's series",
        )
    return judged


def _rank(series: Series) -> tuple[bool, float, int]:
    return series.is_derived, round(float(np.prod(series.spacing)), 3), series.first.number


def _none_usable(judged: _Judged, name: str) -> ImageError:
    if len(judged.refused) == 1:
        return judged.refused[0].error
    return ImageError(
        "IMG-721",
        f"none of its {len(judged.refused)} series is a usable T1-weighted volume.",
        subject=name,
        seen=", ".join(sorted({each.error.code for each in judged.refused})),
        advice="look up the codes, and give the folder that holds the T1-weighted volume",
    )


def _warn(code: str, name: str, text: str, value: float | None = None) -> None:
    warnings.warn(NormwiseWarning(code, f"{name}: {text}", subject=name, value=value), stacklevel=4)
