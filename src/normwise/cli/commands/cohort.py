"""`normwise cohort from-dicom`: a participants table and images out of folders of DICOM files."""

from __future__ import annotations

import csv
import io
import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Group, Parameter

from normwise.cli.run_flags import USUAL, RunFlags
from normwise.cli.session import DONE, SOME_FAILED, Session, open_session
from normwise.errors import CommandError, NormwiseError, error_from_dict
from normwise.files import write_text

if TYPE_CHECKING:
    from normwise.engine import Outcome

__all__ = ["cohort"]

DICOM = Group("[dicom]", sort_key=10)
_OUT = Path("participants.tsv")
_FACTS = {
    "age": ("years, from PatientAge; n/a where it is empty or zero", "year"),
    "sex": ("F, M or O, from PatientSex", ""),
    "manufacturer": ("of the scanner", ""),
    "model": ("of the scanner", ""),
    "field_strength_t": ("of the scanner", "T"),
    "spacing_mm": ("voxel edges to the right, front and top", "mm"),
}
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
        people = people_in(folder)
        numbers = [f"{number + 1:04d}" for number in range(len(people))]
        labels = labels_of([person.name for person in people]) if ids == "folder" else numbers
        root = out.absolute().parent
        outcomes = _convert(people, labels, root, session, with_patient=ids == "patient")
        refused = refused_rows(outcomes)
        refusals = write_refused(root, refused)
        session.output.number("refused", [row[:3] for row in refused])
        for place, _, code, reason in refused[:_NAMED]:
            session.output.warn(f"{place} was refused: {code} {reason}")
        if len(refused) > _NAMED:
            session.output.warn(f"and {len(refused) - _NAMED} more, each with its reason in {refusals}")
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
                advice=f"read the reasons in {refusals}",
            )
        made = {label: label for label in values}
        if ids == "patient":
            made = dict(
                zip(values, labels_of([str(each["patient"]) for each in values.values()]), strict=True)
            )
            rename_people(root, made)
        write_dataset(out, {made[label]: each["facts"] for label, each in values.items()})  # type: ignore[misc] # facts are texts
        session.output.row("people", f"{len(values)} of {len(people)} have a usable image")
        session.output.row("next", "add the diagnosis as a column of the table")
        session.output.number("people", len(values))
        session.code = DONE if len(values) == len(people) else SOME_FAILED
        return session.end(out, refusals)


def _convert(
    people: list[Path], labels: list[str], root: Path, session: Session, *, with_patient: bool
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
            **session.resources,
            title="series",
            preload=("pydicom", "nibabel.orientations"),
        )


def people_in(folder: Path) -> list[Path]:
    """List the people: each folder or zip in a folder; the folder itself where there are none.

    Raises
    ------
    CommandError
        CLI-212, nothing there.
    """
    if folder.is_file() and folder.suffix.lower() == ".zip":
        return [folder]
    if not folder.is_dir():
        raise CommandError(
            "CLI-212",
            "there is no such folder.",
            subject=str(folder),
            advice="give the folder that holds one folder or zip for each person",
        )
    sources = [
        path
        for path in sorted(folder.iterdir())
        if not path.name.startswith(".") and (path.is_dir() or path.suffix.lower() == ".zip")
    ]
    return sources or [folder.resolve()]


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
    >>> labels_of(["sub-01", "P_0042.zip", "étude 3"])
    ['01', 'P0042', 'tude3']
    """
    labels: dict[str, str] = {}
    for number, name in enumerate(names):
        plain = name.removeprefix("sub-").removesuffix(".zip")
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


def image_of(label: str) -> str:
    """Return where a person's image lies in the dataset.

    Examples
    --------
    >>> image_of("01")
    'sub-01/anat/sub-01_T1w.nii.gz'
    """
    return f"sub-{label}/anat/sub-{label}_T1w.nii.gz"


def refused_rows(outcomes: Sequence[Outcome]) -> list[tuple[str, str, str, str]]:
    """Return folder, slices, code and reason of every series that was refused."""
    rows = []
    for each in outcomes:
        if each.error is not None:
            rows.append((each.subject, "n/a", *_reason(each.error)))
            continue
        value: Mapping[str, Any] = each.value or {}
        for series in value["refused"]:
            place = "" if series["place"] in ("", ".") else f"/{series['place']}"
            error = error_from_dict(series["error"])
            rows.append((f"{each.subject}{place}", str(series["slices"]), *_reason(error)))
        if "error" in value and not value["refused"]:
            rows.append((each.subject, "n/a", *_reason(error_from_dict(value["error"]))))
    return rows


def _reason(error: NormwiseError) -> tuple[str, str]:
    return error.code, f"{error.problem.rstrip('.')}{f'; {error.seen}' if error.seen else ''}"


def rename_people(root: Path, made: Mapping[str, str]) -> None:
    """Give images that were written under numbers their names; ``made`` is from number to label."""
    for number, label in made.items():
        target = root / image_of(label)
        target.parent.mkdir(parents=True, exist_ok=True)
        (root / image_of(number)).replace(target)
        (root / image_of(number)).parent.rmdir()
        (root / f"sub-{number}").rmdir()


def write_refused(root: Path, rows: Sequence[tuple[str, str, str, str]]) -> Path:
    """Write ``refused.tsv``."""
    write_text(root / "refused.tsv", _tsv(["folder", "slices", "code", "reason"], rows))
    return root / "refused.tsv"


def write_dataset(table: Path, people: Mapping[str, Mapping[str, str]]) -> None:
    """Write the participants table, its sidecar and the dataset's description.

    Parameters
    ----------
    table : Path
        The TSV file.
    people : mapping of str to mapping
        Facts of each person, by label.
    """
    rows = [
        (f"sub-{label}", *(facts.get(name, "n/a") for name in _FACTS), image_of(label))
        for label, facts in people.items()
    ]
    about: dict[str, dict[str, str]] = {"participant_id": {"Description": "person"}}
    for name, (description, unit) in _FACTS.items():
        about[name] = {"Description": description} | ({"Units": unit} if unit else {})
    about["image"] = {"Description": "T1-weighted image, from this folder"}
    root = table.absolute().parent
    write_text(table.with_suffix(".json"), json.dumps(about, indent=2) + "\n")
    if not (root / "dataset_description.json").exists():
        about_dataset = {"Name": "Heads from DICOM", "BIDSVersion": "1.10.0", "DatasetType": "raw"}
        write_text(root / "dataset_description.json", json.dumps(about_dataset, indent=2) + "\n")
    write_text(table, _tsv(["participant_id", *_FACTS, "image"], rows))


def _tsv(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE, quotechar=None)
    for row in (header, *rows):
        writer.writerow([re.sub(r"\s+", " ", cell) for cell in row])
    return text.getvalue()
