"""`normwise cohort from-dicom`: a participants table and images out of folders of DICOM files."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Group, Parameter

from normwise.cli.dicom_subjects import (
    image_of,
    labels_of,
    people_in,
    refused_rows,
    rename_people,
    write_dataset,
    write_refused,
)
from normwise.cli.run_flags import USUAL, RunFlags
from normwise.cli.session import (
    DONE,
    SOME_FAILED,
    Session,
    limits_from,
    open_session,
)
from normwise.errors import CommandError

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
    """Make a cohort out of DICOM: a participants table, and one T1-weighted image a person.

    Every folder or zip in FOLDER is one person. The table and the images are a BIDS dataset; of the headers
    only age, sex and scanner are kept.

    Parameters
    ----------
    action : {"from-dicom"}
        What the cohort is made from.
    folder : Path
        Holds one folder or zip for each person, or one person's files.
    out : Path
        The table; images go beside it.
    ids : {"folder", "patient", "number"}
        What a person is called.
    overwrite : bool
        Replace a table that is there.
    running : RunFlags
        How the command runs and speaks.

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
        people = people_in(folder)
        numbers = [f"{number + 1:04d}" for number in range(len(people))]
        labels = labels_of([person.name for person in people]) if ids == "folder" else numbers
        root = out.absolute().parent
        outcomes = _convert(people, labels, root, session, running, with_patient=ids == "patient")
        refused = refused_rows(outcomes)
        told = write_refused(root, refused)
        session.tell.number("refused", [row[:3] for row in refused])
        for place, _, code, reason in refused[:_NAMED]:
            session.tell.warn(f"{place} was refused: {code} {reason}")
        if len(refused) > _NAMED:
            session.tell.warn(f"and {len(refused) - _NAMED} more, each with its reason in {told}")
        values = {
            label: each.value
            for label, each in zip(labels, outcomes, strict=True)
            if each.value is not None and "error" not in each.value
        }
        if not values:
            raise CommandError(
                "CLI-214",
                "nobody in the folder has a usable T1-weighted series.",
                subject=str(folder),
                seen=f"{len(people)} people, {len(refused)} series refused",
                advice=f"read the reasons in {told}",
            )
        made = {label: label for label in values}
        if ids == "patient":
            made = dict(
                zip(values, labels_of([str(each["patient"]) for each in values.values()]), strict=True)
            )
            rename_people(root, made)
        write_dataset(out, {made[label]: each["facts"] for label, each in values.items()})  # type: ignore[misc] # facts are texts
        session.tell.row("people", f"{len(values)} of {len(people)} have a usable image")
        session.tell.row("next", "add the diagnosis as a column of the table")
        session.tell.number("people", len(values))
        session.code = DONE if len(values) == len(people) else SOME_FAILED
        return session.end(out, told)


def _convert(
    people: list[Path],
    labels: list[str],
    root: Path,
    session: Session,
    running: RunFlags,
    *,
    with_patient: bool,
) -> list[Outcome]:
    from normwise.engine import Task, run_subjects
    from normwise.images import convert_dicom

    root.mkdir(parents=True, exist_ok=True)
    # Beside the images, so that what a killed child leaves is found and goes.
    with tempfile.TemporaryDirectory(prefix=".dicom-", dir=root) as scratch:
        tasks = [
            Task(
                person.name,
                {
                    "source": str(person.absolute()),
                    "target": str(root / image_of(label)),
                    "scratch": scratch,
                    "with_patient": with_patient,
                },
            )
            for person, label in zip(people, labels, strict=True)
        ]
        return run_subjects(
            convert_dicom,
            tasks,
            version="1",
            cache_dir=None,
            jobs=running.workers,
            limits=limits_from(running),
            progress=session.progress,
            title="series",
            preload=("pydicom", "nibabel.orientations"),
        )
