"""`normwise evaluate`: test the procedure honestly, beside five other ways to treat demographics."""

from __future__ import annotations

from pathlib import Path

from normwise.cli.open_run import own_study
from normwise.cli.output import print_arms
from normwise.cli.regression import print_regression, refuse_number
from normwise.cli.run_flags import USUAL, OverwriteFlag, PeopleFlag, RunFlags
from normwise.cli.session import open_session, read_given_study
from normwise.cli.study_flags import NO_KEY, StudyFlags

__all__ = ["evaluate"]


def evaluate(
    study: Path,
    run: Path | None = None,
    /,
    *,
    overwrite: OverwriteFlag = False,
    people: PeopleFlag = None,
    keys: StudyFlags = NO_KEY,
    running: RunFlags = USUAL,
) -> int:
    """Test the procedure by cross-validation, beside five other ways to treat demographics.

    All are tested on the same folds; no test person is ever learnt from.

    Parameters
    ----------
    study : Path
        A study.toml, a BIDS folder, a participants table, or a run.
    run : Path
        The run folder, made where it is missing; default: STUDY-run beside the study. A run alone is gone on
        with.
    overwrite : bool
        Replace the results of another study.
    people : bool, optional
        Write one page a person, of everybody or of nobody; default: of those whom the report names.
    keys : StudyFlags
        Flags that stand for keys of the study file.
    running : RunFlags
        How the command runs and prints.

    Returns
    -------
    int
        The exit code.
    """
    with open_session("evaluate", running) as session:
        from normwise.evaluate import evaluate_regression, evaluate_study

        if people:
            refuse_number("evaluate --people", read_given_study(own_study(study, run)[0], keys))
        resolved, folder = session.begin_study(study, keys, run, overwrite=overwrite)
        if resolved.cohort.target is not None:
            regression = evaluate_regression(resolved, folder.path, **session.resources)
            print_regression(session.output, regression)
            session.findings.add(regression.notes)
            session.print_failures(folder.path)
            return session.end(folder / folder.REGRESSION, folder / folder.REPORT)
        evaluation = evaluate_study(resolved, folder.path, **session.resources, people=people)
        print_arms(session.output, evaluation)
        session.findings.add(evaluation.notes, evaluation.alarms)
        session.print_failures(folder.path)
        pages = [folder / folder.PAGES / "index.html"] if people else []
        return session.end(folder / folder.EVALUATION, folder / folder.REPORT, *pages)
