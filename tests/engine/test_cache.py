"""The cache: what keys it, that damage is never trusted, and that processes may share it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

from normwise.engine import Task, run_subjects
from normwise.errors import EngineError, NormwiseWarning

WORKERS = Path(__file__).with_name("workers.py")


class NoExecutor:
    """Stands where nothing may be computed any more."""

    def execute(self, work):
        raise AssertionError(f"computed again: {list(work.arguments)}")
        yield


def _run(function, tasks, cache, **settings):
    return run_subjects(function, tasks, **{"version": "1", "cache_dir": cache, **settings})


def _contents(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in (folder / "results").rglob("*")
        if path.is_file()
    }


def _image(tmp_path, name="image.txt", text="abc"):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return Task(name, {"path": str(path)}, (path,))


def test_the_second_run_computes_nothing_and_gives_the_same(workers, tmp_path):
    tasks = [Task(f"sub-{n}", {"number": n}) for n in range(5)]
    first = _run(workers.give, tasks, tmp_path / "cache")
    second = _run(workers.give, tasks, tmp_path / "cache", executor=NoExecutor())
    assert [outcome.cached for outcome in first + second] == [False] * 5 + [True] * 5
    for one, two in zip(first, second, strict=True):
        assert one.value.keys() == two.value.keys()
        assert one.value["array"].tobytes() == two.value["array"].tobytes()
        assert one.value["number"] == two.value["number"]


def test_any_number_of_jobs_and_any_order_leave_the_same_bytes(workers, tmp_path):
    tasks = [Task(f"sub-{n}", {"number": n}) for n in range(6)]
    _run(workers.give, tasks, tmp_path / "one")
    _run(workers.give, tasks[::-1], tmp_path / "two", jobs=3)
    assert _contents(tmp_path / "one") == _contents(tmp_path / "two") != {}


def test_whatever_can_change_a_result_is_in_its_key(workers, tmp_path):
    cache, task = tmp_path / "cache", _image(tmp_path)
    _run(workers.read, [task], cache)
    assert _run(workers.read, [task], cache)[0].cached
    assert not _run(workers.read, [task], cache, version="2")[0].cached
    assert not _run(workers.read, [task], cache, packages=["pytest"])[0].cached
    assert not _run(workers.read_late, [task], cache)[0].cached
    assert not _run(workers.give, [Task("a", {"number": 1})], cache)[0].cached
    assert not _run(workers.give, [Task("a", {"number": 2})], cache)[0].cached
    changed = _run(workers.read, [_image(tmp_path, text="abd")], cache)[0]
    assert (changed.cached, changed.value) == (False, {"text": "abd"})


def test_a_dataset_can_be_moved_and_subjects_renamed(workers, tmp_path):
    cache = tmp_path / "cache"
    _run(workers.read, [_image(tmp_path, "here/image.txt")], cache)
    [moved] = _run(workers.read, [_image(tmp_path, "there/other.txt")], cache, executor=NoExecutor())
    assert (moved.subject, moved.value) == ("there/other.txt", {"text": "abc"})


def test_failures_are_not_kept(workers, tmp_path):
    for _ in range(2):
        [outcome] = _run(workers.raise_value, [Task("a")], tmp_path)
        assert (outcome.cached, outcome.error.code) == (False, "ENG-205")


def test_a_missing_input_is_named_by_the_function(workers, tmp_path):
    path = tmp_path / "absent"
    [outcome] = _run(workers.read, [Task("a", {"path": str(path)}, (path,))], tmp_path / "cache")
    assert "FileNotFoundError" in outcome.error.problem


def test_an_input_that_changes_meanwhile_is_refused(workers, tmp_path):
    path = tmp_path / "growing"
    path.write_text("a")
    [outcome] = _run(workers.append, [Task("a", {"path": str(path)}, (path,))], tmp_path / "cache")
    assert (outcome.value, outcome.error.code) == (None, "ENG-208")
    assert not _contents(tmp_path / "cache")


def test_a_damaged_result_is_computed_again(workers, tmp_path):
    tasks = [Task("a", {"number": 3})]
    [fresh] = _run(workers.give, tasks, tmp_path)
    [path] = [path for path in (tmp_path / "results").rglob("*") if path.is_file()]
    whole = path.read_bytes()
    for place in (0, 30, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.warns(NormwiseWarning, match="ENG-302"):
            [again] = _run(workers.give, tasks, tmp_path)
        assert not again.cached
        assert again.value["array"].tobytes() == fresh.value["array"].tobytes()
        assert path.read_bytes() == whole


def test_damage_that_a_child_met_is_no_part_of_its_result(workers, tmp_path):
    path, cache = tmp_path / "grid.stored", tmp_path / "cache"
    task = Task("a", {}, aside={"path": str(path)})
    _run(workers.keep, [task], cache)
    whole = _contents(cache)
    for result in (cache / "results").rglob("*.result"):
        result.unlink()
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.warns(NormwiseWarning, match="ENG-302  1 result") as raised:
        [outcome] = _run(workers.keep, [task], cache)
    assert (len(raised), outcome.value, outcome.warnings) == (1, {"number": 7}, ())
    assert _contents(cache) == whole


def test_warnings_come_from_the_cache_too(workers, tmp_path):
    for cached in (False, True):
        with pytest.warns(NormwiseWarning, match="IMG-901"):
            [outcome] = _run(workers.warn, [Task("a", {"code": "IMG-901"})], tmp_path)
        assert outcome.cached is cached


def test_a_kept_warning_names_nobody_and_bears_the_name_of_who_has_it_now(workers, tmp_path):
    known = []
    for number, name in enumerate(("Meyer.txt", "Schulz.txt")):
        with pytest.warns(NormwiseWarning) as raised:
            [outcome] = _run(workers.warn_of_file, [_image(tmp_path, name)], tmp_path / "cache")
        assert outcome.cached is bool(number)
        assert [(each.subject, each.value) for each in outcome.warnings] == [
            (name, 2.0), (name, None), (name, None)
        ]  # fmt: skip
        assert [each.text for each in outcome.warnings] == [
            f"{name}: 2 mm, not 1.", f"{name}: 2 series.", "16 bits."
        ]  # fmt: skip
        assert sorted({str(each.message) for each in raised}) == sorted(map(str, outcome.warnings))
        known.append(_contents(tmp_path / "cache"))
    assert known[0] == known[1]
    assert not any(name in content for content in known[0].values() for name in (b"Meyer", b"ward"))


def test_processes_may_share_a_cache(tmp_path):
    script = (
        "import sys; from pathlib import Path\n"
        f"sys.path.insert(0, {str(WORKERS.parent)!r})\n"
        "import workers; from normwise.engine import Task, run_subjects\n"
        "tasks = [Task(str(n), {'number': n}) for n in range(20)]\n"
        f"cache = Path({str(tmp_path / 'cache')!r})\n"
        "run = run_subjects(workers.give, tasks, version='1', cache_dir=cache, jobs=2)\n"
        "assert [outcome.value['array'].size for outcome in run] == list(range(20))\n"
    )
    both = [subprocess.Popen([sys.executable, "-W", "error", "-c", script]) for _ in range(2)]
    assert [process.wait(timeout=1000) for process in both] == [0, 0]
    assert len(_contents(tmp_path / "cache")) == 20


def test_many_writers_of_one_key_leave_one_whole_result(tmp_path):
    script = (
        "import os, sys, time; from pathlib import Path\n"
        "from normwise.engine.cache import Cache; from normwise.engine.serialization import encode_value\n"
        "import numpy as np\n"
        "cache, gate = Cache(Path(sys.argv[1])), Path(sys.argv[2])\n"
        "content = encode_value({'array': np.arange(200_000)})\n"
        "print(flush=True)\n"
        "while not gate.exists():\n    time.sleep(0.001)\n"
        "for _ in range(30):\n"
        "    cache.put('ab12', content)\n"
        "    stored = cache.get('ab12')\n"
        "    assert stored is not None and stored.value['array'].size == 200_000\n"
        "assert (cache.damaged, cache.unwritten) == (0, 0)\n"
    )
    words = [sys.executable, "-W", "error", "-c", script, str(tmp_path / "cache"), str(tmp_path / "gate")]
    writers = [subprocess.Popen(words, stdout=subprocess.PIPE) for _ in range(3)]
    for writer in writers:
        writer.stdout.readline()
    (tmp_path / "gate").touch()
    assert [writer.wait(timeout=1000) for writer in writers] == [0, 0, 0]
    for writer in writers:
        writer.stdout.close()
    files = [path.name for path in (tmp_path / "cache" / "results").rglob("*") if path.is_file()]
    assert files == ["ab12.result"]


def test_an_input_that_another_run_touches_is_no_changed_input(workers, tmp_path):
    path = tmp_path / "atlas"
    path.write_text("a")
    [outcome] = _run(workers.touch, [Task("a", {"path": str(path)}, (path,))], tmp_path / "cache")
    assert outcome.error is None
    assert len(_contents(tmp_path / "cache")) == 1


def test_a_child_that_cannot_keep_its_work_gives_the_same_result(workers, tmp_path):
    (tmp_path / "file").write_text("")
    bad, good = tmp_path / "file" / "kept.stored", tmp_path / "kept.stored"
    with pytest.warns(NormwiseWarning, match="ENG-303  1 result") as raised:
        [outcome] = _run(workers.keep_or_warn, [Task("a", {}, aside={"path": str(bad)})], tmp_path / "one")
    assert (len(raised), outcome.value, outcome.warnings) == (1, {"number": 7}, ())
    _run(workers.keep_or_warn, [Task("a", {}, aside={"path": str(good)})], tmp_path / "two")
    assert _contents(tmp_path / "one") == _contents(tmp_path / "two")


def test_where_a_file_stands_for_the_second_cache_nothing_is_said_to_be_damaged(workers, tmp_path):
    (tmp_path / "file").write_text("")  # which the run's own folder stands in for
    [outcome] = _run(workers.give, [Task("a")], tmp_path / "own", also=tmp_path / "file")
    assert (outcome.error, outcome.cached) == (None, False)


def test_a_folder_that_cannot_be_one_is_refused(workers, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(EngineError) as refused:
        _run(workers.give, [Task("a")], tmp_path / "file" / "cache")
    assert refused.value.code == "ENG-301"


def test_a_result_that_cannot_be_kept_is_given_all_the_same(workers, tmp_path):
    (tmp_path / "results").mkdir()
    for number in range(256):  # whatever the key is, a file stands where its folder should be
        (tmp_path / "results" / f"{number:02x}").write_text("")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        [outcome] = _run(workers.give, [Task("a")], tmp_path)
    assert outcome.error is None
    assert any("ENG-303" in str(item.message) for item in caught)


def test_what_an_ended_run_left_half_written_is_swept(workers, tmp_path):
    folder = tmp_path / "results" / "ab"
    folder.mkdir(parents=True)
    for name, age in (("old", 7200), ("new", 0)):
        part = folder / f".{name}-12345678.part.result"
        part.write_bytes(b"half")
        os.utime(part, (time.time() - age,) * 2)
    _run(workers.give, [Task("a")], tmp_path)
    assert [path.name for path in folder.glob(".*")] == [".new-12345678.part.result"]
