"""`normwise cohort from-dicom`: a participants table and images out of folders of DICOM files."""

from __future__ import annotations

import secrets
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Group, Parameter

from normwise.cli.dicom_people import Person, Refusal, label_of, labels_of, people_in
from normwise.cli.dicom_tables import (
    Converted,
    place_images,
    read_converted,
    write_dataset,
    write_refused,
    write_series,
)
from normwise.cli.run_flags import USUAL, RunFlags
from normwise.cli.session import DONE, SOME_FAILED, Session, open_session
from normwise.errors import CommandError, NormwiseWarning

if TYPE_CHECKING:
    from normwise.engine import Outcome

__all__ = ["cohort"]

DICOM = Group("[dicom]", sort_key=10)
_OUT = Path("participants.tsv")
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
    """Make a cohort out of DICOM: a participants table, and one T1-weighted image a person and visit.

    Every folder, zip or tar in FOLDER is one person; files that lie in it loose are told apart by their
    headers. The table and the images are a BIDS dataset; of the headers only age, sex and scanner are kept.

    Parameters
    ----------
    action : {"from-dicom"}
        What the cohort is made from.
    folder : Path
        Holds one folder or archive for each person, or files of one person or of many.
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
        key = secrets.token_hex(16)  # known to this command alone
        people, loose = people_in(folder, key, session)
        numbers = [f"{number + 1:04d}" for number in range(len(people))]
        # A folder's name may be a person's: where ids are something else it is written nowhere.
        names = [
            person.name if ids == "folder" and person.name else number
            for person, number in zip(people, numbers, strict=True)
        ]
        labels = labels_of(names)
        root = out.absolute().parent
        root.mkdir(parents=True, exist_ok=True)
        # Beside the images, so that what a killed child leaves is found and goes.
        with tempfile.TemporaryDirectory(prefix=".dicom-", dir=root) as scratch:
            outcomes = _convert(people, names, scratch, key, session, with_patient=ids == "patient")
            converted = [read_converted(each, with_places=ids == "folder") for each in outcomes]
            if ids == "patient":
                labels, converted = _call_by_patient(names, converted)
            refused = [*loose, *(row for each in converted for row in each.refused)]
            refusals = write_refused(root, refused)
            _show_refused(refused, refusals, session)
            usable = [number for number, each in enumerate(converted) if each.value]
            if not usable:
                raise CommandError(
                    "CLI-214",
                    "nobody in the folder has a usable T1-weighted series.",
                    subject=str(folder),
                    seen=f"{len(people)} people, {len(refused)} series refused",
                    advice=f"read the reasons in {refusals}",
                )
            _warn_of_one_person(names, [str((each.value or {}).get("person", "")) for each in converted])
            made = {
                labels[number]: place_images(root, labels[number], converted[number]) for number in usable
            }
        series = write_series(
            root, [labels[number] if each.value else "" for number, each in enumerate(converted)], converted
        )
        write_dataset(out, made)
        session.output.row("people", f"{len(made)} of {len(people)} have a usable image")
        visits = sum(len(heads) for heads in made.values())
        if visits > len(made):
            session.output.row(
                "visits", f"{visits}; studies more than 30 days apart are sessions of a person"
            )
        if ids == "folder" and any(not person.name for person in people):
            numbered = sum(not person.name for person in people)
            session.output.row(
                "told apart", f"{numbered} people by PatientID, and numbered; --ids patient names them by it"
            )
        session.output.row("next", "add the diagnosis as a column of the table")
        session.output.number("people", len(made))
        session.code = (
            SOME_FAILED if len(made) < len(people) or any(row[2] == "CLI-217" for row in loose) else DONE
        )
        return session.end(out, series, refusals)


def _show_refused(refused: list[Refusal], refusals: Path, session: Session) -> None:
    session.output.number("refused", [row[:3] for row in refused])
    for place, _, code, reason in refused[:_NAMED]:
        session.output.warn(f"{place} was refused: {code} {reason}")
    if any(code == "IMG-722" for _, _, code, _ in refused):
        session.output.warn("a folder in which files of many people lie loose is to be given itself")
    if len(refused) > _NAMED:
        session.output.warn(f"and {len(refused) - _NAMED} more, each with its reason in {refusals}")


def _convert(
    people: list[Person], names: list[str], scratch: str, key: str, session: Session, *, with_patient: bool
) -> list[Outcome]:
    from normwise.engine import Task, run_subjects
    from normwise.images import convert_dicom

    tasks = [
        Task(
            name,
            {
                "source": str(person.source.absolute()),
                "target": str(Path(scratch) / f"{number}.nii.gz"),
                "scratch": scratch,
                "name": name,
                "with_patient": with_patient,
                "key": key,
                "files": person.files,
            },
        )
        for number, (person, name) in enumerate(zip(people, names, strict=True))
    ]
    return run_subjects(
        convert_dicom,
        tasks,
        version="1",
        **(session.resources | {"cache_dir": None}),
        title="series",
        preload=("pydicom", "nibabel.orientations"),
    )


def _call_by_patient(
    names: Sequence[str], converted: Sequence[Converted]
) -> tuple[list[str], list[Converted]]:
    """Return the id of everybody by PatientID, and refuse who would have that of another before them."""
    labels: list[str] = []
    called: list[Converted] = []
    for number, (name, person) in enumerate(zip(names, converted, strict=True)):
        label = label_of(str(person.value["patient"]), number) if person.value else ""
        if label and label in labels:
            first = names[labels.index(label)]
            reason = (
                f"PatientID gives the id of {first}; lay one person's folders together, or use --ids number"
            )
            row = (name, "n/a", "CLI-213", reason)
            called.append(Converted(None, person.series, [*person.refused, row]))
            labels.append("")
        else:
            called.append(person)
            labels.append(label)
    return labels, called


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
