"""Reporting checklists for one run: what the run says, and blanks for the authors."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from normwise.files import write_text
from normwise.report.checklists import CHECKLISTS
from normwise.report.checklists.item import ItemRow
from normwise.report.render import render
from normwise.report.saved_run import SavedRun, read_run
from normwise.run_folder import RunFolder

__all__ = ["fill_checklists", "write_checklist"]


def write_checklist(run: str | Path) -> Path:
    """Write ``checklist.json`` and ``checklist.html`` of a run.

    Parameters
    ----------
    run : path
        A run folder, after train, evaluate or test.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    ReportError
        REP-101 to REP-104 where the run's results are missing, damaged or contradict each other.
    """
    folder = RunFolder(run)
    saved = read_run(run)
    filled = fill_checklists(saved)
    by_name = {key: [asdict(row) for row in rows] for key, rows in filled.items()}
    write_text(folder / folder.CHECKLIST, json.dumps(by_name, indent=2, ensure_ascii=False) + "\n")
    lists = [
        (key, title, about, [(item.part, row) for item, row in zip(items, filled[key], strict=True)])
        for key, (title, about, items) in CHECKLISTS.items()
    ]
    path = folder / folder.CHECKLIST_PAGE
    write_text(path, render("checklist.html", record=saved.record, lists=lists))
    return path


def fill_checklists(run: SavedRun) -> dict[str, list[ItemRow]]:
    """Return every item of every checklist with what the run says on it.

    Parameters
    ----------
    run : SavedRun
        The run.

    Returns
    -------
    dict of str to list of ItemRow
        By the keys of ``checklist.json``: ``tripod_ai``, ``claim``, ``stard_ai`` and ``probast_ai``.
    """
    return {key: [item.fill(run) for item in items] for key, (_, _, items) in CHECKLISTS.items()}
