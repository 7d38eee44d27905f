"""The cost of the classifier over the steps of its descent, where it was fitted so."""

from __future__ import annotations

from normwise.report.figures.canvas import inline_svg
from normwise.report.figures.descent import draw_costs
from normwise.report.render import render
from normwise.report.saved import SavedRun
from normwise.report.section import Section

__all__ = ["descent"]


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
