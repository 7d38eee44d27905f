"""Every key of the study file as a flag, made from the schema so that none can be missing.

A key has its full name, ``--cohort.label``, and a short one where that is unambiguous and natural,
``--label``. Values are handed on as text; the study's own validation reads them, so that a wrong flag and a
wrong key of the file are refused in the same words.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, make_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

from cyclopts import Group, Parameter
from pydantic.fields import FieldInfo

from normwise.classify import CLASSIFIERS, REGRESSORS
from normwise.schema import EXTRACTOR_SECTIONS, FeaturesSection, Study, feature_keys, readers_of, section_in

__all__ = ["NO_KEY", "NO_KEY_OF_ALL", "EveryStudyFlag", "StudyFlags", "list_keys", "overrides_from"]

_SHORT = {
    "cohort.root": None,  # says too little alone
    "classifier.name": "--classifier",
    "features.table": None,  # --table is the participants table
    "features.labels": None,  # --label is the diagnosis
    "features.table_id": None,
    "normalizer.from": None,
    "normalizer.knots": None,
    "normalizer.mode": None,
    "normalizer.reference": None,
    "sites.harmonize": "--harmonize",
    "sites.unseen": "--unseen-site",
    "selection.name": "--selection",
    "selection.features": None,
    "classifier.choices": None,
    "classifier.rule": None,
    "engine.name": "--engine",
    "engine.cores": None,
    "engine.memory": None,  # --memory is what one subject may take
    "engine.time": None,
    "engine.account": None,
    "engine.interface": None,
    "engine.options": None,
    "decision.cost.missed": "--cost.missed",
    "decision.cost.false_alarm": "--cost.false-alarm",
}
_EVERYDAY = frozenset({
    "cohort.table", "cohort.id", "cohort.images", "cohort.label", "cohort.classes", "cohort.target",
    "cohort.normal",
    "cohort.demographics", "cohort.include", "features.extractor", "features.atlas", "features.lut",
    "features.quality", "features.already_stripped", "features.keep_derivatives", "features.columns",
    "normalizer.design", "normalizer.scale", "classifier.name", "decision.sensitivity",
    "decision.cost.missed", "decision.cost.false_alarm", "evaluation.folds", "evaluation.repeats",
    "evaluation.seed", "engine.name", "engine.scheduler",
})  # fmt: skip
_FILES = frozenset({
    "cohort.table", "features.atlas", "features.lut", "features.table", "features.mask", "features.template",
    "normalizer.from",
})  # fmt: skip
_CHOICES = {
    "features.extractor": list(EXTRACTOR_SECTIONS),
    "classifier.name": list({**CLASSIFIERS, **REGRESSORS}),
}
_WITH_COMMAS = frozenset(
    {"cohort.include", "features.table", "engine.options"}
)  # conditions and files may hold a comma
_FOLDERS = frozenset({"cohort.root", "features.subjects_dir"})


@dataclass(frozen=True)
class Key:
    """One key of the study file.

    Attributes
    ----------
    dotted : str
        Its name with its sections, ``"decision.cost.missed"``.
    kind : str
        How its flag is read: text, switch, choice, list, pairs, lists (a table of lists), values (a table of
        values), value lists, or tables (a table of tables).
    annotation : object
        Type of the flag.
    metavar : str
        What help shows for its value.
    help : str
        What it means, with its default.
    """

    dotted: str
    kind: str
    annotation: Any
    metavar: str
    help: str

    @property
    def names(self) -> tuple[str, ...]:
        """The flag's names; the full one first, since the parser stops at a name that begins another."""
        last = self.dotted.rpartition(".")[2].replace("_", "-")
        short = _SHORT.get(self.dotted, f"--{last}")
        full = f"--{self.dotted}"
        return (full, short) if short and short != full else (full,)

    @property
    def section(self) -> str:
        """The heading it stands under."""
        return self.dotted.partition(".")[0] if "." in self.dotted else "study"


def list_keys() -> list[Key]:
    """List every key of the study file, in the schema's order.

    Examples
    --------
    >>> [key.names for key in list_keys() if key.dotted in ("cohort.label", "classifier.name")]
    [('--cohort.label', '--label'), ('--classifier.name', '--classifier')]
    """
    return list(_iter_keys(Study.model_fields, ""))


def _iter_keys(keys: Mapping[str, FieldInfo], above: str) -> Iterator[Key]:
    for name, info in keys.items():
        inner = section_in(info.annotation)
        if inner is not None:
            inner_keys = feature_keys() if inner is FeaturesSection else inner.model_fields
            yield from _iter_keys(inner_keys, f"{above}{name}.")
        else:
            kind, annotation = _flag_type(info)
            dotted = f"{above}{info.alias or name}"
            yield Key(dotted, kind, annotation, _metavar(info, kind), _help(dotted, info))


def _flag_type(info: FieldInfo) -> tuple[str, Any]:
    options = [
        option for option in (get_args(info.annotation) or (info.annotation,)) if option is not type(None)
    ]
    annotation = info.annotation if get_origin(info.annotation) in (Literal, list, dict) else options[0]
    origin, inner = get_origin(annotation), get_args(annotation)
    if annotation is bool:
        return "switch", bool
    if origin is Literal:
        return "choice", annotation
    if origin is list:
        return ("pairs" if get_origin(inner[0]) is list else "list"), list[str]
    if origin is dict:
        held = get_origin(inner[1])
        if held is dict:
            return "tables", dict[str, dict[str, str]]
        if held is list:
            return ("value lists" if get_args(inner[1]) == (Any,) else "lists"), dict[str, list[str]]
        return "values", dict[str, str]
    return "text", str


def _metavar(info: FieldInfo, kind: str) -> str:
    if kind != "text":
        return "TEXT…"
    # An optional number's type is one of the union's options, possibly with its bounds.
    text = str(info.annotation)
    return "N" if "int" in text else "X" if "float" in text else "TEXT"


def _help(dotted: str, info: FieldInfo) -> str:
    text = info.description or ""
    if dotted in _CHOICES:
        *names, last = _CHOICES[dotted]
        text = f"{text}: {', '.join(names)} or {last}"
    section, _, name = dotted.partition(".")
    if section == "features" and name not in FeaturesSection.model_fields:
        text = f"{', '.join(readers_of(name))}: {text}"
    default = info.default
    if isinstance(default, bool):
        return text
    if isinstance(default, int | float) or (isinstance(default, str) and default):
        return f"{text} ({default})"
    return text


def _make_flags(name: str, *, everything: bool) -> Any:
    """Make the dataclass that the command line parser fills; a field a key, None where the flag is absent."""
    made: list[tuple[str, Any, Any]] = []
    order = ["study", *Study.model_fields]
    for key in list_keys():
        parameter = Parameter(
            name=key.names,
            help=key.help,
            group=Group(f"[{key.section}]", sort_key=10 + order.index(key.section)),
            show=everything or key.dotted in _EVERYDAY,
            negative=(),
            metavar=key.metavar,
            show_default=False,
            consume_multiple=key.kind in ("list", "pairs", "lists", "value lists"),
        )
        annotation: Any = Annotated[key.annotation | None, parameter]
        made.append((key.dotted.replace(".", "__"), annotation, field(default=None, metadata={"key": key})))
    # The parser resolves a class by its module, which make_dataclass leaves at "types".
    flags = make_dataclass(name, made, frozen=True, namespace={"__module__": __name__})
    return Parameter(name="*")(flags)


if TYPE_CHECKING:

    class StudyFlags:
        """Flags for the keys of the study file; help shows the everyday ones."""

    class EveryStudyFlag(StudyFlags):
        """The same flags; help shows every one."""

else:
    StudyFlags = _make_flags("StudyFlags", everything=False)
    EveryStudyFlag = _make_flags("EveryStudyFlag", everything=True)


NO_KEY, NO_KEY_OF_ALL = StudyFlags(), EveryStudyFlag()
"""No flag was given."""


def overrides_from(flags: StudyFlags) -> dict[str, Any]:
    """Return the flags that were given, as dotted keys for `normwise.read_study`.

    Parameters
    ----------
    flags : StudyFlags
        As parsed.

    Returns
    -------
    dict of str to value
        Files and folders that exist from the current folder are made absolute; other paths start from the
        study's folder, as in the file. Names in a list may be separated by commas as well.

    Examples
    --------
    >>> overrides_from(StudyFlags(cohort__label="dx", classifier__grid={"C": ["0.1", "1"]}))
    {'cohort.label': 'dx', 'classifier.grid': {'C': [0.1, 1]}}
    >>> overrides_from(StudyFlags(cohort__demographics=["age,sex", "site"]))
    {'cohort.demographics': ['age', 'sex', 'site']}
    """
    overrides: dict[str, Any] = {}
    for each in fields(flags):  # type: ignore[arg-type]  # a dataclass at run time
        value = getattr(flags, each.name)
        if value is not None:
            key: Key = each.metadata["key"]
            overrides[key.dotted] = _read(key, value)
    return overrides


def _read(key: Key, value: Any) -> Any:
    if key.kind in ("list", "pairs") and key.dotted not in _WITH_COMMAS:
        value = [part.strip() for text in value for part in text.split(",") if part.strip()]
    if key.kind == "pairs":
        return [pair.split(":") for pair in value]
    if key.kind == "values":
        return {name: _value(text) for name, text in value.items()}
    if key.kind == "value lists":
        return {name: [_value(text) for text in texts] for name, texts in value.items()}
    here = key.dotted in _FILES and Path(value).is_file()
    if here or (key.dotted in _FOLDERS and Path(value).is_dir()):
        return str(Path(value).absolute())
    return value


def _value(text: str) -> Any:
    """Read a setting as TOML reads it, and as plain text where it is no TOML."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
