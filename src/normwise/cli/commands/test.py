"""`normwise test`: test a saved model on a labelled cohort that it has not seen."""
# ruff: noqa: PT028 - the verb is no test function, whatever its name

from __future__ import annotations

from pathlib import Path

from normwise.cli.output import print_arms
from normwise.cli.run_flags import USUAL, OverwriteFlag, PeopleFlag, RunFlags
from normwise.cli.session import open_session
from normwise.cli.study_flags import NO_KEY, StudyFlags

__all__ = ["test"]


def test(
    model: Path,
    study: Path,
    run: Path,
    /,
    *,
    overwrite: OverwriteFlag = False,
    people: PeopleFlag = False,
    keys: StudyFlags = NO_KEY,
    running: RunFlags = USUAL,
) -> int:
    """Test a saved model on a labelled cohort that it has not seen.

    Parameters
    ----------
    model : Path
        A saved model, or the run that holds it.
    study : Path
        The labelled cohort: a study.toml, a BIDS folder, or a participants table.
    run : Path
        The run folder of this test; made where it is missing.
    overwrite : bool
        Replace the results of another study.
    people : bool
        Write one page a person.
    keys : StudyFlags
        Flags that stand for keys of the study file.
    running : RunFlags
        How the command runs and prints.

    Returns
    -------
    int
        The exit code.
    """
    with open_session("test", running) as session:
        from normwise.evaluate import test_model
        from normwise.model import load_model

        trained = load_model(model)
        resolved, folder = session.begin_study(study, keys, run, overwrite=overwrite, roles=trained.roles)
        evaluation = test_model(trained, resolved, run, **session.resources, people=people)
        print_arms(session.output, evaluation)
        session.findings.add(evaluation.notes, evaluation.alarms)
        session.print_failures(run)
        pages = [folder / folder.PAGES / "index.html"] if people else []
        return session.end(folder / folder.EVALUATION, folder / folder.REPORT, *pages)
