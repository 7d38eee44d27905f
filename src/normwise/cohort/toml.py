"""A study as TOML that reads back to an equal study; Python itself only reads the format."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from normwise.errors import StudyError
from normwise.schema import Study

__all__ = ["study_to_toml"]

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPES = {"\b": r"\b", "\t": r"\t", "\n": r"\n", "\f": r"\f", "\r": r"\r", '"': r"\"", "\\": r"\\"}


def study_to_toml(study: Study) -> str:
    r"""Write a study as TOML, every key with its value, keys without a value left out.

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
    >>> import tomllib
    >>> study = Study.model_validate({"title": "a \"quoted\" title", "cohort": {"include": ["Age >= 60"]}})
    >>> Study.model_validate(tomllib.loads(study_to_toml(study))) == study
    True
    >>> print(study_to_toml(study).splitlines()[0])
    title = "a \"quoted\" title"
    """
    content = study.model_dump(mode="python", exclude_none=False)
    lines = [f"title = {_value(content.pop('title'), 'title')}"]
    for section, keys in content.items():
        lines += ["", f"[{section}]"]
        lines += [
            f"{key} = {_value(value, f'{section}.{key}')}" for key, value in keys.items() if value is not None
        ]
    return "\n".join(lines) + "\n"


def _value(value: Any, key: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, str | Path):
        return _string(str(value), key)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Mapping):
        items = [f"{_name(str(name), key)} = {_value(each, f'{key}.{name}')}" for name, each in value.items()]
        return f"{{ {', '.join(items)} }}" if items else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(each, key) for each in value)}]"
    raise StudyError(
        "STU-113",
        "the value has no form in TOML.",
        subject=key,
        seen=repr(value),
        expected="text, numbers, true or false, lists and tables of these",
        advice="leave the key out for its default, or give such a value",
    )


def _name(name: str, key: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else _string(name, key)


def _string(text: str, key: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise StudyError(
            "STU-113",
            "the text has a part that is no character (half of a pair).",
            subject=key,
            seen=ascii(text),
            advice="write the text again",
        ) from None
    return '"' + "".join(_ESCAPES.get(letter) or _plain(letter) for letter in text) + '"'


def _plain(letter: str) -> str:
    return f"\\u{ord(letter):04X}" if ord(letter) < 0x20 or ord(letter) == 0x7F else letter
