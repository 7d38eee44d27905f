"""What a classifier's settings may be: rules in words that an estimator and a study file share.

scikit-learn checks a setting when an estimator is fitted; a study file should be refused before any image is
read. Both ask the same `Rule`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from numbers import Integral, Real
from typing import Any, cast

from normwise.errors import ClassifierError

__all__ = [
    "Rule",
    "check_value",
    "choice",
    "class_weights",
    "either",
    "layers",
    "nothing",
    "number",
    "suggestion",
]


@dataclass(frozen=True)
class Rule:
    """What one setting may be.

    Attributes
    ----------
    words : str
        For people, as ``"a number above 0"``.
    accepts : callable
        Tells whether a value will do.
    """

    words: str
    accepts: Callable[[Any], bool]


def number(
    low: float = -math.inf, high: float = math.inf, *, above: bool = False, whole: bool = False
) -> Rule:
    """Return the rule of a finite number from ``low`` (or above it) to ``high``.

    Examples
    --------
    >>> rule = number(0, above=True)
    >>> rule.words, rule.accepts(0.5), rule.accepts(0), rule.accepts(True)
    ('a number above 0', True, False, False)
    """
    kind: type = Integral if whole else Real
    words = "a whole number" if whole else "a number"
    if math.isfinite(low):
        words += f" above {low:g}" if above else f" of at least {low:g}"
    if math.isfinite(high):
        words += f" and at most {high:g}"

    def accepts(value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, kind):
            return False
        size = cast(float, value)
        # A NaN fails every comparison.
        return bool((size > low if above else size >= low) and size <= high and abs(size) < math.inf)

    return Rule(words, accepts)


def choice(*options: str) -> Rule:
    """Return the rule of one word out of several."""
    return Rule(
        " or ".join(repr(option) for option in options),
        lambda value: isinstance(value, str) and value in options,
    )


def nothing() -> Rule:
    """Return the rule of a setting that is left out."""
    return Rule("None", lambda value: value is None)


def either(*rules: Rule) -> Rule:
    """Return the rule that one of several is kept."""
    return Rule(
        " or ".join(rule.words for rule in rules), lambda value: any(rule.accepts(value) for rule in rules)
    )


def class_weights() -> Rule:
    """Return the rule of row weights by class: none, ``"balanced"``, or a weight for each class."""
    weight = number(0, above=True)
    named = Rule(
        "a table of class = weight above 0",
        lambda value: (
            isinstance(value, Mapping) and len(value) > 0 and all(map(weight.accepts, value.values()))
        ),
    )
    return either(nothing(), choice("balanced"), named)


def layers() -> Rule:
    """Return the rule of hidden layers: how many units, or a list with one count a layer."""
    units = number(1, whole=True)
    several = Rule(
        "a list of them",
        lambda value: isinstance(value, (list, tuple)) and len(value) > 0 and all(map(units.accepts, value)),
    )
    return either(units, several)


def check_value(rules: Mapping[str, Rule], name: str, value: Any, *, subject: str) -> None:
    """Refuse a setting that is unknown or out of its rule.

    Parameters
    ----------
    rules : mapping of str to Rule
        The classifier's settings.
    name : str
        The setting.
    value : object
        What it was given.
    subject : str
        Whose setting it is, for the message.

    Raises
    ------
    ClassifierError
        CLS-102 for an unknown setting, CLS-103 for a value that it can't have.
    """
    if name not in rules:
        raise ClassifierError(
            "CLS-102",
            f"there is no setting {name!r}.",
            subject=subject,
            expected=f"one of {', '.join(rules)}",
            advice=suggestion(name, rules),
        )
    if not rules[name].accepts(value):
        raise ClassifierError(
            "CLS-103",
            f"the setting {name!r} can't have this value.",
            subject=subject,
            seen=f"{value!r} ({type(value).__name__})",
            expected=rules[name].words,
            advice=f"change {name}, or leave it out for its default",
        )


def suggestion(name: str, known: Mapping[str, Any]) -> str:
    """Return a question that names the nearest known name.

    Examples
    --------
    >>> suggestion("logistics", {"linear": 0, "logistic": 0})
    "did you mean 'logistic'?"
    """
    near = get_close_matches(name.casefold(), list(known), n=1, cutoff=0.5)
    # A name of one letter, as C, is too short for a distance.
    near = near or [each for each in known if each.casefold() == name.casefold()]
    return f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(known)}"
