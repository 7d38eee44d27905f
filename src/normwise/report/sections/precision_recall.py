"""Precision against sensitivity: what a positive decision is worth in a cohort like this one."""

from __future__ import annotations

from normwise.report.figures.canvas import inline_svg
from normwise.report.figures.lines import Line, draw_lines
from normwise.report.render import render
from normwise.report.saved import SavedRun
from normwise.report.section import Section
from normwise.report.wording import interval, joined, number, percent, short_arm
from normwise.results import Evaluation

__all__ = ["precision_recall", "prevalence"]


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
    told = "; ".join(line.name for line in lines)
    drawing = inline_svg(figure, "precision-recall", f"Precision over sensitivity. {told}.")
    body = render(
        "precision_recall.html",
        drawing=drawing,
        patients=joined(evaluation.positives, "or"),
        share=percent(level) if level is not None else "",
        main=evaluation.arms[evaluation.main_arm].metrics.get("average_precision"),
        interval=interval,
    )
    return Section("Precision and sensitivity", body)


def prevalence(evaluation: Evaluation) -> float | None:
    """Return the share of patients among the scans of the classes told apart."""
    sizes = {name: evaluation.n_per_class.get(name, 0) for name in evaluation.classes}
    total = sum(sizes.values())
    return 1 - sizes.get(evaluation.negative, 0) / total if total else None


def _label(evaluation: Evaluation, name: str) -> str:
    found = evaluation.arms[name].metrics.get("average_precision")
    value = f"  {number(found.estimate)}" if found is not None and found.estimate is not None else ""
    return f"{short_arm(name)}{value}"
