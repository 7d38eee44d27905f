"""Finished runs side by side, the learning curve, and what a test person can't touch."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluated import study_of
from normwise.errors import EvaluationError
from normwise.evaluate import compare_runs, cross_validate_arms, evaluate_study
from normwise.evaluate.finished_runs import read_finished_run
from normwise.evaluate.metrics.registry import METRICS
from normwise.procedure import ARMS
from normwise.results import Evaluation, read_result
from normwise.run_folder import RunFolder


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("runs")
    study = study_of(folder / "data")
    evaluate_study(study, folder / "one")
    weaker = study.model_copy(
        update={
            "classifier": study.classifier.model_copy(update={"name": "linear", "grid": {}}),
            "evaluation": study.evaluation.model_copy(update={"learning_curve": True}),
        }
    )
    evaluate_study(weaker, folder / "other")
    return folder / "one", folder / "other"


def test_predictions_read_back_give_the_same_numbers(runs: tuple[Path, Path]) -> None:
    found = read_finished_run(runs[0])
    arm = found.evaluation.arms[found.evaluation.main_arm]
    ones = np.ones((1, len(found.ids)))
    for name in ("auc", "balanced_accuracy", "brier", "mcc"):
        assert METRICS[name](found.scores)(ones)[0] == pytest.approx(arm.metrics[name].estimate), name


def test_the_same_people_are_tested_in_pairs(runs: tuple[Path, Path]) -> None:
    found = compare_runs(runs)
    areas = [each.metrics["auc"].estimate for each in found.standings]
    assert areas == sorted(areas, reverse=True)
    assert {test.test for test in found.comparisons} == {
        "paired bootstrap",
        "DeLong",
        "corrected t over folds",
    }
    delong = next(test for test in found.comparisons if test.test == "DeLong")
    assert delong.difference.estimate == pytest.approx(areas[0] - areas[1])


def test_runs_are_compared_on_the_adjusted_auc_too(runs: tuple[Path, Path]) -> None:
    found = compare_runs(runs)
    areas = [each.metrics["adjusted_auc"].estimate for each in found.standings]
    (test,) = [test for test in found.comparisons if test.metric == "adjusted_auc"]
    assert test.test == "DeLong"
    assert test.difference.estimate == pytest.approx(areas[0] - areas[1])
    read = read_finished_run(runs[0]).covariates
    assert list(read.numbers) == ["Age"]


def test_an_evaluation_is_a_frame_of_a_row_an_arm_and_metric(runs: tuple[Path, Path]) -> None:
    evaluation = read_finished_run(runs[0]).evaluation
    frame = evaluation.to_frame().set_index(["arm", "metric"])
    row = frame.loc[evaluation.main_arm, "adjusted_auc"]
    assert row["low"] == evaluation.arms[evaluation.main_arm].adjusted_auc.low
    assert set(frame.index.get_level_values("arm")) == set(evaluation.arms)


def test_every_arm_says_how_its_scores_follow_age_and_site(runs: tuple[Path, Path]) -> None:
    arms = read_finished_run(runs[0]).evaluation.arms
    for arm in arms.values():
        assert arm.adjusted_auc == arm.metrics["adjusted_auc"]
        assert arm.adjusted_auc.low < arm.adjusted_auc.estimate < arm.adjusted_auc.high
        assert [(each.variable, each.level) for each in arm.score_associations] == [
            ("Age", ""),
            ("site", "B"),
        ]
    assert abs(arms["demographics"].score_associations[0].rho.estimate) > 0.8


def test_one_run_or_an_unfinished_one_is_refused(runs: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(EvaluationError) as caught:
        compare_runs([runs[0], runs[0]])
    assert caught.value.code == "EVA-105"
    with pytest.raises(EvaluationError) as caught:
        compare_runs([runs[0], tmp_path])
    assert caught.value.code == "EVA-106"


def test_other_people_are_not_tested_in_pairs(runs: tuple[Path, Path], tmp_path: Path) -> None:
    shutil.copytree(runs[1], tmp_path / "moved")
    moved = RunFolder(tmp_path / "moved")
    head, rows = moved.read(moved.PREDICTIONS).decode().split("\n", 1)
    moved.write(moved.PREDICTIONS, head + "\n" + rows.replace("\tp", "\tq"))
    found = compare_runs([runs[0], tmp_path / "moved"])
    assert found.comparisons == []
    assert "different people" in found.notes[0]


def test_a_learning_curve_has_growing_sizes_and_the_whole_at_its_end(runs: tuple[Path, Path]) -> None:
    evaluation = read_result(Evaluation, runs[1] / "evaluation.json")
    curve = evaluation.learning_curve
    assert curve is not None
    assert curve.curve.x == sorted(curve.curve.x)
    assert curve.curve.y[-1] == pytest.approx(evaluation.arms[evaluation.main_arm].auc.estimate)
    assert "people to test on" in curve.advice


def test_poisoned_test_rows_change_nothing_that_is_learnt(small: Any) -> None:
    """In every arm: thresholds, settings and the other test people's probabilities stay byte for byte."""

    def run(X: Any) -> Any:
        return cross_validate_arms(small.study, small.roles, X, small.labels, small.groups, arms=tuple(ARMS))

    before = run(small.X)
    fold = before["raw"].scores.folds[0] == 0
    poisoned = small.X.copy()
    poisoned.iloc[np.flatnonzero(fold), :6] = 1e4
    after = run(replace(small, X=poisoned).X)
    for arm in ARMS:
        # The first fold of the first repeat learnt from everybody else, who are as they were.
        assert before[arm].settings[0] == after[arm].settings[0]
        assert before[arm].fold_thresholds[0] == after[arm].fold_thresholds[0]
