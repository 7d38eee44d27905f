"""Runs side by side: a leaderboard with intervals, and paired tests where the people are the same."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from normwise.errors import ReportError
from normwise.files import write_text
from normwise.report.figures.canvas import inline_svg
from normwise.report.figures.rows import draw_forest, shared_range
from normwise.report.page import write_figures
from normwise.report.render import render
from normwise.report.saved_run import read_optional
from normwise.report.wording import interval, metric_title
from normwise.results import METRIC_NAMES, Comparison, RankedRun, RunComparison
from normwise.run_folder import RunFolder

__all__ = ["make_comparison_page", "run_labels", "write_comparison"]


@dataclass(frozen=True)
class Pair:
    """A paired test with its runs in words."""

    label: str
    comparison: Comparison


def write_comparison(folder: str | Path) -> Path:
    """Write ``comparison.html`` from ``comparison.json``, and its figures.

    Parameters
    ----------
    folder : path
        Where ``comparison.json`` lies.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    ReportError
        REP-106 without ``comparison.json``; REP-102 where it is damaged.
    """
    folder = Path(folder)
    found = read_optional(RunComparison, RunFolder(folder), "comparison.json")
    if found is None:
        raise ReportError(
            "REP-106",
            "the folder holds no comparison.json.",
            subject=str(folder),
            advice="run normwise compare on the runs",
        )
    page = make_comparison_page(found)
    write_figures(page, folder / RunFolder.FIGURES)
    path = folder / "comparison.html"
    write_text(path, page)
    return path


def make_comparison_page(comparison: RunComparison) -> str:
    """Return the page as HTML.

    Parameters
    ----------
    comparison : RunComparison
        Runs, the best first, and their paired tests.
    """
    labels = run_labels(comparison.standings)
    every = list(dict.fromkeys(name for row in comparison.standings for name in row.metrics))
    first = [name for name in METRIC_NAMES if name in every]
    return render(
        "comparison.html",
        comparison=comparison,
        labels=labels,
        first=first,
        further=[name for name in every if name not in METRIC_NAMES],
        panels=[panel for name in first if (panel := _panel(comparison.standings, labels, name)) is not None],
        pairs=[
            Pair(f"{labels.get(row.one, row.one)} − {labels.get(row.other, row.other)}", row)
            for row in comparison.comparisons
        ],
    )


def run_labels(standings: list[RankedRun]) -> dict[str, str]:
    """Return a short name of each run: the last part of its path that tells it from the others.

    Examples
    --------
    >>> def stand(run):
    ...     return RankedRun(run, "", "", "", "", "", 0, 0, {})
    >>> run_labels([stand("a/svm"), stand("a/forest"), stand("b/svm")])
    {'a/svm': 'a/svm', 'a/forest': 'forest', 'b/svm': 'b/svm'}
    """
    runs = [row.run for row in standings]
    labels = {}
    for run in runs:
        parts = Path(run).parts
        label = run
        for length in range(1, len(parts) + 1):
            label = "/".join(parts[-length:]).replace("//", "/")
            if sum(Path(other).parts[-length:] == parts[-length:] for other in runs) == 1:
                break
        labels[run] = label
    return labels


def _panel(standings: list[RankedRun], labels: dict[str, str], metric: str) -> Markup | None:
    rows = {labels[row.run]: row.metrics[metric] for row in standings if metric in row.metrics}
    if all(row.estimate is None for row in rows.values()):
        return None
    limits = shared_range(list(rows.values()), at_least=(0.5, 1.0))
    title = metric_title(metric)
    figure = draw_forest(rows, title=title, limits=limits, main=next(iter(rows)))
    text = "; ".join(f"{label} {interval(row)}" for label, row in rows.items())
    return inline_svg(figure, f"runs-{metric}", f"{title} of each run: {text}.")
