"""Cross-validation: honest, the same for any number of jobs, and blind where nothing can be learnt."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from normwise.evaluate.compare_arms import People, compare_arms
from normwise.evaluate.cross_validation import ArmPredictions, cross_validate_arms, summarize_notes
from normwise.evaluate.metrics.registry import METRICS
from normwise.evaluate.study import write_predictions
from normwise.procedure import ARMS
from normwise.results import Note
from simulated import simulate


def cross_validate(
    small: Any, arms: tuple[str, ...] = ("normalized",), jobs: int = 1
) -> dict[str, ArmPredictions]:
    return cross_validate_arms(
        small.study, small.roles, small.X, small.labels, small.groups, arms=arms, jobs=jobs
    )


def auc(found: ArmPredictions) -> float:
    return float(METRICS["auc"](found.scores)(np.ones((1, len(found.scores.labels))))[0])


def test_every_person_is_tested_once_a_repeat_by_every_arm(small: Any) -> None:
    for found in cross_validate(small, tuple(ARMS)).values():
        assert (found.scores.folds >= 0).all()
        assert np.isfinite(found.scores.probabilities).all()
        assert len(found.settings) == len(found.fold_thresholds) == 6


def test_normalization_helps_where_age_confounds(small: Any) -> None:
    found = cross_validate(simulate(150, 2), ("raw", "normalized", "demographics"))
    assert auc(found["normalized"]) > 0.9
    assert auc(found["normalized"]) > auc(found["demographics"]) + 0.2


def test_the_numbers_do_not_depend_on_the_number_of_jobs(small: Any) -> None:
    one, two = (cross_validate(small, ("raw", "normalized"), jobs=jobs) for jobs in (1, 2))
    for arm in one:
        assert np.array_equal(one[arm].scores.probabilities, two[arm].scores.probabilities)
        assert one[arm].fold_thresholds == two[arm].fold_thresholds


def test_a_test_row_never_changes_what_is_learnt(small: Any) -> None:
    before = cross_validate(small)["normalized"]
    row = 5
    changed = small.X.copy()
    changed.iloc[row, :6] += 50.0
    after = cross_validate(replace(small, X=changed))["normalized"]
    for repeat, folds in enumerate(before.scores.folds):
        mates = np.flatnonzero((folds == folds[row]) & (np.arange(len(folds)) != row))
        assert np.array_equal(
            before.scores.probabilities[repeat, mates], after.scores.probabilities[repeat, mates]
        )
        assert before.thresholds[repeat, row] == after.thresholds[repeat, row]


def test_bystanders_are_never_tested_and_never_drawn(three: Any) -> None:
    roles = replace(three.roles, targets=("MCI", "AD"))
    found = cross_validate(replace(three, roles=roles))
    scores = found["normalized"].scores
    assert (scores.folds[:, three.labels == "normal"] == -1).all()
    arms = compare_arms(
        found, People(three.groups), main="normalized", draws=200, confidence=0.95, seed=0
    ).arms
    assert sum(map(sum, arms["normalized"].confusion)) == pytest.approx(60)


def test_differences_are_paired_and_named(small: Any) -> None:
    found = cross_validate(small, ("raw", "normalized", "demographics"))
    side = compare_arms(found, People(small.groups), main="normalized", draws=200, confidence=0.95, seed=0)
    arms, differences = side.arms, side.differences
    assert set(differences) == {"normalized-raw", "normalized-demographics"}
    gap = differences["normalized-raw"]["auc"]
    assert gap.estimate == pytest.approx(arms["normalized"].auc.estimate - arms["raw"].auc.estimate)
    assert gap.low <= gap.estimate <= gap.high


def test_every_arm_is_scored_on_the_same_people(small: Any) -> None:
    X = small.X.copy()
    X.loc[X.index[small.labels == "AD"][:6], "sex"] = "X"
    found = cross_validate(replace(small, X=X), tuple(ARMS))
    arms = compare_arms(
        found, People(small.groups), main="normalized", draws=100, confidence=0.95, seed=0
    ).arms
    by_hand = found["raw"].scores
    known = np.isfinite(found["normalized"].scores.probabilities).all(axis=2, keepdims=True)
    assert not known.all()
    masked = replace(by_hand, probabilities=np.where(known, by_hand.probabilities, np.nan))
    assert arms["raw"].auc.estimate == auc(replace(found["raw"], scores=masked))


def test_predictions_have_a_row_an_arm_repeat_and_scan(small: Any) -> None:
    found = cross_validate(small, ("raw", "normalized"))
    ids = small.X.index.to_numpy(dtype=object)
    table = io.StringIO()
    write_predictions(table, found, ids, small.groups)
    lines = table.getvalue().splitlines()
    assert len(lines) == 1 + 2 * 2 * 60
    assert lines[0].split("\t") == [
        "arm", "repeat", "fold", "id", "group", "label", "probability_normal", "probability_AD",
        "threshold", "decision", "reason",
    ]  # fmt: skip


@pytest.mark.slow
def test_shuffled_labels_give_an_auc_of_one_half() -> None:
    small = simulate(40, 7)
    once = small.study.evaluation.model_copy(update={"repeats": 1})
    small = replace(small, study=small.study.model_copy(update={"evaluation": once}))
    rng = np.random.default_rng(0)
    areas = []
    for _ in range(200):
        shuffled = replace(small, labels=rng.permutation(small.labels))
        areas.append(auc(cross_validate(shuffled)["normalized"]))
    error = np.std(areas, ddof=1) / np.sqrt(len(areas))
    assert abs(np.mean(areas) - 0.5) < 2.5 * error


def test_a_kind_of_warning_is_noted_once_with_its_arms(small: Any) -> None:
    found = cross_validate(small, ("raw", "normalized"))
    several = (Note("NRM-1", "a in 3", value=3), Note("NRM-1", "a in 4"), Note("NRM-2", "b"))
    found["raw"] = replace(found["raw"], notes=several)
    found["normalized"] = replace(found["normalized"], notes=(Note("NRM-1", "a in 5"),))
    assert summarize_notes(found) == [
        Note("NRM-1", "a in 3 (arms: raw, normalized; 2 more of this kind)", value=3),
        Note("NRM-2", "b (arms: raw)"),
    ]
