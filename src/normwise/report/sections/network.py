"""What the classifier does with its columns, and what an image network looks at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from markupsafe import Markup

from normwise.report.figures.canvas import inline_svg
from normwise.report.figures.curves import draw_costs
from normwise.report.render import Section, render
from normwise.report.saved_run import Album, SavedRun
from normwise.run_folder import RunFolder

if TYPE_CHECKING:
    from normwise.results import Curve

__all__ = ["classifier", "draw_losses", "network"]


def network(run: SavedRun) -> Section | None:
    """Show the loss of each epoch, the mean Grad-CAM map of patients, and occlusion by block."""
    explanation = run.explanation
    if explanation is None or not (explanation.loss_curves or explanation.network_pictures):
        return None
    drawing = draw_losses(explanation.loss_curves)
    album = Album(RunFolder(run.folder) if run.folder else None, explanation.network_pictures)
    pictures = album.show("network", len(explanation.network_pictures))
    return Section("Image network", render("network.html", drawing=drawing, pictures=pictures))


def draw_losses(curves: Mapping[str, Curve]) -> Markup | None:
    """Draw the training loss of networks over the epochs; None of a classifier that is no network.

    Parameters
    ----------
    curves : mapping of str to Curve
        From `normwise.results.Explanation`.
    """
    if not curves:
        return None
    text = "; ".join(f"{name}: {curve.y[0]:.3g} to {curve.y[-1]:.3g}" for name, curve in curves.items())
    figure = draw_costs(curves)
    figure.axes[0].set_xlabel("Epoch")
    figure.axes[0].set_ylabel("Training loss")
    return inline_svg(figure, "loss", f"Training loss over epochs. {text}.")


def classifier(run: SavedRun) -> Section | None:
    """Show curve or boundary, margin and support vectors over one column or two, and a tree of a forest."""
    found = run.explanation
    if found is None or (found.plane is None and not found.tree):
        return None
    from normwise.report.figures.classifier import draw_map, draw_tree

    negative = run.record.normal if run.evaluation is None else run.evaluation.negative
    others = [name for name in run.record.classes if name != negative]
    positives, plane, tree = " or ".join(others), None, None
    if found.plane is not None:
        curve = not found.plane.y
        where = "The probability over" if curve else "The boundary of the classifier in the plane of"
        plane = inline_svg(
            draw_map(found.plane, run.record.classes, negative),
            "plane",
            f"{where} {' and '.join(found.plane.columns)}, with"
            f" {len(found.plane.people_x)} people and {sum(found.plane.support)} support vectors.",
        )
    if found.tree:
        root = found.tree[0]
        first = f"asks whether {root.column} is at most {root.cut:.4g}" if root.column else "asks nothing"
        tree = inline_svg(
            draw_tree(found.tree, positives), "tree", f"A tree of {len(found.tree)} nodes; it first {first}."
        )
    body = render(
        "classifier.html",
        plane=plane,
        tree=tree,
        positives=positives,
        threshold=found.plane.threshold if found.plane else None,
        adjusted=bool(found.plane and found.plane.adjusted),
        curve=bool(found.plane and not found.plane.y),
        machine=bool(found.plane and found.plane.margin),
    )
    return Section("What the classifier does", body)
