"""What lies in a folder without a study: tables, images named by people's ids, DICOM files."""

from __future__ import annotations

import os
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import IO

from normwise.cohort.folders.roles import holds_people
from normwise.cohort.tables import Table, read_table
from normwise.errors import CohortError
from normwise.schema import listed

__all__ = [
    "describe_contents",
    "feature_tables",
    "find_table",
    "holds_dicom",
    "image_patterns",
    "subjects_patterns",
]

_TABLES = (".tsv", ".csv")
# A pair is named by its header; slides are those that openslide and tifffile open.
_IMAGES = (
    ".nii", ".nii.gz", ".mgh", ".mgz", ".hdr", ".hdr.gz",
    ".svs", ".ndpi", ".mrxs", ".scn", ".bif", ".vms", ".vmu", ".svslide", ".tif", ".tiff",
)  # fmt: skip
_MOST_FILES = 20_000  # of a folder that are looked at
_PEOPLE = 20  # by whose ids images are looked for
_LEAST_SHARE = 0.5  # of them who must have an image of one pattern: some may lack theirs
# Folders that hold FreeSurfer's subjects, from a dataset's.
_FREESURFER = ("derivatives/*", "sourcedata/*", "derivatives/*/sourcedata/*", "*")
_DICOM_FILES = 20
_NAMED = 6  # tables or kinds of files in a message
_PREAMBLE = 128  # bytes before the letters DICM


def find_table(folder: Path, label: str) -> Path | None:
    """Return the table of people in a folder: the only one with the diagnosis, or with ages, sexes or groups.

    Parameters
    ----------
    folder : Path
        Tables are CSV and TSV files in it, and not below.
    label : str
        The column of the diagnosis.
    """
    tables = _tables_in(folder)
    labelled = [path for path, table in tables.items() if label in table.frame.columns]
    of_people = [path for path, table in tables.items() if holds_people(table)]
    named = [path for path in of_people if path.stem == "participants"]
    candidates = next((each for each in (labelled, named, of_people) if each), list(tables))
    return candidates[0] if len(candidates) == 1 else None


def describe_contents(folder: Path) -> str:
    """Say in a line what lies in a folder: tables with their columns, and other files by their endings."""
    tables = _tables_in(folder)
    said = [f"{path.name} ({listed(table.frame.columns, most=5)})" for path, table in tables.items()]
    names = {path.name for path in tables}
    files = [path.lower() for path in _files_below(folder) if path not in names]
    endings = Counter(
        next((end for end in sorted(_IMAGES, key=len, reverse=True) if path.endswith(end)), Path(path).suffix)
        for path in files
    )
    said += [f"{number} {ending or 'without an ending'}" for ending, number in endings.most_common(_NAMED)]
    return listed(said, most=_NAMED) or "nothing"


def feature_tables(folder: Path, people: Path, id_column: str, label: str) -> list[str]:
    """Name the other tables in a folder that list people by the same column, and have no diagnosis.

    Parameters
    ----------
    folder : Path
        As of `find_table`.
    people : Path
        The table of people.
    id_column, label : str
        Its columns.
    """
    return [
        path.name
        for path, table in _tables_in(folder).items()
        if path != people and id_column in table.frame.columns and label not in table.frame.columns
    ]


def image_patterns(folder: Path, ids: Sequence[str], id_column: str) -> list[str]:
    """Return the paths, with the id's column in braces, at which most people have an image.

    Parameters
    ----------
    folder : Path
        Searched with the folders below it.
    ids : sequence of str
        Of people; the first twenty are looked for.
    id_column : str
        Its name.

    Returns
    -------
    list of str
        Those that fit the most people; several where each person has several images, none where fewer than
        half have one.

    Examples
    --------
    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp())
    >>> for name in ("7_T1.nii.gz", "71_T1.nii.gz", "notes.txt"):
    ...     (place / name).touch()
    >>> image_patterns(place, ["7", "71", "8"], "ID")
    ['{ID}_T1.nii.gz']
    """
    files = [path for path in _files_below(folder) if path.lower().endswith(_IMAGES)]
    return _patterns_of(files, ids, id_column)


def subjects_patterns(folder: Path, ids: Sequence[str], id_column: str) -> list[str]:
    """Return the folders at which most people have statistics of FreeSurfer or FastSurfer.

    Parameters
    ----------
    folder : Path
        A dataset, or the folder of the subjects.
    ids : sequence of str
        Of people; the first twenty are looked for.
    id_column : str
        Its name.

    Returns
    -------
    list of str
        The folder of the subjects where theirs are called as people are, else paths with the id's column in
        braces; without ids that fit the folder alone, and several where each person has several.
    """
    places = (folder, *(place for below in _FREESURFER for place in sorted(folder.glob(f"{below}/"))))
    for place in places:
        subjects = sorted({path.parents[1] for path in place.glob("*/stats/*.stats")})
        if not subjects:
            continue
        within = place.relative_to(folder).as_posix()
        patterns = _patterns_of([subject.name for subject in subjects], ids, id_column)
        if patterns and "{" + id_column + "}" not in patterns:
            return [pattern if within == "." else f"{within}/{pattern}" for pattern in patterns]
        return [within]
    return []


def _patterns_of(paths: Sequence[str], ids: Sequence[str], id_column: str) -> list[str]:
    """Return the paths, with the id's column in braces, that exist for the most people."""
    files = [path for path in paths if "{" not in path]
    looked_for = [name for name in dict.fromkeys(ids) if name][:_PEOPLE]
    fits: Counter[str] = Counter()
    column = "{" + id_column + "}"
    for name in looked_for:
        word = re.compile(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])")
        fits.update({column.join(word.split(path)) for path in files if word.search(path)})
    most = max(fits.values(), default=0)
    if most < max(_LEAST_SHARE * len(looked_for), 1):
        return []
    return sorted(place for place, count in fits.items() if count == most)


def holds_dicom(folder: Path) -> bool:
    """Return whether DICOM files lie in a folder or below it; a few that may be are looked at."""
    files = list(_files_below(folder))
    named = (path for path in files if Path(path).suffix.lower() in ("", ".dcm", ".ima"))
    archives = (path for path in files if path.lower().endswith(".zip"))
    return any(_is_dicom(folder / path) for path in islice(named, _DICOM_FILES)) or any(
        _holds_dicom_files(folder / path) for path in islice(archives, _DICOM_FILES)
    )


def _is_dicom(path: Path) -> bool:
    with suppress(OSError), path.open("rb") as handle:
        return _begins_as_dicom(handle)
    return False


def _begins_as_dicom(handle: IO[bytes]) -> bool:
    return handle.read(_PREAMBLE + 4)[_PREAMBLE:] == b"DICM"


def _holds_dicom_files(archive: Path) -> bool:
    """Return whether DICOM files lie in a zip; the beginning of a few is read."""
    unread = (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error, EOFError)
    with suppress(*unread), zipfile.ZipFile(archive) as content:
        for info in [each for each in content.infolist() if not each.is_dir()][:_DICOM_FILES]:
            with content.open(info) as handle:
                if _begins_as_dicom(handle):
                    return True
    return False


def _tables_in(folder: Path) -> dict[Path, Table]:
    """Read the tables of a folder; what can't be read is none."""
    tables = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in _TABLES and not path.name.startswith(".") and path.is_file():
            with suppress(CohortError):
                tables[path] = read_table(path)
    return tables


def _files_below(folder: Path) -> Iterator[str]:
    """Yield the files of a folder from its own path, up to a number, hidden ones left out."""
    return islice(_walk(folder), _MOST_FILES)


def _walk(folder: Path) -> Iterator[str]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        below = Path(place).relative_to(folder)
        yield from ((below / name).as_posix() for name in sorted(names) if not name.startswith("."))
