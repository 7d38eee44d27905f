"""One row a scan: the table's rows, or a BIDS dataset's participants, sessions and images joined."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from normwise.cohort.bids import BIDS, Scan, choose_image, find_scans, parse_filter, subject_name
from normwise.cohort.tables import Table, read_table
from normwise.cohort.values import Problem
from normwise.errors import CohortError
from normwise.schema import CohortSection

__all__ = ["SESSION", "ScanList", "image_columns", "list_scans", "uses_bids"]

SESSION = "session_id"
"""Column of a BIDS session; added to a participants table that has one row a person."""

_BRACES = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True)
class ScanList:
    """The rows that the ledger accounts for.

    Attributes
    ----------
    table : Table
        One row a scan, as text.
    session : str or None
        Column that tells one person's sessions apart.
    images : list of (Path or Problem) or None
        The image of each row, or why it has none; None where the study has no images.
    problems : dict of int to Problem
        By row, what is wrong with it already: an image of somebody whom the participants table does not list
        (COH-217), or sessions that can't be read.
    readings : list of str
        What was found and chosen.
    """

    table: Table
    session: str | None
    images: list[Path | Problem] | None
    problems: dict[int, Problem] = field(default_factory=dict)
    readings: list[str] = field(default_factory=list)


def uses_bids(images: str | None) -> bool:
    """Return whether ``cohort.images`` asks for the BIDS layout."""
    return images is not None and re.fullmatch(rf"{BIDS}(?::.*)?", images) is not None


def image_columns(images: str) -> list[str]:
    """Return the columns that an image pattern names.

    Examples
    --------
    >>> image_columns("{site}/{M/F}_{ID}.nii.gz")
    ['site', 'M/F', 'ID']
    """
    return _BRACES.findall(images)


def list_scans(section: CohortSection, root: Path) -> ScanList:
    """Read the table and find each row's image.

    Parameters
    ----------
    section : CohortSection
        Names the table, the id and the images.
    root : Path
        Folder that relative paths start from.

    Raises
    ------
    CohortError
        COH-101 to COH-108 from the table, COH-107 for a column that is not there, COH-112 or COH-113 from a
        BIDS layout.
    """
    table = read_table(root / section.table)
    ids = table.column(section.id, "cohort.id")
    if uses_bids(section.images):
        return _list_bids(section, root, table)
    if section.session is not None:
        table.column(section.session, "cohort.session")
    if section.images is None:
        return ScanList(table, section.session, None, readings=table.readings)
    columns = {name: table.column(name, "cohort.images").tolist() for name in image_columns(section.images)}
    images: list[Path | Problem] = []
    for row in range(len(ids)):
        cells = {name: cells[row] for name, cells in columns.items()}
        empty = [name for name, cell in cells.items() if cell.casefold() in {"", "n/a"}]
        images.append(
            Problem("COH-214", f"no image is named: {empty[0]} is missing", "fill it in")
            if empty
            else root / _BRACES.sub(lambda found: cells[found[1]], section.images)  # noqa: B023 — called at once
        )
    return ScanList(table, section.session, images, readings=table.readings)


def _list_bids(section: CohortSection, root: Path, table: Table) -> ScanList:
    scans, readings = find_scans(root)
    if not scans:
        raise CohortError(
            "COH-113",
            "the BIDS folder has no T1-weighted image.",
            subject=str(root),
            expected="sub-<label>[/ses-<label>]/anat/sub-<label>…_T1w.nii.gz",
            advice="check the folder, or give cohort.images as a path with columns in braces",
        )
    wanted = parse_filter(section.images or "")
    by_subject: dict[str, dict[str, Scan]] = {}
    for scan in scans:
        by_subject.setdefault(scan.subject, {})[scan.session] = scan
    session = section.session or (SESSION if SESSION in table.frame.columns else None)
    rows: list[dict[str, str]] = []
    places: list[tuple[str, str]] = []
    lines: list[int] = []
    problems: dict[int, Problem] = {}
    for line, cells in zip(table.lines, table.records(), strict=True):
        named = cells[section.id]
        subject = subject_name(named) if named.casefold() not in {"", "n/a"} else ""
        found = by_subject.get(subject, {})
        if session is not None or set(found) <= {""}:
            visit = _session_name(cells[session]) if session is not None and set(found) != {""} else ""
            rows.append({**cells, section.id: subject})
            places.append((subject, visit))
            lines.append(line)
            continue
        own: dict[str, dict[str, str]] = {}
        try:
            own = _sessions_of(root, subject)
        except CohortError as error:  # one participant's bad file costs that participant
            problem = Problem(
                error.code, f"the sessions of {subject}: {error.problem.rstrip('.')}", error.advice or ""
            )
            problems.update(dict.fromkeys(range(len(rows), len(rows) + len(found)), problem))
        for visit in sorted(set(found) | set(own)):
            rows.append({**cells, **own.get(visit, {}), section.id: subject, SESSION: visit})
            places.append((subject, visit))
            lines.append(line)
    listed = set(places)
    for scan in scans:
        if (scan.subject, scan.session) not in listed:
            problems[len(rows)] = Problem(
                "COH-217", "the participants table does not list this scan", f"add it to {table.path.name}"
            )
            rows.append({section.id: scan.subject, session or SESSION: scan.session})
            places.append((scan.subject, scan.session))
            lines.append(0)
    if session is None and any(visit for _, visit in places):
        session = SESSION
        readings.append("each session of a participant is one scan")
    if any(not str(name).startswith("sub-") for name in table.frame[section.id]):
        readings.append(f"{section.id}: 'sub-' put before each name, as the folders have it")
    nothing = Scan("", "", ())
    images = [choose_image(by_subject.get(s, {}).get(v, nothing).images, wanted) for s, v in places]
    several = sum(
        isinstance(image, Path) and len(by_subject[place[0]][place[1]].images) > 1
        for image, place in zip(images, places, strict=True)
    )
    if several and "run" not in wanted:
        readings.append(f"{several} scans have several images; the first run that fits is used")
    columns = [
        *table.frame.columns,
        *(name for name in {k: 0 for r in rows for k in r} if name not in table.frame),
    ]
    frame = pd.DataFrame(rows, columns=pd.Index(columns), dtype=object).fillna("")
    joined = Table(frame, np.array(lines, dtype=np.int64), table.readings, table.path)
    return ScanList(joined, session, images, problems, [*table.readings, *readings])


def _session_name(text: str) -> str:
    return text if text.startswith("ses-") or not text else f"ses-{text}"


def _sessions_of(root: Path, subject: str) -> dict[str, dict[str, str]]:
    """Return the columns of each session from ``sub-<label>_sessions.tsv``, where there is one."""
    path = root / subject / f"{subject}_sessions.tsv"
    if not subject or not path.is_file():
        return {}
    table = read_table(path)
    names = table.column(SESSION, "BIDS")
    return {
        _session_name(str(name)): {
            key: cell for key, cell in cells.items() if cell.casefold() not in {"", "n/a"}
        }
        for name, cells in zip(names, table.records(), strict=True)
    }
