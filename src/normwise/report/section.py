"""What a section of the report is: a title and its HTML."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from markupsafe import Markup

from normwise.report.saved_run import SavedRun

__all__ = ["Section", "SectionMaker"]


@dataclass(frozen=True)
class Section:
    """One part of the page.

    Attributes
    ----------
    title : str
        Its heading, and its line in the contents.
    body : markupsafe.Markup
        What stands below the heading, made by `normwise.report.render.render`.
    """

    title: str
    body: Markup


SectionMaker = Callable[[SavedRun], Section | None]
"""Makes a section from a run; None where the run has nothing to say on it."""
