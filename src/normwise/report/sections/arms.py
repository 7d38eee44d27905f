"""The arms side by side: a forest plot of the first metrics, and every metric in a table."""

from __future__ import annotations

from markupsafe import Markup

from normwise.report.figures.canvas import inline_svg
from normwise.report.figures.forest import draw_forest, shared_range
from normwise.report.render import render
from normwise.report.saved import SavedRun
from normwise.report.section import Section
from normwise.report.wording import BEST, METRIC_TITLES, interval, short_arm
from normwise.results import METRIC_NAMES, Evaluation

__all__ = ["arms"]

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
