"""axe-core over a page: after ``npm install --no-save axe-core`` here, or from the path in AXE_CORE."""

from __future__ import annotations

import os
from pathlib import Path

from chromium import Browser

__all__ = ["axe_findings"]

_NAME = os.environ.get("AXE_CORE", "node_modules/axe-core/axe.min.js")
_FILE = Path(__file__).parents[1] / _NAME
_ASK = """axe.run(document, { resultTypes: ['violations'] }).then((found) => found.violations.map(
  (each) => `${each.id}: ${each.nodes.map((node) => node.target.join(' ')).join(', ')}`))"""


def axe_findings(page: Browser) -> list[str]:
    """Return each rule that the page breaks, and where; none where axe-core is not installed."""
    if not _FILE.is_file():
        assert "AXE_CORE" not in os.environ, f"AXE_CORE names no file: {_FILE}"
        return []
    page.run(f"{_FILE.read_text('utf-8')}; true")
    found: list[str] = page.run(_ASK)
    return found
