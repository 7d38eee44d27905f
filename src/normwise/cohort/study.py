"""A study from its file or from a BIDS folder, with flags laid over it; resolved to run anywhere."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from normwise.cohort.bids import (
    BIDS,
    find_participants,
    find_scans,
)
from normwise.cohort.checks import check_study
from normwise.errors import StudyError
from normwise.schema import EXTRACTOR_SECTIONS, RegionsSection, Study, validate_study

__all__ = ["read_study"]

STUDY_FILE = "study.toml"
MAX_BYTES = 1024**2  # a study file is a page of text


def read_study(path: str | Path, overrides: Mapping[str, Any] | None = None, *, saved: bool = False) -> Study:
    r"""Read a study.

    Parameters
    ----------
    path : path
        A study file, a folder with a ``study.toml``, or a BIDS dataset or derivative: there the participants
        table and the T1-weighted images are found by layout.
    overrides : mapping of str to value, optional
        Dotted keys that are laid over the file, as ``{"cohort.label": "dx"}``; None takes a key away. A rule
        of ``decision`` replaces the file's other one.
    saved : bool
        Whether the file is the one that a run has written: up to 0.1.0 it held the keys of all extractors,
        and those that its own does not read are left out.

    Returns
    -------
    Study
        The resolved study; ``cohort.root`` is absolute.

    Raises
    ------
    StudyError
        STU-101 to STU-112, and STU-114 for a key that the extractor does not read.
    CohortError
        COH-112 or COH-113 for a BIDS folder whose images can't be told.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "study.toml"
    >>> _ = file.write_text('[cohort]\nlabel = "CDR"\n')
    >>> read_study(file, {"evaluation.folds": 10}).evaluation.folds
    10
    """
    path = Path(path).absolute()
    changes = dict(overrides or {})
    if path.is_dir() and not (path / STUDY_FILE).is_file():
        content, folder, source = _from_bids(path, changes), path, str(path)
    else:
        file = path / STUDY_FILE if path.is_dir() else path
        content, folder, source = _read_toml(file), file.parent, str(file)
    rules = {
        key.split(".")[1]
        for key, value in changes.items()
        if key.startswith(("decision.sensitivity", "decision.cost")) and value is not None
    }
    if rules and isinstance(content.get("decision"), dict):
        content["decision"] = {
            key: value
            for key, value in content["decision"].items()
            if key in rules or not key.startswith(("sensitivity", "cost"))
        }
    for key, value in changes.items():
        _lay_over(content, key, value)
    study = validate_study(content, source, saved=saved)
    root = folder if study.cohort.root is None else folder / study.cohort.root
    study = study.model_copy(update={"cohort": study.cohort.model_copy(update={"root": root})})
    check_study(study)
    return study


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as handle:
            content = handle.read(MAX_BYTES + 1)
    except OSError as error:
        raise StudyError(
            "STU-101",
            "the study file can't be read.",
            subject=str(file),
            seen=error.strerror or str(error),
            expected="a study.toml, or a BIDS folder",
            advice="check the path",
        ) from None
    try:
        if len(content) <= MAX_BYTES:
            return tomllib.loads(content.decode("utf-8-sig"))
        seen = f"more than {MAX_BYTES / 1024**2:.0f} MiB"
    except RecursionError:
        seen = "brackets nested too deeply"
    except ValueError as error:  # both what is no TOML and what is no UTF-8
        seen = str(error)
    raise StudyError(
        "STU-102",
        "the study file is not TOML.",
        subject=str(file),
        seen=seen,
        advice='docs/howto/study-file.md shows the form: [cohort], then lines as label = "CDR"; a table of '
        "people is named in cohort.table",
    )


def _from_bids(folder: Path, changes: Mapping[str, Any]) -> dict[str, Any]:
    table = changes.get("cohort.table") or find_participants(folder)
    if table is None:
        raise StudyError(
            "STU-107",
            "the folder holds neither a study.toml nor a participants.tsv.",
            subject=str(folder),
            expected="a study, a BIDS dataset or a BIDS derivative",
            advice="name the study file itself, or the table with --cohort.table",
        )
    cohort: dict[str, Any] = {"table": str(table), "id": "participant_id"}
    if isinstance(table, Path):
        cohort["table"] = table.name if table.parent == folder else str(table)
    section = EXTRACTOR_SECTIONS.get(str(changes.get("features.extractor")), RegionsSection)
    if "cohort.images" not in changes and (section.reads_images or find_scans(folder)[0]):
        cohort["images"] = BIDS
    return {"cohort": cohort}


def _lay_over(content: dict[str, Any], dotted: str, value: Any) -> None:
    *above, name = dotted.split(".")
    section = content
    for part in above:
        inner = section.get(part)
        if not isinstance(inner, dict):
            inner = section[part] = {}
        section = inner
    if value is None:
        section.pop(name, None)
    else:
        section[name] = value
