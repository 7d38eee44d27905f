"""A BIDS dataset as rows: participants, sessions and images joined, so that nobody is lost between them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from normwise.cohort.bids import (
    Scan,
    choose_image,
    find_scans,
    parse_filter,
    subject_name,
)
from normwise.cohort.tables import Table, read_table
from normwise.cohort.values import Problem
from normwise.errors import CohortError
from normwise.schema import CohortSection

__all__ = ["SESSION", "DatasetRows", "join_dataset"]

SESSION = "session_id"
"""Column of a BIDS session; added to a participants table that has one row a person."""

Found = dict[str, dict[str, Scan]]  # by subject, then session


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
        COH-112 or COH-113 where the images can't be told, or there are none.
    """
    scans, readings = find_scans(root)
    if not scans:
        raise CohortError(
            "COH-113",
            "the BIDS folder has no T1-weighted image.",
            subject=str(root),
            expected="sub-<label>[/ses-<label>]/anat/sub-<label>…_T1w.nii.gz",
            advice="check the folder, or give cohort.images as a path with columns in braces",
        )
    found: Found = {}
    for scan in scans:
        found.setdefault(scan.subject, {})[scan.session] = scan
    own = _session_column(section, table, scans)
    rows = [
        row
        for cells, line in zip(table.records(), table.lines.tolist(), strict=True)
        for row in _rows_of(cells, line, section.id, own, found, (root, table.path.parent))
    ]
    listed = {(row.subject, row.session) for row in rows}
    stranger = Problem(
        "COH-217", "the participants table does not list this scan", f"add it to {table.path.name}"
    )
    rows += [
        _Row(scan.subject, scan.session, {}, 0, stranger)
        for scan in scans
        if (scan.subject, scan.session) not in listed
    ]
    session = own or (SESSION if any(row.session for row in rows) else None)
    if session is not None:
        readings.append("each session of a participant is one scan")
    if any(row.subject and row.cells.get(section.id, row.subject) != row.subject for row in rows):
        readings.append(f"{section.id}: 'sub-' put before each name, as the folders have it")
    images = _images_of(rows, found, parse_filter(section.images or ""), readings)
    joined = [
        {**row.cells, section.id: row.subject, **({session: row.session} if session else {})} for row in rows
    ]
    columns = list(dict.fromkeys([*table.frame.columns, *(name for cells in joined for name in cells)]))
    frame = pd.DataFrame(joined, columns=pd.Index(columns), dtype=object).fillna("")
    return DatasetRows(
        Table(frame, np.array([row.line for row in rows], dtype=np.int64), table.readings, table.path),
        session,
        images,
        {place: row.problem for place, row in enumerate(rows) if row.problem is not None},
        readings,
    )


def _session_column(section: CohortSection, table: Table, scans: list[Scan]) -> str | None:
    """Return the participants table's own column of sessions, if it has one that names folders."""
    folders = {scan.session for scan in scans} - {""}
    for name in (SESSION, section.session):
        if name in table.frame.columns and folders & {_session_name(str(cell)) for cell in table.frame[name]}:
            return name
    return None


def _rows_of(
    cells: dict[str, str], line: int, id_column: str, own: str | None, found: Found, folders: tuple[Path, ...]
) -> Iterator[_Row]:
    """Give one row of the participants table a row for each of its sessions."""
    named = cells[id_column]
    subject = subject_name(named) if named.casefold() not in {"", "n/a"} else ""
    sessions = set(found.get(subject, {}))
    if own is not None:
        yield _Row(subject, "" if sessions == {""} else _session_name(cells[own]), cells, line)
    elif sessions <= {""}:
        yield _Row(subject, "", cells, line)
    else:
        told: dict[str, dict[str, str]] = {}
        problem = None
        try:
            told = _read_sessions(folders, subject)
        except CohortError as error:  # one participant's bad file costs that participant
            what = f"the sessions of the participant: {error.problem.rstrip('.')}"
            problem = Problem(error.code, what, error.advice or "")
        for session in sorted(sessions | set(told)):
            yield _Row(subject, session, {**cells, **told.get(session, {})}, line, problem)


def _images_of(
    rows: list[_Row], found: Found, wanted: dict[str, str], readings: list[str]
) -> list[Path | Problem]:
    nothing = Scan("", "", ())
    candidates = [found.get(row.subject, {}).get(row.session, nothing).images for row in rows]
    images = [choose_image(each, wanted) for each in candidates]
    several = sum(
        isinstance(image, Path) and len(each) > 1 for image, each in zip(images, candidates, strict=True)
    )
    if several:
        readings.append(f"scans with several images: {several}; used is the one that fits, or its first run")
    return images


def _session_name(text: str) -> str:
    if text.casefold() in {"", "n/a"}:
        return ""
    return text if text.startswith("ses-") else f"ses-{text}"


def _read_sessions(folders: tuple[Path, ...], subject: str) -> dict[str, dict[str, str]]:
    """Return the filled cells of each session from ``sub-<label>_sessions.tsv``, where there is one."""
    paths = [folder / subject / f"{subject}_sessions.tsv" for folder in folders]
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        return {}
    table = read_table(path)
    names = [_session_name(str(name)) for name in table.column(SESSION, "BIDS")]
    return {
        name: {key: cell for key, cell in cells.items() if cell.casefold() not in {"", "n/a"}}
        for name, cells in zip(names, table.records(), strict=True)
        if name
    }
