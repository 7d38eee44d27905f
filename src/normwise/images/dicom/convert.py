"""A head from DICOM files: every series is checked, one is chosen and read, the others have their reason."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from normwise.errors import ImageError, NormwiseWarning
from normwise.images.dicom.archives import OpenedSource, SourceFile
from normwise.images.dicom.choice import HEAD_MM, choose_series, days_of_studies, visits_of
from normwise.images.dicom.files import is_dicom_source, open_source
from normwise.images.dicom.header import PROCESS_KEY, Header, read_header
from normwise.images.dicom.people import FOREIGN, kind_of_other, refuse_two_people
from normwise.images.dicom.series import Series, check_series, sort_series
from normwise.images.dicom.voxels import convert_series
from normwise.images.volume import Volume
from normwise.images.volumes.read import MAX_BYTES, read_volume
from normwise.images.volumes.write import write_volume

__all__ = ["DicomHead", "SeriesRecord", "convert_dicom", "read_dicom", "read_head"]

_DAMAGED = "damaged"
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


@dataclass(frozen=True, eq=False, repr=False)
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
    days : int or None
        Days from the first study in the source to this one's.
    """

    volume: Volume
    facts: dict[str, str]
    series: tuple[SeriesRecord, ...] = ()
    patient: str = ""
    person: str = ""
    days: int | None = None

    def __repr__(self) -> str:
        return f"DicomHead({self.volume}, series: {len(self.series)}, refused: {len(self.refused)})"

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
    heads: list[DicomHead] = []
    records, error = _read(source, source.name, scratch, heads.append, with_patient=with_patient)
    if error is not None:
        raise error
    return replace(heads[0], series=tuple(records))


def convert_dicom(
    source: str,
    target: str,
    scratch: str | None = None,
    *,
    name: str = "",
    with_patient: bool = False,
    key: str = "",
    files: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Convert one person's series into NIfTI files, one a visit; made to run in a process of its own.

    Parameters
    ----------
    source : str
        A folder, a zip or a tar.
    target : str
        The NIfTI file to write; it holds voxels and their place, and nothing of the header. Those of further
        visits go beside it, with ``2-`` and so on before the name.
    scratch : str, optional
        Where temporary files go.
    name : str
        What errors and warnings call it; default: its name.
    with_patient : bool
        As of `read_dicom`.
    key : str
        Hexadecimal; with the same key the hashes ``person`` of several sources can be compared.
    files : sequence of str, optional
        The files in the folder that are the person's; default: all.

    Returns
    -------
    dict
        ``series``, a list of records as of `SeriesRecord.to_dict`; then ``patient`` and ``person``, and
        ``heads`` with ``file``, ``facts`` and ``days`` of each visit that has a usable image; or ``error``
        where no series is usable.

    Raises
    ------
    ImageError
        As of `read_dicom`, where the files can't be sorted by series.
    """
    path, first = Path(source), Path(target)
    heads: list[dict[str, Any]] = []
    who = {"patient": "", "person": ""}

    def write(head: DicomHead) -> None:
        file = first.with_name(f"{len(heads) + 1}-{first.name}") if heads else first
        write_volume(head.volume, file)
        heads.append({"file": str(file), "facts": head.facts, "days": head.days})
        who.update(patient=head.patient, person=head.person)

    records, error = _read(
        path,
        name or path.name,
        Path(scratch) if scratch else None,
        write,
        with_patient=with_patient,
        key=bytes.fromhex(key) or PROCESS_KEY,
        files=files,
        by_visit=True,
    )
    value: dict[str, Any] = {"series": [each.to_dict() for each in records]}
    return {**value, **who, "heads": heads} if error is None else {**value, "error": error.to_dict()}


def _read(
    source: Path, name: str, scratch: Path | None, take: Callable[[DicomHead], None], **asked: Any
) -> tuple[list[SeriesRecord], ImageError | None]:
    try:
        return _read_source(source, name, scratch, take, **asked)
    except ImageError as error:
        raise error.for_subject(name) from error


def _read_source(
    source: Path,
    name: str,
    scratch: Path | None,
    take: Callable[[DicomHead], None],
    *,
    with_patient: bool,
    key: bytes = PROCESS_KEY,
    files: Sequence[str] | None = None,
    by_visit: bool = False,
) -> tuple[list[SeriesRecord], ImageError | None]:
    """Give the head of each visit, or one of all; return the records, and the reason where there is none."""
    with open_source(source, scratch, files) as opened:
        headers, strays = _read_headers(opened, with_patient=with_patient, key=key)
        images = [header for _, header in headers if min(header.shape) >= 1]
        refuse_two_people(images, name)
        days = days_of_studies(images)
        all_series, strays = _with_lost(sort_series(headers), opened.files, strays)
        usable, refused = _check_all(all_series, name, days)
        refused += _left_out(strays, opened.links, name)
        if not usable:
            return refused, _none_usable(refused, strays, opened, name)
        records: list[SeriesRecord] = []
        failed: ImageError | None = None
        for visit in visits_of(days) if by_visit else [days]:
            there = [series for series in usable if series.first.study in visit]
            if not there:
                continue
            chosen, lost = choose_series(there, days)
            beside = [_record(series, days, "not chosen", f"the chosen one: {why}") for series, why in lost]
            try:
                volume = convert_series(chosen, name, scratch)
            except ImageError as error:
                failed = error.for_subject(name)
                records += [_record(chosen, days, "refused", "", failed), *beside]
                continue
            first = _record(chosen, days, "chosen", lost[0][1] if lost else "the only usable one")
            records += [first, *beside]
            _warn_of_choice([first, *beside], chosen, name, visit)
            facts = {**chosen.first.facts, "spacing_mm": "x".join(f"{mm:.3g}" for mm in volume.spacing)}
            take(DicomHead(volume, facts, (), chosen.first.patient, chosen.first.person, first.days))
        if failed is not None and not any(each.outcome == "chosen" for each in records):
            raise failed
    return [*records, *refused], None


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
            strays.append(_Stray(file, kind_of_other(file.form, file.path.stat().st_size)))
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
            others.append(replace(stray, fault=_DAMAGED) if alike and stray.fault == FOREIGN else stray)
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
    if faults.keys() - {FOREIGN}:
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
        why, least = chosen.contrast.why, min(chosen.extent)
        slab = f"; it covers {least:.3g} mm, which is no whole head" if least < HEAD_MM else ""
        _warn("IMG-907", name, f"the contrast of {_title(usable[0])} can't be told; {why}{slab}.")
    claimed = max(header.claimed for header in chosen.headers)
    if claimed > chosen.slices:
        text = f"{_title(usable[0])} says that it has {claimed} images, and {chosen.slices} are there."
        _warn("IMG-909", name, text, claimed - chosen.slices)
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
