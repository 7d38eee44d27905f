"""`normwise demo`: simulate a cohort, and evaluate, train and report on it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

from normwise.cli.open_run import refuse_other_files
from normwise.cli.output import print_arms, shown
from normwise.cli.run_flags import USUAL, OverwriteFlag, RunFlags
from normwise.cli.session import open_session
from normwise.errors import CommandError

if TYPE_CHECKING:
    from normwise.results import Estimate, Evaluation

__all__ = ["demo", "sentences"]

DEMO = Group("[demo]", sort_key=10)
COHORT = "cohort"
_DEFAULT_RUN = Path("normwise-demo")
_FEWEST = 26  # fewer have not the 9 patients in each training part that a sensitivity of 90 % takes


def demo(
    run: Path = _DEFAULT_RUN,
    /,
    *,
    people: Annotated[
        int, Parameter(name="--people", group=DEMO, show_default=False, help="people to simulate (80)")
    ] = 80,
    seed: Annotated[
        int, Parameter(name="--seed", group=DEMO, show_default=False, help="seed of everything (0)")
    ] = 0,
    overwrite: OverwriteFlag = False,
    running: RunFlags = USUAL,
) -> int:
    """Simulate a cohort from the MNI152 brain, and evaluate, train and report on it.

    In about two minutes on two cores; nothing is downloaded.

    Parameters
    ----------
    run : Path
        The run folder (./normwise-demo); the people go into RUN/cohort.
    people : int
        How many people to simulate.
    seed : int
        Seed of the cohort and of the evaluation.
    overwrite : bool
        Replace the results of another study.
    running : RunFlags
        How the command runs and prints.

    Returns
    -------
    int
        The exit code.
    """
    with open_session("demo", running) as session:
        if people < _FEWEST:
            raise CommandError(
                "CLI-104", "too few people for the demo's evaluation.", subject="--people", seen=f"{people}",
                expected=f"{_FEWEST} or more", advice="leave the flag out for the usual 80",
            )  # fmt: skip
        from normwise.cohort import read_study
        from normwise.evaluate import evaluate_study
        from normwise.features import check_extractor
        from normwise.model import train_study
        from normwise.samples import simulate_cohort
        from normwise.schema import Study

        check_extractor(Study())  # the cohort's study has the default extractor, whose atlas is an extra's
        refuse_other_files(run, beside=(COHORT,))
        session.progress.message(f"simulating {people} people from the MNI152 brain in {run / COHORT}")
        study_file = simulate_cohort(run / COHORT, people=people, seed=seed)
        study = read_study(study_file, {"evaluation.seed": seed})
        study, folder = session.open_run(run, study, overwrite=overwrite, beside=(COHORT,))
        train_study(study, run, **session.resources)
        evaluation = evaluate_study(study, run, **session.resources, people=None)
        print_arms(session.output, evaluation)
        session.output.line()
        for sentence in sentences(evaluation):
            session.output.line(sentence)
        session.output.line()
        session.findings.add(evaluation.notes, evaluation.alarms)
        session.print_failures(run)
        return session.end(folder / folder.REPORT)


def sentences(evaluation: Evaluation) -> list[str]:
    """Say in three plain sentences what an evaluation shows.

    Parameters
    ----------
    evaluation : Evaluation
        Of the simulated cohort, with the arms.

    Returns
    -------
    list of str
        What the procedure reaches, what normalization is worth, and what the decision does.
    """
    main = evaluation.arms[evaluation.main_arm]
    patients, healthy = " or ".join(evaluation.positives), evaluation.negative
    alone = evaluation.arms["demographics"].auc
    reached = (
        f"Among {evaluation.n_people} simulated people the procedure tells {patients} from {healthy} with an "
        f"AUC of {_spoken(main.auc)}; age and sex alone reach {_spoken(alone)}."
    )
    decided = (
        f"At a threshold chosen without the tested people it finds {_share(main.sensitivity)} of the "
        f"patients and clears {_share(main.specificity)} of the {healthy} people."
    )
    return [reached, _gain(evaluation), decided]


def _gain(evaluation: Evaluation) -> str:
    gained = evaluation.differences[f"{evaluation.main_arm}-raw"]
    gain = gained.get("adjusted_auc", gained["auc"])
    begin = "Measuring each person against what is normal for their age and sex"
    if gain.estimate is None or gain.low is None or gain.high is None:
        return f"{begin} could not be compared with the raw features."
    size = f"changes the AUC among people of one age and sex by {shown(gain, sign=True)} against raw features"
    if gain.low > 0:
        return f"{begin} {size}: a gain beyond the chance of who was sampled."
    if gain.high < 0:
        return f"{begin} {size}: a loss beyond the chance of who was sampled."
    return f"{begin} {size}: with so few people that may still be chance."


def _spoken(estimate: Estimate) -> str:
    if estimate.estimate is None:
        return "no defined value"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.estimate:.2f}"
    return f"{estimate.estimate:.2f} ({estimate.low:.2f} to {estimate.high:.2f})"


def _share(estimate: Estimate) -> str:
    return "an undefined share" if estimate.estimate is None else f"{estimate.estimate:.0%}"
