"""`normwise predict`: decide about new people."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

from normwise.cli.run_flags import USUAL, RunFlags
from normwise.cli.session import SOME_FAILED, open_session
from normwise.errors import CommandError

if TYPE_CHECKING:
    from normwise.engine import Progress
    from normwise.procedure import Model
    from normwise.results import Contribution, Prediction

__all__ = ["predict"]

PEOPLE = Group("[people]", sort_key=10)
NO_DECISION = "no decision"


def predict(
    model: Path,
    /,
    *image: Path,
    values: Annotated[
        list[str] | None,
        Parameter(
            name="--set", group=PEOPLE, negative=(), help="a demographic of the images' person, as Age=71"
        ),
    ] = None,
    table: Annotated[
        Path | None,
        Parameter(name="--table", group=PEOPLE, help="new people: ids, demographics, and images or features"),
    ] = None,
    out: Annotated[
        Path | None, Parameter(name="--out", group=PEOPLE, help="write the table to FILE (stdout)")
    ] = None,
    top: Annotated[
        int, Parameter(name="--top", group=PEOPLE, show_default=False, help="telling features a person (3)")
    ] = 3,
    running: RunFlags = USUAL,
) -> int:
    """Decide about new people: one line each, with the probabilities and the reason.

    Where a person lies outside the normal group's range, or an image fails, there is no decision and the
    reason is given.

    Parameters
    ----------
    model : Path
        A saved model, or the run that holds it.
    image : Path
        Images of one person, or of people with equal demographics.
    values : list of str
        The demographics, as NAME=VALUE.
    table : Path
        A table of new people, in place of images.
    out : Path
        Where the table goes.
    top : int
        How many telling features are named a person.
    running : RunFlags
        How the command runs and speaks.

    Returns
    -------
    int
        The exit code.
    """
    with open_session("predict", running) as session:
        _refuse_mixture(image, table, values)
        from normwise.files import write_text
        from normwise.procedure import load_model

        trained = load_model(model)
        rows, session.code = _predict(trained, image, values, table, top, running.workers, session.progress)
        text = "".join("\t".join(row) + "\n" for row in rows)
        if out is None:
            sys.stdout.write(text)
            return session.code
        write_text(out, text)
        decided = sum(row[1] != NO_DECISION for row in rows[1:])
        session.tell.row("decided", f"{decided} of {len(rows) - 1} people")
        session.tell.number("decided", decided)
        session.tell.number("people", len(rows) - 1)
        return session.end(out)


def _refuse_mixture(images: tuple[Path, ...], table: Path | None, values: list[str] | None) -> None:
    if bool(images) == (table is not None):
        raise CommandError(
            "CLI-102",
            "new people come either as images or as a table.",
            seen="both" if images else "neither",
            expected="IMAGE… with --set, or --table NEW.tsv",
        )
    if table is not None and values:
        raise CommandError(
            "CLI-102",
            "the demographics of a table's people stand in the table.",
            subject="--set",
            advice="leave --set out, or give images in place of the table",
        )


def _predict(
    model: Model, images: tuple[Path, ...], values: list[str] | None, table: Path | None,
    top: int, jobs: int, progress: Progress,
) -> tuple[list[list[str]], int]:  # fmt: skip
    """Return the output table with its header, and the exit code."""
    from normwise.cli.newcomers import feature_frame, features_in, from_images, from_table, read_settings
    from normwise.procedure import apply_model

    cohort = (
        from_images(images, read_settings(values or ()), model) if table is None else from_table(table, model)
    )
    if not len(cohort.frame):
        told: dict[str, Prediction] = {}
    elif table is not None and features_in(list(cohort.raw.columns), model):
        told = {each.subject: each for each in model.predict(feature_frame(cohort, model))}
    else:
        told = {each.subject: each for each in apply_model(model, cohort, jobs=jobs, progress=progress)}
    header = [
        "id",
        "decision",
        *(f"probability_{name}" for name in model.classes),
        "threshold",
        "reason",
        "telling",
    ]
    rows, failed = [header], 0
    for entry in cohort.ledger.itertuples(index=False):
        prediction = told.get(str(entry.id)) if entry.status == "included" else None
        if prediction is None:
            rows.append(
                _row(
                    str(entry.id),
                    NO_DECISION,
                    [""] * len(model.classes),
                    "",
                    f"{entry.code} {entry.reason}",
                    "",
                )
            )
        else:
            rows.append(_told(prediction, model, top))
        failed += prediction is None or not prediction.probabilities
    return rows, SOME_FAILED if failed else 0


def _told(prediction: Prediction, model: Model, top: int) -> list[str]:
    chances = [_number(prediction.probabilities.get(name)) for name in model.classes]
    telling = "; ".join(_telling(each) for each in prediction.contributions[:top])
    decision = prediction.decision or NO_DECISION
    return _row(
        prediction.subject, decision, chances, _number(prediction.threshold), prediction.reason, telling
    )


def _telling(contribution: Contribution) -> str:
    if contribution.w is not None:
        return f"{contribution.feature} W={contribution.w:+.2f}"
    return f"{contribution.feature}={contribution.value:.4g}"


def _row(
    name: str, decision: str, chances: list[str], threshold: str, reason: str, telling: str
) -> list[str]:
    cells = [name, decision, *chances, threshold, reason, telling]
    return [" ".join(cell.split()) or "n/a" for cell in cells]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"
