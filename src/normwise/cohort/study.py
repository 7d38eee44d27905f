"""A study from its file, or a folder or table in its place, with flags laid over it; and back as a file."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import date, time
from pathlib import Path
from typing import Any

import tomli_w

from normwise.cohort.conditions import parse_condition
from normwise.cohort.scans import image_columns, uses_bids
from normwise.errors import StudyError
from normwise.schema import EVERYBODY, CohortSection, Study, did_you_mean, listed, validate_study

__all__ = ["check_study", "read_study", "study_to_toml"]

STUDY_FILE = "study.toml"
TABLE_SUFFIXES = (".tsv", ".csv")
MAX_BYTES = 1024**2  # a study file is a page of text
_LONGEST_PATTERN = 1000  # characters


def read_study(
    path: str | Path, overrides: Mapping[str, Any] | None = None, *, saved: bool = False, afresh: bool = False
) -> Study:
    r"""Read a study.

    Parameters
    ----------
    path : path
        A study file, a folder with a ``study.toml``, a participants table (its id is ``participant_id``, else
        `likely_id`), a BIDS dataset or derivative: there the participants table and the T1-weighted
        images, or else what FreeSurfer has measured, are found by layout; or another folder with a table of
        people, whose images are found by people's ids, or else tables of features.
    overrides : mapping of str to value, optional
        Dotted keys that are laid over the file, as ``{"cohort.label": "dx"}``; None removes a key. A rule
        of ``decision`` replaces the file's other one.
    saved : bool
        Whether the file is the one that a run has written: up to 0.1.0 it held the keys of all extractors,
        and those that its own does not read are left out.
    afresh : bool
        Whether a folder is read by what lies there even where it has a ``study.toml``.

    Returns
    -------
    Study
        The resolved study; ``cohort.root`` is absolute.

    Raises
    ------
    StudyError
        STU-101 to STU-112, STU-114 for a key that the extractor does not read; STU-116 and STU-117 for a
        folder of DICOM files, or with several images a person.
    CohortError
        COH-112 or COH-113 for a BIDS folder whose images are not clear.

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
    if path.is_dir() and (afresh or not (path / STUDY_FILE).is_file()):
        from normwise.cohort.folders import study_of_folder  # most commands are given a file

        content, folder, source = study_of_folder(path, changes), path, str(path)
    elif path.suffix.lower() in TABLE_SUFFIXES:
        from normwise.cohort.folders import study_of_table

        content, folder, source = study_of_table(path, changes), path.parent, str(path)
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


def study_to_toml(study: Study) -> str:
    r"""Write a study as TOML, every key that is read with its value, keys without a value left out.

    Parameters
    ----------
    study : Study
        The study; what it holds must have a form in TOML, so no None inside ``parameters`` or ``grid``.

    Returns
    -------
    str
        The text of a study file that reads back to an equal study.

    Raises
    ------
    StudyError
        STU-113 for a value that TOML has no form for.

    Examples
    --------
    >>> study = Study.model_validate({"title": "a \"quoted\" title", "cohort": {"include": ["Age >= 60"]}})
    >>> Study.model_validate(tomllib.loads(study_to_toml(study))) == study
    True
    >>> print(study_to_toml(study).splitlines()[0])
    title = "a \"quoted\" title"
    """
    content = study.model_dump()
    for name, section in content.items():
        if isinstance(section, dict):
            content[name] = {key: value for key, value in section.items() if value is not None}
    if "root" in content["cohort"]:
        content["cohort"]["root"] = str(content["cohort"]["root"])
    _check_form(content, "")
    return tomli_w.dumps(content)


def _check_form(value: Any, key: str) -> None:
    """Refuse what TOML has no form for, naming the key."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            _check_form(str(name), key)
            _check_form(inner, f"{key}.{name}".lstrip("."))
    elif isinstance(value, list | tuple):
        for inner in value:
            _check_form(inner, key)
    elif (
        isinstance(value, str)
        and not value.isascii()
        and any("\ud800" <= letter <= "\udfff" for letter in value)
    ):
        raise StudyError(
            "STU-113",
            "the text has a part that is no character (half of a pair).",
            subject=key,
            seen=ascii(value),
            advice="write the text again",
        )
    elif not isinstance(value, str | int | float | date | time):
        raise StudyError(
            "STU-113",
            "the value has no form in TOML.",
            subject=key,
            seen=repr(value),
            expected="text, numbers, true or false, lists and tables of these",
            advice="leave the key out for its default, or give such a value",
        )


def check_study(study: Study) -> None:
    """Refuse a study whose keys contradict one another.

    Parameters
    ----------
    study : Study
        A study whose keys each have the right type.

    Raises
    ------
    StudyError
        STU-105 or STU-106 for a normal class or a target that is no class, STU-108 for a condition,
        STU-109 for a pattern, STU-110 for a value in two classes, STU-111 for demographics or a target that
        overlap with other roles, STU-112 for an image path that is the same for everybody, STU-118 for keys
        of classes beside a target.
    """
    section = study.cohort
    if section.target is not None:
        _check_target(study)
    else:
        _check_classes(section)
    _check_demographics(section)
    for text in section.include:
        parse_condition(text)
    if section.group_pattern is not None:
        _check_pattern(section.group_pattern)
    images = section.images
    if images is not None and not uses_bids(images) and not image_columns(images):
        raise StudyError(
            "STU-112",
            "the image path names no column, so that everybody would have the same image.",
            subject="cohort.images",
            seen=repr(images),
            advice=f'put a column in braces, as "volumes/{{{section.id}}}.nii.gz", or write "bids"',
        )


def _check_classes(section: CohortSection) -> None:
    classes = section.classes
    if classes and section.normal not in classes:
        raise StudyError(
            "STU-105",
            f"the normal class {section.normal!r} is none of the classes.",
            subject="cohort.normal",
            seen=f"classes {listed(classes)}",
            advice=did_you_mean(section.normal, classes, "name one of the classes"),
        )
    for target in section.targets if classes else ():
        if target not in classes:
            raise StudyError(
                "STU-106",
                f"the target {target!r} is none of the classes.",
                subject="cohort.targets",
                seen=f"classes {listed(classes)}",
                advice=did_you_mean(target, classes, "name classes of cohort.classes"),
            )
    if section.targets and len(set(section.targets)) < max(2, len(section.targets)):
        raise StudyError(
            "STU-106",
            "the targets must be at least two different classes.",
            subject="cohort.targets",
            seen=listed(section.targets),
            advice="name the classes to tell apart, or leave the key out for all of them",
        )
    owner: dict[str, str] = {}
    for name, values in classes.items():
        for value in values:
            other = owner.setdefault(value, name)
            if other != name:
                raise StudyError(
                    "STU-110",
                    f"the value {value!r} of {section.label!r} belongs to two classes.",
                    subject="cohort.classes",
                    seen=f"{other} and {name}",
                    advice="keep it in one of them",
                )


def _check_target(study: Study) -> None:
    """Refuse keys that say what a study of a number can't mean."""
    section, decision, evaluation = study.cohort, study.decision, study.evaluation
    target = section.target
    of_classes = {
        "cohort.label": section.label != CohortSection.model_fields["label"].default,
        "cohort.classes": bool(section.classes),
        "cohort.targets": bool(section.targets),
        "selection.name": study.selection.name != "none",
        "decision.sensitivity": decision.sensitivity is not None,
        "decision.cost": decision.cost is not None,
        "decision.cost_matrix": decision.cost_matrix is not None,
        "decision.refer": decision.refer is not None,
        "evaluation.prevalence": evaluation.prevalence is not None,
        "evaluation.learning_curve": evaluation.learning_curve,
        "evaluation.permutations": evaluation.permutations > 0,
    }
    used = [name for name, holds in of_classes.items() if holds]
    if used:
        raise StudyError(
            "STU-118",
            f"cohort.target predicts a number, and {listed(used)} is for classes only.",
            subject="cohort.target",
            seen=f"target = {target!r}",
            advice='take the others out; who is normal is a condition then, as normal = "CDR == 0"',
        )
    roles: dict[str, list[str | None]] = {
        "a demographic": [*section.demographics],
        "the id": [section.id],
        "the person": [section.group],
        "the site": [section.site],
    }
    for role, names in roles.items():
        if target in names:
            raise StudyError(
                "STU-111",
                f"the target {target!r} is {role} as well.",
                subject="cohort.target",
                advice="take it out there: what is predicted can't be what it is predicted from",
            )
    if section.normal != EVERYBODY:
        parse_condition(section.normal, "cohort.normal")


def _check_demographics(section: CohortSection) -> None:
    names = section.demographics
    doubled = [name for place, name in enumerate(names) if name in names[:place]]
    if doubled:
        raise _overlap("cohort.demographics", f"{doubled[0]!r} is listed twice", "list it once")
    if section.target is None and section.label in names:
        raise _overlap(
            "cohort.demographics",
            f"the label {section.label!r} is listed as a demographic",
            "take it out: features corrected for the diagnosis no longer show it",
        )
    for name in section.categorical:
        if name not in names:
            raise _overlap(
                "cohort.categorical",
                f"{name!r} is no demographic",
                f"{did_you_mean(name, names)} Only demographics can be listed here",
            )


def _overlap(subject: str, problem: str, advice: str) -> StudyError:
    return StudyError("STU-111", f"{problem}.", subject=subject, advice=advice)


def _check_pattern(pattern: str) -> None:
    fault, groups = "", 0
    if len(pattern) > _LONGEST_PATTERN:
        fault = f"it has more than {_LONGEST_PATTERN} characters"
    else:
        try:
            groups = re.compile(pattern).groups
        except (re.error, RecursionError, OverflowError) as error:
            fault = str(error)
    if fault:
        raise StudyError(
            "STU-109",
            f"the pattern can't be read: {fault}.",
            subject="cohort.group_pattern",
            seen=repr(pattern[:_LONGEST_PATTERN]),
            advice="correct the regular expression; in TOML write it between single quotes",
        )
    if groups < 1:
        raise StudyError(
            "STU-109",
            "the pattern has no group that holds the person.",
            subject="cohort.group_pattern",
            seen=repr(pattern),
            advice="put parentheses around the person's part, as '^(OAS1_\\d+)_'",
        )
