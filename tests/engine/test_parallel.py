"""Parts of one piece of work: their order, their errors, and that a killed child costs its part alone."""

from __future__ import annotations

import os

import pytest

from normwise.engine import run_parts
from normwise.errors import EngineError, ImageError, NormwiseWarning


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_come_in_the_order_of_the_parts(workers, jobs):
    parts = [(number,) for number in range(5)]
    assert list(run_parts(workers.square, parts, common=(3,), jobs=jobs)) == [3, 4, 7, 12, 19]
    assert list(run_parts(workers.square, [], common=(3,), jobs=jobs)) == []


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_first_error_in_the_order_of_the_parts_is_raised(workers, jobs):
    found = run_parts(workers.refuse, [(0,), (1,), (2,)], jobs=jobs)
    assert next(found) == 0
    with pytest.raises(ImageError) as refused:
        next(found)
    assert (refused.value.code, refused.value.subject) == ("IMG-202", "s1")


def test_an_error_that_cannot_be_pickled_says_the_same(workers):
    with pytest.raises(RuntimeError, match="OddError: odd") as raised:
        list(run_parts(workers.raise_odd, [(0,), (1,)], jobs=2))
    assert "raise_odd" in raised.value.__notes__[0]


def test_a_killed_child_costs_its_part_alone(workers, tmp_path):
    parts = [(number,) for number in range(4)]
    assert list(run_parts(workers.die_once, parts, common=(tmp_path,), jobs=2)) == [0, 1, 2, 3]
    begun = sorted(path.name.split("-")[0] for path in tmp_path.iterdir())
    assert begun == ["0", "1", "1", "2", "3"]


def test_a_part_whose_child_is_always_killed_ends_the_work(workers):
    found = run_parts(workers.die_always, [(0,), (1,), (2,)], jobs=2)
    assert next(found) == 0
    with pytest.raises(EngineError) as refused:
        next(found)
    assert (refused.value.code, refused.value.subject) == ("ENG-204", "part 2 of 3")


def test_warnings_of_children_are_raised_here(workers):
    with pytest.warns(NormwiseWarning, match="IMG-901") as raised:
        pids = list(run_parts(workers.warn_of, [(0,), (1,)], jobs=2))
    assert [str(each.message) for each in raised] == ["IMG-901  0 is odd.", "IMG-901  1 is odd."]
    assert len({*pids, os.getpid()}) == 3
