"""The report's sections in the order in which they are read; a new one is one file and one line here."""

from __future__ import annotations

from normwise.report.section import SectionMaker
from normwise.report.sections.arms import arms
from normwise.report.sections.decisions import decisions
from normwise.report.sections.importance import importance
from normwise.report.sections.participants import participants
from normwise.report.sections.readings import readings
from normwise.report.sections.roc import roc
from normwise.report.sections.settings import settings
from normwise.report.sections.summary import summary
from normwise.report.sections.trajectories import trajectories

__all__ = ["SECTIONS"]

SECTIONS: dict[str, SectionMaker] = {
    "summary": summary,
    "participants": participants,
    "arms": arms,
    "roc": roc,
    "decisions": decisions,
    "importance": importance,
    "trajectories": trajectories,
    "readings": readings,
    "settings": settings,
}
"""Name (the anchor on the page) and maker of each section."""
