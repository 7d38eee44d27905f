"""The cost of the classifier over the steps of its descent, where it was fitted so."""

from __future__ import annotations

from normwise.report.figures.canvas import inline_svg
from normwise.report.figures.curves import draw_learning
from normwise.report.figures.descent import draw_costs
from normwise.report.figures.distributions import draw_shuffles
from normwise.report.render import render
from normwise.report.saved_run import SavedRun
from normwise.report.section import Section
from normwise.report.wording import (
    chance,
    metric_title,
    number,
)

__all__ = ["descent", "learning_curve", "permutation"]


def descent(run: SavedRun) -> Section | None:
    """Show the cost curve of the model that was trained on everybody."""
    curves = {
        name: curve
        for name, curve in (run.explanation.cost_curves if run.explanation else {}).items()
        if curve.x
    }
    if not curves:
        return None
    told = "; ".join(f"{name}: {curve.y[0]:.3g} to {curve.y[-1]:.3g}" for name, curve in curves.items())
    drawing = inline_svg(draw_costs(curves), "cost", f"Cost over the steps of descent. {told}.")
    return Section("Descent", render("cost.html", drawing=drawing, curves=curves))


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


def permutation(run: SavedRun) -> Section | None:
    """Show the figures of shuffled labels beside that of the true ones."""
    found = run.evaluation.permutation if run.evaluation else None
    if found is None or not found.shuffled:
        return None
    title = metric_title(found.metric)
    mean = sum(found.shuffled) / len(found.shuffled)
    told = f"{len(found.shuffled)} shuffles, mean {number(mean)}; true labels {number(found.observed)}"
    drawing = inline_svg(
        draw_shuffles(found, title), "permutation", f"{title} of {told}, p {chance(found.p)}."
    )
    body = render("permutation.html", drawing=drawing, found=found, title=title, mean=mean)
    return Section("Permutation test", body)
