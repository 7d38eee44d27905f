"""From predictions to ``evaluation.json`` and ``predictions.tsv``."""

from __future__ import annotations

from collections.abc import Sequence

from normwise.evaluate.alarms import Evidence, raise_alarms
from normwise.evaluate.comparisons import SideBySide, compare_arms, people_of
from normwise.evaluate.crossval import ArmPredictions
from normwise.evaluate.predictions import write_predictions
from normwise.files import write_text
from normwise.procedure import PreparedRun
from normwise.results import Arm, Evaluation, LearningCurve, Permutation, write_result

__all__ = ["write_evaluation"]


def write_evaluation(
    kind: str,
    prepared: PreparedRun,
    predictions: dict[str, ArmPredictions],
    main: str,
    notes: Sequence[str],
    rule: str,
    *,
    other_sites: ArmPredictions | None = None,
    learning_curve: LearningCurve | None = None,
    permutation: Permutation | None = None,
) -> Evaluation:
    """Estimate, compare, look for leaks, and write.

    Parameters
    ----------
    kind : str
        ``"crossval"`` or ``"test"``.
    prepared : PreparedRun
        The run.
    predictions : dict of str to ArmPredictions
        The arms.
    main : str
        The arm that is trained and saved.
    notes : sequence of str
        What was found on the way.
    rule : str
        The decision rule in words.
    other_sites : ArmPredictions, optional
        The main arm, tested on sites it was not trained on.
    learning_curve : LearningCurve, optional
        Where it was asked for.
    permutation : Permutation, optional
        Where it was asked for.
    """
    section, scores = prepared.study.evaluation, predictions[main].scores
    labels, groups = prepared.labels, prepared.groups
    found = _compare(prepared, predictions, main)
    by_site: Arm | None = None
    if other_sites is not None:
        by_site = _compare(prepared, {main: other_sites}, main).arms[main]
    evaluation = Evaluation(
        kind=kind,
        classes=list(scores.classes),
        negative=scores.negative,
        positives=[name for name in scores.classes if name != scores.negative],
        n_people=len(set(groups)),
        n_scans=len(labels),
        n_per_class={name: int((labels == name).sum()) for name in prepared.cohort.roles.classes},
        folds=int(scores.folds.max()) + 1,
        repeats=len(scores.folds),
        seed=section.seed,
        confidence=section.confidence,
        decision=rule,
        main_arm=main,
        arms=found.arms,
        differences=found.differences,
        comparisons=found.comparisons,
        notes=list(notes),
        split=section.split if kind == "crossval" else "test",
        alarms=raise_alarms(Evidence(kind, prepared, predictions, main, found, by_site)),
        by_site=by_site,
        learning_curve=learning_curve,
        permutation=permutation,
    )
    write_text(
        prepared.folder / "predictions.tsv",
        write_predictions(predictions, prepared.features.values.index.to_numpy(dtype=object), groups),
    )
    write_result(evaluation, prepared.folder / "evaluation.json")
    return evaluation


def _compare(prepared: PreparedRun, predictions: dict[str, ArmPredictions], main: str) -> SideBySide:
    section = prepared.study.evaluation
    return compare_arms(
        predictions,
        people_of(prepared),
        main=main,
        draws=section.bootstrap,
        confidence=section.confidence,
        seed=section.seed,
    )
