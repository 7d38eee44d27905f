"""What commands print and write of a number that is predicted, and which commands refuse it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from normwise.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from normwise.cli.output import CommandOutput
    from normwise.cohort import Cohort
    from normwise.model import RegressionModel
    from normwise.results import Estimate, PredictedNumber, Regression
    from normwise.schema import Study

__all__ = [
    "number_refusal",
    "number_table",
    "print_regression",
    "print_trained",
    "refuse_number",
    "refuse_other_kind",
]

_OF_NUMBERS = (
    "check", "extract", "normalize", "evaluate", "train", "predict", "test", "score", "adapt", "report",
)  # fmt: skip


def refuse_number(verb: str, study: Study | None = None, *, run: str = "") -> None:
    """Refuse a study of a number, or a run of one, in a command that is for classes.

    Parameters
    ----------
    verb : str
        The command.
    study : Study, optional
        As given.
    run : str
        The run that predicts a number, where it is refused.

    Raises
    ------
    CommandError
        CLI-111.
    """
    if verb not in _OF_NUMBERS and (study is None or study.cohort.target is not None):
        raise number_refusal(verb, study, run=run)


def number_refusal(verb: str, study: Study | None = None, *, run: str = "") -> CommandError:
    """Return CLI-111, as `refuse_number` raises it."""
    return CommandError(
        "CLI-111",
        f"normwise {verb} is for classes, and this {'run' if run else 'study'} predicts a number.",
        subject=run or "cohort.target",
        seen="" if study is None else f"target = {study.cohort.target!r}",
        expected="cohort.label and cohort.classes",
        advice=f"with cohort.target use normwise {', '.join(_OF_NUMBERS[:-1])} or {_OF_NUMBERS[-1]}",
    )


def refuse_other_kind(study: Study, *, number: bool, subject: str) -> None:
    """Refuse a study of classes for a model of a number, and the other way round.

    Parameters
    ----------
    study : Study
        As given.
    number : bool
        Whether the model predicts a number.
    subject : str
        The model.

    Raises
    ------
    CommandError
        CLI-112.
    """
    target = study.cohort.target
    if number == (target is not None):
        return
    raise CommandError(
        "CLI-112",
        f"the model {'predicts a number' if number else 'tells classes apart'}, and the study does not.",
        subject=subject,
        seen="cohort.label and classes" if target is None else f"cohort.target = {target!r}",
        expected="cohort.target, as in the model's study"
        if number
        else "cohort.label, with the model's classes",
        advice="test it on a study of its own kind",
    )


def print_trained(output: CommandOutput, model: RegressionModel) -> None:
    """Print on whom a model of a number was trained, and how wide its intervals are.

    Parameters
    ----------
    output : CommandOutput
        Where to.
    model : RegressionModel
        Trained now.
    """
    training, facts = model.training, model.facts()
    groups = ", ".join(f"{name} {count}" for name, count in training["scans_per_class"].items())
    output.row("trained on", f"{training['people']} people, {training['scans']} scans: {groups}")
    output.row("target", facts["target"])
    output.row("regressor", f"{facts['regressor']} on {len(model.feature_names)} features")
    output.row("intervals", facts["intervals"])
    output.number("people", training["people"])
    output.number("half_widths", [width if width < float("inf") else None for width in _widths(model)])


def _widths(model: RegressionModel) -> list[float]:
    return [float(width) for width in model.procedure.half_widths]


def number_table(
    cohort: Cohort, predicted: dict[str, PredictedNumber], said: Mapping[str, Sequence[str]]
) -> tuple[list[list[str]], int]:
    """Return the table of `predict` with its header, one row a row of the input, and how many failed.

    Parameters
    ----------
    cohort : Cohort
        The people.
    predicted : dict of str to PredictedNumber
        By scan.
    said : mapping of str to sequence of str
        By scan, what is to be said of it besides.
    """
    from normwise.files import quote_formula
    from normwise.procedure import LEVELS

    ends = [f"{end}_{100 * level:.0f}" for level in LEVELS for end in ("low", "high")]
    rows, failed = [["id", "predicted", *ends, "true", "gap", "corrected_gap", "remark"]], 0
    for entry in cohort.ledger.itertuples(index=False):
        row = predicted.get(str(entry.id)) if entry.status == "included" else None
        if row is None:
            numbers, remark = ["n/a"] * (4 + len(ends)), f"{entry.code} {entry.reason}"
            failed += bool(entry.status == "failed" or entry.image)
        else:
            sides: list[float | None] = [side for each in row.intervals for side in each.ends]
            values = [row.predicted, *(sides or [None] * len(ends)), row.true, row.gap, row.corrected_gap]
            numbers = ["n/a" if value is None else f"{value:.6g}" for value in values]
            remark = "; ".join(filter(None, [row.reason, *row.remarks, *said.get(row.subject, ())]))
            failed += row.outcome == "failed"
        name, remark = (quote_formula(" ".join(text.split()) or "n/a") for text in (str(entry.id), remark))
        rows.append([name, *numbers, remark])
    return rows, failed


def print_regression(output: CommandOutput, regression: Regression) -> None:
    """Print the figures of the arms, with intervals over people, and how far the main one can be trusted.

    Parameters
    ----------
    output : CommandOutput
        Where to.
    regression : Regression
        Of a cross-validation, or of a test.
    """
    main = regression.arms[regression.main_arm]
    one_scan_each = regression.n_scans == regression.n_people
    scans = "" if one_scan_each else f" with {regression.n_scans} scans"
    sizes = ", ".join(f"{name} {count}" for name, count in regression.n_per_group.items())
    output.row("people", f"{regression.n_people}{scans}: {sizes}")
    output.row("question", f"{regression.target}; normal is {regression.normal or 'everybody'}")
    output.line()
    heads = ("MAE", "RMSE", "R²", "Spearman")
    rows = [
        [
            name.replace("_", " ") + "*" * (name == regression.main_arm and len(regression.arms) > 1),
            *(plain(each) for each in (arm.mae, arm.rmse, arm.r2, arm.spearman)),
        ]
        for name, arm in regression.arms.items()
    ]
    if len(regression.arms) > 1:
        rows.append(["* what is trained"])
    output.table([f"({regression.confidence:.0%} intervals)", *heads], rows)
    output.line()
    for arm, gained in regression.differences.items():
        if arm in ("raw", "demographics"):
            output.row("MAE", f"{plain(gained, sign=True)} against {arm}")
    for each in main.intervals:
        width = "unbounded" if each.width is None else f"mean width {each.width:.3g}"
        output.row("interval", f"{each.level:.0%} holds {plain(each.share, percent=True)}; {width}")
    output.row("calibration", f"slope {plain(main.slope)}, predicted − true {plain(main.bias, sign=True)}")
    output.row(
        "regression",
        f"to the mean: gap and {regression.target} of normals correlate at {plain(main.gap_rho)}, "
        f"corrected {plain(main.corrected_rho)}",
    )
    for group in main.groups[1:]:
        output.row("gap", f"of {group.name}, corrected: {plain(group.corrected, sign=True)}")
    if main.unpredicted:
        whom = "people" if one_scan_each else "scans"
        output.row("none", f"{main.unpredicted:.1%} of {whom} lie outside the range of the normal group")
    output.number("people", regression.n_people)
    output.number("scans", regression.n_scans)
    output.number("mae", {name: arm.mae.estimate for name, arm in regression.arms.items()})
    output.number("r2", {name: arm.r2.estimate for name, arm in regression.arms.items()})
    output.number("coverage", {f"{each.level:.0%}": each.share.estimate for each in main.intervals})
    output.number("corrected_rho", main.corrected_rho.estimate)


def plain(estimate: Estimate, *, sign: bool = False, percent: bool = False) -> str:
    """Return an estimate with its interval in the unit of the target.

    Examples
    --------
    >>> from normwise.results import Estimate
    >>> plain(Estimate(6.123, 5.5, 6.8)), plain(Estimate(-0.31, -0.5, -0.1), sign=True)
    ('6.12 (5.5 to 6.8)', '-0.31 (-0.5 to -0.1)')
    >>> plain(Estimate(0.912, 0.88, 0.94), percent=True), plain(Estimate(None, None, None))
    ('91.2% (88.0% to 94.0%)', '–')
    """
    form = "{:.1%}" if percent else "{:+.3g}" if sign else "{:.3g}"
    if estimate.estimate is None:
        return "–"
    text = form.format(estimate.estimate)
    if estimate.low is None or estimate.high is None:
        return text
    return f"{text} ({form.format(estimate.low)} to {form.format(estimate.high)})"
