"""Whose files `normwise cohort from-dicom` reads: a folder or archive a person, loose ones by header."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from normwise.errors import CommandError

if TYPE_CHECKING:
    from normwise.cli.session import Session
    from normwise.engine import Outcome

__all__ = ["Person", "Refusal", "label_of", "labels_of", "people_in"]

_ARCHIVE = re.compile(r"\.(zip|tar|tar\.gz|tgz)$", re.IGNORECASE)
_FILES_A_CHILD = 200  # which read for a second

Refusal = tuple[str, str, str, str]
"""A row of ``refused.tsv``: folder, slices, code and reason."""


class Person(NamedTuple):
    """Where one person's files lie.

    Attributes
    ----------
    source : Path
        A folder or an archive.
    name : str
        Its name; empty for files that lie loose, whose names may be anybody's.
    files : list of str or None
        The person's files in the folder; None for all.
    """

    source: Path
    name: str
    files: list[str] | None = None


def people_in(folder: Path, key: str, session: Session) -> tuple[list[Person], list[Refusal]]:
    """List the people: each folder or archive in a folder is one, and loose files are told apart by header.

    Parameters
    ----------
    folder : Path
        Holds folders or archives, or files of one person or of many; or one archive.
    key : str
        Hexadecimal; what identifiers are hashed with.
    session : Session
        How files are read.

    Returns
    -------
    list of Person
        Those with a folder or an archive, by name, then those of the loose files.
    list of tuple
        A row of ``refused.tsv`` for loose files that are nobody's, and one for each study or series that may
        be anybody's.

    Raises
    ------
    CommandError
        CLI-212, nothing there.
    """
    from normwise.images import group_by_person, is_archive

    if folder.is_file() and is_archive(folder):
        return [Person(folder, folder.name)], []
    if not folder.is_dir():
        raise CommandError(
            "CLI-212",
            "there is no such folder.",
            subject=str(folder),
            advice="give the folder that holds one folder or archive for each person, or the files of many",
        )
    shown = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    sources = [path for path in shown if path.is_dir() or is_archive(path)]
    people = [Person(path, path.name) for path in sources]
    root = folder.resolve()
    loose = [path for path in shown if path not in sources]
    inside = [path.name for path in loose if path.is_file() and path.resolve().is_relative_to(root)]
    found = group_by_person(_identify(folder, inside, key, session))
    if not sources and len(found.people) <= 1 and not found.undecided:
        return [Person(root, root.name)], []  # one person's files, with all that may belong to them
    others = Counter(found.others)
    others["links that lead out of it"] = len(loose) - len(inside)
    refused = []
    if others.total():
        reason = ", ".join(f"{number} {kind}" for kind, number in sorted(others.items()) if number)
        refused.append(
            (
                ".",
                str(others.total()),
                "CLI-215",
                f"loose files that belong to nobody were left out; {reason}",
            )
        )
    reason = "loose files of a study without PatientID, or a series with two; give each person's in a folder"
    refused += [(".", str(len(names)), "CLI-217", reason) for names in found.undecided]
    return [*people, *(Person(folder, "", names) for names in found.people)], refused


def _identify(folder: Path, names: list[str], key: str, session: Session) -> list[list[Any]]:
    """Return a row a file, as of `normwise.images.identify_files`."""
    from normwise.engine import Task, run_subjects
    from normwise.images import identify_files

    def run(parts: list[list[str]]) -> list[Outcome]:
        tasks = [
            Task(f"part {number}", {"source": str(folder.absolute()), "files": part, "key": key})
            for number, part in enumerate(parts, 1)
        ]
        return run_subjects(
            identify_files,
            tasks,
            version="1",
            **(session.resources | {"cache_dir": None}),
            title="parts of the loose files",
            preload=("pydicom",),
        )

    if not names:
        return []
    parts = [list(names[start : start + _FILES_A_CHILD]) for start in range(0, len(names), _FILES_A_CHILD)]
    first = run(parts)
    # A file that ends its reader costs no other one.
    again = [[name] for part, each in zip(parts, first, strict=True) if not each.value for name in part]
    rows: list[list[Any]] = []
    for each in [*first, *(run(again) if again else [])]:
        rows += cast("list[list[Any]]", each.value["files"]) if each.value else []
    return rows + [[name, "unreadable", []] for [name] in again if name not in {row[0] for row in rows}]


def label_of(name: str, number: int) -> str:
    """Return the letters and digits of a name; where it has none, its number from 0."""
    plain = _ARCHIVE.sub("", name.removeprefix("sub-"))
    return re.sub(r"[^0-9A-Za-z]", "", plain) or f"x{number + 1:04d}"


def labels_of(names: Sequence[str]) -> list[str]:
    """Return a BIDS label for each name: its letters and digits.

    Parameters
    ----------
    names : sequence of str
        Folder names, or numbers.

    Raises
    ------
    CommandError
        CLI-213, two names become one label.

    Examples
    --------
    >>> labels_of(["sub-01", "P_0042.tar.gz", "étude 3"])
    ['01', 'P0042', 'tude3']
    """
    labels: dict[str, str] = {}
    for number, name in enumerate(names):
        label = label_of(name, number)
        if label in labels:
            raise CommandError(
                "CLI-213",
                "two people would have the same id.",
                subject=f"sub-{label}",
                seen=f"number {list(labels).index(label) + 1} and number {number + 1} of {len(names)}",
                advice="name them differently, or use --ids number",
            )
        labels[label] = name
    return list(labels)
