"""The whole result at a glance and in plain sentences, and what may make the numbers too good.

Whether something helped is said by the interval of its paired difference alone: above zero, below zero, or
not told apart.
"""

from __future__ import annotations

from dataclasses import dataclass

from normwise.report.render import Section, render
from normwise.report.saved_run import SavedRun
from normwise.report.sections.cohort import all_warnings, grouped
from normwise.report.wording import (
    UNDEFINED,
    bounds,
    count,
    ends,
    interval,
    joined,
    number,
    percent,
    sign,
    signed_interval,
    verdict,
)
from normwise.results import Alarm, Arm, Estimate, Evaluation, RunRecord

__all__ = [
    "SEVERITIES",
    "KeyFigure",
    "alarms",
    "key_figures",
    "limits",
    "main_difference",
    "ranked",
    "sentences",
    "summary",
]


@dataclass(frozen=True)
class KeyFigure:
    """A number to be seen first."""

    name: str
    value: str
    interval: str


def summary(run: SavedRun) -> Section:
    """Say what was asked, who was in, what came out and what stays open."""
    body = render(
        "summary.html",
        alarms=[alarm for alarm in ranked(run.evaluation.alarms) if alarm.severity != "note"]
        if run.evaluation
        else [],
        figures=key_figures(run),
        sentences=sentences(run),
        limits=limits(run),
        warnings=len(all_warnings(run)),
        kinds=len(grouped(all_warnings(run))),
        confidence=run.evaluation.confidence if run.evaluation else None,
    )
    return Section("Summary", body)


def key_figures(run: SavedRun) -> list[KeyFigure]:
    """Return both AUCs, both shares at the threshold and what normalization changed; empty without a test."""
    evaluation, arm = run.evaluation, run.main
    if evaluation is None or arm is None:
        return []
    figures = [
        _figure(name, row)
        for name, row in (
            ("AUC", arm.auc),
            *([("Adjusted AUC", arm.adjusted_auc)] if arm.adjusted_auc.estimate is not None else []),
            ("Sensitivity", arm.sensitivity),
            ("Specificity", arm.specificity),
        )
    ]
    change = main_difference(evaluation, "raw")
    if change is not None and change.estimate is not None:
        figures.append(KeyFigure("Change in AUC from raw", sign(change.estimate), ends(change)))
    return figures


def _figure(name: str, row: Estimate) -> KeyFigure:
    if row.estimate is None:
        return KeyFigure(name, "–", UNDEFINED)
    return KeyFigure(name, number(row.estimate), bounds(row))


SEVERITIES = {
    "severe": "Clear this up before a number is published",
    "caution": "Read this before a number is quoted",
    "note": "For the record",
}
"""Severities, the gravest first, and what each asks of the reader."""


def alarms(run: SavedRun) -> Section | None:
    """Show what was found, the gravest first."""
    found = ranked(run.evaluation.alarms if run.evaluation else [])
    if not found:
        return None
    urgent = sum(alarm.severity != "note" for alarm in found)
    body = render("alarms.html", alarms=found, severities=SEVERITIES)
    return Section(count(urgent, "alarm").capitalize() if urgent else "Checks for leaks", body)


def ranked(found: list[Alarm]) -> list[Alarm]:
    """Return alarms with the gravest first; an unknown severity counts as severe."""
    order = list(SEVERITIES)
    return sorted(found, key=lambda alarm: order.index(alarm.severity) if alarm.severity in order else 0)


_FEW = 50  # people in a class, below which the interval of a share can be wider than ± 14 points


def sentences(run: SavedRun) -> list[tuple[str, str]]:
    """Return the summary as pairs: what it is about, and the sentences."""
    evaluation, arm = run.evaluation, run.main
    if evaluation is None or arm is None:
        return [("Done", _done(run)), ("People", _people(run)), ("Not done", _not_done(run))]
    parts = [
        ("Question", _question(run, evaluation)),
        ("People", _people(run)),
        ("Result", _result(evaluation, arm)),
    ]
    if "raw" in evaluation.arms and evaluation.main_arm != "raw":
        parts.append(("Normalization", _normalization(evaluation)))
    if "demographics" in evaluation.arms:
        parts.append(("Demographics", _demographics(evaluation, run.record)))
    return [*parts, ("Decision", _decision(evaluation, arm))]


def limits(run: SavedRun) -> list[str]:
    """Return what the run can't tell, the gravest first; empty where nothing was tested."""
    evaluation = run.evaluation
    if evaluation is None:
        return []
    parts = [
        "One other cohort was tested. Further scanners and hospitals may give other figures."
        if run.tested_elsewhere
        else "All people come from one cohort. Other scanners, hospitals and mixes of disease usually give "
        "lower figures; normwise test on another cohort measures that."
    ]
    sizes = {name: evaluation.n_per_class.get(name, 0) for name in evaluation.classes}
    total = sum(sizes.values())
    if total:
        patients = percent((total - sizes.get(evaluation.negative, 0)) / total)
        parts.append(
            f"{patients} of the tested scans are of patients. Where disease is rarer, more of the positive "
            "decisions are false alarms, at the same sensitivity and specificity."
        )
    smallest = min(sizes, key=lambda name: sizes[name])
    if sizes[smallest] < _FEW:
        parts.append(
            f"The smallest class, {smallest}, has {count(sizes[smallest], 'scan')}: every figure about it is "
            "uncertain, and the intervals say how much."
        )
    return [
        *parts,
        "The labels are taken as true. An error in the diagnosis counts as an error of the model.",
        "The intervals cover the draw of people. They do not cover trying many studies and telling the best.",
    ]


def main_difference(evaluation: Evaluation, other: str, metric: str = "auc") -> Estimate | None:
    """Return how far a metric of the study's arm lies above another arm's, on the same people."""
    return evaluation.differences.get(f"{evaluation.main_arm}-{other}", {}).get(metric)


def _question(run: SavedRun, evaluation: Evaluation) -> str:
    who = (
        "people of another cohort than the one it was trained on"
        if run.tested_elsewhere
        else "people it was not trained on"
    )
    taken = evaluation.main_arm in ("normalized", "adjusted", "normalized_all")
    out = _once_taken_out(run.record) if taken else ""
    return (
        f"Can a model tell {joined(evaluation.positives, 'or')} from {evaluation.negative} in {who}, by "
        f"{_measured(run.record)}{out}?"
    )


def _done(run: SavedRun) -> str:
    if run.explanation is None:
        return f"{_measured(run.record)} were measured on each scan. No model was trained in this run."
    apart = joined(run.record.classes) or "the classes"
    does = f"tells {apart} apart" if run.target is None else f"predicts {run.target}"
    return f"A model that {does} was trained on {_measured(run.record)}{_once_taken_out(run.record)}."


def _measured(record: RunRecord) -> str:
    return f"{count(record.n_features, 'feature')} ({record.extractor})"


def _once_taken_out(record: RunRecord) -> str:
    if not record.demographics:
        return ""
    names = joined(record.demographics)
    return f", after what {names} explain in the {record.normal} group has been taken out"


def _people(run: SavedRun) -> str:
    record, evaluation = run.record, run.evaluation
    left = record.n_listed - record.n_included
    rows = f"{count(record.n_listed, 'row')} of the table"
    flow = (
        f"{record.n_included:,} of {rows} take part; the other {left:,} were left out for the reasons below."
        if left
        else f"All {rows} take part."
    )
    if evaluation is None:
        return flow
    classes = joined([f"{size:,} {name}" for name, size in evaluation.n_per_class.items()])
    people = count(evaluation.n_people, "person", "people")
    scans = f" with {count(evaluation.n_scans, 'scan')}" if evaluation.n_scans != evaluation.n_people else ""
    return f"{people}{scans}: {classes}. {flow}"


def _not_done(run: SavedRun) -> str:
    if run.explanation is None:
        return "Nothing was tested. normwise evaluate compares the arms on these features."
    return (
        "The model has not been tested in this run: nothing on this page says how well it works on other "
        "people. normwise evaluate answers that by cross-validation, normwise test on another cohort."
    )


def _result(evaluation: Evaluation, arm: Arm) -> str:
    auc = arm.auc
    if auc.estimate is None:
        return "The AUC is not defined: a class has no predictions."
    shown = f"{number(auc.estimate)} ({_level(evaluation)} {bounds(auc)})"
    if len(evaluation.classes) == 2:
        text = (
            f"The AUC is {shown}: with one person drawn from {evaluation.positives[0]} and one from "
            f"{evaluation.negative}, the first gets the higher score in {100 * auc.estimate:.0f} of 100 "
            "draws."
        )
    else:
        text = f"The AUC, a mean over pairs of classes (Hand and Till), is {shown}."
    if arm.adjusted_auc.estimate is not None:
        text += (
            f" Among people of the same demographics it is {interval(arm.adjusted_auc)}: the adjusted AUC."
        )
    if auc.low is not None and auc.low <= 0.5:
        text += (
            " The interval of the AUC holds 0.5, so these people do not show that the classes can be told "
            "apart at all."
        )
    if evaluation.kind == "test":
        return f"{text} Every person was scored by the saved model."
    folds = f"{count(evaluation.folds, 'fold')}, {count(evaluation.repeats, 'repeat')}, tuning inside"
    return f"{text} Every person was scored by models that were trained without them ({folds})."


def _normalization(evaluation: Evaluation) -> str:
    same = "on the same people and folds, the AUC"
    change = main_difference(evaluation, "raw", "adjusted_auc")
    if change is not None and change.estimate is not None:
        # Raw features may owe their AUC to the patients' age.
        same = "on the same people and folds, and among those of the same demographics, the AUC"
    else:
        change = main_difference(evaluation, "raw")
    if change is None or change.estimate is None:
        return "The difference from raw features is not defined."
    size = f"{number(abs(change.estimate), 3)} ({_level(evaluation)} of the difference {ends(change)})"
    if verdict(change) == "higher":
        return f"It helped: {same} is higher than with raw features by {size}."
    if verdict(change) == "lower":
        return f"It did harm here: {same} is lower than with raw features by {size}."
    return (
        f"Whether it helped can't be told from these people: {same} differs from the raw features' by "
        f"{sign(change.estimate)} ({_level(evaluation)} {ends(change)}), and the interval holds zero."
    )


def _demographics(evaluation: Evaluation, record: RunRecord) -> str:
    alone = interval(evaluation.arms["demographics"].auc)
    text = f"By {joined(record.demographics) or 'the demographics'} alone: AUC {alone}."
    change = main_difference(evaluation, "demographics")
    if change is None or change.estimate is None or verdict(change) == UNDEFINED:
        return text
    size = f"{number(abs(change.estimate), 3)}"
    if verdict(change) == "higher":
        return f"{text} The arm of this study reaches {size} more ({ends(change)})."
    if verdict(change) == "lower":
        return f"{text} The arm of this study reaches {size} less ({ends(change)}): be wary of it."
    return f"{text} The arm of this study is not shown to do better than that: {signed_interval(change)}."


def _decision(evaluation: Evaluation, arm: Arm) -> str:
    shares = f"sensitivity {interval(arm.sensitivity)}, specificity {interval(arm.specificity)}"
    parts = [
        f"The rule: {evaluation.decision}.",
        f"Reached, among the people for whom a decision was made: {shares}.",
    ]
    wished, reached = evaluation.wished_sensitivity, arm.sensitivity
    # Two digits where they are the whole of it.
    goal = f"{wished:g}" if wished is not None and round(wished, 2) != wished else number(wished)
    referred = arm.abstention.referred.estimate if arm.abstention else None
    if referred is not None:
        parts.append(f"{percent(referred)} were referred to a specialist and are not in the two figures.")
        if wished is not None:
            parts.append(f"The wished {goal} was for everybody, not for those who are left.")
    elif wished is not None and reached.low is not None and reached.high is not None:
        if reached.high < wished:
            parts.append(f"That is short of the wished {goal}.")
        elif reached.low > wished:
            parts.append(f"That is above the wished {goal}: the rule was more careful than asked.")
        else:
            parts.append(f"The wished {goal} lies inside the interval.")
    if arm.undecided > 0:
        parts.append(f"For {percent(arm.undecided)} of the tests no decision was made.")
    return " ".join(parts)


def _level(evaluation: Evaluation) -> str:
    return f"{100 * evaluation.confidence:g}\u00a0% interval"
