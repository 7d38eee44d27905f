"""One function over many subjects: what comes back, and that a bad subject costs itself only."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from normwise.engine import Limits, LocalExecutor, Task, run_subjects
from normwise.engine.spawn import SpawnExecutor
from normwise.errors import EngineError, ImageError, NormwiseWarning

SMALL = Limits(seconds=300, memory_bytes=128 * 1024**2)
HANG = ("hang", "deaf")
ENDS = {
    "memory": "ENG-202",
    "shared": "ENG-202",
    "segfault": "ENG-203",
    "killed": "ENG-204",
    "quit": "ENG-205",
    "leave": "ENG-207",
}


def _run(function, tasks, **settings):
    return run_subjects(function, tasks, version="1", **{"cache_dir": None, **settings})


def test_values_come_back_in_the_order_of_the_tasks(workers):
    numbers = [5, 1, 4, 2]
    outcomes = _run(workers.give, [Task(f"sub-{n}", {"number": n}) for n in numbers], jobs=2)
    assert [outcome.subject for outcome in outcomes] == ["sub-5", "sub-1", "sub-4", "sub-2"]
    for number, outcome in zip(numbers, outcomes, strict=True):
        assert outcome.error is None
        assert list(outcome.value) == ["array", "number", "text", "list"]
        np.testing.assert_array_equal(outcome.value["array"], np.arange(number, dtype=np.float32))
        assert outcome.value["array"].dtype == np.float32
        assert outcome.value["number"] == number / 3
        assert (outcome.value["text"], outcome.value["list"]) == ("é", [1, [2]])
        assert outcome.seconds > 0
        assert outcome.peak_bytes > 1e6


def test_every_bad_end_costs_that_subject_only(workers):
    hows = ["none", *ENDS, "none"]
    outcomes = _run(workers.fail, [Task(how, {"how": how}) for how in hows], jobs=3, limits=SMALL)
    seen = {outcome.subject: outcome.error and outcome.error.code for outcome in outcomes}
    assert seen == {"none": None, **ENDS}
    assert all(outcome.error is None or outcome.error.subject == outcome.subject for outcome in outcomes)
    assert outcomes[0].value == outcomes[-1].value == {"fine": 1}


@pytest.mark.parametrize("executor", [LocalExecutor(), SpawnExecutor()])
def test_who_takes_too_long_is_ended(workers, executor):
    # Alone, since on a busy machine nobody is sure to be done in a second.
    tasks = [Task(how, {"how": how}) for how in HANG]
    outcomes = _run(workers.fail, tasks, jobs=2, limits=Limits(seconds=1), executor=executor)
    assert [outcome.error.code for outcome in outcomes] == ["ENG-201", "ENG-201"]
    assert all(outcome.seconds >= 1 for outcome in outcomes)


def test_memory_that_no_allocation_shows_is_measured(workers):
    [outcome] = _run(workers.fail, [Task("a", {"how": "shared"})], limits=SMALL)
    assert (outcome.error.code, outcome.error.seen) == ("ENG-202", "measured while it ran")


def test_fresh_interpreters_end_the_same_way(workers):
    ends = {"none": None, **{how: code for how, code in ENDS.items() if how != "shared"}}
    limits = Limits(seconds=300, memory_bytes=512 * 1024**2)
    tasks = [Task(how, {"how": how}) for how in ends]
    outcomes = _run(workers.fail, tasks, jobs=3, limits=limits, executor=SpawnExecutor())
    assert {outcome.subject: outcome.error and outcome.error.code for outcome in outcomes} == ends


def test_an_error_of_the_product_crosses_with_every_field(workers):
    [outcome] = _run(workers.raise_image, [Task("sub-01")])
    assert isinstance(outcome.error, ImageError)
    fields = outcome.error.to_dict()
    assert fields == {
        "branch": "ImageError", "code": "IMG-202", "problem": "a.nii.gz: the gzip stream is damaged.",
        "subject": "sub-01", "seen": "x", "expected": "y", "advice": "z",
    }  # fmt: skip


def test_any_other_exception_names_its_place(workers):
    [outcome] = _run(workers.raise_value, [Task("sub-01")])
    assert outcome.error.code == "ENG-205"
    assert "ValueError" in outcome.error.problem
    assert "too thin at workers.py:" in outcome.error.seen


def test_a_crash_names_the_line_it_came_from(workers):
    [outcome] = _run(workers.fail, [Task("sub-01", {"how": "segfault"})])
    assert "SIGSEGV" in outcome.error.problem
    assert "in string_at" in outcome.error.seen


def test_a_value_that_is_no_plain_data_is_refused(workers):
    [outcome] = _run(workers.return_object, [Task("sub-01")])
    assert outcome.error.code == "ENG-206"


@pytest.mark.parametrize("executor", [LocalExecutor(), SpawnExecutor()])
@pytest.mark.parametrize("threads", [1, 2])
def test_children_keep_to_their_threads(workers, threads, executor):
    [outcome] = _run(workers.surroundings, [Task("a")], limits=Limits(threads=threads), executor=executor)
    assert outcome.value["blas"] == threads
    assert outcome.value["omp"] == str(threads)
    assert outcome.value["core"] == 0


def test_draws_without_a_seed_do_not_depend_on_order_or_run(workers):
    first = _run(workers.draw, [Task("a"), Task("b")], jobs=2)
    again = _run(workers.draw, [Task("c")])
    assert first[0].value == first[1].value == again[0].value


def test_what_a_function_prints_disturbs_nothing(workers, capfd):
    outcomes = _run(workers.print_much, [Task("a"), Task("b")])
    assert all(outcome.value == {"fine": 1} for outcome in outcomes)
    assert capfd.readouterr().out == ""


def test_no_tasks_no_outcomes(workers):
    assert _run(workers.give, []) == []


def test_warnings_of_children_are_said_once_a_code(workers):
    tasks = [
        Task(f"sub-{index}", {"code": code}) for index, code in enumerate(["IMG-901", "IMG-901", "IMG-902"])
    ]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        outcomes = _run(workers.warn, tasks)
    assert [item.category for item in caught] == [NormwiseWarning, NormwiseWarning]
    assert "IMG-901 came 2 times in 3 subjects" in str(caught[0].message)
    assert str(caught[1].message) == "IMG-902  something is odd."
    assert [str(warning) for warning in outcomes[0].warnings] == ["IMG-901  something is odd."]


def test_functions_that_no_child_can_import_are_refused(workers):
    def nested():
        return {}

    for function in (nested, lambda: None, workers.give.__call__):
        with pytest.raises(EngineError, match="import this function") as refused:
            _run(function, [Task("a")])
        assert refused.value.code == "ENG-101"


def test_arguments_that_json_cannot_say_are_refused(workers, tmp_path):
    with pytest.raises(EngineError) as refused:
        _run(workers.read, [Task("sub-01", {"path": tmp_path})])
    assert (refused.value.code, refused.value.subject) == ("ENG-102", "sub-01")


def test_no_jobs_are_refused(workers):
    with pytest.raises(EngineError) as refused:
        _run(workers.give, [Task("a")], jobs=0)
    assert refused.value.code == "ENG-103"


def test_what_can_not_be_loaded_beforehand_costs_nobody(workers, tmp_path, monkeypatch):
    (tmp_path / "normwise_broken.py").write_text("raise RuntimeError('no such device')\n")
    monkeypatch.syspath_prepend(tmp_path)
    preload = ("normwise_broken", "normwise_not_there", "colorsys")
    [outcome] = _run(workers.give, [Task("sub-1", {"number": 1})], preload=preload)
    assert outcome.error is None
