"""What the same procedure reaches where there is nothing to learn."""

from __future__ import annotations

from normwise.report.figures.canvas import inline_svg
from normwise.report.figures.shuffles import draw_shuffles
from normwise.report.render import render
from normwise.report.saved import SavedRun
from normwise.report.section import Section
from normwise.report.wording import chance, metric_title, number

__all__ = ["permutation"]


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
