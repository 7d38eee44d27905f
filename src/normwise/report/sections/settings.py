"""Settings, versions, seeds and hashes: what another person needs to make the same page."""

from __future__ import annotations

import json
from typing import Any

from normwise.report.render import render
from normwise.report.saved_run import SavedRun
from normwise.report.section import Section

__all__ = ["flattened", "settings"]


def settings(run: SavedRun) -> Section:
    """Show everything that the results depend on."""
    body = render(
        "settings.html", record=run.record, evaluation=run.evaluation, settings=flattened(run.record.settings)
    )
    return Section("Settings and versions", body)


def flattened(settings: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Return nested settings by dotted key, as flags write them; what is not set is left out.

    Examples
    --------
    >>> flattened({"cohort": {"label": "CDR", "site": None, "classes": {"normal": ["0"]}}, "title": ""})
    {'cohort.label': 'CDR', 'cohort.classes.normal': '["0"]'}
    """
    rows: dict[str, str] = {}
    for key, value in settings.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            rows |= flattened(value, f"{name}.")
        elif value not in (None, "", []):
            rows[name] = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return rows
