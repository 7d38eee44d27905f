"""Runs side by side: a leaderboard, and paired tests where the people are the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import ValidationError

from normwise.errors import EvaluationError
from normwise.evaluate.compare_arms import TESTED_METRICS, paired_tests
from normwise.evaluate.inference.estimates import draw_values
from normwise.evaluate.inference.intervals import draw_people
from normwise.evaluate.metrics.adjusted import DEMOGRAPHIC, Covariates
from normwise.evaluate.out_of_fold import OutOfFold
from normwise.procedure import seed_for
from normwise.results import Comparison, Evaluation, RankedRun, RunComparison, RunRecord
from normwise.run_folder import RunFolder

__all__ = ["FinishedRun", "compare_runs", "read_finished_run"]

_DRAWS = 2000
_SHARED = 0.9  # of the larger run's people; with fewer a difference speaks of other people
_FEWEST = 2


def compare_runs(folders: Sequence[str | Path]) -> RunComparison:
    """Compare finished evaluations.

    Two runs are tested in pairs over the scans that both tested, where those are nine tenths of each or more
    and have the same labels; DeLong and the bootstrap need no more, the corrected t the same folds too.

    Parameters
    ----------
    folders : sequence of path
        Run folders.

    Returns
    -------
    RunComparison
        The best AUC first.

    Raises
    ------
    EvaluationError
        EVA-105 where fewer than two runs are given or they tell other classes apart; EVA-106 where a folder
        holds no finished evaluation.
    """
    finished = [read_finished_run(Path(folder)) for folder in dict.fromkeys(map(str, folders))]
    _refuse_other_questions(finished)
    finished.sort(key=_auc, reverse=True)
    confidence = finished[0].evaluation.confidence
    tests: list[Comparison] = []
    notes: list[str] = []
    for one, other in combinations(finished, 2):
        found, note = _test(one, other, confidence)
        tests += found
        notes += [note] if note else []
    return RunComparison(
        classes=finished[0].evaluation.classes,
        negative=finished[0].evaluation.negative,
        confidence=confidence,
        standings=[_standing(each) for each in finished],
        comparisons=tests,
        notes=notes,
    )


def _refuse_other_questions(finished: list[FinishedRun]) -> None:
    questions = {
        run.folder: f"{' or '.join(run.evaluation.positives)} against {run.evaluation.negative}"
        for run in finished
    }
    if len(finished) < _FEWEST or len(set(questions.values())) > 1:
        raise EvaluationError(
            "EVA-105",
            "the runs can't be compared."
            if len(finished) >= _FEWEST
            else "a comparison needs two runs at least.",
            seen="; ".join(f"{folder}: {asked}" for folder, asked in questions.items()),
            expected="two runs or more that tell the same classes apart",
            advice="name the runs of one question",
        )


def _auc(run: FinishedRun) -> float:
    auc = run.evaluation.arms[run.evaluation.main_arm].auc.estimate
    return -1.0 if auc is None else auc


def _standing(run: FinishedRun) -> RankedRun:
    evaluation, record = run.evaluation, run.record
    arm = evaluation.arms[evaluation.main_arm]
    first = {name: getattr(arm, name) for name in ("auc", "balanced_accuracy", "sensitivity", "specificity")}
    return RankedRun(
        run=run.folder,
        title=record.title,
        arm=evaluation.main_arm,
        classifier=str(record.settings.get("classifier", {}).get("name", "")),
        extractor=record.extractor,
        split=evaluation.split,
        people=evaluation.n_people,
        scans=evaluation.n_scans,
        metrics=first | arm.metrics,
        alarms=evaluation.alarms,
    )


def _test(one: FinishedRun, other: FinishedRun, confidence: float) -> tuple[list[Comparison], str]:
    """Test one pair, or say why it can't be tested."""
    pair = f"{one.folder} and {other.folder}"
    shared, here, there = np.intersect1d(one.ids, other.ids, return_indices=True)
    if len(shared) < _SHARED * max(len(one.ids), len(other.ids)):
        return [], f"{pair} tested different people: {len(shared)} scans in both, so there is no paired test"
    mine, theirs = one.scores.take(here), other.scores.take(there)
    if (mine.labels != theirs.labels).any():
        changed = int((mine.labels != theirs.labels).sum())
        return [], f"{pair} label {changed} of their {len(shared)} shared scans differently: no paired test"
    groups = one.groups[here]
    rng = np.random.default_rng(seed_for(0, 0, 0, 1))
    weights = draw_people(mine.labels, groups, np.ones(len(shared), dtype=bool), draws=_DRAWS, rng=rng)
    covariates = one.covariates.take(here).with_others(other.covariates.take(there))
    samples = [
        draw_values(scores, groups, weights, TESTED_METRICS, covariates or None) for scores in (mine, theirs)
    ]
    tests = paired_tests((one.folder, other.folder), samples[0], samples[1], confidence)
    lost = max(len(one.ids), len(other.ids)) - len(shared)
    return tests, f"{pair} are compared over the {len(shared)} scans that both tested" if lost else ""


@dataclass(frozen=True)
class FinishedRun:
    """One run's main arm.

    Attributes
    ----------
    folder : str
        The run folder, as it was given.
    evaluation : Evaluation
        Its results.
    record : RunRecord
        What was run.
    ids, groups : ndarray of shape (n_scans,)
        Scan and person of each row of ``scores``, scans in sorted order.
    scores : OutOfFold
        Its main arm's predictions.
    covariates : Covariates
        The demographics of the scans; empty in runs of 0.1.0.
    """

    folder: str
    evaluation: Evaluation
    record: RunRecord
    ids: NDArray[np.object_]
    groups: NDArray[np.object_]
    scores: OutOfFold
    covariates: Covariates


def read_finished_run(folder: Path) -> FinishedRun:
    """Read ``evaluation.json``, ``run.json`` and ``predictions.tsv``.

    Parameters
    ----------
    folder : Path
        A run folder, after ``evaluate`` or ``test``.

    Raises
    ------
    EvaluationError
        EVA-106 where one of them is missing or is not what it should be, EVA-110 for a run of a number.
    RunError
        RUN-101, RUN-102 where one is no longer what was written.
    """
    run = RunFolder(folder)
    if (run / run.REGRESSION).is_file():
        raise EvaluationError(
            "EVA-110",
            "the run predicts a number, and runs are compared that tell classes apart.",
            subject=str(folder),
            advice="set the mean absolute errors of both regression.json side by side, of the same people",
        )
    try:
        evaluation = run.read_result(Evaluation, run.EVALUATION)
        record = run.read_result(RunRecord, run.RECORD)
        text = BytesIO(run.read(run.PREDICTIONS))
        table = pd.read_csv(text, sep="\t", dtype=str, keep_default_na=False, encoding="utf-8")
        of_main = table[table["arm"] == evaluation.main_arm]
        ids, groups, scores = _main_arm(of_main, evaluation)
        covariates = _covariates(of_main.drop_duplicates("id").sort_values("id"), record)
    except (OSError, ValidationError, KeyError, ValueError) as error:
        raise EvaluationError(
            "EVA-106",
            "there is no finished evaluation to compare.",
            subject=str(folder),
            seen=str(error).splitlines()[0] if str(error) else type(error).__name__,
            expected="a folder that normwise evaluate or test wrote",
            advice="check the path, or evaluate the study first",
        ) from error
    return FinishedRun(str(folder), evaluation, record, ids, groups, scores, covariates)


def _covariates(people: pd.DataFrame, record: RunRecord) -> Covariates:
    """Read the demographics of the scans, one row a scan: levels where the study said so, or where text."""
    declared = record.settings.get("cohort", {}).get("categorical", ())
    numbers, categories = {}, {}
    for column in people.columns:
        if not column.startswith(DEMOGRAPHIC):
            continue
        name = column.removeprefix(DEMOGRAPHIC)
        values = pd.to_numeric(people[column].replace("n/a", np.nan), errors="coerce").to_numpy(dtype=float)
        if name in declared or not np.isfinite(values[people[column] != "n/a"]).all():
            categories[name] = people[column].to_numpy(dtype=object)
        else:
            numbers[name] = values
    return Covariates(numbers, categories)


def _main_arm(
    table: pd.DataFrame, evaluation: Evaluation
) -> tuple[NDArray[np.object_], NDArray[np.object_], OutOfFold]:
    """Put an arm's rows of ``predictions.tsv`` back in place."""
    classes = tuple(evaluation.classes)
    ids, first, row = np.unique(table["id"].to_numpy(dtype=object), return_index=True, return_inverse=True)
    repeat = table["repeat"].astype(int).to_numpy()
    shape = (int(repeat.max()) + 1, len(ids))
    folds = np.full(shape, -1, dtype=np.intp)
    folds[repeat, row] = table["fold"].astype(int)
    decided = np.full(shape, -1, dtype=np.intp)
    place = {name: column for column, name in enumerate(classes)}
    decided[repeat, row] = [place.get(name, -1) for name in table["decision"]]
    probabilities = np.full((*shape, len(classes)), np.nan)
    for column, name in enumerate(classes):
        probabilities[repeat, row, column] = pd.to_numeric(table[f"probability_{name}"], errors="coerce")
    labels, groups = (table[name].to_numpy(dtype=object)[first] for name in ("label", "group"))
    return ids, groups, OutOfFold(labels, classes, evaluation.negative, probabilities, decided, folds)
