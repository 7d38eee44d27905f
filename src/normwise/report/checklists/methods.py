"""What a run says of its training, its test and its results, in sentences."""

from __future__ import annotations

from normwise.report.checklists.facts import setting
from normwise.report.saved_run import SavedRun
from normwise.report.sections.decisions import worst
from normwise.report.wording import (
    chance,
    count,
    interval,
    joined,
    metric_title,
    number,
    percent,
    short_arm,
    signed_interval,
    spread,
)
from normwise.results import METRIC_NAMES, Arm

__all__ = [
    "analysis", "development", "disjoint", "ensembling", "explainability", "external", "failures", "fairness",
    "goal", "initialization", "internal", "leaks", "metrics", "model", "model_selection", "output",
    "partitions", "performance", "robustness", "sample_size", "specification", "training", "uncertainty",
    "updating", "usability",
]  # fmt: skip

_SPLITS = {
    "kfold": "stratified folds of people",
    "leave_one_out": "one person left out",
    "site": "one site left out",
    "group": "one group left out",
}


def partitions(run: SavedRun) -> str:
    """Say who was trained on and who was tested."""
    evaluation = run.evaluation
    if evaluation is None:
        return ""
    if run.tested_elsewhere:
        return "A saved model was tested on another cohort, of people it was not trained on."
    split = _SPLITS.get(evaluation.split, evaluation.split)
    inner = setting(run, "evaluation", "inner_folds")
    tuned = (
        f" Settings and threshold were chosen on {inner} inner folds of each training part." if inner else ""
    )
    folds, repeats = count(evaluation.folds, "fold"), count(evaluation.repeats, "repeat")
    return f"{split.capitalize()}: {folds}, {repeats}, seed {evaluation.seed}.{tuned}"


def disjoint(run: SavedRun) -> str:
    """Say at which level the parts are disjoint."""
    if run.evaluation is None:
        return ""
    if run.tested_elsewhere:
        known = next((note for note in run.evaluation.notes if note.code == "EVA-102"), None)
        text = "The saved model was tested as it is; nothing was fitted to the tested people."
        return f"{text} Some of them it had been trained on: {known.text}." if known else text
    return (
        "At the level of people: all scans of one person lie in the same part, which the program asserts for "
        "every fold. Extractor (if learnt), normalizer, selection, scaling, tuning and threshold "
        "see the training part alone."
    )


def model(run: SavedRun) -> str:
    """Describe the classifier."""
    name = setting(run, "classifier", "name")
    if name is None:
        return ""
    choices = setting(run, "classifier", "choices", [])
    fixed = setting(run, "classifier", "parameters", {})
    text = f"Classifier: {f'chosen among {joined(choices)}' if choices else name}"
    text += (
        f", fixed settings {', '.join(f'{key} = {value}' for key, value in fixed.items())}" if fixed else ""
    )
    return f"{text}; inputs: {count(run.record.n_features, 'feature')}; output: a probability of each class."


def training(run: SavedRun) -> str:
    """Say how the classifier was fitted and tuned."""
    text = model(run)
    if not text:
        return ""
    grid = setting(run, "classifier", "grid", {})
    tried = "; ".join(f"{key}: {', '.join(map(str, values))}" for key, values in grid.items())
    solver = setting(run, "classifier", "solver")
    return (
        f"{text} {f'Solver: {solver}. ' if solver else ''}"
        f"Tuned settings: {tried or 'the grid of the classifier as this version ships it'}."
    )


def model_selection(run: SavedRun) -> str:
    """Say how settings were chosen."""
    if run.main is None and run.explanation is None:
        return ""
    rule = setting(run, "classifier", "rule", "best")
    how = (
        "the simplest within one standard error of the least" if rule == "one_standard_error" else "the least"
    )
    return f"By {how} log loss over the inner folds of the training part, never on test people."


def initialization(run: SavedRun) -> str:
    """Say where parameters start."""
    return f"Everything drawn at random, folds and starting values too, follows from seed {run.record.seed}."


def ensembling(run: SavedRun) -> str:
    """Say whether models were put together."""
    name = setting(run, "classifier", "name")
    if name is None:
        return ""
    members = setting(run, "classifier", "parameters", {}).get("ensemble")
    if members:
        return f"{members} networks were put together, their probabilities averaged."
    return "The random forest averages its trees." if name == "forest" else "None."


def goal(run: SavedRun) -> str:
    """Say which kind of study it is."""
    if run.tested_elsewhere:
        return "External testing of a trained model."
    return "Model creation, with internal testing by cross-validation." if run.evaluation else ""


def analysis(run: SavedRun) -> str:
    """Say the analysis from data to test."""
    return " ".join(part for part in (partitions(run), training(run), metrics(run), uncertainty(run)) if part)


def metrics(run: SavedRun) -> str:
    """List the metrics."""
    if run.main is None:
        return ""
    names = list(dict.fromkeys([*METRIC_NAMES, *run.main.metrics]))
    curves = [
        name
        for name, there in (
            ("ROC", run.main.roc.x),
            ("precision–recall", run.main.precision_recall),
            ("calibration", run.main.calibration),
            ("decision curve", run.main.decision_curve),
        )
        if there
    ]
    return f"Metrics: {joined([metric_title(name) for name in names])}. Curves: {joined(curves) or 'none'}."


def uncertainty(run: SavedRun) -> str:
    """Say how intervals and differences were estimated."""
    evaluation = run.evaluation
    if evaluation is None:
        return ""
    draws = setting(run, "evaluation", "bootstrap")
    tests = list(dict.fromkeys(row.test for row in evaluation.comparisons))
    text = f"{100 * evaluation.confidence:g} % intervals over people"
    text += f" ({draws} bootstrap samples)" if draws else ""
    if evaluation.differences:
        text += "; differences between arms are paired on the same people"
    return f"{text}{f'; tests: {joined(tests)}' if tests else ''}."


def output(run: SavedRun) -> str:
    """Say what the model gives and how it becomes a decision."""
    evaluation, arm = run.evaluation, run.main
    if evaluation is None or arm is None:
        return ""
    text = f"A probability of each of {joined(evaluation.classes)}; decision: {evaluation.decision}."
    if arm.undecided:
        text += f" No decision was made in {percent(arm.undecided)} of the tests."
    return text


def development(run: SavedRun) -> str:
    """Count people and patients in each analysis."""
    evaluation = run.evaluation
    if evaluation is None:
        return ""
    sizes = joined([f"{size:,} {name}" for name, size in evaluation.n_per_class.items()])
    arms = joined([short_arm(name).lower() for name in evaluation.arms])
    if len(evaluation.arms) == 1:
        return f"{count(evaluation.n_people, 'person', 'people')} ({sizes} scans)."
    return f"{count(evaluation.n_people, 'person', 'people')} ({sizes} scans) in each of the arms: {arms}."


def sample_size(run: SavedRun) -> str:
    """Say how many people there are for how many parameters, and what more would bring."""
    evaluation = run.evaluation
    if evaluation is None:
        return ""
    smallest = min(evaluation.classes, key=lambda name: evaluation.n_per_class.get(name, 0))
    events = evaluation.n_per_class.get(smallest, 0)
    text = (
        f"All eligible people were used: {count(evaluation.n_people, 'person', 'people')}; the smallest "
        f"class ({smallest}) has {count(events, 'scan')}, for {count(run.record.n_features, 'feature')}"
    )
    text += f" ({number(events / run.record.n_features, 1)} a feature)." if run.record.n_features else "."
    curve = evaluation.learning_curve
    return f"{text} {curve.advice}" if curve and curve.advice else text


def performance(run: SavedRun) -> str:
    """Say what was reached, with intervals."""
    if run.main is None or run.evaluation is None:
        return ""
    text = f"{run.main.title}: {_figures(run.main)}."
    if run.evaluation.by_site is not None:
        text += f" At sites never seen: {_figures(run.evaluation.by_site)}."
    return f"{text} Subgroups: see the report." if run.main.subgroups else text


def _figures(arm: Arm) -> str:
    names = list(dict.fromkeys([*METRIC_NAMES, *arm.metrics]))
    found = [(name, arm.metrics.get(name) or getattr(arm, name)) for name in names]
    return ", ".join(
        f"{metric_title(name)} {number(row.estimate)} ({spread(row, name)})"
        for name, row in found
        if row.estimate is not None
    )


_MOST = 8  # figures of one kind in a checklist; the report has all


def fairness(run: SavedRun) -> str:
    """Say how subgroups fared."""
    arm = run.main
    if arm is None or not (arm.subgroups or arm.errors or arm.score_associations):
        return ""
    rows = [
        f"{row.name} {row.level} ({row.people} people) AUC {interval(row.metrics['auc'])}"
        for row in arm.subgroups
        if "auc" in row.metrics and row.metrics["auc"].estimate is not None
    ]
    shown = (
        f"{'; '.join(rows[:_MOST])}{' and more in the report' if len(rows) > _MOST else ''}. " if rows else ""
    )
    errors = "; ".join(
        f"{row.demographic} {signed_interval(row.rho, 2)}"
        for row in arm.errors
        if row.rho.estimate is not None
    )
    scores = "; ".join(
        f"{row.variable}{f' {row.level}' if row.level else ''} {signed_interval(row.rho, 2)}"
        for row in arm.score_associations[:_MOST]
        if row.rho.estimate is not None
    )
    parts = [
        f"Rank correlation of the error with demographics: {errors}." if errors else "",
        f"Rank correlation of the scores of negative people with demographics: {scores}." if scores else "",
    ]
    return shown + " ".join(part for part in parts if part)


def robustness(run: SavedRun) -> str:
    """Say what was varied."""
    evaluation = run.evaluation
    if evaluation is None:
        return ""
    parts = []
    if len(evaluation.arms) > 1:
        aucs = [f"{short_arm(name).lower()} {interval(arm.auc)}" for name, arm in evaluation.arms.items()]
        parts.append(f"Treatments of the demographics, AUC: {joined(aucs)}.")
        adjusted = [
            f"{short_arm(name).lower()} {interval(arm.adjusted_auc)}"
            for name, arm in evaluation.arms.items()
            if arm.adjusted_auc.estimate is not None
        ]
        if adjusted:
            parts.append(f"Adjusted for the demographics (Janes and Pepe 2009), AUC: {joined(adjusted)}.")
    if evaluation.by_site is not None:
        parts.append(f"Sites never seen: AUC {interval(evaluation.by_site.auc)}.")
    if evaluation.permutation is not None:
        found = evaluation.permutation
        parts.append(f"{len(found.shuffled)} shuffles of the labels: p {chance(found.p)}.")
    return " ".join(parts)


def explainability(run: SavedRun) -> str:
    """Say what the model looks at."""
    found = run.explanation
    if found is None or not (found.importances or found.trajectories):
        return ""
    names = [row.feature for row in found.importances[:5]]
    text = f"{found.importance_kind.capitalize()}: heaviest are {joined(names)}." if names else ""
    where = " They are shown as regions on MNI152 slices." if found.atlas else ""
    courses = (
        " Normal trajectories with centiles show the patients beside the normals."
        if found.trajectories
        else ""
    )
    return f"{text}{where}{courses}".strip()


def specification(run: SavedRun) -> str:
    """Say where the whole model can be had."""
    if run.explanation is None:
        return ""
    return (
        "explanation.json lists every weight; normwise train writes the whole model (normalizer, classifier, "
        f"threshold) as files without code. {explainability(run)}"
    )


_LEAKS = (
    "EVA-301", "EVA-302", "EVA-303", "EVA-304", "EVA-305", "EVA-306", "EVA-307", "EVA-308", "EVA-318",
)  # fmt: skip


def leaks(run: SavedRun) -> str:
    """Say what the alarms for leaks found."""
    evaluation = run.evaluation
    if evaluation is None:
        return ""
    found = [
        f"{alarm.title}: {alarm.seen}."
        for alarm in evaluation.alarms
        if alarm.severity != "note" and alarm.code in _LEAKS
    ]
    if not found:
        return f"{disjoint(run)} No alarm for leaks was raised."
    return f"{disjoint(run)} Alarms raised: {' '.join(found)}"


def internal(run: SavedRun) -> str:
    """Say what was reached on people of the same cohort."""
    return "" if run.tested_elsewhere or run.main is None else performance(run)


def external(run: SavedRun) -> str:
    """Say what was reached on another cohort."""
    return performance(run) if run.tested_elsewhere else ""


def updating(run: SavedRun) -> str:
    """Say whether the model was changed after its test."""
    return "None: the model was not updated after the test." if run.evaluation else ""


def failures(run: SavedRun) -> str:
    """Name the worst mistakes and count them."""
    evaluation = run.evaluation
    if evaluation is None or not run.scored:
        return ""
    missed, alarms = worst(run.scored, evaluation.classes, evaluation.negative, most=len(run.scored))
    return (
        f"{count(len(missed), 'scan')} of patients and {count(len(alarms), 'scan')} of {evaluation.negative} "
        "people were decided wrongly more often than rightly; the report lists the surest mistakes, with "
        "pictures where there are any."
    )


def usability(run: SavedRun) -> str:
    """Say what happens with people and images that the model does not fit."""
    if run.explanation is None:
        return ""
    return (
        "A person outside the demographics of the normal group, a missing feature and a failed image get no "
        "decision and a reason, never a silent guess; normwise predict needs the image or its features, and "
        f"{joined(run.record.demographics) or 'no demographics'}."
    )
