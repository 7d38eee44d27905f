"""A study file's content into a `Study`; what is wrong with it is said in the study file's own words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from normwise.cohort.suggest import closest, listed
from normwise.errors import StudyError
from normwise.schema import Study

__all__ = ["validate_study"]

_EXPECTED = {
    "string_type": "text in quotes",
    "path_type": "a path in quotes",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "list_type": 'a list, as ["one", "two"]',
    "dict_type": 'a table, as { name = ["value"] }',
    "model_type": "a table of keys",
    "model_attributes_type": "a table of keys",
}
_BOUNDS = {
    "greater_than": ("gt", "a number above"),
    "greater_than_equal": ("ge", "a number of at least"),
    "less_than": ("lt", "a number below"),
    "less_than_equal": ("le", "a number of at most"),
}


def validate_study(content: Mapping[str, Any], source: str) -> Study:
    """Check the content of a study file.

    Parameters
    ----------
    content : mapping
        As the TOML reader returns it.
    source : str
        The file, for messages.

    Raises
    ------
    StudyError
        STU-103 for an unknown key, STU-104 for a value that its key does not take; the first of them in full,
        the others by name.

    Examples
    --------
    >>> validate_study({"cohort": {"labl": "CDR"}}, "study.toml")
    Traceback (most recent call last):
    ...
    normwise.errors.StudyError: STU-103  study.toml: there is no key 'labl' in [cohort].
             do        did you mean 'label'?
    """
    try:
        return Study.model_validate(content)
    except ValidationError as error:
        details = error.errors(include_url=False)
    first, *others = details
    raised = (
        _unknown_key(first, source) if first["type"] == "extra_forbidden" else _wrong_value(first, source)
    )
    if others:
        also = listed(_key(other) for other in others)
        raised.advice = (
            f"{raised.advice}; wrong as well: {also}" if raised.advice else f"wrong as well: {also}"
        )
    raise raised


def _key(detail: ErrorDetails) -> str:
    return ".".join(str(part) for part in detail["loc"]) or "the study"


def _unknown_key(detail: ErrorDetails, source: str) -> StudyError:
    *above, name = [str(part) for part in detail["loc"]]
    section = _model_at(above)
    known = list(section.model_fields)
    near = closest(name, known)
    elsewhere = [
        key for key, field in Study.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
        and name in field.annotation.model_fields
    ]  # fmt: skip
    if elsewhere:
        advice = f"write it under [{elsewhere[0]}]"
    elif near:
        advice = f"did you mean {near!r}?"
    else:
        advice = f"keys are {listed(known, most=30)}"
    place = f"in [{'.'.join(above)}]" if above else "at the top of the file"
    return StudyError("STU-103", f"there is no key {name!r} {place}.", subject=source, advice=advice)


def _wrong_value(detail: ErrorDetails, source: str) -> StudyError:
    kind, context = detail["type"], detail.get("ctx", {})
    seen = f"{detail['input']!r}"
    advice = None
    if kind == "value_error":
        expected = str(context["error"])
    elif kind == "literal_error":
        expected = str(context["expected"])
        near = closest(str(detail["input"]), expected.replace("'", "").replace(" or ", ", ").split(", "))
        advice = f"did you mean {near!r}?" if near else None
    elif kind in _BOUNDS:
        bound, words = _BOUNDS[kind]
        expected = f"{words} {context[bound]:g}"
    else:
        expected = _EXPECTED.get(kind, "another kind of value")
    if kind == "string_type" and isinstance(detail["input"], int | float):
        advice = f'write it in quotes, as the table has it: "{detail["input"]}"'
    meaning = _meaning(detail)
    return StudyError(
        "STU-104",
        f"{_key(detail)} has a value that it does not take.",
        subject=source,
        seen=seen if len(seen) < 200 else f"{seen[:200]} …",
        expected=f"{expected} ({meaning})" if meaning else expected,
        advice=advice or "correct the value; docs/howto/study-file.md explains every key",
    )


def _model_at(path: list[str]) -> type[BaseModel]:
    """Return the section at a path; optional sections are found inside their union."""
    model: type[BaseModel] = Study
    for part in path:
        field = model.model_fields.get(part)
        options = () if field is None else (field.annotation, *getattr(field.annotation, "__args__", ()))
        inner = [option for option in options if isinstance(option, type) and issubclass(option, BaseModel)]
        if not inner:
            break
        model = inner[0]
    return model


def _meaning(detail: ErrorDetails) -> str:
    """Return the description of the innermost key on the way to the value."""
    meaning = ""
    names = [str(part) for part in detail["loc"]]
    for end, name in enumerate(names):
        field = _model_at(names[:end]).model_fields.get(name)
        if field is None:
            break
        meaning = field.description or ""
        if _model_at(names[: end + 1]) is _model_at(names[:end]):
            break  # no section: what follows are its own values
    return meaning
