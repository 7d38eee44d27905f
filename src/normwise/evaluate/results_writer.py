"""From predictions to ``evaluation.json`` and ``predictions.tsv``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from normwise.evaluate.compare_arms import (
    SideBySide,
    compare_arms,
    people_of,
)
from normwise.evaluate.cross_validation import ArmPredictions
from normwise.evaluate.leaks.alarms import LeakInputs, raise_alarms
from normwise.procedure import wished_sensitivity
from normwise.results import Arm, Evaluation, LearningCurve, Note, Permutation
from normwise.runs import PreparedRun
from normwise.schema import DecisionSection

__all__ = ["write_evaluation", "write_predictions"]


def write_evaluation(
    kind: str,
    prepared: PreparedRun,
    predictions: dict[str, ArmPredictions],
    main: str,
    notes: Sequence[Note],
    decision: DecisionSection,
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
    notes : sequence of Note
        What was found on the way.
    decision : DecisionSection
        How it was to be decided.
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
        wished_sensitivity=wished_sensitivity(decision),
        main_arm=main,
        arms=found.arms,
        differences=found.differences,
        comparisons=found.comparisons,
        notes=list(notes),
        split=section.split if kind == "crossval" else "test",
        alarms=raise_alarms(LeakInputs(kind, prepared, predictions, main, found, by_site)),
        by_site=by_site,
        learning_curve=learning_curve,
        permutation=permutation,
    )
    run = prepared.folder
    run.write(
        run.PREDICTIONS,
        write_predictions(predictions, prepared.features.values.index.to_numpy(dtype=object), groups),
    )
    run.write_result(run.EVALUATION, evaluation)
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


def write_predictions(
    predictions: dict[str, ArmPredictions], ids: NDArray[np.object_], groups: NDArray[np.object_]
) -> str:
    """Return the table as tab-separated text; ``n/a`` stands for what is not there.

    Parameters
    ----------
    predictions : dict of str to ArmPredictions
        The arms.
    ids, groups : ndarray of shape (n_scans,)
        Scan and person of each row.
    """
    frames = []
    for arm, found in predictions.items():
        scores = found.scores
        for repeat, folds in enumerate(scores.folds):
            rows = np.flatnonzero(folds >= 0)
            names = np.array([*scores.classes, "n/a"], dtype=object)
            columns: dict[str, object] = {
                "arm": arm,
                "repeat": repeat,
                "fold": folds[rows],
                "id": ids[rows],
                "group": groups[rows],
                "label": scores.labels[rows],
            }
            for position, name in enumerate(scores.classes):
                columns[f"probability_{name}"] = scores.probabilities[repeat, rows, position]
            columns["threshold"] = found.thresholds[repeat, rows]
            columns["decision"] = names[scores.decided[repeat, rows]]
            columns["reason"] = np.where(
                found.reasons[repeat, rows] == "", "n/a", found.reasons[repeat, rows]
            )
            frames.append(pd.DataFrame(columns))
    table = pd.concat(frames, ignore_index=True)
    return str(table.to_csv(sep="\t", index=False, na_rep="n/a", lineterminator="\n"))
