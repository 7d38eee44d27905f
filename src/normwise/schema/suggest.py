"""Did you mean: the known name nearest to what was typed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["closest", "did_you_mean", "listed"]


def closest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name nearest to ``name``, or None where none is near.

    Letter case and punctuation do not count, so that ``mf`` finds ``M/F``.

    Examples
    --------
    >>> closest("mf", ["ID", "M/F", "Age"])
    'M/F'
    >>> closest("education", ["ID", "M/F", "Age"]) is None
    True
    """
    plain: dict[str, str] = {}
    for each in known:
        plain.setdefault(_plain(each), each)
    matches = get_close_matches(_plain(name), list(plain), n=1, cutoff=0.6)
    return plain[matches[0]] if matches else None


def did_you_mean(name: str, known: Iterable[str], otherwise: str | None = None) -> str:
    """Return ``did you mean 'X'?``; where nothing is near, ``otherwise``, or the list of what there is.

    Examples
    --------
    >>> did_you_mean("age", ["ID", "Age"])
    "did you mean 'Age'?"
    >>> did_you_mean("weight", ["ID", "Age"])
    'there is: ID, Age'
    """
    names = list(known)
    near = closest(name, names)
    if near is not None:
        return f"did you mean {near!r}?"
    return f"there is: {listed(names)}" if otherwise is None else otherwise


def listed(names: Iterable[object], most: int = 12) -> str:
    """Join names with commas, the first ``most`` of them.

    Examples
    --------
    >>> listed("abcd", most=2)
    'a, b and 2 more'
    """
    texts = [str(name) for name in names]
    if len(texts) <= most:
        return ", ".join(texts) or "nothing"
    return f"{', '.join(texts[:most])} and {len(texts) - most} more"


def _plain(name: str) -> str:
    # A name of punctuation alone stays itself.
    return re.sub(r"[\W_]+", "", name.casefold()) or name.casefold()
