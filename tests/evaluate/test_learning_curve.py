"""The learning curve: shares of the training people, and what the last doubling of them brought."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from normwise.evaluate.learning_curve import advice_of, thin_out
from normwise.procedure import Fold
from normwise.results import Estimate


def test_a_share_keeps_people_whole_and_nests() -> None:
    groups = np.repeat(np.arange(20), 2).astype(str).astype(object)
    labels = np.repeat(np.where(np.arange(20) % 2 == 0, "a", "b"), 2).astype(object)
    fold = Fold(np.arange(36), np.arange(36, 40))
    shares = [thin_out(fold, labels, groups, share, seed=4).train for share in (0.2, 0.6, 1.0)]
    assert [len(rows) for rows in shares] == [8, 20, 36]
    for fewer, more in pairwise(shares):
        assert set(fewer) <= set(more)
    for rows in shares:
        assert np.isin(np.arange(36), rows).reshape(-1, 2).std(axis=1).max() == 0.0


@pytest.mark.parametrize(("share", "kept"), [(0.6, 2), (0.01, 1)])
def test_a_class_never_loses_its_last_person(share: float, kept: int) -> None:
    labels = np.array(["a"] * 3 + ["b"] * 3, dtype=object)
    people = np.arange(6).astype(str).astype(object)
    rows = thin_out(Fold(np.arange(6), np.array([], dtype=np.intp)), labels, people, share, seed=0).train
    assert [int((labels[rows] == name).sum()) for name in ("a", "b")] == [kept, kept]


@pytest.mark.parametrize(("gain", "words"), [(0.011, "more people would help"), (0.009, "would hardly help")])
def test_the_last_doubling_decides_whether_more_people_would_help(gain: float, words: str) -> None:
    areas = [Estimate(0.7 + gain * step, 0.6, 0.8) for step in range(3)]
    assert words in advice_of([50, 100, 200], areas, 100)
