"""Parts of one piece of work: their order, their errors, and that a killed child costs its part alone."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from normwise.engine import FunctionName, Limits, LocalExecutor, Work, run_parts
from normwise.engine.cluster.call_server import CallServer
from normwise.engine.serialization import decode
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
    assert os.getpid() not in pids


forked = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every part is a fresh Python")


def _execute(workers, name, arguments, jobs, **limits):
    function = FunctionName(workers.__name__, name, workers.__file__)
    work = Work(function, dict(enumerate(arguments)), Limits(**limits), jobs, reuse_children=True)
    return LocalExecutor().execute(work)


def _wait_for_end(pid):
    begun = time.monotonic()
    while time.monotonic() - begun < 60 and Path(f"/proc/{pid}").exists():
        time.sleep(0.02)


def _pid_of(finished):
    return decode(finished.content).value["pid"]


@forked
def test_a_child_makes_one_call_after_another(workers, tmp_path):
    parts = [(number,) for number in range(8)]
    pids = list(run_parts(workers.leave_in_child, parts, common=("nothing", tmp_path), jobs=2))
    assert len(set(pids)) <= 2


@forked
@pytest.mark.parametrize("what", ["thread", "process"])
def test_a_child_in_which_a_call_left_something_is_replaced(workers, tmp_path, what):
    parts = [(number,) for number in range(4)]
    pids = list(run_parts(workers.leave_in_child, parts, common=(what, tmp_path), jobs=2))
    assert len(set(pids)) == 4
    assert len(list(tmp_path.iterdir())) == (4 if what == "process" else 0)
    assert not any(Path(f"/proc/{left.name}").exists() for left in tmp_path.iterdir())


@forked
def test_a_file_that_is_left_open_after_the_first_call_ends_its_child(workers, tmp_path):
    parts = [(number,) for number in range(6)]
    pids = list(run_parts(workers.leave_in_child, parts, common=("file", tmp_path), jobs=2))
    assert max(map(pids.count, pids)) <= 2


@forked
@pytest.mark.parametrize(
    ("mib", "calls", "children"),
    [(25, 5, 1), (50, 5, 2), (600, 2, 2)],  # 100 and 150 MB beyond the first call; too much in the first
)
def test_a_child_may_keep_so_much_memory(workers, mib, calls, children):
    ends = list(_execute(workers, "hold", [{"mib": mib, "seconds": 0}] * calls, 1))
    assert len(set(map(_pid_of, ends))) == children


@forked
def test_the_memory_of_a_call_counts_from_its_own_beginning(workers):
    arguments = [{"mib": 30, "seconds": 0.2}] * 4  # long enough to be measured
    ends = list(_execute(workers, "hold", arguments, 1, memory_bytes=60 * 1024**2))
    assert len(set(map(_pid_of, ends))) == 1


@forked
def test_a_process_in_which_a_call_returns_as_well_makes_no_other(workers):
    ends = list(_execute(workers, "return_twice", [{"number": number} for number in range(3)], 1))
    assert sorted(each.position for each in ends) == [0, 1, 2]
    assert all(each.seconds >= 0.3 for each in ends)


def test_every_call_draws_the_same(workers):
    drawn = list(run_parts(workers.draw_part, [(number,) for number in range(6)], jobs=2))
    assert all(each == drawn[0][1] for _, each, _ in drawn)
    assert len({own for _, _, own in drawn}) == 6


@forked
def test_whatever_ends_a_child_costs_one_of_its_calls(workers):
    ways = ["none", "segfault", "none", "hang", "leave", "killed", "memory", "none"]
    limits = {"seconds": 5, "memory_bytes": 1 << 29}
    ends = list(_execute(workers, "fail", [{"how": how} for how in ways], 1, **limits))
    errors = {each.position: each.error or decode(each.content).error for each in ends}
    assert [errors[position] and errors[position].code for position in range(len(ways))] == [
        None, "ENG-203", None, "ENG-201", "ENG-207", "ENG-204", "ENG-202", None,
    ]  # fmt: skip
    assert errors[1].seen.endswith("in string_at")


@forked
def test_the_time_of_a_call_counts_from_its_own_beginning(workers):
    begun = time.monotonic()
    ends = list(_execute(workers, "pause", [{"seconds": 0.2}] * 6, 1))
    assert sum(each.seconds for each in ends) <= time.monotonic() - begun
    assert all(each.seconds >= 0.2 for each in ends)
    assert len(set(map(_pid_of, ends))) == 1


@forked
def test_a_child_that_waits_may_be_killed_and_ends_by_itself(workers, monkeypatch):
    monkeypatch.setattr("normwise.engine.cluster.call_server._IDLE_SECONDS", 3600)  # of the server
    name = FunctionName(workers.__name__, "pause", workers.__file__)
    server = CallServer(Work(name, {}, Limits(), 1, reuse_children=True), None)
    first, second = (_pid_of(server.call({"seconds": 0}, lambda: True)) for _ in range(2))
    assert first == second
    os.kill(first, signal.SIGKILL)
    _wait_for_end(first)
    third = _pid_of(server.call({"seconds": 0}, lambda: True))
    assert third != first
    _wait_for_end(third)


@forked
def test_whoever_stops_waiting_ends_the_children(workers, tmp_path):
    note = tmp_path / "note"
    arguments = [{"note": str(note), "number": number} for number in (0, 1, 1)]
    with closing(_execute(workers, "stay_or_wait", arguments, 2)) as ends:
        assert next(ends).position > 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in note.read_text().split()[:2])
