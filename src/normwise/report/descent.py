"""The page of gradient descent: both costs, three rates, one weight, and the rates that a study bears."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from normwise.files import write_text
from normwise.report.figures.canvas import inline_svg
from normwise.report.figures.curves import draw_costs
from normwise.report.figures.weights import draw_one_weight
from normwise.report.render import render
from normwise.reprs import ShortRepr
from normwise.results import Curve

__all__ = ["DescentOfCost", "write_descent"]


@dataclass(frozen=True, repr=False)
class DescentOfCost(ShortRepr):
    """What the page shows of one cost function.

    Attributes
    ----------
    name : str
        ``"squared"`` or ``"cross_entropy"``.
    curves : dict of str to Curve
        By rate: cost (y) over steps (x), of all weights together.
    by_arm : dict of str to float
        The largest stable rate of each arm of the study.
    weight : str
        The feature whose weight alone is shown; empty where there is none.
    line : Curve
        Cost (y) over that weight (x).
    steps : dict of str to Curve
        By rate: the steps on that line.
    weight_rate : float
        The largest stable rate of that weight alone.
    """

    name: str
    curves: dict[str, Curve]
    by_arm: dict[str, float]
    weight: str
    line: Curve
    steps: dict[str, Curve]
    weight_rate: float

    @property
    def title(self) -> str:
        """The cost in words."""
        return {"squared": "Squared cost", "cross_entropy": "Cross-entropy cost"}[self.name]

    @property
    def limit(self) -> float:
        """What a rate for the whole study has to stay below."""
        return min(self.by_arm.values())

    def drawings(self) -> tuple[list[Markup], Markup]:
        """Draw one weight, a picture a rate, and all weights together."""
        of_one = [
            inline_svg(
                draw_one_weight(self.line, name, steps, self.weight, place),
                f"weight-{self.name}-{place}",
                f"{self.title} over the weight of {self.weight}, steps at the {name}: {_fall(steps)}.",
            )
            for place, (name, steps) in enumerate(self.steps.items())
        ]
        falls = "; ".join(f"{name}: {_fall(curve)}" for name, curve in self.curves.items())
        return of_one, inline_svg(
            draw_costs(self.curves), f"cost-{self.name}", f"{self.title} over steps. {falls}."
        )


def write_descent(costs: Sequence[DescentOfCost], path: Path, *, title: str, features: int) -> Path:
    """Write the page.

    Parameters
    ----------
    costs : sequence of DescentOfCost
        In the page's order.
    path : Path
        The file.
    title : str
        The study's.
    features : int
        How many weights are trained together.
    """
    shown = [(cost, *cost.drawings()) for cost in costs]
    write_text(path, render("descents.html", title=title, costs=shown, features=features))
    return path


def _fall(curve: Curve) -> str:
    return f"{curve.y[0]:.3g} to {curve.y[-1]:.3g} in {len(curve.y) - 1} steps" if curve.y else "no steps"
