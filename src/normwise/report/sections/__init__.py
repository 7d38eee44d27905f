"""The report's sections in the order in which they are read; a new one is one file and one line here."""

from __future__ import annotations

from normwise.report.section import SectionMaker
from normwise.report.sections.alarms import alarms
from normwise.report.sections.arms import arms
from normwise.report.sections.calibration import calibration
from normwise.report.sections.decision_curve import decision_curve
from normwise.report.sections.decisions import decisions
from normwise.report.sections.descent import descent
from normwise.report.sections.differences import differences
from normwise.report.sections.importance import importance
from normwise.report.sections.learning_curve import learning_curve
from normwise.report.sections.misses import misses
from normwise.report.sections.new_sites import new_sites
from normwise.report.sections.participants import participants
from normwise.report.sections.permutation import permutation
from normwise.report.sections.precision_recall import precision_recall
from normwise.report.sections.quality import quality
from normwise.report.sections.readings import readings
from normwise.report.sections.referral import referral
from normwise.report.sections.roc import roc
from normwise.report.sections.settings import settings
from normwise.report.sections.stability import stability
from normwise.report.sections.subgroups import subgroups
from normwise.report.sections.summary import summary
from normwise.report.sections.trajectories import trajectories

__all__ = ["SECTIONS"]

SECTIONS: dict[str, SectionMaker] = {
    "summary": summary,
    "alarms": alarms,
    "participants": participants,
    "arms": arms,
    "differences": differences,
    "roc": roc,
    "precision_recall": precision_recall,
    "decisions": decisions,
    "referral": referral,
    "calibration": calibration,
    "decision_curve": decision_curve,
    "subgroups": subgroups,
    "new_sites": new_sites,
    "permutation": permutation,
    "learning_curve": learning_curve,
    "importance": importance,
    "stability": stability,
    "trajectories": trajectories,
    "misses": misses,
    "quality": quality,
    "descent": descent,
    "readings": readings,
    "settings": settings,
}
"""Name (the anchor on the page) and maker of each section."""
