"""What happens at a site that the model was not trained on."""

from __future__ import annotations

from dataclasses import replace

from normwise.report.render import render
from normwise.report.saved import SavedRun
from normwise.report.section import Section
from normwise.report.sections.subgroups import subgroup_panels
from normwise.results import METRIC_NAMES

__all__ = ["new_sites"]


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
