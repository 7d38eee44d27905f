"""The arms side by side: a table, a forest plot a metric, and paired differences."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from normwise.report.figures.canvas import inline_svg
from normwise.report.figures.forest import draw_forest, shared_range
from normwise.report.render import render
from normwise.report.saved import SavedRun
from normwise.report.section import Section
from normwise.report.wording import METRIC_TITLES, interval, short_arm, signed_interval
from normwise.results import METRIC_NAMES, Estimate, Evaluation

__all__ = ["Difference", "arms", "differences_of"]

_CHANCE = 0.5  # of AUC with any number of classes; of balanced accuracy with two


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


def arms(run: SavedRun) -> Section | None:
    """Show every arm's metrics with their intervals."""
    evaluation = run.evaluation
    if evaluation is None:
        return None
    differences = differences_of(evaluation)
    body = render(
        "arms.html",
        evaluation=evaluation,
        metrics=METRIC_NAMES,
        panels=_metric_panels(evaluation) if len(evaluation.arms) > 1 else [],
        differences=differences,
        difference_panels=_difference_panels(differences),
    )
    counted = {2: "two", 3: "three", 4: "four", 5: "five"}.get(
        len(evaluation.arms), str(len(evaluation.arms))
    )
    return Section("Performance" if len(evaluation.arms) == 1 else f"The {counted} arms compared", body)


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


def _difference_panels(differences: list[Difference]) -> list[Markup]:
    """One panel each for the two metrics that do not depend on the threshold's wish."""
    panels = []
    for metric, name in (("auc", "AUC"), ("balanced_accuracy", "balanced accuracy")):
        estimates = {row.label: row.metrics[metric] for row in differences if metric in row.metrics}
        if all(row.estimate is None for row in estimates.values()):
            continue
        figure = draw_forest(
            estimates,
            title=f"Difference in {name}",
            limits=shared_range(list(estimates.values()), at_least=(-0.02, 0.02)),
            line=0.0,
        )
        told = "; ".join(f"{row} {signed_interval(estimate)}" for row, estimate in estimates.items())
        panels.append(inline_svg(figure, f"difference-{metric}", f"Paired differences in {name}: {told}."))
    return panels
