"""The arms of an evaluation as a small table."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from normwise.cli.output import CommandOutput
    from normwise.results import Estimate, Evaluation

__all__ = ["print_arms"]

_HEADS = {
    "auc": "AUC",
    "balanced_accuracy": "balanced acc.",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
}

_COMPARED = ("raw", "demographics")  # the report has the other differences


def print_arms(tell: CommandOutput, evaluation: Evaluation) -> None:
    """Say how the arms did, with intervals over people, and what the main one gains.

    Parameters
    ----------
    tell : CommandOutput
        Where to.
    evaluation : Evaluation
        Of a cross-validation, or of a test.
    """
    positives = " or ".join(evaluation.positives)
    tell.row("people", f"{evaluation.n_people}: {_counts(evaluation.n_per_class)}")
    tell.row("question", f"{positives} against {evaluation.negative}; {evaluation.decision}")
    tell.line()
    rows = [
        [_mark(name, evaluation), *(shown(getattr(arm, metric)) for metric in _HEADS)]
        for name, arm in evaluation.arms.items()
    ]
    if len(evaluation.arms) > 1:
        rows.append(["* what is trained"])
    tell.table([f"({evaluation.confidence:.0%} intervals)", *_HEADS.values()], rows)
    tell.line()
    for pair, metrics in evaluation.differences.items():
        first, _, second = pair.partition("-")
        if first == evaluation.main_arm and second in _COMPARED and "auc" in metrics:
            tell.row("AUC gained", f"{shown(metrics['auc'], sign=True)} over {second}")
    main = evaluation.arms[evaluation.main_arm]
    if main.undecided:
        why = "referred, or outside" if main.abstention else "outside"
        tell.row("undecided", f"{main.undecided:.1%} of people: {why} the range of the normal group")
    tell.number("people", evaluation.n_people)
    tell.number("auc", {name: arm.auc.estimate for name, arm in evaluation.arms.items()})


def shown(estimate: Estimate, *, sign: bool = False) -> str:
    """Return an estimate with its interval, as ``0.87 .79–.94``.

    Parameters
    ----------
    estimate : Estimate
        The number.
    sign : bool
        Whether a gain carries its plus.

    Examples
    --------
    >>> from normwise.results import Estimate
    >>> shown(Estimate(0.874, 0.79, 0.941)), shown(Estimate(None, None, None))
    ('0.87 .79–.94', '–')
    >>> shown(Estimate(0.031, -0.01, 0.07), sign=True)
    '+0.03 (-0.01 to +0.07)'
    """
    if estimate.estimate is None:
        return "–"
    if sign:
        text = f"{estimate.estimate:+.2f}"
        known = estimate.low is not None and estimate.high is not None
        return f"{text} ({estimate.low:+.2f} to {estimate.high:+.2f})" if known else text
    text = f"{estimate.estimate:.2f}"
    if estimate.low is None or estimate.high is None:
        return text
    low, high = (f"{end:.2f}".removeprefix("0") for end in (estimate.low, estimate.high))
    return f"{text} {low}–{high}"


def _mark(name: str, evaluation: Evaluation) -> str:
    star = "*" if name == evaluation.main_arm and len(evaluation.arms) > 1 else ""
    return f"{name.replace('_', ' ')}{star}"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())
