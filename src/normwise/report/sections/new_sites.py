"""What happens at a site that the model was not trained on."""

from __future__ import annotations

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
    body = render(
        "new_sites.html",
        usual=arm,
        unseen=evaluation.by_site,
        same=evaluation.split,
        metrics=METRIC_NAMES,
        panels=subgroup_panels(evaluation.by_site, "new-site"),
    )
    return Section("Sites never seen", body)
