"""BIDS datasets and derivatives: participants, sessions and images found by layout and joined.

Read are ``sub-<label>[/ses-<label>]/anat/*_T1w.nii[.gz]`` of the dataset, or those of another suffix, as
``anat/*_FLAIR`` or ``pet/*_pet``, as NIfTI or as a pair (``.hdr`` and ``.img``); or, where it has none, of
its only derivative that has some; ``participants.tsv``, there or up to two folders above a derivative; and
``sub-<label>/sub-<label>_sessions.tsv``, whose columns replace the participant's for that session; see
`normwise.cohort.sessions`.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from normwise.cohort.tables import Table
from normwise.cohort.values import Problem, names_an_age
from normwise.errors import CohortError, NormwiseWarning
from normwise.schema import CohortSection, listed

if TYPE_CHECKING:
    from normwise.cohort.sessions import SessionTables

__all__ = [
    "BIDS",
    "DatasetRows",
    "Scan",
    "bids_suffix",
    "choose_image",
    "find_participants",
    "find_scans",
    "find_suffixes",
    "join_dataset",
    "parse_filter",
]

BIDS = "bids"
"""Value of ``cohort.images`` that asks for the layout; entities and suffix follow: ``bids:acq-1_FLAIR``."""

T1W = "T1w"
"""The suffix that is meant where none is named."""

_VOLUMES = (T1W, "T2w", "FLAIR", "PDw", "T2starw", "pet")
_NAME = re.compile(
    r"(?P<entities>sub-[^_]+(?:_[^_-]+-[^_]+)*)_(?P<suffix>[A-Za-z0-9]+)\.(?:nii|nii\.gz|hdr|hdr\.gz)"
)


@dataclass(frozen=True)
class Scan:
    """The images of one session of one participant.

    Attributes
    ----------
    subject : str
        As ``sub-01``.
    session : str
        As ``ses-2``; empty where the dataset has no sessions.
    images : tuple of Path
        Every image of the suffix that was found for it.
    """

    subject: str
    session: str
    images: tuple[Path, ...]


def subject_name(participant: str) -> str:
    """Return a participant's folder name, whether the table writes ``01`` or ``sub-01``."""
    return participant if participant.startswith("sub-") else f"sub-{participant}"


def find_participants(root: Path) -> Path | None:
    """Return the participants table of a dataset, or of the dataset that a derivative was made from."""
    for folder in (root, root.parent, root.parent.parent):
        if (folder / "participants.tsv").is_file():
            return folder / "participants.tsv"
        if folder.name != "derivatives" and folder.parent.name != "derivatives":
            return None
    return None


def find_scans(root: Path, suffix: str = T1W) -> tuple[list[Scan], list[str]]:
    """List every session that has an image of a suffix.

    Parameters
    ----------
    root : Path
        A BIDS dataset or derivative.
    suffix : str
        As BIDS has it: ``T1w``, ``T2w``, ``FLAIR``, ``pet`` ….

    Returns
    -------
    scans : list of Scan
        By participant, then session.
    readings : list of str
        Where the images were found, if it was not the dataset itself.

    Raises
    ------
    CohortError
        COH-112 where only several derivatives have images.
    """
    scans = _scans_of(root, suffix)
    if scans:
        return scans, []
    derivatives = {
        folder: below
        for folder in sorted(root.glob("derivatives/*"))
        if folder.is_dir() and (below := _scans_of(folder, suffix))
    }
    if len(derivatives) > 1:
        raise CohortError(
            "COH-112",
            f"{len(derivatives)} derivatives have {_in_words(suffix)} images, the dataset itself none.",
            subject=str(root),
            seen=listed(folder.name for folder in derivatives),
            advice="name one of these folders instead of the dataset",
        )
    for folder, below in derivatives.items():
        return below, [f"images are those of derivatives/{folder.name}"]
    return [], []


def find_suffixes(root: Path) -> list[str]:
    """List the suffixes of images in a dataset that are measured as one volume.

    Parameters
    ----------
    root : Path
        A BIDS dataset or derivative.
    """
    return [suffix for suffix in _VOLUMES if _scans_of(root, suffix)]


def _kinds_of_files(root: Path) -> list[str]:
    """List what people's folders hold, by the folder and the end of the name, as ``eeg/*_eeg.edf``."""
    files = (path for pattern in ("sub-*/*/*", "sub-*/ses-*/*/*") for path in root.glob(pattern))
    kinds = Counter(
        f"{path.parent.name}/*_{path.name.rpartition('_')[2]}"
        for path in files
        if path.name.startswith("sub-") and path.suffix not in (".json", ".tsv") and path.is_file()
    )
    return [kind for kind, _ in kinds.most_common()]


def _folder_of(suffix: str) -> str:
    return "pet" if suffix == "pet" else "anat"


def _in_words(suffix: str) -> str:
    return "T1-weighted" if suffix == T1W else suffix


def _scans_of(root: Path, suffix: str) -> list[Scan]:
    images: dict[tuple[str, str], list[Path]] = {}
    name = f"{_folder_of(suffix)}/sub-*_{suffix}.*"
    for pattern in (f"sub-*/{name}", f"sub-*/ses-*/{name}"):
        for path in root.glob(pattern):
            parts, match = path.relative_to(root).parts, _NAME.fullmatch(path.name)
            if match and match["suffix"] == suffix and path.name.startswith(f"{parts[0]}_"):
                images.setdefault((parts[0], parts[1] if len(parts) == 4 else ""), []).append(path)
    return [Scan(*key, tuple(sorted(images[key]))) for key in sorted(images)]


def parse_filter(images: str) -> dict[str, str]:
    """Return the entities asked for, and the suffix; an empty value asks for images without the entity.

    Examples
    --------
    >>> parse_filter("bids:acq-mprage_space-")
    {'acq': 'mprage', 'space': ''}
    >>> parse_filter("bids:acq-3d_FLAIR")
    {'acq': '3d', 'suffix': 'FLAIR'}
    """
    parts = [part.strip() for part in images.partition(":")[2].split("_")]
    wanted = dict(part.split("-", 1) for part in parts if "-" in part)
    suffix = [part for part in parts if part and "-" not in part]
    return wanted | ({"suffix": suffix[-1]} if suffix else {})


def bids_suffix(images: str | None) -> str | None:
    """Return the suffix of images that ``cohort.images`` asks for by layout; None where it asks for paths.

    Examples
    --------
    >>> bids_suffix("bids"), bids_suffix("bids:run-1_T2w"), bids_suffix("{ID}.nii")
    ('T1w', 'T2w', None)
    """
    by_layout = images is not None and re.fullmatch(rf"{BIDS}(?::.*)?", images) is not None
    return parse_filter(images).get("suffix", T1W) if images is not None and by_layout else None


def choose_image(images: tuple[Path, ...], wanted: dict[str, str]) -> Path | Problem:
    """Choose a scan's image: the only one that fits, or the first of several runs.

    Parameters
    ----------
    images : tuple of Path
        Candidates.
    wanted : dict of str to str
        Entities, from `parse_filter`.

    Returns
    -------
    Path or Problem
        The image, or COH-215 (no image) or COH-216 (several).

    Examples
    --------
    >>> runs = (Path("sub-1_run-2_T1w.nii.gz"), Path("sub-1_run-1_T1w.nii.gz"))
    >>> choose_image(runs, {}).name, choose_image(runs, {"run": "2"}).name
    ('sub-1_run-1_T1w.nii.gz', 'sub-1_run-2_T1w.nii.gz')
    """
    suffix = wanted.get("suffix", T1W)
    wanted = {key: value for key, value in wanted.items() if key != "suffix"}
    named = [(entities_of(path), path) for path in images]
    fitting = [
        (entities, path)
        for entities, path in named
        if all(entities.get(key, "") == value for key, value in wanted.items())
    ]
    if not fitting:
        return Problem(
            "COH-215",
            f"no {_in_words(suffix)} image fits",
            "add the image, or ask for other entities in cohort.images",
            f"there is {listed(path.name for path in images)}" if images else "",
            "the image",
            image=True,
        )
    apart = sorted(
        key for key in {k for e, _ in fitting for k in e} if len({e.get(key) for e, _ in fitting}) > 1
    )
    if len(fitting) > 1 and apart != ["run"]:
        advice = (
            f"choose with cohort.images, as {BIDS}:{apart[0]}-{fitting[0][0].get(apart[0], '')}"
            + ("" if suffix == T1W else f"_{suffix}")
            if apart
            else "keep one of them"
        )
        names = listed(path.name for _, path in fitting)
        return Problem("COH-216", "several images fit", advice, names, image=True)
    return min(fitting, key=lambda each: (len(each[0].get("run", "")), each[0].get("run", "")))[1]


def entities_of(path: Path) -> dict[str, str]:
    """Return a BIDS file's entities.

    Examples
    --------
    >>> entities_of(Path("sub-01_ses-2_run-1_T1w.nii.gz"))
    {'sub': '01', 'ses': '2', 'run': '1'}
    """
    match = _NAME.fullmatch(path.name)
    return dict(part.split("-", 1) for part in match["entities"].split("_")) if match else {}


_Scans = dict[str, dict[str, Scan]]  # by subject, then session


class _Row(NamedTuple):
    subject: str
    session: str
    cells: dict[str, str]
    line: int
    problem: Problem | None = None


class DatasetRows(NamedTuple):
    """One row a scan of a dataset; see `normwise.cohort.scans.ScanList`."""

    table: Table
    session: str | None
    images: list[Path | Problem]
    problems: dict[int, Problem]
    readings: list[str]


def join_dataset(section: CohortSection, root: Path, table: Table) -> DatasetRows:
    """Join a participants table with the sessions and images of its dataset.

    Each session is one scan. A participant without an image has a row without one, and an image without a
    participant has a row that says so.

    Parameters
    ----------
    section : CohortSection
        Names the id column, and the entities of the image.
    root : Path
        The dataset.
    table : Table
        Its participants.

    Raises
    ------
    CohortError
        COH-112 or COH-113 where it is not clear which images are meant, or there are none.
    """
    suffix = bids_suffix(section.images) or T1W
    scans, readings = find_scans(root, suffix)
    if not scans:
        raise CohortError(
            "COH-113",
            f"the BIDS folder has no {_in_words(suffix)} image.",
            subject=str(root),
            seen=listed(
                [f"{other} images" for other in find_suffixes(root)] or _kinds_of_files(root), most=6
            ),
            expected=f"sub-<label>[/ses-<label>]/{_folder_of(suffix)}/sub-<label>…_{suffix}.nii.gz",
            advice="check the folder, or give cohort.images as a path with columns in braces; what was "
            "measured elsewhere is named by features.columns or features.table",
        )
    from normwise.cohort.dictionary import merge_levels
    from normwise.cohort.sessions import SESSION, SessionTables, read_sessions

    by_subject: _Scans = {}
    for scan in scans:
        by_subject.setdefault(scan.subject, {})[scan.session] = scan
    own = _session_column(section, table, scans)
    sessions = SessionTables()
    if own is None and any(scan.session for scan in scans):
        named = {subject_name(str(cell)) for cell in table.frame[section.id] if cell}
        in_sessions = [subject for subject in sorted(named) if set(by_subject.get(subject, {})) - {""}]
        sessions = read_sessions((root, table.path.parent), in_sessions, section.demographics)
        readings += [
            f"{name}: that at the session, from {column} of the sessions tables"
            for name, column in sessions.ages.items()
        ]
    rows = [
        row
        for cells, line in zip(table.records(), table.lines.tolist(), strict=True)
        for row in _rows_of(cells, line, section.id, own, by_subject, sessions)
    ]
    if section.sessions == "all" and own is None:
        _warn_of_one_age(rows, sessions, [name for name in section.demographics if names_an_age(name)])
    in_table = {(row.subject, row.session) for row in rows}
    unlisted = Problem(
        "COH-217", "the participants table does not list this scan", f"add it to {table.path.name}"
    )
    rows += [
        _Row(scan.subject, scan.session, {}, 0, unlisted)
        for scan in scans
        if (scan.subject, scan.session) not in in_table
    ]
    session = own or (SESSION if any(row.session for row in rows) else None)
    if session is not None:
        readings.append("each session of a participant is one scan")
    if any(row.subject and row.cells.get(section.id, row.subject) != row.subject for row in rows):
        readings.append(f"{section.id}: 'sub-' put before each name, as the folders have it")
    images = _images_of(rows, by_subject, parse_filter(section.images or ""), readings)
    joined = [
        {**row.cells, section.id: row.subject, **({session: row.session} if session else {})} for row in rows
    ]
    columns = list(dict.fromkeys([*table.frame.columns, *(name for cells in joined for name in cells)]))
    frame = pd.DataFrame(joined, columns=pd.Index(columns), dtype=object).fillna("")
    return DatasetRows(
        Table(
            frame,
            np.array([row.line for row in rows], dtype=np.int64),
            table.readings,
            table.path,
            merge_levels([table.levels, *sessions.levels], table.path),
        ),
        session,
        images,
        {place: row.problem for place, row in enumerate(rows) if row.problem is not None},
        readings,
    )


def _session_column(section: CohortSection, table: Table, scans: list[Scan]) -> str | None:
    """Return the participants table's own column of sessions, if it has one that names folders."""
    from normwise.cohort.sessions import SESSION, session_name

    folders = {scan.session for scan in scans} - {""}
    for name in (SESSION, section.session):
        if name in table.frame.columns and folders & {session_name(str(cell)) for cell in table.frame[name]}:
            return name
    return None


def _rows_of(
    cells: dict[str, str], line: int, id_column: str, own: str | None, scans: _Scans, tables: SessionTables
) -> Iterator[_Row]:
    """Give one row of the participants table a row for each of its sessions."""
    from normwise.cohort.sessions import session_name

    named = cells[id_column]
    subject = subject_name(named) if named.casefold() not in {"", "n/a"} else ""
    sessions = set(scans.get(subject, {}))
    if own is not None:
        yield _Row(subject, "" if sessions == {""} else session_name(cells[own]), cells, line)
    elif sessions <= {""}:
        yield _Row(subject, "", cells, line)
    else:
        listed_cells = tables.cells.get(subject, {})
        problem = tables.problems.get(subject)
        for session in sorted(sessions | set(listed_cells)):
            yield _Row(subject, session, {**cells, **listed_cells.get(session, {})}, line, problem)


def _warn_of_one_age(rows: list[_Row], tables: SessionTables, ages: list[str]) -> None:
    """Warn (COH-304) where several sessions of a person have the age of the participants table."""
    for name in ages:
        without = Counter(
            row.subject
            for row in rows
            if row.session
            and not row.problem
            and name not in tables.cells.get(row.subject, {}).get(row.session, {})
        )
        people = [subject for subject, count in without.items() if count > 1]
        if people:
            text = (
                f"{len(people)} people have one {name} for several sessions, as no sessions table gives it "
                f"at each: {listed(people)}"
            )
            warnings.warn(NormwiseWarning("COH-304", text, subject=name, value=len(people)), stacklevel=4)


def _images_of(
    rows: list[_Row], scans: _Scans, wanted: dict[str, str], readings: list[str]
) -> list[Path | Problem]:
    nothing = Scan("", "", ())
    candidates = [scans.get(row.subject, {}).get(row.session, nothing).images for row in rows]
    images = [choose_image(each, wanted) for each in candidates]
    several = sum(
        isinstance(image, Path) and len(each) > 1 for image, each in zip(images, candidates, strict=True)
    )
    if several:
        readings.append(f"scans with several images: {several}; used is the one that fits, or its first run")
    return images
