"""Which features were chosen again and again, and which by chance."""

from __future__ import annotations

from normwise.report.figures.bars import draw_weights
from normwise.report.figures.canvas import inline_svg
from normwise.report.render import render
from normwise.report.saved import SavedRun
from normwise.report.section import Section
from normwise.report.wording import percent
from normwise.results import Importance

__all__ = ["stability"]

_SHOWN = 20


def stability(run: SavedRun) -> Section | None:
    """Show in what share of the training parts each feature was selected."""
    arm = run.main
    if arm is None or not arm.stability:
        return None
    ranked = sorted(arm.stability, key=lambda row: (-row.share, row.feature))
    shown = ranked[:_SHOWN]
    figure = draw_weights(
        [Importance(row.feature, row.share) for row in shown],
        signed=False,
        kind="Share of the training parts that selected the feature",
    )
    told = ", ".join(f"{row.feature} {percent(row.share)}" for row in shown[:5])
    body = render(
        "stability.html",
        drawing=inline_svg(figure, "stability", f"Selected most often: {told}."),
        ranked=ranked,
        shown=len(shown),
        always=sum(row.share == 1 for row in ranked),
        rarely=sum(row.share < 0.5 for row in ranked),
    )
    return Section("Stability of the selection", body)
