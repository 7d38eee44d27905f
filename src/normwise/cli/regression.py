"""What commands print of a number that is predicted, and which commands refuse it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from normwise.errors import CommandError

if TYPE_CHECKING:
    from normwise.cli.output import CommandOutput
    from normwise.results import Estimate, Regression
    from normwise.schema import Study

__all__ = ["print_regression", "refuse_number"]

_OF_NUMBERS = ("check", "evaluate", "extract", "normalize", "report")


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
    if verb in _OF_NUMBERS or (study is not None and study.cohort.target is None):
        return
    raise CommandError(
        "CLI-111",
        f"normwise {verb} is for classes, and this {'run' if run else 'study'} predicts a number.",
        subject=run or "cohort.target",
        seen="" if study is None else f"target = {study.cohort.target!r}",
        expected="cohort.label and cohort.classes",
        advice=f"with cohort.target use normwise {', '.join(_OF_NUMBERS[:-1])} or {_OF_NUMBERS[-1]}",
    )


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
