"""People in a folder of DICOM, what they are called, and the dataset that is written about them."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from normwise.errors import (
    CommandError,
    NormwiseError,
    error_from_dict,
)
from normwise.files import write_text

if TYPE_CHECKING:
    from normwise.engine import Outcome

__all__ = [
    "image_of",
    "labels_of",
    "people_in",
    "refused_rows",
    "rename_people",
    "write_dataset",
    "write_refused",
]

_FACTS = {
    "age": ("years, from PatientAge; n/a where it is empty or zero", "year"),
    "sex": ("F, M or O, from PatientSex", ""),
    "manufacturer": ("of the scanner", ""),
    "model": ("of the scanner", ""),
    "field_strength_t": ("of the scanner", "T"),
    "spacing_mm": ("voxel edges to the right, front and top", "mm"),
}


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
    found = [
        path
        for path in sorted(folder.iterdir())
        if not path.name.startswith(".") and (path.is_dir() or path.suffix.lower() == ".zip")
    ]
    return found or [folder.resolve()]


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
            rows.append((each.subject, "n/a", *_said(each.error)))
            continue
        value: Mapping[str, Any] = each.value or {}
        for series in value["refused"]:
            place = "" if series["place"] in ("", ".") else f"/{series['place']}"
            error = error_from_dict(series["error"])
            rows.append((f"{each.subject}{place}", str(series["slices"]), *_said(error)))
        if "error" in value and not value["refused"]:
            rows.append((each.subject, "n/a", *_said(error_from_dict(value["error"]))))
    return rows


def _said(error: NormwiseError) -> tuple[str, str]:
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
        said = {"Name": "Heads from DICOM", "BIDSVersion": "1.10.0", "DatasetType": "raw"}
        write_text(root / "dataset_description.json", json.dumps(said, indent=2) + "\n")
    write_text(table, _tsv(["participant_id", *_FACTS, "image"], rows))


def _tsv(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE, quotechar=None)
    for row in (header, *rows):
        writer.writerow([re.sub(r"\s+", " ", cell) for cell in row])
    return text.getvalue()
