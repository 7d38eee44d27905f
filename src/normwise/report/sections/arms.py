"""The arms side by side: a forest plot of the first metrics, and every metric in a table."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from normwise.report.figures.canvas import inline_svg
from normwise.report.figures.forest_plot import draw_forest, shared_range
from normwise.report.render import render
from normwise.report.saved_run import SavedRun
from normwise.report.section import Section
from normwise.report.wording import (
    BEST,
    METRIC_TITLES,
    interval,
    metric_title,
    short_arm,
    signed_interval,
)
from normwise.results import (
    METRIC_NAMES,
    Comparison,
    Estimate,
    Evaluation,
)

__all__ = ["Difference", "PairTests", "arms", "differences", "differences_of", "paired_tests"]

_CHANCE = 0.5  # of AUC with any number of classes; of balanced accuracy with two


def arms(run: SavedRun) -> Section | None:
    """Show every arm's metrics with their intervals."""
    evaluation = run.evaluation
    if evaluation is None:
        return None
    every = list(dict.fromkeys(name for arm in evaluation.arms.values() for name in arm.metrics))
    body = render(
        "arms.html",
        evaluation=evaluation,
        metrics=METRIC_NAMES,
        panels=_metric_panels(evaluation) if len(evaluation.arms) > 1 else [],
        further=[name for name in every if name not in METRIC_NAMES],
        best=BEST,
        prevalence=_stated_prevalence(run),
    )
    counted = {2: "two", 3: "three", 4: "four", 5: "five"}.get(
        len(evaluation.arms), str(len(evaluation.arms))
    )
    return Section("Performance" if len(evaluation.arms) == 1 else f"The {counted} arms compared", body)


def _stated_prevalence(run: SavedRun) -> float | None:
    section = run.record.settings.get("evaluation")
    stated = section.get("prevalence") if isinstance(section, dict) else None
    return float(stated) if isinstance(stated, int | float) else None


def _metric_panels(evaluation: Evaluation) -> list[Markup]:
    """One forest plot a metric, all on one axis range."""
    rows = {
        metric: {short_arm(name): getattr(arm, metric) for name, arm in evaluation.arms.items()}
        for metric in METRIC_NAMES
    }
    limits = shared_range([row for metric in rows.values() for row in metric.values()], at_least=(0.5, 1.0))
    panels = []
    for metric, estimates in rows.items():
        chance = metric == "auc" or (metric == "balanced_accuracy" and len(evaluation.classes) == 2)
        figure = draw_forest(
            estimates,
            title=METRIC_TITLES[metric],
            limits=limits,
            main=short_arm(evaluation.main_arm),
            line=_CHANCE if chance else None,
        )
        told = "; ".join(f"{name} {interval(estimate)}" for name, estimate in estimates.items())
        panels.append(inline_svg(figure, f"forest-{metric}", f"{METRIC_TITLES[metric]} of each arm: {told}."))
    return panels


@dataclass(frozen=True)
class Difference:
    """A paired difference between two arms.

    Attributes
    ----------
    first, second : str
        Keys of the arms; the difference is first − second.
    label : str
        In words.
    metrics : dict of str to Estimate
        By metric.
    """

    first: str
    second: str
    label: str
    metrics: dict[str, Estimate]


@dataclass(frozen=True)
class PairTests:
    """Paired tests of one pair of arms.

    Attributes
    ----------
    label : str
        The pair in words.
    cells : list of Comparison or None
        One a column, None where the pair has no such test.
    """

    label: str
    cells: list[Comparison | None]


def differences(run: SavedRun) -> Section | None:
    """Show paired differences with their intervals, and paired tests with their p-values."""
    evaluation = run.evaluation
    if evaluation is None or not (evaluation.differences or evaluation.comparisons):
        return None
    found = differences_of(evaluation)
    columns, tests = paired_tests(evaluation.comparisons)
    body = render(
        "differences.html",
        evaluation=evaluation,
        metrics=[name for name in METRIC_NAMES if any(name in row.metrics for row in found)],
        differences=found,
        panels=_panels(found),
        columns=columns,
        tests=tests,
    )
    return Section("Differences between the arms", body)


def differences_of(evaluation: Evaluation) -> list[Difference]:
    """Return the paired differences between arms that the evaluation holds."""
    known = evaluation.arms
    found = []
    for key, metrics in evaluation.differences.items():
        pairs = [(key[:at], key[at + 1 :]) for at, sign in enumerate(key) if sign == "-"]
        pair = next(((one, two) for one, two in pairs if one in known and two in known), None)
        if pair is not None:
            found.append(Difference(*pair, f"{short_arm(pair[0])} − {short_arm(pair[1]).lower()}", metrics))
    return found


def paired_tests(comparisons: list[Comparison]) -> tuple[list[tuple[str, str]], list[PairTests]]:
    """Return the columns of the table of tests (metric and test), and its rows, one a pair."""
    found = {(row.one, row.other, row.metric, row.test): row for row in comparisons}
    columns = list(dict.fromkeys((row.metric, row.test) for row in comparisons))
    columns.sort(key=lambda column: column[0] != "auc")
    pairs = list(dict.fromkeys((row.one, row.other) for row in comparisons))
    return columns, [
        PairTests(
            f"{short_arm(one)} − {short_arm(other).lower()}",
            [found.get((one, other, *column)) for column in columns],
        )
        for one, other in pairs
    ]


def _panels(found: list[Difference]) -> list[Markup]:
    """One panel each for the two metrics that do not depend on the threshold's wish."""
    panels = []
    for metric in ("auc", "balanced_accuracy"):
        name = metric_title(metric)
        estimates = {row.label: row.metrics[metric] for row in found if metric in row.metrics}
        if all(row.estimate is None for row in estimates.values()):
            continue
        figure = draw_forest(
            estimates,
            title=f"Difference in {name if name.isupper() else name.lower()}",
            limits=shared_range(list(estimates.values()), at_least=(-0.02, 0.02)),
            line=0.0,
        )
        told = "; ".join(f"{row} {signed_interval(estimate)}" for row, estimate in estimates.items())
        panels.append(inline_svg(figure, f"difference-{metric}", f"Paired differences in {name}: {told}."))
    return panels
