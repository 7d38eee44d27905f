"""`normwise test`: test a saved model on a labelled cohort that it has not seen."""
# ruff: noqa: PT028 - the verb is no test function, whatever its name

from __future__ import annotations

from pathlib import Path

from normwise.cli.output import print_arms
from normwise.cli.regression import print_regression, refuse_number, refuse_other_kind
from normwise.cli.run_flags import USUAL, OverwriteFlag, PeopleFlag, RunFlags
from normwise.cli.session import open_session, read_given_study
from normwise.cli.study_flags import NO_KEY, StudyFlags

__all__ = ["test"]


def test(
    model: Path,
    study: Path,
    run: Path,
    /,
    *,
    overwrite: OverwriteFlag = False,
    people: PeopleFlag = None,
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
    with open_session("test", running) as session:
        from normwise.evaluate import test_model, test_regression
        from normwise.model import RegressionModel, load_model

        trained, given = load_model(model), read_given_study(study, keys)
        refuse_other_kind(given, number=isinstance(trained, RegressionModel), subject=str(model))
        if isinstance(trained, RegressionModel):
            if people:
                refuse_number("test --people", given)
            resolved, folder = session.begin_study(study, keys, run, overwrite=overwrite, roles=trained.roles)
            regression = test_regression(trained, resolved, run, **session.resources)
            print_regression(session.output, regression)
            session.findings.add(regression.notes)
            session.print_failures(run)
            return session.end(folder / folder.REGRESSION, folder / folder.REPORT)
        resolved, folder = session.begin_study(study, keys, run, overwrite=overwrite, roles=trained.roles)
        evaluation = test_model(trained, resolved, run, **session.resources, people=people)
        print_arms(session.output, evaluation)
        session.findings.add(evaluation.notes, evaluation.alarms)
        session.print_failures(run)
        pages = [folder / folder.PAGES / "index.html"] if people else []
        return session.end(folder / folder.EVALUATION, folder / folder.REPORT, *pages)
