"""`normwise predict`: decide about new people."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

from normwise.cli.run_flags import USUAL, RunFlags
from normwise.cli.session import (
    DONE,
    SOME_FAILED,
    limits_from,
    open_session,
)
from normwise.errors import CommandError

if TYPE_CHECKING:
    from normwise.cohort import Cohort
    from normwise.engine import Progress
    from normwise.features import FeatureTable
    from normwise.model import Model
    from normwise.results import Contribution, Prediction

__all__ = ["predict"]

PEOPLE = Group("[people]", sort_key=10)
NO_DECISION, REFERRED = "no decision", "refer to a specialist"
_NO_IMAGE = ("COH-214", "COH-215", "COH-216")  # none named, none found, several


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
    people: Annotated[
        Path | None,
        Parameter(
            name="--people", group=PEOPLE, help="write one page a person into FOLDER", metavar="FOLDER"
        ),
    ] = None,
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
    people : Path
        A folder for one page a person.
    running : RunFlags
        How the command runs and speaks.

    Returns
    -------
    int
        The exit code.
    """
    with open_session("predict", running) as session:
        _refuse_mixture(image, table, values)
        if top < 0:
            raise CommandError(
                "CLI-104", "a number of features is not negative.", subject="--top", seen=f"{top}",
                expected="0 or more",
            )  # fmt: skip
        if out is not None:
            _probe(out)
        from normwise.files import write_text
        from normwise.model import load_model

        trained = load_model(model)
        cohort = _meet(trained, image, values, table)
        measured: list[FeatureTable] = []
        told = _apply(trained, cohort, running, session.progress, measured, from_table=table is not None)
        if people is not None:
            from normwise.model import write_new_people

            features = measured[0] if measured else None
            session.tell.path(write_new_people(trained, cohort, told, people, features))
        rows, failed = _table(trained, cohort, told, top)
        session.code = SOME_FAILED if failed else DONE
        text = "".join("\t".join(row) + "\n" for row in rows)
        if out is None:
            sys.stdout.write(text)
            return session.code
        write_text(out, text)
        decided = sum(row[1] not in (NO_DECISION, REFERRED) for row in rows[1:])
        session.tell.row("decided", f"{decided} of {len(rows) - 1} people")
        session.tell.number("decided", decided)
        session.tell.number("people", len(rows) - 1)
        return session.end(out)


def _probe(out: Path) -> None:
    """Meet what will stop the writing before hours are spent on measuring."""
    if out.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(out))
    out.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(out if out.exists() and not out.is_file() else out.parent, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(out))


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


def _meet(model: Model, images: tuple[Path, ...], values: list[str] | None, table: Path | None) -> Cohort:
    from normwise.cli.new_subjects import (
        from_images,
        from_table,
        read_settings,
    )

    if table is not None:
        return from_table(table, model)
    return from_images(images, read_settings(values or ()), model)


def _apply(
    model: Model,
    cohort: Cohort,
    running: RunFlags,
    progress: Progress,
    measured: list[FeatureTable],
    *,
    from_table: bool,
) -> dict[str, Prediction]:
    """Return the prediction of everybody who could be read, by scan."""
    from normwise.cli.new_subjects import feature_frame, features_in
    from normwise.model import apply_model

    if not len(cohort.frame.index):
        return {}
    if from_table and features_in(list(cohort.raw.columns), model):
        predictions = model.predict(feature_frame(cohort, model))
    else:
        predictions = apply_model(
            model,
            cohort,
            jobs=running.workers,
            progress=progress,
            limits=limits_from(running),
            measured=measured.append,
        )
    return {prediction.subject: prediction for prediction in predictions}


def _table(
    model: Model, cohort: Cohort, told: dict[str, Prediction], top: int
) -> tuple[list[list[str]], int]:
    """Return the output with its header, one row a row of the input, and how many of them failed."""
    chances = [f"probability_{name}" for name in model.classes]
    rows, failed = [["id", "decision", *chances, "threshold", "reason", "telling"]], 0
    for entry in cohort.ledger.itertuples(index=False):
        prediction = told.get(str(entry.id)) if entry.status == "included" else None
        if prediction is None:
            reason = f"{entry.code} {entry.reason}"
            rows.append(_row(str(entry.id), NO_DECISION, [""] * len(chances), "", reason, ""))
            failed += not str(entry.code).startswith("COH-") or entry.code in _NO_IMAGE
        else:
            rows.append(_told(prediction, model, top))
            # Others have no decision for who they are, or a specialist's, which is no failure.
            failed += prediction.outcome == "failed"
    return rows, failed


def _told(prediction: Prediction, model: Model, top: int) -> list[str]:
    chances = [_number(prediction.probabilities.get(name)) for name in model.classes]
    telling = "; ".join(_telling(each) for each in prediction.contributions[:top])
    decision = prediction.decision or (REFERRED if prediction.outcome == "referred" else NO_DECISION)
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
