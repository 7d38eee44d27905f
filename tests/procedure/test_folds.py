"""Folds: every target scan tested once, nobody on both sides, bystanders only train."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from normwise.errors import ProcedureError
from normwise.procedure.folds import (
    Fold,
    assert_no_person_on_both_sides,
    draw_folds,
    seed_for,
)


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
