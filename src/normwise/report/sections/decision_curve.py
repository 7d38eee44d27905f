"""Whether deciding by the model does more good than treating everybody, or nobody."""

from __future__ import annotations

from normwise.report.figures.canvas import inline_svg
from normwise.report.figures.lines import Line, draw_lines
from normwise.report.render import render
from normwise.report.saved import SavedRun
from normwise.report.section import Section
from normwise.results import Curve

__all__ = ["decision_curve", "useful_range"]

_NAMES = {
    "model": "Decide by the model",
    "everybody": "Take everybody for a patient",
    "nobody": "Take nobody for a patient",
}


def decision_curve(run: SavedRun) -> Section | None:
    """Show the net benefit of the main arm over the threshold probability."""
    evaluation, arm = run.evaluation, run.main
    if evaluation is None or arm is None or not arm.decision_curve.get("model", Curve([], [])).x:
        return None
    curves = {name: arm.decision_curve[name] for name in _NAMES if name in arm.decision_curve}
    top = max(y for curve in curves.values() for y in curve.y)
    figure = draw_lines(
        [Line(_NAMES[name], curve, main=name == "model") for name, curve in curves.items()],
        labels=("Threshold probability", "Net benefit"),
        y_range=(-0.25 * max(top, 0.1), 1.08 * max(top, 0.1)),
        size=(540, 380),
    )
    best = useful_range(curves)
    told = f"The model is above both others from {best[0]:g} to {best[1]:g}." if best else ""
    drawing = inline_svg(figure, "decision-curve", f"Net benefit over threshold probability. {told}")
    body = render("decision_curve.html", drawing=drawing, evaluation=evaluation, useful=best)
    return Section("Decision curve", body)


def useful_range(curves: dict[str, Curve]) -> tuple[float, float] | None:
    """Return the ends of the longest stretch in which the model does more good than both others.

    Examples
    --------
    >>> x = [0.1, 0.2, 0.3]
    >>> useful_range({"model": Curve(x, [0.4, 0.3, 0.2]), "everybody": Curve(x, [0.4, 0.2, 0.1]),
    ...               "nobody": Curve(x, [0.0, 0.0, 0.0])})
    (0.2, 0.3)
    """
    model = curves["model"]
    rivals = [curve.y for name, curve in curves.items() if name != "model"]
    better = [y > max((rival[at] for rival in rivals), default=0.0) for at, y in enumerate(model.y)]
    longest: tuple[int, int] | None = None
    start = None
    for at, held in enumerate([*better, False]):
        if held and start is None:
            start = at
        if not held and start is not None:
            if longest is None or at - start > longest[1] - longest[0]:
                longest = (start, at)
            start = None
    return (model.x[longest[0]], model.x[longest[1] - 1]) if longest else None
