"""Curves: ROC, precision and recall, calibration, decision, learning, shuffled labels, cost of descent."""

from __future__ import annotations

from collections.abc import Iterable

from normwise.report.figures.canvas import inline_svg
from normwise.report.figures.curves import (
    Line,
    draw_calibration,
    draw_costs,
    draw_learning,
    draw_lines,
    draw_roc,
)
from normwise.report.figures.rows import draw_shuffles
from normwise.report.render import Section, render
from normwise.report.saved_run import SavedRun
from normwise.report.wording import chance, interval, joined, metric_title, number, percent, short_arm
from normwise.results import DRAWN_POINTS, Curve, Evaluation

__all__ = [
    "calibration",
    "decision_curve",
    "descent",
    "learning_curve",
    "permutation",
    "precision_recall",
    "prevalence",
    "roc",
    "useful_range",
]


def roc(run: SavedRun) -> Section | None:
    """Show sensitivity against false alarms at every threshold."""
    if run.evaluation is None:
        return None
    figure = draw_roc(run.evaluation)
    if figure is None:
        return None
    text = "; ".join(
        f"{short_arm(name)}, AUC {interval(arm.auc)}" for name, arm in run.evaluation.arms.items()
    )
    drawing = inline_svg(figure, "roc", f"Sensitivity over false positive rate. {text}.")
    body = render(
        "roc.html",
        drawing=drawing,
        evaluation=run.evaluation,
        elsewhere=run.tested_elsewhere,
        thinned=_thinned(arm.roc for arm in run.evaluation.arms.values()),
    )
    return Section("ROC curves" if len(run.evaluation.arms) > 1 else "ROC curve", body)


def precision_recall(run: SavedRun) -> Section | None:
    """Show precision over sensitivity of every arm."""
    evaluation = run.evaluation
    if evaluation is None:
        return None
    lines = [
        Line(_label(evaluation, name), arm.precision_recall, main=name == evaluation.main_arm)
        for name, arm in evaluation.arms.items()
        if arm.precision_recall is not None and arm.precision_recall.x
    ]
    if not lines:
        return None
    level = prevalence(evaluation)
    figure = draw_lines(
        lines, labels=("Sensitivity (recall)", "Precision"), level=level, legend="Arm and average precision"
    )
    text = "; ".join(line.name for line in lines)
    drawing = inline_svg(figure, "precision-recall", f"Precision over sensitivity. {text}.")
    body = render(
        "precision_recall.html",
        drawing=drawing,
        patients=joined(evaluation.positives, "or"),
        share=percent(level) if level is not None else "",
        thinned=_thinned(line.curve for line in lines),
        main=evaluation.arms[evaluation.main_arm].metrics.get("average_precision"),
        interval=interval,
    )
    return Section("Precision and sensitivity", body)


def _thinned(curves: Iterable[Curve]) -> str:
    """Return how many thresholds a curve is drawn through, where it has more; else nothing."""
    drawn = any(len(curve.x) == DRAWN_POINTS + 1 for curve in curves)
    return f"{DRAWN_POINTS:,}" if drawn else ""


def prevalence(evaluation: Evaluation) -> float | None:
    """Return the share of patients among the scans of the classes told apart."""
    sizes = {name: evaluation.n_per_class.get(name, 0) for name in evaluation.classes}
    total = sum(sizes.values())
    return 1 - sizes.get(evaluation.negative, 0) / total if total else None


def _label(evaluation: Evaluation, name: str) -> str:
    found = evaluation.arms[name].metrics.get("average_precision")
    value = f"  {number(found.estimate)}" if found is not None and found.estimate is not None else ""
    return f"{short_arm(name)}{value}"


_SHOWN = ("calibration_slope", "calibration_intercept", "brier", "log_loss")


def calibration(run: SavedRun) -> Section | None:
    """Show observed shares over predicted probabilities of the main arm."""
    evaluation, arm = run.evaluation, run.main
    if evaluation is None or arm is None or arm.calibration is None or not arm.calibration.x:
        return None
    band = arm.calibration
    patients = joined(evaluation.positives, "or")
    if len(patients) > 36:
        patients = "a patient"
    text = ", ".join(f"{number(x)} → {number(y)}" for x, y in zip(band.x, band.y, strict=True))
    drawing = inline_svg(
        draw_calibration(band, patients), "calibration", f"Observed share over predicted probability: {text}."
    )
    body = render(
        "calibration.html",
        drawing=drawing,
        evaluation=evaluation,
        arm=arm,
        smallest=min(band.n) if band.n else None,
        metrics=[name for name in _SHOWN if name in arm.metrics],
    )
    return Section("Calibration", body)


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
        size=(460, 370),
    )
    best = useful_range(curves)
    text = f"The model is above both others from {best[0]:g} to {best[1]:g}." if best else ""
    drawing = inline_svg(figure, "decision-curve", f"Net benefit over threshold probability. {text}")
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


def descent(run: SavedRun) -> Section | None:
    """Show the cost curve of the model that was trained on everybody."""
    curves = {
        name: curve
        for name, curve in (run.explanation.cost_curves if run.explanation else {}).items()
        if curve.x
    }
    if not curves:
        return None
    text = "; ".join(f"{name}: {curve.y[0]:.3g} to {curve.y[-1]:.3g}" for name, curve in curves.items())
    drawing = inline_svg(draw_costs(curves), "cost", f"Cost over the steps of descent. {text}.")
    return Section("Descent", render("cost.html", drawing=drawing, curves=curves))


def learning_curve(run: SavedRun) -> Section | None:
    """Show a metric over the number of training people."""
    found = run.evaluation.learning_curve if run.evaluation else None
    if found is None or not found.curve.x:
        return None
    title = metric_title(found.metric)
    text = ", ".join(f"{x:.0f} people {number(y)}" for x, y in zip(found.curve.x, found.curve.y, strict=True))
    drawing = inline_svg(
        draw_learning(found.curve, title),
        "learning-curve",
        f"{title} over people in the training part: {text}.",
    )
    return Section("Learning curve", render("learning_curve.html", drawing=drawing, found=found, title=title))


def permutation(run: SavedRun) -> Section | None:
    """Show the figures of shuffled labels beside that of the true ones."""
    found = run.evaluation.permutation if run.evaluation else None
    if found is None or not found.shuffled:
        return None
    title = metric_title(found.metric)
    mean = sum(found.shuffled) / len(found.shuffled)
    text = f"{len(found.shuffled)} shuffles, mean {number(mean)}; true labels {number(found.observed)}"
    drawing = inline_svg(
        draw_shuffles(found, title), "permutation", f"{title} of {text}, p {chance(found.p)}."
    )
    body = render("permutation.html", drawing=drawing, found=found, title=title, mean=mean)
    return Section("Permutation test", body)
