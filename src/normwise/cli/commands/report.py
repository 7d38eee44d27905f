"""`normwise report`: write the report of a run."""

from __future__ import annotations

from pathlib import Path

from normwise.cli.run_flags import PLAIN, OutputFlags
from normwise.cli.session import open_session

__all__ = ["report"]


def report(run: Path, /, *, running: OutputFlags = PLAIN) -> int:
    """Write the report of a run as one page that needs nothing else.

    Parameters
    ----------
    run : Path
        The run folder, after evaluate, train or test.
    running : OutputFlags
        How the command prints.

    Returns
    -------
    int
        The exit code.
    """
    with open_session("report", running) as session:
        session.open_finished_run(run)
        from normwise.report import write_report

        return session.end(write_report(run))
