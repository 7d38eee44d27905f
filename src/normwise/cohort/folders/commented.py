"""A study as a file for people: what is particular to it, what each key means, and keys to think of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tomli_w

from normwise.schema import CohortSection, Study

__all__ = ["commented_toml"]

_COHORT = (
    "root",
    "table",
    "id",
    "session",
    "site",
    "images",
    "label",
    "classes",
    "target",
    "normal",
    "demographics",
)
_LINE = 60  # characters of a key before its comment stands on a line of its own


def commented_toml(study: Study, *, numbers: Sequence[str] = ()) -> str:
    r"""Write a study with comments.

    Parameters
    ----------
    study : Study
        With its extractor; a root is written only where it is set.
    numbers : sequence of str
        Columns of the table that could stand beside measured features.

    Examples
    --------
    >>> study = Study.model_validate({"cohort": {"label": "dx", "normal": "HC"}})
    >>> print(*commented_toml(study).splitlines()[4:7], sep="\n")
    table = "participants.tsv"  # participants table, CSV or TSV
    id = "participant_id"  # column that names the scan or the person
    label = "dx"  # column that holds the diagnosis
    """
    cohort, features = study.cohort, study.features
    lines = [
        "# Every key: docs/howto/study-file.md. A flag of the same name wins over it.",
        f"title = {_value(study.title)}",
    ]
    lines += ["", "[cohort]"]
    shown = [name for name in _COHORT if getattr(cohort, name) not in (None, {})]
    lines += [_line(name, getattr(cohort, name), _about(CohortSection, name)) for name in shown]
    if cohort.categorical or cohort.include:
        lines += [
            _line(name, getattr(cohort, name), "")
            for name in ("categorical", "include")
            if getattr(cohort, name)
        ]
    lines += _asides(
        {
            "include": f'["{cohort.demographics[0] if cohort.demographics else "age"} >= 18"]',
            "group_pattern": r"'^(sub-[0-9]+)_'",
            "site": '"site"',
            "sessions": '"all"',
        },
        CohortSection,
        [*shown, *(["include"] if cohort.include else [])],
    )
    lines += ["", "[features]"]
    lines.append(_line("extractor", features.extractor, "what is measured"))
    given = features.model_dump(exclude_defaults=True, exclude={"extractor"})
    lines += [_line(name, value, _about(type(features), name)) for name, value in given.items()]
    if numbers and not features.also and features.reads_images:
        lines.append(f"# also = {_value(list(numbers))}  # columns of the table that are features as well")
    lines += ["", "[classifier]", _line("name", study.classifier.name, "")]
    lines += ["", "[decision]"]
    decision = study.decision.model_dump(exclude_defaults=True)
    lines += [_line(name, value, "") for name, value in decision.items()]
    if cohort.target is None and not decision:
        lines += [
            "sensitivity = 0.9  # wished share of patients found",
            "# cost = { missed = 10, false_alarm = 1 }  # in place of a sensitivity",
        ]
    lines += ["", "[evaluation]"]
    plan = study.evaluation
    lines += [
        _line("folds", plan.folds, "outer folds, whose people no part of the procedure sees"),
        _line("repeats", plan.repeats, "times the folds are drawn anew"),
        _line("seed", plan.seed, "of everything that is drawn"),
    ]
    rest = plan.model_dump(exclude_defaults=True, exclude={"folds", "repeats", "seed"})
    lines += [_line(name, value, "") for name, value in rest.items()]
    others = study.model_dump(exclude_defaults=True)
    for section in ("normalizer", "sites", "selection"):
        if others.get(section):
            lines += [
                "",
                f"[{section}]",
                *(_line(name, value, "") for name, value in others[section].items()),
            ]
    return "\n".join(lines) + "\n"


def _asides(keys: dict[str, str], section: type[Any], given: Sequence[str]) -> list[str]:
    return [f"# {key} = {value}  # {_about(section, key)}" for key, value in keys.items() if key not in given]


def _about(section: type[Any], name: str) -> str:
    return str(section.model_fields[name].description or "")


def _line(name: str, value: Any, about: str) -> str:
    written = f"{name} = {_value(value)}"
    if not about:
        return written
    return f"{written}  # {about}" if len(written) <= _LINE else f"# {about}\n{written}"


def _value(value: Any) -> str:
    """Return a value as TOML has it, on one line."""
    if isinstance(value, dict):
        inner = ", ".join(f"{_key(key)} = {_value(each)}" for key, each in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    return tomli_w.dumps({"v": value if isinstance(value, bool | int | float) else str(value)})[4:].strip()


def _key(name: str) -> str:
    return tomli_w.dumps({name: 0}).rpartition(" = ")[0]
