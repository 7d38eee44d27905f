"""How an object shows itself: one line in a session, a small page where a notebook shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from normwise.lazy import on_use
from normwise.reprs.short import ShortRepr
from normwise.reprs.wording import Interval, counts, interval

if TYPE_CHECKING:
    from normwise.reprs.fragments import block, facts_table, forest, picture, table

__all__ = [
    "Interval",
    "ShortRepr",
    "block",
    "counts",
    "facts_table",
    "forest",
    "interval",
    "picture",
    "table",
]  # fmt: skip

__getattr__ = on_use(
    __name__, dict.fromkeys(("block", "facts_table", "forest", "picture", "table"), "fragments")
)
