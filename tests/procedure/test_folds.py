"""Folds by person, site and group: every target scan tested once, nobody on both sides."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedKFold

from normwise.errors import ProcedureError
from normwise.procedure.folds import (
    Fold,
    assert_no_person_on_both_sides,
    draw_folds,
    draw_repeats,
    leave_group_out,
    seed_for,
)
from normwise.schema import EvaluationSection


def cohort(seed: int, people: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    sessions = rng.integers(1, 4, size=people)
    groups = np.repeat([f"p{number}" for number in range(people)], sessions).astype(object)
    kinds = np.array(["normal", "AD", "control"], dtype=object)[np.arange(people) % 3]
    return np.repeat(kinds, sessions).astype(object), groups


@given(st.integers(0, 10_000), st.integers(15, 60), st.integers(2, 5))
def test_people_stay_on_one_side_and_each_target_is_tested_once(seed: int, people: int, folds: int) -> None:
    labels, groups = cohort(seed, people)
    drawn = draw_folds(labels, groups, ("normal", "AD"), folds=folds, seed=seed)
    tested = np.concatenate([fold.test for fold in drawn])
    assert sorted(tested) == list(np.flatnonzero(labels != "control"))
    for fold in drawn:
        assert not set(groups[fold.train]) & set(groups[fold.test])
        assert {"normal", "AD", "control"} <= set(labels[fold.train])


def test_folds_of_one_scan_each_are_scikit_learns_of_the_names() -> None:
    labels = np.random.default_rng(0).choice(["patient", "AD", "normal"], 80).astype(object)
    groups = np.arange(80).astype(str).astype(object)
    splitter = StratifiedKFold(4, shuffle=True, random_state=9)
    for _ in range(2):  # drawn, and found again
        drawn = draw_folds(labels, groups, ("patient", "AD", "normal"), folds=4, seed=9)
        for fold, (train, test) in zip(drawn, splitter.split(labels, labels), strict=True):
            assert (fold.train == train).all()
            assert (fold.test == test).all()


def test_a_bystander_session_of_a_tested_person_does_not_train() -> None:
    labels = np.array(["normal", "AD"] * 4 + ["control"], dtype=object)
    groups = np.array([f"p{row}" for row in range(8)] + ["p0"], dtype=object)
    for fold in draw_folds(labels, groups, ("normal", "AD"), folds=4, seed=3):
        assert (8 in fold.train) == (0 not in fold.test)


def test_a_scarce_class_is_refused_by_name() -> None:
    labels = np.array(["normal"] * 9 + ["AD"] * 2, dtype=object)
    with pytest.raises(ProcedureError, match="at least 5 people") as caught:
        draw_folds(labels, np.arange(11).astype(object), ("normal", "AD"), folds=5, seed=0)
    assert caught.value.code == "PRC-101"
    assert caught.value.subject == "AD"


def test_a_split_person_is_caught() -> None:
    fold = Fold(np.array([0, 1]), np.array([2]))
    with pytest.raises(ProcedureError) as caught:
        assert_no_person_on_both_sides(fold, np.array(["a", "b", "a"], dtype=object))
    assert caught.value.code == "PRC-102"


def test_seeds_differ_by_place() -> None:
    seeds = {seed_for(*path) for path in [(0,), (1,), (0, 0), (0, 1), (1, 0), (0, 0, 1), (0, 1, 0)]}
    assert len(seeds) == 7


@pytest.mark.parametrize(("folds", "code"), [(3, None), (4, "PRC-101")])
def test_a_class_needs_one_person_a_fold(folds: int, code: str | None) -> None:
    labels = np.array(["normal"] * 9 + ["AD"] * 3, dtype=object)
    groups = np.arange(12).astype(str).astype(object)
    if code is None:
        assert len(draw_folds(labels, groups, ("normal", "AD"), folds=folds, seed=0)) == folds
        return
    with pytest.raises(ProcedureError) as caught:
        draw_folds(labels, groups, ("normal", "AD"), folds=folds, seed=0)
    assert (caught.value.code, caught.value.subject) == (code, "AD")


TARGETS = ("normal", "AD")


def cohort_of_three_sites(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """People with several sessions, some of them at two sites."""
    rng = np.random.default_rng(seed)
    groups = np.repeat([f"p{number}" for number in range(90)], rng.integers(1, 3, 90)).astype(object)
    kinds = np.array(["normal", "AD", "control"], dtype=object)
    labels = kinds[[int(name[1:]) % 3 for name in groups]]
    return labels, groups, rng.choice(["x", "y", "z"], len(groups)).astype(object)


@given(st.integers(0, 10_000))
def test_a_site_left_out_is_nowhere_in_training_nor_are_its_people(seed: int) -> None:
    labels, groups, site = cohort_of_three_sites(seed)
    drawn = leave_group_out(labels, groups, TARGETS, site)
    assert (
        sorted(np.concatenate([fold.test for fold in drawn])) == np.flatnonzero(labels != "control").tolist()
    )
    for fold in drawn:
        (tested,) = set(site[fold.test])
        assert tested not in set(site[fold.train])
        assert not set(groups[fold.train]) & set(groups[fold.test])


def test_leave_one_out_tests_each_person_with_all_sessions_once() -> None:
    labels, groups, _ = cohort_of_three_sites(1)
    (folds,) = draw_repeats(EvaluationSection(split="leave_one_out", repeats=3), labels, groups, TARGETS)
    assert len(folds) == 60
    assert all(len(set(groups[fold.test])) == 1 for fold in folds)


def test_random_folds_are_drawn_anew_in_every_repeat() -> None:
    labels, groups, _ = cohort_of_three_sites(2)
    repeats = draw_repeats(EvaluationSection(repeats=2, folds=3), labels, groups, TARGETS)
    assert [len(folds) for folds in repeats] == [3, 3]
    assert not np.array_equal(repeats[0][0].test, repeats[1][0].test)


@pytest.mark.parametrize(
    ("code", "site", "split"),
    [
        ("PRC-111", ["x"] * 3 + ["y"] * 5, "site"),  # all patients but one are at x
        ("PRC-112", ["x"] * 8, "group"),
        ("PRC-113", None, "site"),
        ("PRC-113", None, "group"),
    ],
)
def test_what_cannot_be_left_out_is_refused(code: str, site: list[str] | None, split: str) -> None:
    labels = np.array(["AD", "AD", "AD"] + ["normal"] * 5, dtype=object)
    keys = None if site is None else np.array(site, dtype=object)
    with pytest.raises(ProcedureError) as caught:
        draw_repeats(EvaluationSection(split=split), labels, np.arange(8).astype(object), TARGETS, keys)
    assert caught.value.code == code


@pytest.mark.parametrize(("elsewhere", "code"), [(2, None), (1, "PRC-111")])
def test_two_people_of_every_class_must_be_left_to_train_on(elsewhere: int, code: str | None) -> None:
    labels = np.array(["normal", "AD"] * 3 + ["normal"] * 4 + ["AD"] * elsewhere, dtype=object)
    groups = np.arange(len(labels)).astype(str).astype(object)
    site = np.array(["x"] * 6 + ["y"] * (4 + elsewhere), dtype=object)
    if code is None:
        assert len(leave_group_out(labels, groups, TARGETS, site)) == 2
        return
    with pytest.raises(ProcedureError) as caught:
        leave_group_out(labels, groups, TARGETS, site)
    assert (caught.value.code, caught.value.subject) == (code, "x")
