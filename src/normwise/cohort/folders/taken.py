"""The study of a folder or table that stands in place of a study file: what lies there is taken, and said."""

from __future__ import annotations

import shlex
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from normwise.cohort.bids import BIDS, find_participants, find_scans, find_suffixes
from normwise.cohort.folders.contents import (
    describe_contents,
    feature_tables,
    find_table,
    holds_dicom,
    image_patterns,
    subjects_patterns,
)
from normwise.cohort.folders.roles import columns_of_numbers, guess_roles, likely_id, names_an_id
from normwise.cohort.tables import read_table
from normwise.errors import NormwiseWarning, StudyError
from normwise.schema import EXTRACTOR_SECTIONS, CohortSection, RegionsSection, TableSection, listed

__all__ = ["study_of_folder", "study_of_table"]

_NAMED = 8  # columns in an example
_ROLES = ("id", "label", "target", "group", "session", "site")
# Folders of a BIDS dataset whose files are not found by people's names; slides in micr are.
_DATATYPES = (
    "anat", "func", "dwi", "pet", "perf", "fmap", "meg", "eeg", "ieeg", "nirs", "motion", "mrs", "emg",
    "beh", "ses-*",
)  # fmt: skip


def study_of_folder(folder: Path, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of a study file for a folder that has none.

    Parameters
    ----------
    folder : Path
        A BIDS dataset or derivative, or another folder with a table of people.
    changes : mapping
        The flags, by dotted key.

    Raises
    ------
    StudyError
        STU-107, there is no single table of people; STU-116 DICOM files; STU-117 several images a person;
        STU-122 roles that are not clear.
    CohortError
        COH-112 where it is not clear which images are meant.
    """
    name, participants = CohortSection.model_fields["id"].default, find_participants(folder)
    table = changes.get("cohort.table") or participants or _find_people(folder, changes)
    if (folder / table).is_file():
        columns = list(map(str, read_table(folder / table).frame.columns))
        likely = likely_id(columns)
        name = likely if table != participants or (name not in columns and names_an_id(likely)) else name
    cohort: dict[str, Any] = {"table": str(table), "id": name}
    if isinstance(table, Path):
        cohort["table"] = table.name if table.parent == folder else str(table)
    content = _with_images(folder, cohort, changes)
    return _with_roles(content, folder, changes)


def study_of_table(file: Path, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of a study file for a participants table; one in a BIDS dataset brings its images.

    Parameters
    ----------
    file : Path
        A table.
    changes : mapping
        The flags, by dotted key.
    """
    if file.name == "participants.tsv" and find_suffixes(file.parent):
        return study_of_folder(file.parent, changes)
    cohort = {"table": file.name}
    if "cohort.id" not in changes:
        cohort["id"] = likely_id(list(map(str, read_table(file).frame.columns)))
    return _with_roles({"cohort": cohort}, file.parent, changes)


def _with_roles(content: dict[str, Any], folder: Path, changes: Mapping[str, Any]) -> dict[str, Any]:
    cohort = content["cohort"]
    file = folder / cohort["table"]
    if not file.is_file():
        return content  # the reader says what is not there
    table = read_table(file)
    given = {f"cohort.{key}": value for key, value in cohort.items()} | dict(changes)
    images = given.get("cohort.images")
    by_folder = {"cohort.session": None} if str(images).startswith(BIDS) else {}  # which has the sessions
    guessed = guess_roles(table, {**given, **by_folder})
    content = {**content, "cohort": {**cohort, **guessed}}
    named = "features" in content or {"features.columns", "features.table", "features.subjects_dir"} & set(
        changes
    )
    section = EXTRACTOR_SECTIONS.get(str(changes.get("features.extractor")), TableSection)
    if images is None and not named and section is TableSection:
        used = {str(given.get(f"cohort.{key}", guessed.get(key))) for key in _ROLES}
        demographics = given.get("cohort.demographics", guessed.get("demographics", []))
        found = columns_of_numbers(table, used | {*demographics, *changes.get("features.also", ())})
        columns, scores = found.measured, found.scores
        if columns and scores:
            text = (
                f"no features are named, and none were taken, since {listed(scores, most=4)} may be what the "
                f"diagnosis was made from; name what was measured, of {len(columns)} columns of numbers, as "
                f"--columns {shlex.join(columns[:_NAMED])}"
            )
        elif columns:
            text = (
                "no features are named; taken were the columns of numbers without another role, "
                f"{len(columns)}: {listed(columns, most=6)}"
            )
            content["features"] = {"extractor": "table", "columns": columns}
        elif scores:
            text = f"no features are named; {listed(scores, most=4)} may be what the diagnosis was made from"
        else:
            text = "no features are named, and no column is one of numbers without another role"
        if found.counters:
            text += f"; not {listed(found.counters, most=4)}: without a name of its own, or a count of rows"
        if rising := [name for name in found.rising if name in columns]:
            text += f"; look at {listed(rising, most=4)}: it never falls from row to row, as an index"
        if found.unread:
            cells = (f"{name} ({many} cells)" for name, many in found.unread.items())
            text += f"; not {listed(cells, most=4)}, where more than a tenth of the cells are no numbers"
        if columns or scores or found.counters or found.unread:
            warning = NormwiseWarning("COH-312", f"{text}.", subject="features.columns")
            warnings.warn(warning, stacklevel=4)
    return content


def _with_images(folder: Path, cohort: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    section = EXTRACTOR_SECTIONS.get(str(changes.get("features.extractor")), RegionsSection)
    scans = find_scans(folder)[0]
    places = [] if "features.extractor" in changes else _find_freesurfer(folder, cohort, changes)
    if places and (scans or "cohort.images" in changes):
        text = (
            f"images were chosen, and not FreeSurfer's measurements in {listed(places)}; these are read with "
            f"--extractor freesurfer --features.subjects_dir '{places[0]}'."
        )
        warnings.warn(NormwiseWarning("COH-309", text, subject="cohort.images"), stacklevel=5)
    elif places and not {"features.table", "features.columns"} & set(changes):
        if len(places) > 1:
            raise StudyError(
                "STU-117",
                f"each person was measured by FreeSurfer {len(places)} times.",
                subject=str(folder),
                seen=listed(places),
                advice=f"choose one, as --extractor freesurfer --features.subjects_dir '{places[0]}'",
            )
        measured = places[0]
        where = measured if "{" in measured else f"{measured}/*"
        text = (
            f"no extractor is named: 'freesurfer' was chosen, since {where}/stats is there, and no image in "
            "the folders of BIDS."
        )
        warnings.warn(NormwiseWarning("FEA-906", text, subject="features.extractor"), stacklevel=5)
        return {"cohort": cohort, "features": {"extractor": "freesurfer", "subjects_dir": measured}}
    others = [] if scans or "cohort.images" in changes or not section.reads_images else find_suffixes(folder)
    if others:
        return {"cohort": cohort | {"images": _other_contrast(folder, others)}}
    if not scans and "cohort.images" not in changes and section.reads_images:
        found = _find_by_names(folder, cohort, changes)
        if found is not None:
            return found
    if "cohort.images" not in changes and (section.reads_images or scans):
        return {"cohort": cohort | {"images": BIDS}}
    return {"cohort": cohort}


def _other_contrast(folder: Path, suffixes: list[str]) -> str:
    """Return the images of a dataset without T1-weighted ones: the only others that there are."""
    if len(suffixes) > 1:
        raise StudyError(
            "STU-117",
            f"the dataset has no T1-weighted images, and those of {len(suffixes)} other contrasts.",
            subject=str(folder),
            seen=listed(suffixes),
            advice=f"choose one, as --images {BIDS}:{suffixes[0]}",
        )
    text = f"no images are named: {suffixes[0]} was chosen, the only ones by BIDS layout."
    warnings.warn(NormwiseWarning("COH-309", text, subject="cohort.images"), stacklevel=6)
    return f"{BIDS}:{suffixes[0]}"


def _find_people(folder: Path, changes: Mapping[str, Any]) -> Path:
    """Return the table of people of a folder that is no dataset."""
    table = find_table(folder, _label_of(changes))
    if table is not None:
        text = f"no table is named: {table.name!r} was chosen, as it lies in the folder."
        warnings.warn(NormwiseWarning("COH-308", text, subject="cohort.table"), stacklevel=4)
        return table
    if holds_dicom(folder):
        raise _dicom_found(folder)
    subjects = sorted(path.name for path in folder.glob("sub-*/"))
    if subjects:
        raise StudyError(
            "STU-107",
            "the dataset has no participants.tsv, which says who is ill and who is not.",
            subject=str(folder),
            seen=f"folders of {len(subjects)} {'person' if len(subjects) == 1 else 'people'}: "
            f"{listed(subjects, most=4)}",
            expected="participants.tsv, a line a person: participant_id, diagnosis, age, sex",
            advice="write it, or name another table with --cohort.table",
        )
    raise StudyError(
        "STU-107",
        "the folder holds no study.toml, no participants.tsv, and no single table of people.",
        subject=str(folder),
        seen=describe_contents(folder),
        expected="a study, a BIDS dataset or derivative, or a folder with a table of people: CSV or TSV, a "
        "line a person, with id, diagnosis, age and sex",
        advice="name the table with --cohort.table, write one, or name the study file itself",
    )


def _find_by_names(folder: Path, cohort: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the study of a folder whose images are named by people's ids, or that holds tables of features.

    Parameters
    ----------
    folder : Path
        Without T1-weighted images by layout.
    cohort : dict
        The table that was found, and by what its people are named in BIDS.
    changes : mapping
        The flags.

    Returns
    -------
    dict or None
        None where it is a dataset, or nothing else lies there.
    """
    file = folder / cohort["table"]
    if not file.is_file() or any(next(folder.glob(f"sub-*/{name}"), None) for name in _DATATYPES):
        return None
    people = read_table(file).frame
    name = str(changes.get("cohort.id", cohort["id"]))
    if name not in people.columns:
        return None
    patterns = image_patterns(folder, people[name].tolist(), name)
    if len(patterns) > 1:
        raise StudyError(
            "STU-117",
            f"each person has {len(patterns)} images in the folder.",
            subject=str(folder),
            seen=listed(patterns),
            advice=f"choose one, as --images '{patterns[0]}'",
        )
    if patterns:
        text = f"no images are named: {patterns[0]!r} was chosen, as files are called after people."
        warnings.warn(NormwiseWarning("COH-309", text, subject="cohort.images"), stacklevel=4)
        return {"cohort": cohort | {"images": patterns[0]}}
    if holds_dicom(folder):
        raise _dicom_found(folder)
    if not {"features.extractor", "features.table", "features.columns"} & set(changes):
        tables = feature_tables(folder, file, name, _label_of(changes))
        if tables:
            text = f"no extractor is named: 'table' was chosen, since {listed(tables)} is there and no image."
            warnings.warn(NormwiseWarning("FEA-906", text, subject="features.extractor"), stacklevel=4)
            return {"cohort": cohort, "features": {"extractor": "table", "table": tables}}
    return None if next(folder.glob("sub-*/"), None) else {"cohort": cohort}


def _label_of(changes: Mapping[str, Any]) -> str:
    """Return the column of the diagnosis, or of the number that is predicted in its place."""
    label = changes.get("cohort.label", CohortSection.model_fields["label"].default)
    return str(changes.get("cohort.target") or label)


def _dicom_found(folder: Path) -> StudyError:
    return StudyError(
        "STU-116",
        "the folder holds DICOM files, which no table of people names.",
        subject=str(folder),
        expected="a table of people, and an image of each",
        advice=f"make a cohort of them: normwise cohort from-dicom {folder} --out DATASET/participants.tsv",
    )


def _find_freesurfer(folder: Path, cohort: dict[str, Any], changes: Mapping[str, Any]) -> list[str]:
    """Return the folders of FreeSurfer's subjects, or of each person by a column in braces."""
    file, name = folder / cohort["table"], str(changes.get("cohort.id", cohort["id"]))
    people = read_table(file).frame if file.is_file() else None
    ids = people[name].tolist() if people is not None and name in people.columns else []
    return subjects_patterns(folder, ids, name)
