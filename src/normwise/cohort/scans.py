"""One row a scan: the table's rows with the image of each."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from normwise.cohort.bids import bids_suffix, join_dataset
from normwise.cohort.tables import Table, read_table
from normwise.cohort.values import Problem
from normwise.schema import CohortSection

__all__ = ["ScanList", "image_columns", "list_scans", "uses_bids"]

_BRACES = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True)
class ScanList:
    """The rows that the ledger accounts for.

    Attributes
    ----------
    table : Table
        One row a scan, as text.
    session : str or None
        Column that names one person's sessions.
    images : list of (Path or Problem) or None
        The image of each row, or why it has none; None where the study has no images.
    problems : dict of int to Problem
        By row, what is wrong with it already: an image of somebody whom the participants table does not list
        (COH-217), or sessions that can't be read.
    readings : list of str
        What was found and chosen.
    in_sessions : bool
        Whether a scan is named by its session even where each person has one alone, as in BIDS.
    """

    table: Table
    session: str | None
    images: list[Path | Problem] | None
    problems: dict[int, Problem] = field(default_factory=dict)
    readings: list[str] = field(default_factory=list)
    in_sessions: bool = False


def uses_bids(images: str | None) -> bool:
    """Return whether ``cohort.images`` asks for the BIDS layout."""
    return bids_suffix(images) is not None


def image_columns(images: str) -> list[str]:
    """Return the columns that an image pattern names.

    Examples
    --------
    >>> image_columns("{site}/{M/F}_{ID}.nii.gz")
    ['site', 'M/F', 'ID']
    """
    return _BRACES.findall(images)


def list_scans(
    section: CohortSection, root: Path, numbers: Callable[[Sequence[str]], Collection[str]] | None = None
) -> ScanList:
    """Read the table and find each row's image.

    Parameters
    ----------
    section : CohortSection
        Names the table, the id and the images.
    root : Path
        Folder that relative paths start from.
    numbers : callable, optional
        As in `read_table`.

    Raises
    ------
    CohortError
        COH-101 to COH-108 from the table, COH-107 for a column that is not there, COH-112 or COH-113 from a
        BIDS layout.
    """
    table = read_table(root / section.table, numbers=numbers)
    in_units = any(str(name).endswith(("_unit", "_units")) for name in table.frame.columns.tolist())
    if in_units or table.path.with_suffix(".json").is_file():
        from normwise.cohort.dictionary import describe_table  # most tables have none beside them

        table = describe_table(table)
    ids = table.column(section.id, "cohort.id")
    if uses_bids(section.images):
        rows = join_dataset(section, root, table)
        if section.session is not None:
            rows.table.column(section.session, "cohort.session")
        return ScanList(
            rows.table,
            rows.session,
            rows.images,
            rows.problems,
            [*table.readings, *rows.readings],
            in_sessions=True,
        )
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
            Problem(
                "COH-214",
                "no image is named",
                "fill it in",
                f"{empty[0]} is missing",
                "the image",
                image=True,
            )
            if empty
            else root / _BRACES.sub(lambda match: cells[match[1]], section.images)  # noqa: B023 — called at once
        )
    return ScanList(table, section.session, images, readings=table.readings)
