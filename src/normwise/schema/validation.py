"""What is wrong with a study file, in the study file's own words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from normwise.errors import StudyError
from normwise.schema.features import EXTRACTOR_SECTIONS, FeaturesSection, readers_of
from normwise.schema.settings import choices_of, describe_type, inner_type, section_in
from normwise.schema.study import SAVED, Study
from normwise.schema.suggest import closest, listed

__all__ = ["validate_study"]


def validate_study(content: Mapping[str, Any], source: str, *, saved: bool = False) -> Study:
    """Check the content of a study file.

    Parameters
    ----------
    content : mapping
        As the TOML reader returns it.
    source : str
        The file, for messages.
    saved : bool
        Whether a run of Normwise wrote it: see `normwise.schema.features_section`.

    Raises
    ------
    StudyError
        STU-103 for an unknown key, STU-104 for a value that its key does not take, STU-114 for keys that the
        extractor does not read; the first of them in full, the others by name.

    Examples
    --------
    >>> validate_study({"cohort": {"labl": "CDR"}}, "study.toml")
    Traceback (most recent call last):
    ...
    normwise.errors.StudyError: STU-103  study.toml: there is no key 'labl' in [cohort].
             do        did you mean 'label'?
    """
    try:
        return Study.model_validate(content, context=SAVED if saved else None)
    except ValidationError as error:
        details = error.errors(include_url=False)
    misplaced = [detail for detail in details if _is_misplaced(detail)]
    if misplaced:
        raised = _misplaced_keys([str(detail["loc"][1]) for detail in misplaced], content["features"], source)
    elif details[0]["type"] == "extra_forbidden":
        raised = _unknown_key(details[0], content, source)
    else:
        raised = _wrong_value(details[0], content, source)
    others = [detail for detail in details if detail not in (misplaced or details[:1])]
    if others:
        also = f"wrong as well: {listed(map(_key, others))}"
        raised.advice = f"{raised.advice}; {also}" if raised.advice else also
    raise raised


def _key(detail: ErrorDetails) -> str:
    return ".".join(str(part) for part in detail["loc"]) or "the study"


def _is_misplaced(detail: ErrorDetails) -> bool:
    path = detail["loc"]
    return detail["type"] == "extra_forbidden" and path[0] == "features" and bool(readers_of(str(path[-1])))


def _misplaced_keys(keys: list[str], section: Mapping[str, Any], source: str) -> StudyError:
    name = section.get("extractor", "regions")
    return StudyError(
        "STU-114",
        f"the extractor {name!r} does not read {listed(keys)}.",
        subject=source,
        seen="; ".join(f"{key} is read by {listed(readers_of(key))}" for key in keys),
        advice="take these keys out of [features], or choose an extractor that reads them",
    )


def _unknown_key(detail: ErrorDetails, content: Mapping[str, Any], source: str) -> StudyError:
    *above, name = [str(part) for part in detail["loc"]]
    section, _ = _field_at(above, content)
    known = [field.alias or key for key, field in section.model_fields.items()]
    near = closest(name, known)
    elsewhere = [
        key
        for key, field in Study.model_fields.items()
        if (inner := section_in(field.annotation)) is not None
        and name in {each.alias or place for place, each in inner.model_fields.items()}
    ]
    elsewhere += ["features"] if readers_of(name) and above != ["features"] else []
    if elsewhere:
        advice = f"write it under [{elsewhere[0]}]"
    elif near:
        advice = f"did you mean {near!r}?"
    else:
        advice = f"keys are {listed(known, most=30)}"
    place = f"in [{'.'.join(above)}]" if above else "at the top of the file"
    return StudyError("STU-103", f"there is no key {name!r} {place}.", subject=source, advice=advice)


def _wrong_value(detail: ErrorDetails, content: Mapping[str, Any], source: str) -> StudyError:
    _, (wanted, meaning) = _field_at([str(part) for part in detail["loc"]], content)
    seen, advice = repr(detail["input"]), None
    if detail["type"] == "value_error":
        expected = str(detail["ctx"]["error"])
    else:
        expected = describe_type(wanted)
        near = closest(str(detail["input"]), choices_of(wanted))
        advice = f"did you mean {near!r}?" if near else None
    if detail["type"] == "string_type" and isinstance(detail["input"], int | float):
        advice = f'write it in quotes, as the table has it: "{detail["input"]}"'
    return StudyError(
        "STU-104",
        f"{_key(detail)} has a value that it does not take.",
        subject=source,
        seen=seen if len(seen) < 200 else f"{seen[:200]} …",
        expected=f"{expected} ({meaning})" if meaning else expected,
        advice=advice or "correct the value; docs/howto/study-file.md explains every key",
    )


def _field_at(path: list[str], content: Mapping[str, Any]) -> tuple[type[BaseModel], tuple[Any, str]]:
    """Return the innermost section on the way to a value, the value's type, and what its key means."""
    section: type[BaseModel] = Study
    wanted: Any = Study
    meaning = ""
    for part in path:
        keys = {field.alias or key: field for key, field in section.model_fields.items()}
        if section_in(wanted) is not None and part in keys:
            field = keys[part]
            wanted, meaning = field.rebuild_annotation(), field.description or ""
            if part == "features":
                wanted = _section_of(content.get("features"))
            section = section_in(wanted) or section
        else:
            wanted = inner_type(wanted, part)
    return section, (wanted, meaning)


def _section_of(keys: Any) -> type[FeaturesSection]:
    name = keys.get("extractor", "regions") if isinstance(keys, Mapping) else None
    return EXTRACTOR_SECTIONS.get(name, FeaturesSection) if isinstance(name, str) else FeaturesSection
