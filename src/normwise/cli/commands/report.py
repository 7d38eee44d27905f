"""`normwise report`: write the report of a run."""

from __future__ import annotations

from pathlib import Path

from normwise.cli.run_flags import PLAIN, OutputFlags
from normwise.cli.session import open_session
from normwise.errors import CommandError

__all__ = ["report"]


def report(run: Path, /, *, running: OutputFlags = PLAIN) -> int:
    """Write the report of a run as one page that needs nothing else.

    Parameters
    ----------
    run : Path
        The run folder, after evaluate, train or test.
    running : OutputFlags
        How the command speaks.

    Returns
    -------
    int
        The exit code.
    """
    with open_session("report", running) as session:
        if not run.is_dir():
            raise CommandError(
                "CLI-203",
                "there is no such run.",
                subject=str(run),
                expected="a folder that normwise evaluate, train or test wrote",
                advice="check the path",
            )
        from normwise.report import write_report
        from normwise.run_folder import RunFolder

        session.log.open(run / RunFolder.LOGS)
        return session.end(write_report(run))
