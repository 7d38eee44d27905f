"""`normwise adapt`: measure a site that a model was not trained on by a few of its controls."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

from normwise.cli.commands.predict import feature_frame, features_in, from_table
from normwise.cli.run_flags import USUAL, RunFlags
from normwise.cli.session import open_session
from normwise.errors import CommandError
from normwise.files import check_writable

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from normwise.cli.session import Resources
    from normwise.cohort import Cohort
    from normwise.model import Model, Norm, RegressionModel

__all__ = ["adapt"]

SITE = Group("[site]", sort_key=10)


def adapt(
    model: Path,
    /,
    *,
    table: Annotated[
        Path | None,
        Parameter(
            name="--table", group=SITE, help="controls: ids, demographics, site, and images or features"
        ),
    ] = None,
    out: Annotated[
        Path | None, Parameter(name="--out", group=SITE, help="write the card of the site to FILE")
    ] = None,
    card: Annotated[
        Path | None, Parameter(name="--card", group=SITE, help="a card of other controls, which count too")
    ] = None,
    same: Annotated[
        list[str] | None,
        Parameter(
            name="--same", group=SITE, negative=(), help="a demographic in which the controls may be alike"
        ),
    ] = None,
    running: RunFlags = USUAL,
) -> int:
    """Measure a new site by a few of its normal people, and say what more of them would be worth.

    The card holds what the site does to each feature and how well that is known, and nobody's values. With
    MODEL alone nothing is written.

    Parameters
    ----------
    model : Path
        A saved model that harmonizes sites, the run that holds one, or a reference that knows sites.
    table : Path
        Normal people of one site.
    out : Path
        Where the card goes.
    card : Path
        An earlier card of the site.
    same : list of str
        Demographics without variation.
    running : RunFlags
        How the command runs and prints.

    Returns
    -------
    int
        The exit code.
    """
    with open_session("adapt", running) as session:
        if (table is None) != (out is None) or (table is None and (card is not None or same)):
            raise CommandError(
                "CLI-109",
                "a card needs controls, and a file to go to.",
                seen="--table without --out" if table is not None else "no --table",
                expected="--table CONTROLS.tsv --out CARD.json, or the model alone",
            )
        from normwise.model import expected_half_widths, load_model, open_norm

        trained = open_norm(model) if model.is_file() else load_model(model)
        widths = expected_half_widths(trained)
        if table is not None and out is not None:
            check_writable(out)
            from normwise.cohort import read_table
            from normwise.model import Norm, site_card
            from normwise.normalize import read_card, write_card

            previous = None if card is None else read_card(card)
            if isinstance(trained, Norm):
                trained = trained.for_table(list(read_table(table).frame.columns))
            cohort = from_table(table, trained, people=True)
            _refuse_left_out(cohort)
            frame, failed = _measure(trained, cohort, session.resources)
            session.warn_of_failures(failed)
            people = cohort.groups.loc[frame.index].to_numpy(dtype=object)
            labels = _labels(cohort, trained, frame)
            made = site_card(trained, frame, labels, previous=previous, groups=people, same=same or ())
            write_card(made, out)
            session.output.row("site", f"{made.site}, {made.controls} controls")
            session.output.number("controls", made.controls)
        intervals = ", ".join(f"{controls}: ±{width:.2f}" for controls, width in widths.items())
        session.output.row("a W of 2", f"95 % interval by number of controls, {intervals}")
        session.output.number("half_widths", {str(controls): width for controls, width in widths.items()})
        return session.end(*([] if out is None else [out]))


def _refuse_left_out(cohort: Cohort) -> None:
    """Refuse controls of whom one can't be used: who was meant is for the hospital to say."""
    for entry in cohort.ledger.itertuples(index=False):
        if entry.status != "included":
            raise CommandError(
                "CLI-110",
                "a control can't be used.",
                subject=str(entry.id),
                seen=f"{entry.code} {entry.reason}",
                advice="correct the table, or leave the row out",
            )


def _measure(
    model: Model | RegressionModel | Norm, cohort: Cohort, resources: Resources
) -> tuple[pd.DataFrame, list[tuple[str, str, str]]]:
    """Return features, demographics and site of the controls who could be measured, and who could not."""
    from normwise.model import measure_people
    from normwise.runs import assemble_frame

    if features_in(list(cohort.raw.columns), model):
        return feature_frame(cohort, model), []
    features = measure_people(model, cohort, **resources)
    failed = [(str(scan), error.code, error.problem) for scan, error in features.failures.items()]
    return assemble_frame(features.values, cohort, model.site), failed


def _labels(
    cohort: Cohort, model: Model | RegressionModel | Norm, frame: pd.DataFrame
) -> NDArray[np.object_] | None:
    """Return the controls' labels, as the table writes one that the model has no class for."""
    import numpy as np

    from normwise.cohort import parse_condition, read_labels
    from normwise.schema import EVERYBODY, OTHERS

    section = model.study.cohort
    if section.target is not None:
        condition = None if section.normal == EVERYBODY else parse_condition(section.normal, "cohort.normal")
        if condition is None or condition.column not in cohort.raw.columns:
            return None
        holds, _, _ = condition.judge(cohort.raw.loc[frame.index, condition.column].astype(str))
        return np.where(holds, EVERYBODY, OTHERS).astype(object)
    if section.label not in cohort.raw.columns:
        return None
    text = cohort.raw.loc[frame.index, section.label].astype(str)
    labels = read_labels(section.model_copy(update={"targets": []}), text)[0]
    return np.array(
        [cell if label is None else label for cell, label in zip(text, labels, strict=True)], object
    )
