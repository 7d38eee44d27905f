"""`normwise evaluate`: test the procedure honestly, beside four other ways to treat demographics."""

from __future__ import annotations

from pathlib import Path

from normwise.cli.arms_table import print_arms
from normwise.cli.run_flags import (
    USUAL,
    OverwriteFlag,
    PeopleFlag,
    RunFlags,
)
from normwise.cli.session import limits_from, open_session
from normwise.cli.study_flags import (
    NO_KEY,
    StudyFlags,
    overrides_from,
)

__all__ = ["evaluate"]


def evaluate(
    study: Path,
    run: Path,
    /,
    *,
    overwrite: OverwriteFlag = False,
    people: PeopleFlag = False,
    keys: StudyFlags = NO_KEY,
    running: RunFlags = USUAL,
) -> int:
    """Test the procedure by cross-validation, beside four other ways to treat demographics.

    All five are tested on the same folds; no test person is ever learnt from.

    Parameters
    ----------
    study : Path
        A study.toml, or a BIDS folder.
    run : Path
        The run folder; made where it is missing.
    overwrite : bool
        Replace the results of another study.
    people : bool
        Write one page a person.
    keys : StudyFlags
        Flags that stand for keys of the study file.
    running : RunFlags
        How the command runs and speaks.

    Returns
    -------
    int
        The exit code.
    """
    with open_session("evaluate", running) as session:
        from normwise.cohort import read_study
        from normwise.evaluate import evaluate_study

        resolved = read_study(study, overrides_from(keys))
        folder = session.open_run(run, resolved, overwrite=overwrite, labelled=True)
        evaluation = evaluate_study(
            resolved,
            run,
            jobs=running.workers,
            progress=session.progress,
            limits=limits_from(running),
            people=people,
        )
        print_arms(session.tell, evaluation)
        session.tell_failures(run)
        pages = [folder / folder.PAGES / "index.html"] if people else []
        return session.end(folder / folder.EVALUATION, folder / folder.REPORT, *pages)
