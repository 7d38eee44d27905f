"""Numbers with intervals, counts and long texts, each in a few words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

__all__ = ["LONGEST", "Interval", "clip", "counts", "interval"]

LONGEST = 120
"""Characters of one fact; names and reasons come from other people's tables."""


class Interval(Protocol):
    """A number with the ends of its interval."""

    @property
    def estimate(self) -> float | None: ...  # noqa: D102
    @property
    def low(self) -> float | None: ...  # noqa: D102
    @property
    def high(self) -> float | None: ...  # noqa: D102


def clip(text: object, longest: int = LONGEST) -> str:
    r"""Return a text in one line, with an ellipsis in its middle where it is long.

    Examples
    --------
    >>> clip("two\nlines"), clip("a" * 9, 5)
    ('two lines', 'aa…aa')
    """
    line = "".join(sign if sign.isprintable() else " " for sign in str(text)[: 100 * longest])
    line = " ".join(line.split())
    if len(line) <= longest:
        return line
    tail = (longest - 1) // 2
    return f"{line[: longest - 1 - tail]}…{line[-tail:]}"


def counts(amounts: Mapping[str, int]) -> str:
    """Join names with their counts.

    Examples
    --------
    >>> counts({"normal": 30, "AD": 12})
    'normal 30, AD 12'
    """
    return ", ".join(f"{name} {amount}" for name, amount in amounts.items()) or "none"


def interval(number: Interval) -> str:
    """Write a number with two digits and its interval.

    Parameters
    ----------
    number : Interval
        As `normwise.results.Estimate`; what is None is not known.
    """
    if number.estimate is None:
        return "not defined"
    known = number.low is not None and number.high is not None
    return f"{number.estimate:.2f}" + (f" ({number.low:.2f} to {number.high:.2f})" if known else "")
