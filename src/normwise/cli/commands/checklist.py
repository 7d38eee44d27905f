"""`normwise checklist`: fill the reporting checklists and the model card from a run."""

from __future__ import annotations

from pathlib import Path

from normwise.cli.run_flags import PLAIN, OutputFlags
from normwise.cli.session import open_session

__all__ = ["checklist"]

_TITLES = {"tripod_ai": "TRIPOD+AI", "claim": "CLAIM", "stard_ai": "STARD-AI", "probast_ai": "PROBAST+AI"}


def checklist(run: Path, /, *, running: OutputFlags = PLAIN) -> int:
    """Fill reporting checklists with what a run knows, and leave named blanks for its authors.

    Where a model was trained or tested, its model card is written too.

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
    with open_session("checklist", running) as session:
        folder = session.open_finished_run(run)
        from normwise.report import fill_checklists, read_run, write_checklist, write_model_card

        saved = read_run(run)
        for key, rows in fill_checklists(saved).items():
            filled = sum(row.filled for row in rows)
            session.output.row(_TITLES.get(key, key), f"{filled} of {len(rows)} items filled")
            session.output.number(key, filled)
        wrote = [folder / folder.CHECKLIST, write_checklist(run)]
        if saved.evaluation is not None or saved.explanation is not None:
            wrote.append(write_model_card(run))
        return session.end(*wrote)
