"""`normwise descent`: draw gradient descent at a low, an adequate and a high rate, on the user's own data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Group, Parameter

from normwise.cli.run_flags import USUAL, OverwriteFlag, RunFlags
from normwise.cli.session import open_session
from normwise.cli.study_flags import NO_KEY, StudyFlags
from normwise.errors import CommandError
from normwise.schema import did_you_mean

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from normwise.report import DescentOfCost
    from normwise.results import Curve
    from normwise.runs import PreparedRun

__all__ = ["descent"]

DESCENT = Group("[descent]", sort_key=5)
Cost = Literal["squared", "cross_entropy"]


def descent(
    study: Path,
    run: Path | None = None,
    /,
    *,
    function: Annotated[
        Cost | None, Parameter(name="--function", group=DESCENT, negative=(), help="one cost only (both)")
    ] = None,
    rate: Annotated[
        float | None, Parameter(name="--rate", group=DESCENT, help="one more learning rate to show")
    ] = None,
    weight: Annotated[
        str | None,
        Parameter(
            name="--weight",
            group=DESCENT,
            help="the feature shown alone (that which is most correlated with the class)",
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

    Both costs are on one page: the cost over one weight with the steps on it, the cost over the steps, and
    the largest learning rate that the study bears.

    Parameters
    ----------
    study : Path
        A study.toml, a BIDS folder, a participants table, or a run.
    run : Path
        The run folder, made where it is missing; default: STUDY-run beside the study. A run alone is gone on
        with.
    function : str
        One cost only.
    rate : float
        One more learning rate.
    weight : str
        The feature whose weight is shown alone.
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
        from normwise.procedure import keys_of, stable_rates
        from normwise.report import write_descent
        from normwise.runs import prepare_run

        if (rate is not None and not rate > 0) or steps < 1:
            raise CommandError(
                "CLI-104",
                "a learning rate is above 0, and there is a step at least.",
                subject="--steps" if steps < 1 else "--rate",
                seen=f"{steps if steps < 1 else rate:g}",
                expected="1 or more" if steps < 1 else "a number above 0",
            )
        resolved, folder = session.begin_study(study, keys, run, overwrite=overwrite)
        prepared = prepare_run(resolved, folder.path, **session.resources)
        columns, names, labels = _columns(prepared)
        if weight is not None and weight not in names:
            raise CommandError(
                "CLI-108",
                f"the classifier is given no column {weight!r}.",
                subject="--weight",
                expected=f"one of its {len(names)} columns",
                advice=did_you_mean(weight, names),
            )
        chosen: tuple[Cost, ...] = ("squared", "cross_entropy") if function is None else (function,)
        rates = stable_rates(
            resolved,
            prepared.cohort.roles,
            prepared.frame,
            prepared.labels,
            prepared.groups,
            costs=chosen,
            keys=keys_of(resolved, prepared.cohort, prepared.features.values.index),
        )
        negative = prepared.cohort.roles.negative
        costs = [
            _of_cost(cost, columns, names, labels, negative, by_arm, rate=rate, weight=weight, steps=steps)
            for cost, by_arm in rates.items()
        ]
        for cost in costs:
            session.output.row("cost", f"{cost.title}: largest stable rate {cost.limit:.4g}")
            for name, curve in cost.curves.items():
                session.output.row("", f"{name}: {_describe_curve(curve)}")
            session.output.number(
                cost.name, {"largest_stable_rate": cost.limit, "by_arm": cost.by_arm, "weight": cost.weight}
            )
        page = write_descent(costs, folder / folder.DESCENT, title=resolved.title, features=columns.shape[1])
        session.print_failures(folder.path)
        return session.end(page)


def _columns(prepared: PreparedRun) -> tuple[NDArray[np.float64], list[str], NDArray[np.object_]]:
    """Return what the classifier of the main arm is given: columns, their names, and classes."""
    from normwise.procedure import main_arm, training_columns

    study, roles = prepared.study, prepared.cohort.roles
    columns, labels = training_columns(study, roles, prepared.frame, prepared.labels, main_arm(study, roles))
    return columns.to_numpy(), list(columns.columns), labels


def _of_cost(
    cost: Cost,
    columns: NDArray[np.float64],
    names: list[str],
    labels: NDArray[np.object_],
    negative: str,
    by_arm: dict[str, float],
    *,
    rate: float | None,
    weight: str | None,
    steps: int,
) -> DescentOfCost:
    """Return what the page shows of one cost."""
    import numpy as np

    from normwise.classify import compare_rates, descend_one_weight
    from normwise.report import DescentOfCost

    curves = compare_rates(columns, labels, cost=cost, steps=steps, limit=min(by_arm.values()), rate=rate)
    patient = labels != negative
    spread = columns - columns.mean(axis=0)
    size = np.sqrt((spread**2).sum(axis=0))
    covariance = np.abs(spread.T @ (patient - patient.mean()))
    place = names.index(weight) if weight is not None else int(
        np.argmax(np.divide(covariance, size, out=np.zeros_like(size), where=size > 0))
    )  # fmt: skip
    one = descend_one_weight(columns[:, place], patient, cost=cost, rate=rate)
    return DescentOfCost(cost, curves, by_arm, names[place], one.line, one.steps, one.stable_rate)


def _describe_curve(curve: Curve) -> str:
    if not curve.y:
        return "no step was possible"
    return f"cost {curve.y[0]:.3g} to {curve.y[-1]:.3g} in {len(curve.y) - 1} steps"
