"""`normwise compare`: finished runs side by side."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

from normwise.cli.output import shown
from normwise.cli.run_flags import PLAIN, OutputFlags
from normwise.cli.session import open_session

if TYPE_CHECKING:
    from normwise.cli.output import CommandOutput
    from normwise.results import Comparison, RunComparison

__all__ = ["compare"]

_SHOWN_TEST = "DeLong"  # comparison.json has the others
_SMALLEST_P = 0.001
_GAINED = {"auc": "AUC gained", "adjusted_auc": "  adjusted"}
COMPARING = Group("[comparing]", sort_key=10)
_HEADS = {
    "auc": "AUC",
    "adjusted_auc": "adjusted AUC",
    "balanced_accuracy": "balanced acc.",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "brier": "Brier",
}


def compare(
    *run: Path,
    out: Annotated[
        Path,
        Parameter(name="--out", group=COMPARING, metavar="FOLDER", help="where the results go (comparison)"),
    ] = Path("comparison"),
    running: OutputFlags = PLAIN,
) -> int:
    """Compare finished evaluations: a leaderboard, and paired tests where the people are the same.

    Parameters
    ----------
    run : Path
        Run folders, after evaluate or test.
    out : Path
        The folder for comparison.json.
    running : OutputFlags
        How the command prints.

    Returns
    -------
    int
        The exit code.
    """
    with open_session("compare", running) as session:
        from normwise.evaluate import compare_runs
        from normwise.report import write_comparison
        from normwise.results import write_result

        comparison = compare_runs(run)
        out.mkdir(parents=True, exist_ok=True)
        write_result(comparison, out / "comparison.json")
        print_comparison(session.output, comparison)
        for each in comparison.standings:
            session.findings.add(
                alarms=[replace(alarm, title=f"{each.run}: {alarm.title}") for alarm in each.alarms]
            )
        return session.end(out / "comparison.json", write_comparison(out))


def print_comparison(output: CommandOutput, comparison: RunComparison) -> None:
    """Print the leaderboard and the paired tests of the AUC.

    Parameters
    ----------
    output : CommandOutput
        Where to.
    comparison : RunComparison
        The runs.
    """
    positives = " or ".join(name for name in comparison.classes if name != comparison.negative)
    output.row("question", f"{positives} against {comparison.negative}")
    output.line()
    rows = [
        [
            each.run,
            str(each.people),
            *(shown(each.metrics[name]) if name in each.metrics else "–" for name in _HEADS),
        ]
        for each in comparison.standings
    ]
    output.table([f"({comparison.confidence:.0%} intervals)", "people", *_HEADS.values()], rows)
    output.line()
    for test in comparison.comparisons:
        if test.metric in _GAINED and test.test == _SHOWN_TEST:
            gained = f"{shown(test.difference, sign=True)}{_p(test)}"
            output.row(_GAINED[test.metric], f"{gained} ({test.test}): {test.one} over {test.other}")
    for note in comparison.notes:
        output.row("note", note)
    output.number("auc", {each.run: each.metrics["auc"].estimate for each in comparison.standings})


def _p(test: Comparison) -> str:
    if test.p is None:
        return ""
    return f", p < {_SMALLEST_P}" if test.p < _SMALLEST_P else f", p = {test.p:.3f}"
