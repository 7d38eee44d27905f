"""`normwise descent`: draw gradient descent at a low, an adequate and a high rate, on the user's own data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Group, Parameter

from normwise.cli.run_flags import USUAL, OverwriteFlag, RunFlags
from normwise.cli.session import open_session
from normwise.cli.study_flags import NO_KEY, StudyFlags

if TYPE_CHECKING:
    from normwise.results import Curve
    from normwise.runs import PreparedRun

__all__ = ["descent"]

DESCENT = Group("[descent]", sort_key=5)


def descent(
    study: Path,
    run: Path | None = None,
    /,
    *,
    function: Annotated[
        Literal["squared", "cross_entropy"] | None,
        Parameter(
            name="--function", group=DESCENT, negative=(), help="cost (that of the study's classifier)"
        ),
    ] = None,
    steps: Annotated[
        int, Parameter(name="--steps", group=DESCENT, show_default=False, help="steps of each curve (50)")
    ] = 50,
    overwrite: OverwriteFlag = False,
    keys: StudyFlags = NO_KEY,
    running: RunFlags = USUAL,
) -> int:
    """Draw gradient descent at a low, an adequate and a high learning rate on the study's own data.

    The features are normalized as the study says; the rates come from the data's largest stable one.

    Parameters
    ----------
    study : Path
        A study.toml, a BIDS folder, a participants table, or a run.
    run : Path
        The run folder, made where it is missing; a run alone is gone on with.
    function : str
        The cost.
    steps : int
        Steps of each curve.
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
    with open_session("descent", running) as session:
        from normwise.report import draw_descent
        from normwise.runs import prepare_run

        resolved, folder = session.begin_study(study, keys, run, overwrite=overwrite)
        prepared = prepare_run(resolved, folder.path, **session.resources)
        cost = function or ("cross_entropy" if resolved.classifier.name == "logistic" else "squared")
        curves = _curves(prepared, cost, steps)
        words = cost.replace("_", " ")
        for name, curve in curves.items():
            session.output.row(name.partition(" ")[0], f"{name.partition(' ')[2]}: {_describe_curve(curve)}")
            session.output.number(name, curve.y[-1] if curve.y else None)
        page = draw_descent(curves, folder / folder.DESCENT, title=f"Gradient descent on the {words} cost")
        session.print_failures(folder.path)
        return session.end(page)


def _curves(prepared: PreparedRun, cost: Literal["squared", "cross_entropy"], steps: int) -> dict[str, Curve]:
    """Return the cost curves of each rate on the normalized features of the target classes."""
    import numpy as np

    from normwise.classify import compare_rates
    from normwise.procedure import main_arm, make_preprocessing

    study, roles = prepared.study, prepared.cohort.roles
    arm = main_arm(study.normalizer, roles) if roles.demographics else "normalized"
    preprocessing = make_preprocessing(study, roles, arm, study.evaluation.seed)
    rows = np.isin(prepared.labels, roles.targets)
    features = np.asarray(preprocessing.fit_transform(prepared.frame, prepared.labels))[rows]
    return compare_rates(features, prepared.labels[rows], cost=cost, steps=steps)


def _describe_curve(curve: Curve) -> str:
    if not curve.y:
        return "no step was possible"
    return f"cost {curve.y[0]:.3g} to {curve.y[-1]:.3g} in {len(curve.y) - 1} steps"
