"""ROC curves of the arms."""

from __future__ import annotations

from normwise.report.figures.canvas import inline_svg
from normwise.report.figures.roc import draw_roc
from normwise.report.render import render
from normwise.report.saved import SavedRun
from normwise.report.section import Section
from normwise.report.wording import interval, short_arm

__all__ = ["roc"]


def roc(run: SavedRun) -> Section | None:
    """Show sensitivity against false alarms at every threshold."""
    if run.evaluation is None:
        return None
    figure = draw_roc(run.evaluation)
    if figure is None:
        return None
    told = "; ".join(
        f"{short_arm(name)}, AUC {interval(arm.auc)}" for name, arm in run.evaluation.arms.items()
    )
    drawing = inline_svg(figure, "roc", f"Sensitivity over false positive rate. {told}.")
    body = render("roc.html", drawing=drawing, evaluation=run.evaluation, elsewhere=run.tested_elsewhere)
    return Section("ROC curves" if len(run.evaluation.arms) > 1 else "ROC curve", body)
