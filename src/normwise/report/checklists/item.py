"""One item of a checklist: its title in our words, what a run says on it, and what is left to the authors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from normwise.report.saved_run import SavedRun

__all__ = ["Item", "ItemRow"]


@dataclass(frozen=True)
class ItemRow:
    """An item filled for one run, as ``checklist.json`` holds it.

    Attributes
    ----------
    item : str
        Number and title.
    filled : bool
        Whether the run says something on it.
    text : str
        What the run says, then what the authors are to write.
    """

    item: str
    filled: bool
    text: str


@dataclass(frozen=True)
class Item:
    """An item of a checklist.

    Attributes
    ----------
    number : int
        As the checklist counts.
    title : str
        In our own short words.
    part : str
        Where in the paper it belongs.
    authors : str
        What only the authors can write; empty where the run says it all.
    fact : callable, optional
        What the run says; an empty text where it says nothing.
    """

    number: int
    title: str
    part: str
    authors: str = ""
    fact: Callable[[SavedRun], str] | None = None

    def fill(self, run: SavedRun) -> ItemRow:
        """Fill the item from a run; what the run can't say is left to the authors by name."""
        said = self.fact(run).strip() if self.fact is not None else ""
        left = f"To be written by the authors: {self.authors}." if self.authors else ""
        if not said and not left:
            left = "To be written by the authors: this run says nothing on it."
        return ItemRow(
            f"{self.number} {self.title}", bool(said), " ".join(part for part in (said, left) if part)
        )
