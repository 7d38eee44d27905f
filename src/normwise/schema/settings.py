"""What a setting may be: types that an estimator's signature, a study file and their messages share.

The settings of a classifier are the parameters of its ``__init__``, annotated with the types below.
scikit-learn checks a setting when an estimator is fitted, a study file is refused before any image is read:
both ask `check_settings`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from numbers import Integral, Real
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from normwise.errors import ClassifierError
from normwise.schema.suggest import did_you_mean

__all__ = [
    "ClassWeight",
    "Count",
    "Device",
    "Dropout",
    "HiddenLayers",
    "Meaning",
    "NotNegative",
    "Positive",
    "Seed",
    "accepts",
    "check_settings",
    "choices_of",
    "describe_type",
    "inner_type",
    "section_in",
    "settings_of",
]


@dataclass(frozen=True)
class Meaning:
    """Words for a type, where its bounds and choices do not say it all.

    Attributes
    ----------
    words : str
        As ``"the path of a folder"``.
    """

    words: str


Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
Dropout = Annotated[float, Field(ge=0, le=0.95)]
Seed = Annotated[int, Field(ge=0)]
ClassWeight = Annotated[
    Literal["balanced"] | Annotated[Mapping[Any, Positive], Field(min_length=1)] | None,
    Meaning("'balanced' or a table of class = weight above 0"),
]
"""Weights of rows by class."""
Device = Annotated[
    str,
    Field(pattern=r"^(auto|cpu|cuda(:[0-9]+)?)$"),
    Meaning("'auto', 'cpu', 'cuda' or 'cuda:' and a number"),
]
"""Where a network is trained."""
HiddenLayers = Annotated[
    Count | Annotated[Sequence[Count], Field(min_length=1)],
    Meaning("a whole number of at least 1, or a list of one a layer"),
]
"""Units of hidden layers."""


@cache
def settings_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Return what each parameter of a function may be.

    Parameters
    ----------
    function : callable
        A class, or a function whose parameters are annotated.

    Returns
    -------
    dict of str to type
        In the signature's order.

    Examples
    --------
    >>> def fit(C: Positive = 1.0, *, steps: Count = 3) -> None: ...
    >>> {name: describe_type(kind) for name, kind in settings_of(fit).items()}
    {'C': 'a number above 0', 'steps': 'a whole number of at least 1'}
    """
    annotated: Any = function.__init__ if isinstance(function, type) else function  # type: ignore[misc]
    hints = get_type_hints(annotated, include_extras=True)
    return {name: hints[name] for name in inspect.signature(function).parameters}


def check_settings(known: Mapping[str, Any], settings: Mapping[str, Any], *, subject: str) -> None:
    """Refuse a setting that is unknown, or a value that it can't have.

    Parameters
    ----------
    known : mapping of str to type
        From `settings_of`.
    settings : mapping
        The values by name.
    subject : str
        Whose settings they are, for the message.

    Raises
    ------
    ClassifierError
        CLS-102 for an unknown setting, CLS-103 for a value that it can't have.
    """
    for name, value in settings.items():
        if name not in known:
            raise ClassifierError(
                "CLS-102",
                f"there is no setting {name!r}.",
                subject=subject,
                expected=f"one of {', '.join(known)}",
                advice=did_you_mean(name, known),
            )
        if not accepts(known[name], value):
            raise ClassifierError(
                "CLS-103",
                f"the setting {name!r} can't have this value.",
                subject=subject,
                seen=f"{value!r} ({type(value).__name__})",
                expected=describe_type(known[name]) + " or None" * (NoneType in _options(known[name])),
                advice=f"change {name}, or leave it out for its default",
            )


def accepts(kind: Any, value: Any) -> bool:
    """Return whether a value is of a type and in its bounds, with numpy's numbers as Python's own.

    Examples
    --------
    >>> accepts(Count, 3), accepts(Count, True), accepts(Count, 3.0), accepts(Positive, 3)
    (True, False, False, True)
    """
    if isinstance(value, bool | int | float | str | NoneType):
        return _accepts_plain(kind, value)
    return _validates(kind, _plain(value))


@lru_cache(maxsize=4096, typed=True)  # True is no 1
def _accepts_plain(kind: Any, value: float | str | None) -> bool:
    return _validates(kind, value)


def _validates(kind: Any, value: Any) -> bool:
    try:
        _adapter(kind).validate_python(value)
    except ValidationError:
        return False
    return True


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind, config=ConfigDict(strict=True, allow_inf_nan=False))


def _plain(value: Any) -> Any:
    if isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Integral | Real):
        return int(value) if isinstance(value, Integral) else float(value)
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


def describe_type(kind: Any) -> str:
    """Return what a value of a type is, in words; None is left out, as a study file leaves out a key.

    Examples
    --------
    >>> describe_type(Annotated[int, Field(ge=1, le=6)] | None), describe_type(Literal["a", "b"])
    ('a whole number of at least 1 and at most 6', "'a' or 'b'")
    """
    base, metadata = _bare(kind)
    for each in metadata:
        if isinstance(each, Meaning):
            return each.words
    origin, inner = get_origin(base), get_args(base)
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(describe_type(each) for each in inner if each is not NoneType))
    if origin is Literal:
        return " or ".join(map(repr, inner))
    if base in (int, float):
        bounds = " and ".join(filter(None, map(_bound, metadata)))
        return f"{'a whole number' if base is int else 'a number'} {bounds}".rstrip()
    if origin in (list, Sequence):
        return 'a list, as ["one", "two"]' if inner[0] is str else f"a list of {describe_type(inner[0])}"
    if isinstance(base, type) and issubclass(base, BaseModel):
        return "a table of keys"
    plain = {
        bool: "true or false",
        str: "text in quotes",
        Path: "a path in quotes",
        dict: 'a table, as { name = ["value"] }',
        Mapping: "a table",
    }
    return plain.get(origin or base, "another kind of value")


def _bound(limit: Any) -> str:
    for key, words in (("gt", "above"), ("ge", "of at least"), ("lt", "below"), ("le", "at most")):
        if hasattr(limit, key):
            return f"{words} {getattr(limit, key):g}"
    return ""


def _bare(kind: Any) -> tuple[Any, list[Any]]:
    """Return a type without its annotations, and the annotations one by one."""
    metadata: list[Any] = []
    while get_origin(kind) is Annotated:
        kind, *more = get_args(kind)
        metadata = [
            part for each in more for part in (each.metadata if isinstance(each, FieldInfo) else [each])
        ] + metadata
    return kind, metadata


def _options(kind: Any) -> Iterable[Any]:
    base, _ = _bare(kind)
    return get_args(base) if get_origin(base) in (Union, UnionType) else (base,)


def choices_of(kind: Any) -> list[str]:
    """Return the words that a type allows."""
    bare = (_bare(option)[0] for option in _options(kind))
    return [str(word) for option in bare if get_origin(option) is Literal for word in get_args(option)]


def section_in(kind: Any) -> type[BaseModel] | None:
    """Return the section that a type is, or holds beside None."""
    for option in _options(kind):
        base, _ = _bare(option)
        if isinstance(base, type) and issubclass(base, BaseModel):
            return base
    return None


def inner_type(kind: Any, part: str) -> Any:
    """Return the type inside a table or list; where ``part`` names an option of a union, the union."""
    for option in _options(kind):
        base, _ = _bare(option)
        if get_origin(base) is dict or (get_origin(base) is list and part.isdecimal()):
            return get_args(base)[-1]
    return kind
