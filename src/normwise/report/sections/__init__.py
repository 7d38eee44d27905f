"""The report's sections in the order in which they are read; a new one is one file and one line here."""

from __future__ import annotations

from normwise.report.render import SectionMaker
from normwise.report.sections.arms import arms, differences, new_sites, subgroups
from normwise.report.sections.cohort import participants, quality, readings, settings
from normwise.report.sections.curves import (
    calibration,
    decision_curve,
    descent,
    learning_curve,
    permutation,
    precision_recall,
    roc,
)
from normwise.report.sections.decisions import decisions, misses, referral
from normwise.report.sections.features import importance, stability, trajectories
from normwise.report.sections.methods import methods
from normwise.report.sections.network import classifier, network
from normwise.report.sections.summary import alarms, summary

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
    "classifier": classifier,
    "trajectories": trajectories,
    "misses": misses,
    "quality": quality,
    "descent": descent,
    "network": network,
    "methods": methods,
    "readings": readings,
    "settings": settings,
}
"""Name (the anchor on the page) and maker of each section."""
