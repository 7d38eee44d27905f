"""Processes: nothing is left behind, whatever ends the run, and wherever the run was started."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from interrupts import obey_interrupts
from normwise.engine import FunctionName, Limits, LocalExecutor, Task, Work, run_subjects
from normwise.engine.spawn import SpawnExecutor
from normwise.errors import EngineError

WORKERS = Path(__file__).with_name("workers.py")
SCRIPT = """
import sys
sys.path.insert(0, {folder!r})
from pathlib import Path
import workers
from normwise.engine import Task, run_subjects
from normwise.engine.spawn import SpawnExecutor
from normwise.engine.local import ForkExecutor
tasks = [Task("done", {{"note": {note!r} + ".first"}}), Task("stays", {{"note": {note!r}}})]
functions = [workers.leave_behind, workers.{last}]
for function, task in zip(functions, tasks):
    run_subjects(function, [task], version="1", cache_dir=Path({cache!r}), executor={executor}())
"""


def _gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def _wait_until(condition, seconds=300.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def _start(tmp_path, executor, last="stay"):
    note = tmp_path / "note"
    text = SCRIPT.format(
        folder=str(WORKERS.parent),
        note=str(note),
        cache=str(tmp_path / "cache"),
        executor=executor,
        last=last,
    )
    script = tmp_path / "script.py"
    script.write_text(text)
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, str(script)], env=environment, stderr=subprocess.PIPE, preexec_fn=obey_interrupts
    )
    assert _wait_until(note.exists), process.communicate()[1]
    return process, [int(pid) for pid in note.read_text().split()]


@pytest.mark.parametrize("executor", ["ForkExecutor", "SpawnExecutor"])
@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_end_of_the_run_is_the_end_of_its_children(tmp_path, by, executor):
    process, pids = _start(tmp_path, executor)
    process.send_signal(by)
    process.communicate(timeout=1000)
    if executor == "SpawnExecutor" and by != signal.SIGINT:
        pids = pids[:1]  # without a fork server nothing ends what a child had started
    assert _wait_until(lambda: all(_gone(pid) for pid in pids if pid != process.pid)), pids
    assert not list((tmp_path / "cache").rglob("*.part*"))
    if executor == "ForkExecutor":
        assert _wait_until(lambda: not list(tmp_path.glob("normwise-*")))


def test_an_interrupted_run_goes_on_where_it_was(tmp_path, workers):
    notes = [tmp_path / "first", tmp_path / "second"]
    tasks = [Task(note.name, {"path": str(note)}) for note in notes]

    class Interrupting(LocalExecutor):
        def execute(self, work):
            for finished in super().execute(work):
                yield finished
                raise KeyboardInterrupt

    settings = {"version": "1", "cache_dir": tmp_path / "cache"}
    with pytest.raises(KeyboardInterrupt):
        run_subjects(workers.append, tasks, executor=Interrupting(), **settings)
    outcomes = run_subjects(workers.append, tasks, **settings)
    assert [outcome.cached for outcome in outcomes] == [True, False]
    assert notes[0].read_text() == "x"  # what was finished is not done again


def test_what_a_child_started_ends_with_it(tmp_path, workers):
    note = tmp_path / "note"
    run_subjects(workers.leave_behind, [Task("a", {"note": str(note)})], version="1", cache_dir=None)
    assert _wait_until(lambda: all(_gone(int(pid)) for pid in note.read_text().split()))


def _pids_in(note):
    return [int(pid) for pid in note.read_text().split()]


def test_what_left_the_session_ends_with_its_child(tmp_path, workers):
    note = tmp_path / "note"
    run_subjects(workers.hide, [Task("a", {"note": str(note)})], version="1", cache_dir=None)
    assert len(_pids_in(note)) == 2
    assert _wait_until(lambda: all(map(_gone, _pids_in(note))))


def test_what_left_the_session_ends_with_a_killed_fork_server(tmp_path, workers):
    note = tmp_path / "note"
    tasks = [Task("a", {"note": str(note)})]
    [outcome] = run_subjects(workers.hide_and_kill_server, tasks, version="1", cache_dir=None)
    assert outcome.value == {"fine": 1}
    assert _wait_until(lambda: all(map(_gone, _pids_in(note))))


@pytest.mark.parametrize("stopping", ["stop_server", "stop_itself"])
def test_what_was_stopped_goes_on(workers, stopping):
    tasks = [Task(f"sub-{n}", {"number": n}) for n in range(3)]
    outcomes = run_subjects(getattr(workers, stopping), tasks, version="1", cache_dir=None, jobs=2)
    assert [outcome.value for outcome in outcomes] == [{"number": n} for n in range(3)]


@pytest.mark.slow
def test_a_child_that_stops_its_server_again_and_again_costs_itself_only(workers):
    tasks = [Task(f"sub-{n}", {"number": n}) for n in range(3)]
    outcomes = run_subjects(workers.stop_server_always, tasks, version="1", cache_dir=None, jobs=2)
    assert [outcome.error and outcome.error.code for outcome in outcomes] == [None, "ENG-210", None]


@pytest.mark.parametrize("last", ["stop_server_and_stay", "hide_and_stay"])
def test_a_stopped_fork_server_and_hidden_processes_end_with_the_run(tmp_path, last):
    process, pids = _start(tmp_path, "ForkExecutor", last)
    process.kill()
    process.communicate(timeout=1000)
    assert _wait_until(lambda: all(_gone(pid) for pid in pids)), pids
    assert _wait_until(lambda: not list(tmp_path.glob("normwise-*")))


def test_a_fork_server_that_dies_is_replaced(tmp_path, workers):
    tasks = [Task(f"sub-{n}", {"note": str(tmp_path / "note"), "number": n}) for n in range(4)]
    outcomes = run_subjects(workers.kill_server_once, tasks, version="1", cache_dir=None, jobs=2)
    assert [outcome.value for outcome in outcomes] == [{"number": n} for n in range(4)]


def test_a_child_that_always_kills_its_server_costs_itself_only(workers):
    tasks = [Task(f"sub-{n}", {"number": n}) for n in range(4)]
    outcomes = run_subjects(workers.kill_server_always, tasks, version="1", cache_dir=None, jobs=2)
    assert [outcome.error and outcome.error.code for outcome in outcomes] == [None, "ENG-210", None, None]


def test_a_fork_server_that_does_not_start_is_named(workers, monkeypatch):
    monkeypatch.setattr(sys, "path", [])  # where Python finds nothing, not even itself
    with pytest.raises(EngineError) as refused:
        run_subjects(workers.give, [Task("a")], version="1", cache_dir=None)
    assert refused.value.code == "ENG-105"
    assert "Error" in refused.value.seen


def test_a_module_that_cannot_be_imported_is_named():
    work = Work(FunctionName("normwise.absent", "f"), {0: {}}, Limits(), 1)
    with pytest.raises(EngineError) as refused:
        list(LocalExecutor().execute(work))
    assert refused.value.code == "ENG-104"
    assert "normwise.absent" in refused.value.seen
    [finished] = SpawnExecutor().execute(work)
    assert b"ENG-104" in finished.content


@pytest.mark.parametrize("closed", [[], [0], [0, 1, 2]])
def test_a_script_without_a_guard_and_with_closed_streams(tmp_path, closed):
    script = tmp_path / "script.py"
    script.write_text(
        "import os, sys\n"
        f"for stream in {closed}: os.close(stream)\n"
        f"sys.path.insert(0, {str(WORKERS.parent)!r})\n"
        "import workers\n"
        "from normwise.engine import Task, run_subjects, make_progress\n"
        "run = run_subjects(workers.give, [Task('a'), Task('b')], version='1', cache_dir=None, jobs=2,\n"
        "                   progress=make_progress())\n"
        f"open({str(tmp_path / 'seen')!r}, 'w').write(run[1].value['text'])\n",
        encoding="utf-8",
    )
    subprocess.run([sys.executable, str(script)], check=True, timeout=1000, capture_output=True)
    assert (tmp_path / "seen").read_text(encoding="utf-8") == "é"


def _in_a_daemon(folder, answers):
    sys.path.insert(0, folder)
    import workers

    [outcome] = run_subjects(workers.give, [Task("a")], version="1", cache_dir=None)
    answers.put(outcome.value["text"])


def test_inside_a_daemonic_worker():
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    worker = context.Process(target=_in_a_daemon, args=(str(WORKERS.parent), answers), daemon=True)
    worker.start()
    assert answers.get(timeout=1000) == "é"
    worker.join(timeout=1000)


def test_inside_a_thread(workers):
    seen = []

    def run():
        seen.extend(run_subjects(workers.give, [Task("a")], version="1", cache_dir=None))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(timeout=1000)
    assert seen[0].value["text"] == "é"


def test_temporary_folders_are_removed(tmp_path, workers, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for executor in (LocalExecutor(), SpawnExecutor()):
        run_subjects(workers.give, [Task("a")], version="1", cache_dir=None, executor=executor)
    assert not list(tmp_path.iterdir())
