"""The steps from a person's score to the decision: the picture, and the same in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from normwise.report import DecisionPath, TestOf, probability, threshold
from normwise.results import Person, Prediction
from normwise.serve.run_data import RunData

__all__ = ["Step", "decision_path", "decision_steps"]


@dataclass(frozen=True)
class Step:
    """One step in words."""

    title: str
    text: str


def decision_path(
    data: RunData, own: Prediction | None, person: Person, tests: list[TestOf]
) -> DecisionPath | None:
    """Return what is drawn; None where nothing may be shown.

    Parameters
    ----------
    data : RunData
        The run.
    own : Prediction or None
        Of the run's model.
    person : Person
        As shown.
    tests : list of TestOf
        By models that were trained without the person.
    """
    if not person.supported:
        return None
    negative, demographics = data.negative, ", ".join(person.demographics)
    if own is None or data.model is None or negative not in own.probabilities:
        return DecisionPath(negative, demographics, tests=tests) if tests else None
    rule = data.model.procedure.rule
    referred = None
    if rule.least is not None and len(rule.classes) == 2:
        column = rule.classes.index(negative)
        ends = (rule.least[1 - column], 1.0 - rule.least[column])
        referred = ends if ends[0] < ends[1] else None
    limit = rule.threshold
    if rule.costs is not None and len(rule.classes) == 2:
        table, column = np.asarray(rule.costs), rule.classes.index(negative)
        missed = table[1 - column, column] - table[1 - column, 1 - column]
        alarm = table[column, 1 - column] - table[column, column]
        limit = float(alarm / (alarm + missed))
    return DecisionPath(
        negative, demographics, own.scores, 1.0 - own.probabilities[negative], limit, referred, tests
    )


def decision_steps(data: RunData, own: Prediction | None, person: Person) -> list[Step]:
    """Return the same steps in words, in their order.

    Parameters
    ----------
    data, own, person
        As of `decision_path`.
    """
    shown, normal = person.prediction, data.saved.record.normal or "normal"
    steps = [
        Step("Support", f"Inside the range of the {normal} group." if person.supported else
             f"Outside: {person.support or 'nobody normal is like this person'}. Nothing is decided.")
    ]  # fmt: skip
    if person.supported and own is not None and data.model is not None and own.probabilities:
        steps += _model_steps(data, own, person)
    if shown is not own and shown.reason:
        steps.append(Step("Tests without this person", f"{shown.reason[0].upper()}{shown.reason[1:]}."))
    steps.append(Step("Decision", shown.decision or f"None: {shown.reason or 'nothing was evaluated'}."))
    return steps


def _model_steps(data: RunData, own: Prediction, person: Person) -> list[Step]:
    assert data.model is not None, "who has steps of a model has a model"
    rule, steps = data.model.procedure.rule, []
    for share in own.scores:
        of = f" of {share.name}" if len(own.scores) > 1 else ""
        names = ", ".join(person.demographics)
        verb = "explains" if len(person.demographics) == 1 else "explain"
        steps += [
            Step(f"Score{of}", f"{share.log_odds:+.2f}".replace("-", "−") + " in log-odds."),
            Step("Explained", f"{names} {verb} {share.explained:+.2f} of it, which is taken out: "
                 f"{share.adjusted:+.2f} is decided by.".replace("-", "−")),
        ]  # fmt: skip
    values = np.array([[own.probabilities.get(name, np.nan) for name in rule.classes]])
    steps.append(
        Step(
            "Probability",
            ", ".join(f"{name} {probability(own.probabilities[name])}" for name in own.probabilities) + ".",
        )
    )
    if rule.threshold is not None:
        score = float(rule.score(values)[0])
        side = "at or above" if score >= rule.threshold else "below"
        steps.append(
            Step(
                "Threshold",
                f"{threshold(rule.threshold)} of not being {rule.negative}:"
                f" {probability(score)} is {side} it.",
            )
        )
    elif rule.costs is not None:
        expected = (values @ np.asarray(rule.costs))[0]
        costs = ", ".join(f"{name} {cost:.2f}" for name, cost in zip(rule.classes, expected, strict=True))
        steps.append(Step("Expected cost", f"{costs}; the lowest is decided."))
    likely = rule.likely(values)
    if likely is not None:
        members = [name for name, inside in zip(rule.classes, likely[0], strict=True) if inside]
        which = "one, so that it is decided" if len(members) == 1 else "not one alone: a specialist decides"
        text = f"{', '.join(members) or 'none'}, at a coverage of {rule.coverage:g}; {which}."
        steps.append(Step("Likely classes", text))
    return steps
