"""Keys of a study that must agree with one another, checked before any table is read."""

from __future__ import annotations

import re

from normwise.cohort.conditions import parse_condition
from normwise.cohort.scans import image_columns, uses_bids
from normwise.errors import StudyError
from normwise.schema import CohortSection, Study, did_you_mean, listed

__all__ = ["check_study"]


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
        STU-109 for a pattern, STU-110 for a value in two classes, STU-111 for demographics that overlap with
        other roles, STU-112 for an image path that is the same for everybody.
    """
    section = study.cohort
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


def _check_demographics(section: CohortSection) -> None:
    names = section.demographics
    doubled = [name for place, name in enumerate(names) if name in names[:place]]
    if doubled:
        raise _overlap("cohort.demographics", f"{doubled[0]!r} is listed twice", "list it once")
    if section.label in names:
        raise _overlap(
            "cohort.demographics",
            f"the label {section.label!r} is listed as a demographic",
            "take it out: features corrected for the diagnosis can't tell it",
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
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        raise StudyError(
            "STU-109",
            f"the pattern can't be read: {error}.",
            subject="cohort.group_pattern",
            seen=repr(pattern),
            advice="correct the regular expression; in TOML write it between single quotes",
        ) from None
    if groups < 1:
        raise StudyError(
            "STU-109",
            "the pattern has no group that holds the person.",
            subject="cohort.group_pattern",
            seen=repr(pattern),
            advice="put parentheses around the person's part, as '^(OAS1_\\d+)_'",
        )
