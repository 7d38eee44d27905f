"""The training of an image network, and what it looks at."""

from __future__ import annotations

from normwise.report.figures.canvas import inline_svg
from normwise.report.figures.curves import draw_costs
from normwise.report.render import Section, render
from normwise.report.saved_run import Album, SavedRun
from normwise.run_folder import RunFolder

__all__ = ["network"]


def network(run: SavedRun) -> Section | None:
    """Show the loss of each epoch, the mean Grad-CAM map of patients, and occlusion by block."""
    explanation = run.explanation
    if explanation is None or not (explanation.loss_curves or explanation.network_pictures):
        return None
    drawing = None
    if explanation.loss_curves:
        text = "; ".join(
            f"{name}: {curve.y[0]:.3g} to {curve.y[-1]:.3g}"
            for name, curve in explanation.loss_curves.items()
        )
        figure = draw_costs(explanation.loss_curves)
        figure.axes[0].set_xlabel("Epoch")
        figure.axes[0].set_ylabel("Training loss")
        drawing = inline_svg(figure, "loss", f"Training loss over epochs. {text}.")
    album = Album(RunFolder(run.folder) if run.folder else None, explanation.network_pictures)
    pictures = album.show("network", len(explanation.network_pictures))
    return Section("Image network", render("network.html", drawing=drawing, pictures=pictures))
