"""Whether more people would help, and how many."""

from __future__ import annotations

from normwise.report.figures.band import draw_learning
from normwise.report.figures.canvas import inline_svg
from normwise.report.render import render
from normwise.report.saved import SavedRun
from normwise.report.section import Section
from normwise.report.wording import metric_title, number

__all__ = ["learning_curve"]


def learning_curve(run: SavedRun) -> Section | None:
    """Show a metric over the number of training people."""
    found = run.evaluation.learning_curve if run.evaluation else None
    if found is None or not found.curve.x:
        return None
    title = metric_title(found.metric)
    told = ", ".join(f"{x:.0f} people {number(y)}" for x, y in zip(found.curve.x, found.curve.y, strict=True))
    drawing = inline_svg(
        draw_learning(found.curve, title),
        "learning-curve",
        f"{title} over people in the training part: {told}.",
    )
    return Section("Learning curve", render("learning_curve.html", drawing=drawing, found=found, title=title))
