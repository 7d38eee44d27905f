"""`normwise extract`: measure the features of every image."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from normwise.cli.run_flags import RUNNING, USUAL, OverwriteFlag, RunFlags
from normwise.cli.session import open_session
from normwise.cli.study_flags import NO_KEY, StudyFlags

__all__ = ["extract"]


def extract(
    study: Path,
    run: Path | None = None,
    /,
    *,
    unlabelled: Annotated[
        bool, Parameter(negative=(), group=RUNNING, help="measure people without a diagnosis as well")
    ] = False,
    overwrite: OverwriteFlag = False,
    keys: StudyFlags = NO_KEY,
    running: RunFlags = USUAL,
) -> int:
    """Measure the features of every image, each in a process of its own.

    An interrupted run goes on where it was: what is finished is kept.

    Parameters
    ----------
    study : Path
        A study.toml, a BIDS folder, a participants table, or a run.
    run : Path
        The run folder, made where it is missing; default: STUDY-run beside the study. A run alone is gone on
        with.
    unlabelled : bool
        Measure people without a diagnosis as well.
    overwrite : bool
        Replace the results of another study.
    keys : StudyFlags
        Flags that stand for keys of the study file.
    running : RunFlags
        How the command runs and prints.

    Returns
    -------
    int
        The exit code.
    """
    with open_session("extract", running) as session:
        from normwise.runs import prepare_run, record_run

        resolved, folder = session.begin_study(study, keys, run, overwrite=overwrite, labelled=not unlabelled)
        prepared = prepare_run(resolved, folder.path, labelled=not unlabelled, **session.resources)
        record_run(prepared, "extract", [])
        scans, features = prepared.features.values.shape
        session.output.row("measured", f"{features} features of {scans} scans")
        session.output.number("scans", scans)
        session.output.number("features", features)
        session.print_failures(folder.path)
        return session.end(folder / folder.FEATURES)
