"""The report of a number that is predicted: errors of the arms, predicted against true, gaps, intervals."""

from __future__ import annotations

from normwise.errors import ReportError
from normwise.report.figures.canvas import inline_svg
from normwise.report.figures.points import draw_gaps, draw_predicted
from normwise.report.figures.rows import draw_forest, shared_range
from normwise.report.render import render
from normwise.report.saved_run import read_optional
from normwise.report.sections.methods import regression_methods
from normwise.report.wording import short_arm
from normwise.results import Estimate, Regression, RunRecord
from normwise.run_folder import RunFolder

__all__ = ["make_regression_page"]


def make_regression_page(run: RunFolder) -> str:
    """Return the page as HTML.

    Parameters
    ----------
    run : RunFolder
        After `normwise.evaluate.evaluate_regression`.

    Raises
    ------
    ReportError
        REP-101 without ``run.json``; REP-102 where a result is damaged; REP-104 without its main arm.
    """
    record = read_optional(RunRecord, run, run.RECORD)
    found = read_optional(Regression, run, run.REGRESSION)
    if record is None or found is None:
        raise ReportError(
            "REP-101",
            "the folder holds no run.json, so nothing tells what was run.",
            subject=str(run),
            advice="run normwise evaluate again",
        )
    run.check()
    if found.main_arm not in found.arms:
        raise ReportError(
            "REP-104",
            "the evaluation names a main arm that it does not hold.",
            subject=str(run / run.REGRESSION),
            seen=found.main_arm,
            expected=f"one of {', '.join(found.arms)}",
            advice="run normwise evaluate again",
        )
    errors = {short_arm(name): arm.mae for name, arm in found.arms.items()}
    forest = draw_forest(
        errors,
        title="Mean absolute error",
        limits=shared_range(list(errors.values()), at_least=(0.0, 1e-3)),
        main=short_arm(found.main_arm),
    )
    main, others = found.arms[found.main_arm], len(found.n_per_group) > 1
    drawings = {"arms": inline_svg(forest, "errors", f"Mean absolute error of {len(errors)} arms.")}
    if found.points:
        predicted = draw_predicted(found.points, found.target, others=others)
        drawings["predicted"] = inline_svg(
            predicted,
            "predicted",
            f"Predicted {found.target} over the true one of {len(found.points)} scans.",
        )
        for name, corrected in (("gap", False), ("corrected", True)):
            gaps = draw_gaps(found.points, found.target, corrected=corrected, others=others)
            rho = main.corrected_rho if corrected else main.gap_rho
            label = f"Predicted − true over the true {found.target}: rank correlation {figures(rho)}."
            drawings[name] = inline_svg(gaps, name, label)
    return render(
        "regression.html",
        title=record.title or f"{found.target} predicted",
        record=record,
        found=found,
        main=main,
        drawings=drawings,
        regresses=main.gap_rho.high is not None and main.gap_rho.high < 0,
        methods=regression_methods(record, found),
        figures=figures,
        short=short_arm,
    )


def figures(estimate: Estimate) -> str:
    """Return an estimate with its interval to three digits.

    Examples
    --------
    >>> figures(Estimate(5.0321, 4.59, 5.4812)), figures(Estimate(None, None, None))
    ('5.03 (4.59 to 5.48)', 'not defined')
    """
    if estimate.estimate is None:
        return "not defined"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.estimate:.3g}"
    return f"{estimate.estimate:.3g} ({estimate.low:.3g} to {estimate.high:.3g})"
