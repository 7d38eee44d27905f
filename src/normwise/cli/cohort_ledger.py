"""A run's ``cohort.tsv``, read back for the closing lines."""

from __future__ import annotations

import csv
from pathlib import Path

from normwise.run_folder import RunFolder

__all__ = ["failed_scans"]


def failed_scans(run: Path) -> list[tuple[str, str, str]]:
    """List the scans whose image or measurement failed.

    Rows that the table itself rules out (codes ``COH-…``) are the study's choice, not a failure.

    Parameters
    ----------
    run : Path
        The run folder.

    Returns
    -------
    list of (str, str, str)
        Scan id, code and reason, in the table's order.
    """
    return [
        (row["id"], row["code"], row["reason"])
        for row in _rows(RunFolder(run))
        if row["status"] != "included" and not row["code"].startswith("COH-")
    ]


def _rows(run: RunFolder) -> list[dict[str, str]]:
    try:
        text = run.read(run.COHORT).decode("utf-8").splitlines()
    except FileNotFoundError:
        return []
    # The ledger has no quotes; a quote in an id is part of it.
    return list(csv.DictReader(text, delimiter="\t", quoting=csv.QUOTE_NONE))
