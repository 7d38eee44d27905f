"""What `normwise cohort from-dicom` writes: people, what became of every series, and refusals."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from normwise import __version__
from normwise.errors import ImageError, NormwiseError, error_from_dict
from normwise.files import accompany_dataset, quote_formula, write_text

if TYPE_CHECKING:
    from normwise.engine import Outcome

__all__ = ["Converted", "place_images", "read_converted", "write_dataset", "write_refused", "write_series"]

_README = """\
# Heads from DICOM

One T1-weighted image a person and visit, made by `normwise cohort from-dicom`. `series.tsv` says which series
was taken and why, `refused.tsv` what was not used. Age, sex and scanner are all that was kept of the headers.
"""

_FACTS = {
    "age": (
        "years, from PatientAge; 90 stands for everybody above 89; n/a where it is empty or zero",
        "year",
    ),
    "sex": ("F, M or O, from PatientSex", ""),
    "manufacturer": ("of the scanner", ""),
    "model": ("of the scanner", ""),
    "field_strength_t": ("of the scanner", "T"),
    # BIDS takes whatever has a unit for a number.
    "spacing_mm": ("voxel edges to the right, front and top, mm", ""),
}
_SERIES = (
    "participant_id", "folder", "series", "slices", "outcome", "reason", "spacing_mm", "contrast",
    "contrast_from", "days",
)  # fmt: skip


class Converted(NamedTuple):
    """What became of one person's files.

    Attributes
    ----------
    value : mapping or None
        ``heads``, ``patient`` and ``person``; None where no series is usable.
    series : list of mapping
        Rows of ``series.tsv``, by column.
    refused : list of tuple
        Rows of ``refused.tsv``: folder, slices, code and reason.
    """

    value: Mapping[str, Any] | None
    series: list[dict[str, str]]
    refused: list[tuple[str, str, str, str]]


def place_images(root: Path, label: str, person: Converted) -> list[dict[str, str]]:
    """Move a person's images to where a BIDS dataset has them: into a session each where there are several.

    Parameters
    ----------
    root : Path
        The dataset.
    label : str
        Of the person.
    person : Converted
        With ``heads``.

    Returns
    -------
    list of dict
        The facts of each visit as they may be shown, with ``session_id``, ``days`` since the first study, and
        ``image``, from the dataset's folder.
    """
    heads = (person.value or {})["heads"]
    former = [f"anat/sub-{label}_T1w.nii.gz", f"ses-*/anat/sub-{label}_ses-*_T1w.nii.gz", "*_sessions.tsv"]
    for path in [path for pattern in former for path in (root / f"sub-{label}").glob(pattern)]:
        path.unlink()  # of a table that is replaced: a session that is gone would count as another scan
    rows = []
    for number, head in enumerate(heads, 1):
        session = f"ses-{number}" if len(heads) > 1 else ""
        image = _image_of(label, session)
        (root / image).parent.mkdir(parents=True, exist_ok=True)
        Path(head["file"]).replace(root / image)
        days = "n/a" if head["days"] is None else str(head["days"])
        rows.append({**_shown(head["facts"]), "session_id": session, "days": days, "image": image})
    return rows


def _image_of(label: str, session: str) -> str:
    folder = "/".join(filter(None, (f"sub-{label}", session, "anat")))
    return f"{folder}/{'_'.join(filter(None, (f'sub-{label}', session, 'T1w.nii.gz')))}"


def _shown(facts: Mapping[str, str]) -> dict[str, str]:
    """Return facts as they may leave the machine: ages above 89 are one."""
    import numpy as np

    from normwise.cohort import cap_ages

    if "age" not in facts:
        return dict(facts)
    return {**facts, "age": f"{cap_ages('age', np.array(float(facts['age']))):.4g}"}


def read_converted(outcome: Outcome, *, with_places: bool) -> Converted:
    """Read the outcome of one person's conversion.

    Parameters
    ----------
    outcome : Outcome
        Of `normwise.images.convert_dicom`.
    with_places : bool
        Whether folders below the person's may be named; else they are numbered.
    """
    if outcome.error is not None:
        reason = _reason(outcome.error, with_seen=with_places or isinstance(outcome.error, ImageError))
        return Converted(None, [], [(outcome.subject, "n/a", outcome.error.code, reason)])
    value: Mapping[str, Any] = outcome.value or {}
    series: list[dict[str, str]] = []
    refused = []
    places: dict[str, int] = {}
    for each in value["series"]:
        place = each["place"] if each["place"] not in ("", ".") else ""
        if place and not with_places:
            place = str(places.setdefault(place, len(places) + 1))
        folder = f"{outcome.subject}/{place}" if place else outcome.subject
        error = error_from_dict(each["error"]) if each["error"] else None
        reason = _reason(error) if error else each["reason"]
        if error is not None:
            refused.append((folder, str(each["slices"]), error.code, reason))
        shown = {name: str(each[name]) for name in _SERIES if each.get(name) not in (None, "")}
        series.append({**shown, "folder": folder, "series": str(each["number"] or "n/a"), "reason": reason})
    if "error" not in value:
        return Converted(value, series, refused)
    if not refused:
        error = error_from_dict(value["error"])
        refused = [(outcome.subject, "n/a", error.code, _reason(error))]
    return Converted(None, series, refused)


def _reason(error: NormwiseError, *, with_seen: bool = True) -> str:
    return f"{error.problem.rstrip('.')}{f'; {error.seen}' if error.seen and with_seen else ''}"


def write_series(root: Path, labels: Sequence[str], people: Sequence[Converted]) -> Path:
    """Write ``series.tsv``: which series of each person was chosen, why, and what became of the others.

    Parameters
    ----------
    root : Path
        The dataset.
    labels : sequence of str
        Of each person; empty for one without an image.
    people : sequence of Converted
        In the same order.
    """
    rows = [
        [f"sub-{label}" if label else "n/a", *(row.get(name, "n/a") for name in _SERIES[1:])]
        for label, person in zip(labels, people, strict=True)
        for row in person.series
    ]
    write_text(root / "series.tsv", _tsv(_SERIES, rows))
    return root / "series.tsv"


def write_refused(root: Path, rows: Sequence[tuple[str, str, str, str]]) -> Path:
    """Write ``refused.tsv``."""
    write_text(root / "refused.tsv", _tsv(["folder", "slices", "code", "reason"], rows))
    return root / "refused.tsv"


def write_dataset(table: Path, people: Mapping[str, Sequence[Mapping[str, str]]]) -> None:
    """Write the participants table, the sessions of those who have several, and what describes them.

    The participants table has each person's first visit.

    Parameters
    ----------
    table : Path
        The TSV file.
    people : mapping of str to sequence of mapping
        What `place_images` returned of each person, by label.
    """
    rows = [
        (f"sub-{label}", *(visits[0].get(name, "n/a") for name in _FACTS), visits[0]["image"])
        for label, visits in people.items()
    ]
    at_session = [name for name in _FACTS if name != "sex"]
    about: dict[str, dict[str, str]] = {"participant_id": {"Description": "person"}}
    for name, (description, unit) in _FACTS.items():
        about[name] = {"Description": description} | ({"Units": unit} if unit else {})
    about["image"] = {"Description": "T1-weighted image, from this folder"}
    root = table.absolute().parent
    for label, visits in people.items():
        if len(visits) > 1:
            columns = ["session_id", "days", *at_session, "image"]
            cells = [[visit.get(name, "n/a") for name in columns] for visit in visits]
            write_text(root / f"sub-{label}" / f"sub-{label}_sessions.tsv", _tsv(columns, cells))
    write_text(table.with_suffix(".json"), json.dumps(about, indent=2) + "\n")
    if not (root / "dataset_description.json").exists():
        about_dataset = {
            "Name": "Heads from DICOM",
            "BIDSVersion": "1.10.0",
            "DatasetType": "raw",
            "GeneratedBy": [{"Name": "Normwise", "Version": __version__}],
        }
        write_text(root / "dataset_description.json", json.dumps(about_dataset, indent=2) + "\n")
    own = [] if table.name == "participants.tsv" else [table.name, table.with_suffix(".json").name]
    accompany_dataset(root, _README, ("series.tsv", "refused.tsv", *own))
    write_text(table, _tsv(["participant_id", *_FACTS, "image"], rows))


def _tsv(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE, quotechar=None)
    for row in (header, *rows):
        cells = [re.sub(r"\s+", " ", cell) for cell in row]
        writer.writerow([quote_formula(cell) for cell in cells])
    return text.getvalue()
