"""How an object shows itself: one line in a session, a small table where a notebook shows it."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Protocol

__all__ = ["Interval", "ShortRepr", "counts", "interval"]


class Interval(Protocol):
    """A number with the ends of its interval."""

    @property
    def estimate(self) -> float | None: ...  # noqa: D102
    @property
    def low(self) -> float | None: ...  # noqa: D102
    @property
    def high(self) -> float | None: ...  # noqa: D102


class ShortRepr:
    """Base of classes that hold more than anybody wants to see at once.

    A dataclass takes it with ``repr=False``, for its own representation shows every field in full.

    Examples
    --------
    >>> class Gap(ShortRepr):
    ...     def facts(self):
    ...         return {"width": "<2 mm", "side": "left"}
    >>> Gap()
    Gap(width: <2 mm, side: left)
    >>> Gap()._repr_html_().count("<tr>")
    2
    """

    def facts(self) -> Mapping[str, str]:
        """Return what is worth seeing, each with its name."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}: {text}' for name, text in self.facts().items())})"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>" for name, text in self.facts().items()
        )
        return f"<table><caption>{type(self).__name__}</caption>{rows}</table>"


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
