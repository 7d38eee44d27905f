"""Reporting checklists, each item with what a run can say on it."""

from __future__ import annotations

from normwise.report.checklists.claim import CLAIM
from normwise.report.checklists.item import Item, ItemRow
from normwise.report.checklists.probast_ai import PROBAST_AI
from normwise.report.checklists.stard_ai import STARD_AI
from normwise.report.checklists.tripod_ai import TRIPOD_AI

__all__ = ["CHECKLISTS", "CLAIM", "PROBAST_AI", "STARD_AI", "TRIPOD_AI", "Item", "ItemRow"]

_WORDING = "Titles are in our own words; the checklist itself has the wording."

CHECKLISTS: dict[str, tuple[str, str, list[Item]]] = {
    "tripod_ai": ("TRIPOD+AI (2024)", _WORDING, TRIPOD_AI),
    "claim": ("CLAIM (2024 update)", _WORDING, CLAIM),
    "stard_ai": (
        "STARD-AI (2025)",
        f"Items 1 to 30 are numbered as in STARD 2015; from 31 on the numbers are ours. {_WORDING}",
        STARD_AI,
    ),
    "probast_ai": (
        "PROBAST+AI (2025), by domain", f"The subjects and their numbers are ours. {_WORDING}", PROBAST_AI
    ),
}  # fmt: skip
"""Key in ``checklist.json``, title, what to know of the items, these; a new list is a file and a line."""
