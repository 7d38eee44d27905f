"""Whether a probability of 0.7 is right in seven of ten people."""

from __future__ import annotations

from normwise.report.figures.band import draw_calibration
from normwise.report.figures.canvas import inline_svg
from normwise.report.render import render
from normwise.report.saved import SavedRun
from normwise.report.section import Section
from normwise.report.wording import joined, number

__all__ = ["calibration"]

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
    told = ", ".join(f"{number(x)} → {number(y)}" for x, y in zip(band.x, band.y, strict=True))
    drawing = inline_svg(
        draw_calibration(band, patients), "calibration", f"Observed share over predicted probability: {told}."
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
