"""A head from DICOM files: every series is checked, one is chosen and read, the others have their reason."""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from normwise.errors import ImageError, NormwiseWarning
from normwise.images.dicom.archives import OpenedSource, SourceFile
from normwise.images.dicom.choice import choose_series, days_of_studies, refuse_two_people
from normwise.images.dicom.files import is_dicom_source, open_source
from normwise.images.dicom.header import PROCESS_KEY, Header, read_header
from normwise.images.dicom.series import Series, check_series, sort_series
from normwise.images.dicom.voxels import convert_series
from normwise.images.volume import Volume
from normwise.images.volumes.read import MAX_BYTES, read_volume
from normwise.images.volumes.write import write_volume

__all__ = ["DicomHead", "SeriesRecord", "convert_dicom", "read_dicom", "read_head"]

_DAMAGED, _FOREIGN = "damaged", "not DICOM"
_LARGEST_NUMBER = 99_999  # a longer series number may be anything


@dataclass(frozen=True)
class SeriesRecord:
    """What became of one series, or of files that belong to none.

    Attributes
    ----------
    place : str
        The folder below the source in which it lies; a number in an archive.
    number : int
        The series' number; 0 where there is none.
    slices : int
        How many slices it has, or how many files they are.
    outcome : {"chosen", "not chosen", "refused", "left out"}
        What became of it.
    reason : str
        Why.
    spacing_mm : str
        Voxel edges of a usable series, as ``1 x 1 x 1.2``.
    contrast : str
        As ``T1-weighted``, or ``unknown``.
    contrast_from : str
        What the contrast was judged by.
    days : int or None
        Days from the first study in the source to this one's.
    error : ImageError or None
        The refusal.
    """

    place: str
    number: int
    slices: int
    outcome: Literal["chosen", "not chosen", "refused", "left out"]
    reason: str
    spacing_mm: str = ""
    contrast: str = ""
    contrast_from: str = ""
    days: int | None = None
    error: ImageError | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, ready for JSON."""
        return asdict(replace(self, error=None)) | {"error": self.error.to_dict() if self.error else None}


@dataclass(frozen=True, eq=False)
class DicomHead:
    """The head among one person's DICOM files.

    Attributes
    ----------
    volume : Volume
        The head, in RAS order.
    facts : dict of str to str
        ``age``, ``sex``, ``manufacturer``, ``model``, ``field_strength_t`` where known, ``spacing_mm``.
    series : tuple of SeriesRecord
        The chosen series, those that lost, and those that were refused.
    patient : str
        PatientID where it was asked for.
    person : str
        Keyed hash of PatientID.
    """

    volume: Volume
    facts: dict[str, str]
    series: tuple[SeriesRecord, ...] = ()
    patient: str = ""
    person: str = ""

    @property
    def refused(self) -> tuple[SeriesRecord, ...]:
        """The series that are no usable volume."""
        return tuple(each for each in self.series if each.error is not None)


def read_head(path: str | Path, *, max_bytes: int = MAX_BYTES, scratch: Path | None = None) -> Volume:
    """Read one head, whatever form it comes in.

    Parameters
    ----------
    path : str or Path
        A NIfTI or MGH file, or a folder, zip or tar of DICOM files.
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
    """Read the T1-weighted head among the series of a folder or an archive.

    Parameters
    ----------
    path : str or Path
        A folder, searched with the folders below it, a zip or a tar.
    scratch : Path, optional
        Where temporary files go.
    with_patient : bool
        Whether to give PatientID; nothing else that names a person is ever kept.

    Returns
    -------
    DicomHead
        Of several usable series as `normwise.images.dicom.choice.choose_series` says.

    Raises
    ------
    ImageError
        IMG-700 no DICOM image there; IMG-701 to IMG-703 the files; IMG-704 to IMG-717 and IMG-723 the reason
        why the only series is refused; IMG-721 several series, none of them usable; IMG-722 several people;
        IMG-718 to IMG-720 the conversion.

    Warns
    -----
    NormwiseWarning
        IMG-904, several series could be used; IMG-905, the series says that it is derived; IMG-906, files
        that were left out; IMG-907, the contrast can't be told; IMG-908, several studies.
    """
    source = Path(path)
    _, head = _read(source, source.name, scratch, with_patient=with_patient, key=PROCESS_KEY)
    if isinstance(head, ImageError):
        raise head
    return head


def convert_dicom(
    source: str,
    target: str,
    scratch: str | None = None,
    *,
    name: str = "",
    with_patient: bool = False,
    key: str = "",
) -> dict[str, Any]:
    """Convert one person's series into a NIfTI file; made to run in a process of its own.

    Parameters
    ----------
    source : str
        A folder, a zip or a tar.
    target : str
        The NIfTI file to write; it holds voxels and their place, and nothing of the header.
    scratch : str, optional
        Where temporary files go.
    name : str
        What errors and warnings call it; default: its name.
    with_patient : bool
        As of `read_dicom`.
    key : str
        Hexadecimal; with the same key the hashes ``person`` of several sources can be compared.

    Returns
    -------
    dict
        ``series``, a list of records as of `SeriesRecord.to_dict`; then ``facts``, ``patient`` and
        ``person``, or ``error`` where no series is usable.

    Raises
    ------
    ImageError
        As of `read_dicom`, where the files can't be sorted by series.
    """
    path = Path(source)
    records, head = _read(
        path,
        name or path.name,
        Path(scratch) if scratch else None,
        with_patient=with_patient,
        key=bytes.fromhex(key) or PROCESS_KEY,
    )
    value: dict[str, Any] = {"series": [each.to_dict() for each in records]}
    if isinstance(head, ImageError):
        return {**value, "error": head.to_dict()}
    write_volume(head.volume, target)
    return {**value, "facts": head.facts, "patient": head.patient, "person": head.person}


def _read(
    source: Path, name: str, scratch: Path | None, *, with_patient: bool, key: bytes
) -> tuple[list[SeriesRecord], DicomHead | ImageError]:
    try:
        return _read_source(source, name, scratch, with_patient=with_patient, key=key)
    except ImageError as error:
        raise error.for_subject(name) from error


def _read_source(
    source: Path, name: str, scratch: Path | None, *, with_patient: bool, key: bytes
) -> tuple[list[SeriesRecord], DicomHead | ImageError]:
    with open_source(source, scratch) as opened:
        headers, strays = _read_headers(opened, with_patient=with_patient, key=key)
        images = [header for _, header in headers if min(header.shape) >= 1]
        refuse_two_people(images, name)
        days = days_of_studies(images)
        all_series, strays = _with_lost(sort_series(headers), opened.files, strays)
        usable, records = _check_all(all_series, name, days)
        records += _left_out(strays, opened.links, name)
        if not usable:
            return records, _none_usable(records, strays, opened, name)
        chosen, lost = choose_series(usable, days)
        reason = lost[0][1] if lost else "the only usable one"
        beside = [_record(series, days, "not chosen", f"the chosen one: {why}") for series, why in lost]
        records = [_record(chosen, days, "chosen", reason), *beside, *records]
        _warn_of_choice(records, chosen, name, days)
        volume = convert_series(chosen, name, scratch)
    facts = {**chosen.first.facts, "spacing_mm": "x".join(f"{mm:.3g}" for mm in volume.spacing)}
    return records, DicomHead(volume, facts, tuple(records), chosen.first.patient, chosen.first.person)


@dataclass(frozen=True)
class _Stray:
    """A file that is no whole image: empty, foreign, or damaged."""

    file: SourceFile
    fault: str
    series: str = ""
    error: ImageError | None = None


def _read_headers(
    opened: OpenedSource, *, with_patient: bool, key: bytes
) -> tuple[list[tuple[str, Header]], list[_Stray]]:
    headers: list[tuple[str, Header]] = []
    strays: list[_Stray] = []
    for file in opened.files:
        try:
            header = read_header(file.path, with_patient=with_patient, key=key)
        except ImageError as error:
            strays.append(_Stray(file, _DAMAGED, error=error))
            continue
        if header is None:
            strays.append(_Stray(file, _FOREIGN if file.path.stat().st_size else "empty"))
        elif header.damage and min(header.shape) < 1:
            strays.append(_Stray(file, _DAMAGED, header.series))
        else:
            headers.append((file.place, header))
    return headers, strays


def _check_all(
    all_series: list[Series], name: str, days: dict[str, int | None]
) -> tuple[list[Series], list[SeriesRecord]]:
    """Return the usable series, and records of the refused ones."""
    usable, refused = [], []
    for series in all_series:
        title = f"{name}/{series.place}" if series.place not in ("", ".") else name
        try:
            check_series(series, title)
        except ImageError as error:
            refused.append(_record(series, days, "refused", "", error))
        else:
            usable.append(series)
    return usable, refused


def _with_lost(
    all_series: list[Series], files: list[SourceFile], strays: list[_Stray]
) -> tuple[list[Series], list[_Stray]]:
    """Count with each series the files that surely were its slices; return the series and the other strays.

    A damaged file's series is the one that it names, else the only one in its folder. A file that is empty or
    no DICOM at all is a slice where it is called as the slices are.
    """
    by_path = {file.path: file for file in files}
    members = [[by_path[header.path] for header in series.headers] for series in all_series]
    places = [{file.place for file in each} for each in members]
    forms = [{file.form for file in each} for each in members]
    lost: Counter[int] = Counter()
    others = []
    for stray in strays:
        named = [
            at for at, each in enumerate(all_series) if stray.series and each.first.series == stray.series
        ]
        beside = [at for at, each in enumerate(places) if stray.file.place in each]
        there = named if stray.series else beside
        alike = any(_is_called_alike(stray.file.form, forms[at]) for at in there)
        if len(there) == 1 and (alike or stray.fault == _DAMAGED):
            lost[there[0]] += 1
        else:
            others.append(replace(stray, fault=_DAMAGED) if alike and stray.fault == _FOREIGN else stray)
    return [replace(series, lost=lost[at]) for at, series in enumerate(all_series)], others


def _is_called_alike(form: str, forms: set[str]) -> bool:
    ending = Path(form).suffix
    return form in forms or (ending.strip(".#") != "" and any(Path(each).suffix == ending for each in forms))


def _left_out(strays: list[_Stray], links: int, name: str) -> list[SeriesRecord]:
    """Name, with their number, the files that belong to no series; warn where some may be lost slices."""
    faults = Counter(stray.fault for stray in strays)
    if links:
        faults["links that lead out of it"] = links
    if not faults:
        return []
    count = sum(faults.values())
    reason = ", ".join(f"{number} {fault}" for fault, number in sorted(faults.items()))
    if faults.keys() - {_FOREIGN}:
        _warn("IMG-906", name, f"files that belong to no series were left out: {reason}.", count)
    return [SeriesRecord("", 0, count, "left out", reason)]


def _record(
    series: Series,
    days: dict[str, int | None],
    outcome: Literal["chosen", "not chosen", "refused"],
    reason: str,
    error: ImageError | None = None,
) -> SeriesRecord:
    number = series.first.number
    return SeriesRecord(
        series.place,
        number if 0 <= number <= _LARGEST_NUMBER else 0,
        series.slices,
        outcome,
        reason,
        "" if error else " x ".join(f"{mm:.3g}" for mm in series.spacing),
        series.contrast.name,
        series.contrast.why,
        days.get(series.first.study),
        error,
    )


def _none_usable(
    records: list[SeriesRecord], strays: list[_Stray], opened: OpenedSource, name: str
) -> ImageError:
    refused = [each.error for each in records if each.error is not None]
    if len(refused) == 1:
        return refused[0]
    damaged = [each.error for each in strays if each.error is not None]
    if not refused and damaged:
        return damaged[0].for_subject(name)
    if not refused:
        return ImageError(
            "IMG-700",
            "there is no DICOM image in it.",
            subject=name,
            seen="; ".join([f"{len(opened.files)} files", *(each.reason for each in records)]),
            advice="give the folder or archive of one person's series",
        )
    return ImageError(
        "IMG-721",
        f"none of its {len(refused)} series is a usable T1-weighted volume.",
        subject=name,
        seen=", ".join(sorted({error.code for error in refused})),
        advice="look up the codes, and give the folder that holds the T1-weighted volume",
    )


def _warn_of_choice(
    records: list[SeriesRecord], chosen: Series, name: str, days: dict[str, int | None]
) -> None:
    usable = [each for each in records if each.spacing_mm]
    if len(usable) > 1:
        first, *others = usable
        lost = ", ".join(_title(each) for each in others)
        text = (
            f"of {len(usable)} usable series {_title(first)} was chosen, since {first.reason}; lost: {lost}."
        )
        _warn("IMG-904", name, text, len(usable))
    if chosen.contrast.is_t1 is None:
        why = chosen.contrast.why
        _warn("IMG-907", name, f"the contrast of {_title(usable[0])} can't be told; {why}.")
    if chosen.is_derived:
        _warn("IMG-905", name, "the series says that it is derived from another one.")
    if len(days) > 1:
        known = [day for day in days.values() if day is not None]
        apart = f"up to {max(known)} days apart" if len(known) > 1 else "of unknown days"
        _warn("IMG-908", name, f"there are {len(days)} studies, {apart}; one image is taken.", len(days))


def _title(record: SeriesRecord) -> str:
    return f"series {record.number or '?'} ({record.contrast}, {record.spacing_mm} mm)"


def _warn(code: str, name: str, text: str, value: float | None = None) -> None:
    warnings.warn(NormwiseWarning(code, f"{name}: {text}", subject=name, value=value), stacklevel=4)
