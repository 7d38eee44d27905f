"""Reporting checklists, each item with what a run can say on it."""

from __future__ import annotations

from normwise.report.checklists.claim import CLAIM
from normwise.report.checklists.item import Item, ItemRow
from normwise.report.checklists.probast_ai import PROBAST_AI
from normwise.report.checklists.stard_ai import STARD_AI
from normwise.report.checklists.tripod_ai import TRIPOD_AI

__all__ = ["CHECKLISTS", "CLAIM", "PROBAST_AI", "STARD_AI", "TRIPOD_AI", "Item", "ItemRow"]

CHECKLISTS: dict[str, tuple[str, list[Item]]] = {
    "tripod_ai": ("TRIPOD+AI (2024)", TRIPOD_AI),
    "claim": ("CLAIM (2024 update)", CLAIM),
    "stard_ai": ("STARD-AI (2025)", STARD_AI),
    "probast_ai": ("PROBAST+AI (2025), by domain", PROBAST_AI),
}
"""Key in ``checklist.json``, title and items; a new checklist is one file and one line here."""
