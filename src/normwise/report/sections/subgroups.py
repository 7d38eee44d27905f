"""Whether the figures hold for women and men, the young and the old, and every site."""

from __future__ import annotations

from dataclasses import dataclass, replace

from markupsafe import Markup

from normwise.report.figures.canvas import inline_svg
from normwise.report.figures.forest_plot import draw_forest, shared_range
from normwise.report.render import render
from normwise.report.saved_run import SavedRun
from normwise.report.section import Section
from normwise.report.wording import (
    interval,
    metric_title,
    short_arm,
)
from normwise.results import (
    METRIC_NAMES,
    Arm,
    Association,
    Estimate,
    Evaluation,
    Subgroup,
)

__all__ = ["ErrorRow", "error_rows", "new_sites", "subgroup_label", "subgroup_panels", "subgroups"]

_METRICS = ("auc", "sensitivity", "specificity")
_MOST = 30  # rows of one panel


@dataclass(frozen=True)
class ErrorRow:
    """Rank correlations of one arm's error with each demographic."""

    arm: str
    found: dict[str, Association]


def subgroups(run: SavedRun) -> Section | None:
    """Show the main arm's metrics by part of the cohort, and whether errors follow a demographic."""
    evaluation, arm = run.evaluation, run.main
    if evaluation is None or arm is None or not (arm.subgroups or arm.errors):
        return None
    rows = error_rows(evaluation)
    body = render(
        "subgroups.html",
        arm=arm,
        metrics=[name for name in _METRICS if any(name in row.metrics for row in arm.subgroups)],
        panels=subgroup_panels(arm, "subgroup"),
        errors=rows,
        demographics=list(dict.fromkeys(name for row in rows for name in row.found)),
        main=evaluation.main_arm,
    )
    return Section("Subgroups", body)


def subgroup_panels(arm: Arm, name: str) -> list[Markup]:
    """Return a forest plot a metric, one row a subgroup, all on one axis."""
    shown = arm.subgroups[:_MOST]
    found: dict[str, dict[str, Estimate]] = {
        metric: {subgroup_label(row): row.metrics[metric] for row in shown if metric in row.metrics}
        for metric in _METRICS
    }
    estimates = [row for rows in found.values() for row in rows.values()]
    if not any(row.estimate is not None for row in estimates):
        return []
    limits = shared_range(estimates, at_least=(0.5, 1.0))
    panels = []
    for metric, rows in found.items():
        if not rows:
            continue
        whole: Estimate = getattr(arm, metric)
        figure = draw_forest(
            {"Everybody": whole, **rows},
            title=metric_title(metric),
            limits=limits,
            main="Everybody",
            line=whole.estimate,
            width=330,
        )
        told = "; ".join(f"{label} {interval(row)}" for label, row in rows.items())
        panels.append(inline_svg(figure, f"{name}-{metric}", f"{metric_title(metric)} by subgroup: {told}."))
    return panels


def subgroup_label(row: Subgroup) -> str:
    """Name a subgroup with its size.

    Examples
    --------
    >>> subgroup_label(Subgroup("M/F", "F", 87, 41, {}))
    'M/F F (87)'
    """
    return f"{row.name} {row.level} ({row.people})"


def error_rows(evaluation: Evaluation) -> list[ErrorRow]:
    """Return the correlations of raw and main arm, for the look before and after normalization."""
    names = [name for name in dict.fromkeys(["raw", evaluation.main_arm]) if name in evaluation.arms]
    return [
        ErrorRow(short_arm(name), {row.demographic: row for row in evaluation.arms[name].errors})
        for name in names
        if evaluation.arms[name].errors
    ]


def new_sites(run: SavedRun) -> Section | None:
    """Show the main arm tested on one site after the other, trained on the rest, beside the other split."""
    evaluation, arm = run.evaluation, run.main
    if evaluation is None or arm is None or evaluation.by_site is None:
        return None
    cohort = run.record.settings.get("cohort")
    column = cohort.get("site") if isinstance(cohort, dict) else None
    sites = [row for row in evaluation.by_site.subgroups if row.name in (column, "site")]
    unseen = replace(evaluation.by_site, subgroups=sites or evaluation.by_site.subgroups)
    body = render(
        "new_sites.html",
        usual=arm,
        unseen=unseen,
        same=evaluation.split,
        metrics=METRIC_NAMES,
        panels=subgroup_panels(unseen, "new-site"),
    )
    return Section("Sites never seen", body)
