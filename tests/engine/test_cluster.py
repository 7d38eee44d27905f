"""Calls on the workers of a Dask cluster: as on this machine, whatever becomes of a worker."""

from __future__ import annotations

import importlib.util
import os
import signal
import threading
import time
import warnings
from contextlib import closing
from pathlib import Path

import pytest

from evaluated import study_of
from normwise.cohort import study_to_toml
from normwise.engine import (
    DaskExecutor,
    FunctionName,
    Limits,
    Task,
    Work,
    run_parts,
    run_subjects,
    use_engine,
)
from normwise.errors import EngineError, ImageError, NormwiseWarning
from normwise.evaluate import evaluate_study
from normwise.schema import EngineSection, Study

pytest.importorskip("distributed")

FOREVER = 600.0  # of what would otherwise never end


def wait_until(holds):
    end = time.monotonic() + FOREVER
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture(scope="module")
def client():
    """A client of a cluster of two processes."""
    from distributed import Client, LocalCluster

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
        client = Client(cluster, set_as_default=False, timeout=FOREVER)
        yield client
        client.close()
        cluster.close()


@pytest.fixture
def on_cluster(client):
    with use_engine(client):
        yield client


@pytest.mark.usefixtures("on_cluster")
def test_parts_come_in_their_order_with_their_errors_and_warnings(workers, tmp_path):
    parts = [(number,) for number in range(6)]
    assert list(run_parts(workers.square, parts, common=(3,))) == [3, 4, 7, 12, 19, 28]
    assert list(run_parts(workers.square, [], common=(3,))) == []
    found = run_parts(workers.refuse, parts)
    assert next(found) == 0
    with pytest.raises(ImageError) as refused:
        next(found)
    assert (refused.value.code, refused.value.subject) == ("IMG-202", "s1")
    with pytest.warns(NormwiseWarning, match="IMG-901"):
        pids = list(run_parts(workers.warn_of, parts[:2]))
    assert os.getpid() not in pids
    pids = list(run_parts(workers.leave_in_child, parts, common=("nothing", tmp_path)))
    assert len(set(pids)) < len(parts)  # a child makes one call after another
    assert list(run_parts(workers.die_once, parts, common=(tmp_path,))) == list(range(6))


@pytest.mark.usefixtures("on_cluster")
def test_whatever_happens_to_a_subject_costs_that_one_only(workers):
    tasks = [Task(how, {"how": how}) for how in ("segfault", "hang", "leave", "memory", "none")]
    tasks += [Task("fine", {"how": "none"})] * 3
    limits = Limits(seconds=5, memory_bytes=1 << 29)
    outcomes = run_subjects(workers.fail, tasks, version="1", cache_dir=None, limits=limits)
    codes = [each.error and each.error.code for each in outcomes]
    assert codes == ["ENG-203", "ENG-201", "ENG-207", "ENG-202", None, None, None, None]


def test_calls_of_a_killed_worker_run_again(on_cluster, workers, tmp_path):
    allowed = tmp_path / "allowed"
    victim = next(iter(on_cluster.run(os.getpid).values()))

    def kill_one():
        wait_until(lambda: len(list(tmp_path.glob("begun-*"))) >= 2)  # one on each worker
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: len(list(tmp_path.glob("begun-*"))) >= 3)
        allowed.touch()

    killer = threading.Thread(target=kill_one)
    killer.start()
    assert list(run_parts(workers.wait_for, [(number,) for number in range(6)], common=(tmp_path,))) == list(
        range(6)
    )
    killer.join()


def test_a_fork_server_that_is_killed_costs_no_neighbour(on_cluster, workers, tmp_path):
    tasks = [Task(str(number), {"note": str(tmp_path / "n"), "number": number}) for number in range(4)]
    outcomes = run_subjects(workers.kill_server_once, tasks, version="1", cache_dir=None)
    assert [each.value for each in outcomes] == [{"number": number} for number in range(4)]
    outcomes = run_subjects(
        workers.kill_server_always, [Task(str(each), {"number": each}) for each in range(3)],
        version="1", cache_dir=None,
    )  # fmt: skip
    assert [each.error and each.error.code for each in outcomes] == [None, "ENG-210", None]


@pytest.mark.parametrize("reuse_children", [False, True])
def test_whoever_stops_waiting_ends_the_children(client, workers, tmp_path, reuse_children):
    note = tmp_path / "note"
    name = FunctionName(workers.__name__, "stay_or_wait", workers.__file__)
    arguments = {number: {"note": str(note), "number": number} for number in range(2)}
    work = Work(name, arguments, Limits(seconds=FOREVER), 1, reuse_children=reuse_children)
    with closing(DaskExecutor(client).execute(work)) as calls:
        assert next(calls).position == 1
    pids = [int(text) for text in note.read_text().split()[:2]]
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))


def test_workers_of_other_versions_are_refused_by_name(on_cluster, workers, monkeypatch):
    from normwise.engine.cluster import executor

    here = executor.versions_here()
    monkeypatch.setattr(executor, "versions_here", lambda: {**here, "numpy": "0.9"})
    with pytest.raises(EngineError) as refused:
        list(run_parts(workers.square, [(1,), (2,)], common=(3,)))
    assert refused.value.code == "ENG-402"
    address = min(on_cluster.scheduler_info()["workers"])
    assert f"{address}: numpy {here['numpy']}, not 0.9" in refused.value.seen


def test_a_folder_that_workers_can_not_see_is_refused_by_name(client, workers, tmp_path):
    handle = os.open(tmp_path, os.O_RDONLY)
    os.dup2(handle, 700)  # a name that is there in this process alone
    work = Work(
        FunctionName(workers.__name__, "give", workers.__file__),
        {0: {}},
        Limits(),
        1,
        folders=("/proc/self/fd/700",),
    )
    with pytest.raises(EngineError) as refused:
        list(DaskExecutor(client).execute(work))
    os.close(700)
    os.close(handle)
    assert refused.value.code == "ENG-403"
    assert "/proc/self/fd/700" in refused.value.seen
    assert not list(tmp_path.iterdir())


def test_no_scheduler_is_named(monkeypatch):
    monkeypatch.setattr("normwise.engine.cluster.connect._CONNECT_SECONDS", 0.5)
    section = EngineSection(name="dask", scheduler="tcp://127.0.0.1:9")
    with pytest.raises(EngineError) as refused, use_engine(section):
        pass
    assert (refused.value.code, refused.value.subject) == ("ENG-401", "tcp://127.0.0.1:9")


def test_a_missing_package_is_named_with_the_line_to_type(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "dask_jobqueue" else found(name)
    )
    with pytest.raises(EngineError) as refused, use_engine(EngineSection(name="slurm")):
        pass
    assert refused.value.code == "ENG-107"
    assert "normwise[cluster]" in refused.value.advice


FILES = ("evaluation.json", "predictions.tsv", "features.tsv", "study.toml", "explanation.json")


@pytest.mark.slow
def test_an_evaluation_is_the_same_anywhere(client, tmp_path):
    study = study_of(tmp_path / "study")
    changes = {"permutations": 20, "learning_curve": True}
    study = study.model_copy(update={"evaluation": study.evaluation.model_copy(update=changes)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        evaluate_study(study, tmp_path / "here", jobs=1)
        address = client.scheduler.address
        there = study.model_copy(update={"engine": EngineSection(name="dask", scheduler=address)})
        evaluate_study(there, tmp_path / "there")
    for name in FILES:
        assert (tmp_path / "here" / name).read_bytes() == (tmp_path / "there" / name).read_bytes(), name


def test_a_run_does_not_say_where_it_was_done():
    study = Study.model_validate({"engine": {"name": "dask", "scheduler": "tcp://a:1"}})
    assert study_to_toml(study) == study_to_toml(Study())
    assert study.model_dump() == Study().model_dump()
