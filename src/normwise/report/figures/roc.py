"""ROC curves of the arms, the main one in front."""

from __future__ import annotations

from typing import TYPE_CHECKING

from normwise.report.figures.canvas import COLOURS, SERIES, drawing, new_figure
from normwise.report.figures.lines import DASHES
from normwise.report.wording import number, short_arm
from normwise.results import Evaluation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_roc"]


def draw_roc(evaluation: Evaluation) -> Figure | None:
    """Draw sensitivity over false positive rate; None where no arm has a curve.

    Parameters
    ----------
    evaluation : Evaluation
        Arms with their curves; those without one are left out.
    """
    drawn = {name: arm for name, arm in evaluation.arms.items() if arm.roc.x}
    if not drawn:
        return None
    others = [name for name in drawn if name != evaluation.main_arm]
    with drawing():
        figure = new_figure(460, 460)
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], color=COLOURS["rule"], linewidth=1.2, zorder=1)
        for name, arm in drawn.items():
            label = f"{short_arm(name)}  {number(arm.auc.estimate)}"
            if name == evaluation.main_arm:
                axes.plot(arm.roc.x, arm.roc.y, color=COLOURS["main"], linewidth=3, label=label, zorder=3)
                continue
            place = others.index(name)
            axes.plot(
                arm.roc.x, arm.roc.y, label=label, zorder=2, linewidth=1.5,
                color=COLOURS[SERIES[place % len(SERIES)]], linestyle=DASHES[place % len(DASHES)],
            )  # fmt: skip
        axes.set_xlim(-0.01, 1.01)
        axes.set_ylim(-0.01, 1.01)
        axes.set_aspect("equal")
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "0.25", "0.50", "0.75", "1"])
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "0.25", "0.50", "0.75", "1"])
        axes.grid(visible=True)
        axes.set_xlabel("False positive rate (1 − specificity)")
        axes.set_ylabel("Sensitivity")
        legend = axes.legend(loc="lower right", title="Arm and AUC", alignment="left", handlelength=2.4)
        legend.get_title().set_color(COLOURS["soft"])
        legend.get_title().set_fontsize(11)
    return figure
