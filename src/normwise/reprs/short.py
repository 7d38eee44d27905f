"""One bounded line for an object that holds more than anybody wants to see at once."""

from __future__ import annotations

from collections.abc import Mapping, Sized
from dataclasses import fields
from typing import Any

from normwise.reprs.wording import clip, interval

__all__ = ["ShortRepr"]

_MOST_FACTS = 12
_LONGEST_NAME = 36


class ShortRepr:
    """Base of classes that hold more than anybody wants to see at once.

    A dataclass takes it with ``repr=False``, for its own representation shows every field in full. What is
    shown of an object are its `facts`; `_repr_html_` of a class that has more to show adds to them.

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
        """Return what is worth seeing, each with its name; of a dataclass every field, cut short."""
        own: Any = self  # a class that is no dataclass says itself what is worth seeing of it
        return {each.name.replace("_", " "): _short(getattr(self, each.name)) for each in fields(own)}

    def __repr__(self) -> str:
        facts = list(self.facts().items())
        texts = [f"{clip(name, _LONGEST_NAME)}: {clip(text)}" for name, text in facts[:_MOST_FACTS]]
        more = [f"and {len(facts) - _MOST_FACTS} more"] if len(facts) > _MOST_FACTS else []
        return f"{type(self).__name__}({', '.join([*texts, *more])})"

    def _repr_html_(self) -> str:
        from normwise.reprs.fragments import block, facts_table

        return block(type(self).__name__, facts_table(self.facts()))


def _short(value: Any) -> str:
    """Return a value as one short text: an interval as such, of a collection the number of its members."""
    if all(hasattr(value, end) for end in ("estimate", "low", "high")):
        return interval(value)
    if isinstance(value, str) or not isinstance(value, Sized):
        return f"{value:.4g}" if isinstance(value, float) else clip(value if value != "" else "none")
    shape = getattr(value, "shape", None)
    size = " × ".join(map(str, shape)) if shape is not None else str(len(value))
    if isinstance(value, Mapping | list | tuple) and all(isinstance(name, str) for name in value):
        return clip(f"{size}: {', '.join(value)}") if len(value) else "none"
    return size if len(value) else "none"
