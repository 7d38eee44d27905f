"""People whose names look alike: the same to the eye, or apart in letter case and the alphabet alone.

A blank of no width or another way to compose an accent is no other person. Letter case may be: where two
names differ in it alone, they stay apart and are named in a warning.
"""

from __future__ import annotations

import unicodedata
import warnings
from collections.abc import Callable, Iterable

from normwise.errors import NormwiseWarning
from normwise.schema import listed

__all__ = ["join_look_alikes"]

_INVISIBLE = ("Cf", "Cc")
"""Categories of characters that leave no mark: blanks of no width, soft hyphens, marks of direction."""
_SELECTORS = {"\u034f", *map(chr, range(0xFE00, 0xFE10))}  # choose how the letter before them is drawn
_TWINS = str.maketrans(
    # Greek, then Cyrillic letters that look Latin as capitals or as small letters, after casefold.
    "\u03b1\u03b2\u03b5\u03b6\u03b7\u03b9\u03ba\u03bc\u03bd\u03bf\u03c1\u03c4\u03c5\u03c7"
    "\u0430\u0432\u0435\u043a\u043c\u043d\u043e\u0440\u0441\u0442\u0443\u0445\u0456\u0455\u0458",
    "abezhikmnoptyxabekmhopctyxisj",
)


def join_look_alikes(people: Iterable[str]) -> dict[str, str]:
    """Return by which name a person goes who has several that are the same to the eye.

    Parameters
    ----------
    people : iterable of str
        Names as the table has them.

    Returns
    -------
    dict of str to str
        Other spellings, with the first one; empty where there are none.

    Warns
    -----
    NormwiseWarning
        COH-306 where names were joined; COH-307 where they look alike and stay apart.

    Examples
    --------
    >>> join_look_alikes(["sub-01", "sub-02"])
    {}
    """
    names = list(dict.fromkeys(people))
    same = _groups(names, _to_the_eye)
    if same:
        text = f"names that are the same to the eye count as one person: {_named(same)}"
        warnings.warn(NormwiseWarning("COH-306", text, value=len(same)), stacklevel=5)
    joined = {other: group[0] for group in same for other in group[1:]}
    alike = _groups([name for name in names if name not in joined], _likeness)
    if alike:
        text = (
            f"names look alike and count as different people, who may stand on both sides of a split: "
            f"{_named(alike)}. If they are one person, write one name, or name the person in cohort.group"
        )
        warnings.warn(NormwiseWarning("COH-307", text, value=len(alike)), stacklevel=5)
    return joined


def _groups(names: list[str], key: Callable[[str], str]) -> list[list[str]]:
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(key(name), []).append(name)
    return [group for group in groups.values() if len(group) > 1]


def _to_the_eye(name: str) -> str:
    if name.isascii():
        return name
    letters = [
        each
        for each in unicodedata.normalize("NFC", name)
        if unicodedata.category(each) not in _INVISIBLE and each not in _SELECTORS
    ]
    return " ".join("".join(letters).split())


def _likeness(name: str) -> str:
    text = unicodedata.normalize("NFKC", _to_the_eye(name)).casefold().translate(_TWINS)
    return "".join("-" if unicodedata.category(each) == "Pd" else each for each in text)


def _named(groups: list[list[str]]) -> str:
    return listed((" and ".join(map(ascii, group)) for group in groups), most=5)
