"""The arms side by side, their differences, and whether the figures hold in subgroups and at new sites."""

from __future__ import annotations

from dataclasses import dataclass, replace

from markupsafe import Markup

from normwise.report.figures.canvas import inline_svg
from normwise.report.figures.rows import draw_forest, shared_range
from normwise.report.render import Section, render
from normwise.report.saved_run import SavedRun
from normwise.report.wording import BEST, METRIC_TITLES, interval, metric_title, short_arm, signed_interval
from normwise.results import (
    METRIC_NAMES,
    Arm,
    Association,
    Comparison,
    Estimate,
    Evaluation,
    ScoreAssociation,
    Subgroup,
)

__all__ = [
    "Difference",
    "ErrorRow",
    "PairTests",
    "ScoreRow",
    "arms",
    "differences",
    "differences_of",
    "error_rows",
    "new_sites",
    "paired_tests",
    "score_rows",
    "subgroup_label",
    "subgroup_panels",
    "subgroups",
]

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
        metrics=_shown_metrics(evaluation),
        panels=_metric_panels(evaluation) if len(evaluation.arms) > 1 else [],
        further=[name for name in every if name not in METRIC_NAMES],
        best=BEST,
        prevalence=_stated_prevalence(run),
    )
    counted = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six"}.get(
        len(evaluation.arms), str(len(evaluation.arms))
    )
    return Section("Performance" if len(evaluation.arms) == 1 else f"The {counted} arms compared", body)


def _shown_metrics(evaluation: Evaluation) -> list[str]:
    """Name the first metrics; runs of 0.1.0 have no adjusted AUC."""
    arms = evaluation.arms.values()
    known = any(arm.adjusted_auc.estimate is not None for arm in arms)
    return [name for name in METRIC_NAMES if known or name != "adjusted_auc"]


def _stated_prevalence(run: SavedRun) -> float | None:
    section = run.record.settings.get("evaluation")
    stated = section.get("prevalence") if isinstance(section, dict) else None
    return float(stated) if isinstance(stated, int | float) else None


def _metric_panels(evaluation: Evaluation) -> list[Markup]:
    """One forest plot a metric, all on one axis range."""
    rows = {
        metric: {short_arm(name): getattr(arm, metric) for name, arm in evaluation.arms.items()}
        for metric in _shown_metrics(evaluation)
    }
    limits = shared_range([row for metric in rows.values() for row in metric.values()], at_least=(0.5, 1.0))
    panels = []
    for metric, estimates in rows.items():
        chance = metric in ("auc", "adjusted_auc") or (
            metric == "balanced_accuracy" and len(evaluation.classes) == 2
        )
        figure = draw_forest(
            estimates,
            title=METRIC_TITLES[metric],
            limits=limits,
            main=short_arm(evaluation.main_arm),
            line=_CHANCE if chance else None,
        )
        text = "; ".join(f"{name} {interval(estimate)}" for name, estimate in estimates.items())
        panels.append(inline_svg(figure, f"forest-{metric}", f"{METRIC_TITLES[metric]} of each arm: {text}."))
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
    columns.sort(key=lambda column: column[0] not in ("auc", "adjusted_auc"))
    pairs = list(dict.fromkeys((row.one, row.other) for row in comparisons))
    return columns, [
        PairTests(
            f"{short_arm(one)} − {short_arm(other).lower()}",
            [found.get((one, other, *column)) for column in columns],
        )
        for one, other in pairs
    ]


def _panels(found: list[Difference]) -> list[Markup]:
    """One panel each for the metrics that do not depend on the threshold's wish."""
    panels = []
    for metric in ("auc", "adjusted_auc", "balanced_accuracy"):
        name = metric_title(metric)
        name = name if name.isupper() else name[0].lower() + name[1:]
        estimates = {row.label: row.metrics[metric] for row in found if metric in row.metrics}
        if all(row.estimate is None for row in estimates.values()):
            continue
        figure = draw_forest(
            estimates,
            title=f"Difference in {name}",
            limits=shared_range(list(estimates.values()), at_least=(-0.02, 0.02)),
            line=0.0,
        )
        text = "; ".join(f"{row} {signed_interval(estimate)}" for row, estimate in estimates.items())
        panels.append(inline_svg(figure, f"difference-{metric}", f"Paired differences in {name}: {text}."))
    return panels


_METRICS = ("auc", "sensitivity", "specificity")
_MOST = 30  # rows of one panel


@dataclass(frozen=True)
class ErrorRow:
    """Rank correlations of one arm's error with each demographic."""

    arm: str
    found: dict[str, Association]


@dataclass(frozen=True)
class ScoreRow:
    """How far one arm's scores follow each demographic and the site; of levels, that which differs most."""

    arm: str
    main: bool
    found: dict[str, ScoreAssociation]


def subgroups(run: SavedRun) -> Section | None:
    """Show the main arm's metrics by part of the cohort, and whether errors follow a demographic."""
    evaluation, arm = run.evaluation, run.main
    if evaluation is None or arm is None or not (arm.subgroups or arm.errors or arm.score_associations):
        return None
    rows, followed = error_rows(evaluation), score_rows(evaluation)
    body = render(
        "subgroups.html",
        arm=arm,
        metrics=[name for name in _METRICS if any(name in row.metrics for row in arm.subgroups)],
        panels=subgroup_panels(arm, "subgroup"),
        errors=rows,
        demographics=list(dict.fromkeys(name for row in rows for name in row.found)),
        followed=followed,
        variables=list(dict.fromkeys(name for row in followed for name in row.found)),
        negative=evaluation.negative,
        main=evaluation.main_arm,
        mistaken=any(row.mistaken for row in arm.subgroups),
        pages=run.pages,
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
        text = "; ".join(f"{label} {interval(row)}" for label, row in rows.items())
        panels.append(inline_svg(figure, f"{name}-{metric}", f"{metric_title(metric)} by subgroup: {text}."))
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


def score_rows(evaluation: Evaluation) -> list[ScoreRow]:
    """Return of each arm how far the scores of the negative class follow each demographic and the site."""
    rows = []
    for name, arm in evaluation.arms.items():
        found: dict[str, ScoreAssociation] = {}
        for each in arm.score_associations:
            before = found.get(each.variable)
            if before is None or abs(each.rho.estimate or 0.0) > abs(before.rho.estimate or 0.0):
                found[each.variable] = each
        if found:
            rows.append(ScoreRow(short_arm(name), name == evaluation.main_arm, found))
    return rows


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
        metrics=_shown_metrics(evaluation),
        panels=subgroup_panels(unseen, "new-site"),
    )
    return Section("Sites never seen", body)
