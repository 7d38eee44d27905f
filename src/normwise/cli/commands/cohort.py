"""`normwise cohort from-dicom`: a participants table and images out of folders of DICOM files."""

from __future__ import annotations

import re
import secrets
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Group, Parameter

from normwise.cli.dicom_tables import image_of, read_converted, write_dataset, write_refused, write_series
from normwise.cli.run_flags import USUAL, RunFlags
from normwise.cli.session import DONE, SOME_FAILED, Session, open_session
from normwise.errors import CommandError, NormwiseWarning

if TYPE_CHECKING:
    from normwise.engine import Outcome

__all__ = ["cohort"]

DICOM = Group("[dicom]", sort_key=10)
_OUT = Path("participants.tsv")
_ARCHIVE = re.compile(r"\.(zip|tar|tar\.gz|tgz)$", re.IGNORECASE)
_NAMED = 5  # more are counted; refused.tsv names them all


def cohort(
    action: Literal["from-dicom"],
    folder: Path,
    /,
    *,
    out: Annotated[
        Path,
        Parameter(
            name="--out", group=DICOM, show_default=False, help="the table to write (participants.tsv)"
        ),
    ] = _OUT,
    ids: Annotated[
        Literal["folder", "patient", "number"],
        Parameter(
            name="--ids", group=DICOM, show_default=False,
            help="ids from folder names, from PatientID, or numbers (folder)",
        ),
    ] = "folder",
    overwrite: Annotated[
        bool, Parameter(name="--overwrite", negative=(), group=DICOM, help="replace a table that is there")
    ] = False,
    running: RunFlags = USUAL,
) -> int:  # fmt: skip
    """Make a cohort out of DICOM: a participants table, and one T1-weighted image a person.

    Every folder, zip or tar in FOLDER is one person. The table and the images are a BIDS dataset; of the
    headers only age, sex and scanner are kept.

    Parameters
    ----------
    action : {"from-dicom"}
        What the cohort is made from.
    folder : Path
        Holds one folder or archive for each person, or one person's files.
    out : Path
        The table; images go beside it.
    ids : {"folder", "patient", "number"}
        What a person is called.
    overwrite : bool
        Replace a table that is there.
    running : RunFlags
        How the command runs and prints.

    Returns
    -------
    int
        The exit code.
    """
    del action  # there is one so far, and the parser has checked it
    with open_session("cohort", running) as session:
        if out.exists() and not overwrite:
            raise CommandError(
                "CLI-211",
                "the table is there already.",
                subject=str(out),
                advice="name another with --out, or replace it with --overwrite",
            )
        from normwise.images import find_converter

        find_converter()  # asked before anything is read
        people, loose = people_in(folder)
        numbers = [f"{number + 1:04d}" for number in range(len(people))]
        labels = labels_of([person.name for person in people]) if ids == "folder" else numbers
        root = out.absolute().parent
        # A folder's name may be a person's: where ids are something else it is written nowhere.
        names = [person.name for person in people] if ids == "folder" else numbers
        outcomes = _convert(people, labels, names, root, session, with_patient=ids == "patient")
        converted = [read_converted(each, with_places=ids == "folder") for each in outcomes]
        refused = [*loose, *(row for each in converted for row in each.refused)]
        refusals = write_refused(root, refused)
        session.output.number("refused", [row[:3] for row in refused])
        for place, _, code, reason in refused[:_NAMED]:
            session.output.warn(f"{place} was refused: {code} {reason}")
        if len(refused) > _NAMED:
            session.output.warn(f"and {len(refused) - _NAMED} more, each with its reason in {refusals}")
        values = {label: each.value for label, each in zip(labels, converted, strict=True) if each.value}
        if not values:
            raise CommandError(
                "CLI-214",
                "nobody in the folder has a usable T1-weighted series.",
                subject=str(folder),
                seen=f"{len(people)} people, {len(refused)} series refused",
                advice=f"read the reasons in {refusals}",
            )
        _warn_of_one_person(names, [str((each.value or {}).get("person", "")) for each in converted])
        made = {label: label for label in values}
        if ids == "patient":
            made = dict(
                zip(values, labels_of([str(each["patient"]) for each in values.values()]), strict=True)
            )
            rename_people(root, made)
        series = write_series(root, [made.get(label, "") for label in labels], converted)
        write_dataset(out, {made[label]: each["facts"] for label, each in values.items()})
        session.output.row("people", f"{len(values)} of {len(people)} have a usable image")
        session.output.row("next", "add the diagnosis as a column of the table")
        session.output.number("people", len(values))
        session.code = DONE if len(values) == len(people) else SOME_FAILED
        return session.end(out, series, refusals)


def _convert(
    people: list[Path],
    labels: list[str],
    names: list[str],
    root: Path,
    session: Session,
    *,
    with_patient: bool,
) -> list[Outcome]:
    from normwise.engine import Task, run_subjects
    from normwise.images import convert_dicom

    root.mkdir(parents=True, exist_ok=True)
    key = secrets.token_hex(16)  # known to this command alone
    # Beside the images, so that what a killed child leaves is found and goes.
    with tempfile.TemporaryDirectory(prefix=".dicom-", dir=root) as scratch:
        tasks = [
            Task(
                name,
                {
                    "source": str(person.absolute()),
                    "target": str(root / image_of(label)),
                    "scratch": scratch,
                    "name": name,
                    "with_patient": with_patient,
                    "key": key,
                },
            )
            for person, label, name in zip(people, labels, names, strict=True)
        ]
        return run_subjects(
            convert_dicom,
            tasks,
            version="1",
            cache_dir=None,
            **session.resources,
            title="series",
            preload=("pydicom", "nibabel.orientations"),
        )


def _warn_of_one_person(names: Sequence[str], people: Sequence[str]) -> None:
    """Say which sources hold the same person, who would count once for each."""
    together: dict[str, list[str]] = {}
    for name, person in zip(names, people, strict=True):
        together.setdefault(person, []).append(name)
    for person, sources in together.items():
        if person and len(sources) > 1:
            listed = ", ".join(sources[:_NAMED]) + (" …" if len(sources) > _NAMED else "")
            text = f"{listed}: {len(sources)} sources have one PatientID, and count as so many people."
            warnings.warn(
                NormwiseWarning("CLI-216", text, subject=sources[0], value=len(sources)), stacklevel=2
            )


def people_in(folder: Path) -> tuple[list[Path], list[tuple[str, str, str, str]]]:
    """List the people: each folder or archive in a folder; the folder itself where there are none.

    Returns
    -------
    list of Path
        The people.
    list of tuple
        A row of ``refused.tsv`` for the files beside them, which are nobody's.

    Raises
    ------
    CommandError
        CLI-212, nothing there.
    """
    from normwise.images import is_archive

    if folder.is_file() and is_archive(folder):
        return [folder], []
    if not folder.is_dir():
        raise CommandError(
            "CLI-212",
            "there is no such folder.",
            subject=str(folder),
            advice="give the folder that holds one folder or archive for each person",
        )
    shown = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    sources = [path for path in shown if path.is_dir() or is_archive(path)]
    if not sources:
        return [folder.resolve()], []
    loose = [path for path in shown if path not in sources]
    if not loose:
        return sources, []
    images = sum(_begins_as_dicom(path) for path in loose)
    reason = f"files beside the people's folders are nobody's; {len(loose)} files, {images} of them DICOM"
    return sources, [(".", str(len(loose)), "CLI-215", reason)]


def _begins_as_dicom(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False


def labels_of(names: Sequence[str]) -> list[str]:
    """Return a BIDS label for each name: its letters and digits.

    Parameters
    ----------
    names : sequence of str
        Folder names, or patient identifiers.

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
        plain = _ARCHIVE.sub("", name.removeprefix("sub-"))
        label = re.sub(r"[^0-9A-Za-z]", "", plain) or f"x{number + 1:04d}"
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


def rename_people(root: Path, made: Mapping[str, str]) -> None:
    """Give images that were written under numbers their names; ``made`` is from number to label."""
    for number, label in made.items():
        target = root / image_of(label)
        target.parent.mkdir(parents=True, exist_ok=True)
        (root / image_of(number)).replace(target)
        (root / image_of(number)).parent.rmdir()
        (root / f"sub-{number}").rmdir()
