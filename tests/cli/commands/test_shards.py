"""Parts of a study, measured in any order and number, give the bytes of one run; what is missing is named."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from label_maps import write_maps, write_people
from normwise.cli.main import main

NAMES = "abcdefg"


@pytest.fixture
def study(tmp_path):
    """Seven people with label maps; the last but one has none that can be read."""
    study = write_maps(tmp_path / "cohort", NAMES)
    (study.parent / "f.nii.gz").write_bytes(b"no image")
    return study


@pytest.fixture
def whole(study, tmp_path, capfd):
    """The files of one run that measures everybody."""
    assert _extract(study, tmp_path / "whole", code=1) == 1
    capfd.readouterr()
    return _files(tmp_path / "whole")


def _extract(study, run, *words, code=None):
    ended = main(["extract", str(study), str(run), "--jobs", "1", *map(str, words)])
    assert code is None or ended == code
    return ended


def _files(run):
    return {
        path.relative_to(run).as_posix(): path.read_bytes()
        for path in run.rglob("*")
        if path.is_file() and path.relative_to(run).parts[0] not in ("logs", ".cache")
    }


@pytest.mark.parametrize(
    "order", [["1/3", "2/3", "3/3"], ["3/3", "1/3", "1/3", "2/3"], ["2/2", "7/9", "1/2"]]
)
def test_shards_in_any_order_give_the_bytes_of_one_run(study, whole, order, tmp_path, monkeypatch, capfd):
    run = tmp_path / "run"
    for number, shard in enumerate(order):
        # Machines share the run folder, and need share nothing else.
        monkeypatch.setenv("NORMWISE_CACHE", str(tmp_path / f"machine{number}"))
        _extract(study, run, "--shard", shard)
        assert not (run / "features.tsv").exists()
    monkeypatch.setenv("NORMWISE_CACHE", str(tmp_path / "last"))
    capfd.readouterr()
    assert _extract(study, run) == 1
    assert "6 from the cache" in capfd.readouterr().err
    assert _files(run) == whole


def test_named_people_are_measured_with_and_without_their_prefix(study, whole, tmp_path, own_cache, capfd):
    run = tmp_path / "run"
    assert _extract(study, run, "--participant-label", "sub-b", "d") == 0
    assert _missing(study, run, capfd)[1] == ["a", "c", "e", "f", "g"]
    assert _extract(study, run, "--participant-label", "a", "c", "e", "f", "g") == 1
    assert _extract(study, run) == 1
    assert _files(run) == whole


def _missing(study, run, capfd):
    capfd.readouterr()
    code = main(["shards", str(study), str(run), "--failed"])
    lines = [line.split("\t") for line in capfd.readouterr().out.splitlines()]
    assert (code == 1) is bool(lines)
    return [line[0] for line in lines], [line[1] for line in lines], [line[2] for line in lines]


def test_what_is_missing_is_named_and_only_that_need_be_submitted_again(study, tmp_path, capfd):
    run = tmp_path / "run"
    assert _extract(study, run, "--shard", "1/3") == 0
    assert _missing(study, run, capfd)[:2] == (["2/3", "3/3", "2/3", "3/3"], ["b", "c", "e", "f"])
    assert _extract(study, run, "--shard", "3/3") == 1
    shards, scans, why = _missing(study, run, capfd)
    assert (shards, scans) == (["2/3", "2/3", "3/3"], ["b", "e", "f"])
    assert why[:2] == ["not measured"] * 2
    assert why[2].startswith("IMG-")
    write_maps(tmp_path / "other", "f")
    (tmp_path / "other" / "f.nii.gz").replace(study.parent / "f.nii.gz")
    assert _extract(study, run, "--shard", "3/3") == 0
    assert _extract(study, run, "--shard", "2/3") == 0
    assert _missing(study, run, capfd) == ([], [], [])
    assert main(["shards", str(study), str(run), "--json-log"]) == 0
    assert json.loads(capfd.readouterr().out.splitlines()[-1])["measured"] == 7
    assert _extract(study, run) == 0
    assert not (run / "shards").exists()
    assert _missing(study, run, capfd) == ([], [], [])


def test_who_failed_is_named_after_gathering_too(study, tmp_path, capfd):
    assert _extract(study, tmp_path / "run") == 1
    shards, scans, why = _missing(study, tmp_path / "run", capfd)
    assert (shards, scans, why[0][:4]) == (["1/1"], ["f"], "IMG-")


@pytest.mark.parametrize("shard", ["0/5", "8/5", "5", "1/0", "-1/5", "1/5/2", "a/b", "1.5/3", ""])
def test_a_shard_that_there_is_not_is_refused_and_leaves_nothing(study, shard, tmp_path, capfd):
    assert _extract(study, tmp_path / "run", f"--shard={shard}") == 2
    assert capfd.readouterr().err.startswith("CLI-104")
    assert not (tmp_path / "run").exists()


def test_more_shards_than_people_are_allowed(study, tmp_path, capfd):
    assert _extract(study, tmp_path / "run", "--shard", "7/9") == 0
    assert _extract(study, tmp_path / "run", "--shard", "8/9") == 0
    assert "0 of 0 scans" in capfd.readouterr().out


def test_both_a_shard_and_people_are_refused(study, tmp_path, capfd):
    assert _extract(study, tmp_path / "run", "--shard", "1/2", "--participant-label", "a") == 2
    assert capfd.readouterr().err.startswith("CLI-101")


def test_nobody_of_a_name_is_said_with_who_it_may_be(study, tmp_path, capfd):
    assert _extract(study, tmp_path / "run", "--participant-label", "aa") == 2
    assert capfd.readouterr().err.startswith("RUN-104")
    (study.parent / "b.nii.gz").unlink()
    assert _extract(study, tmp_path / "run", "--participant-label", "b") == 2
    assert "left out" in capfd.readouterr().err


@pytest.mark.parametrize("gathering", [False, True])
def test_a_study_that_changes_between_shards_is_refused_and_nothing_is_lost(
    study, gathering, tmp_path, capfd
):
    run = tmp_path / "run"
    assert _extract(study, run, "--shard", "1/3") == 0
    before = _files(run)
    capfd.readouterr()
    words = ["--statistics", "mean"] if gathering else ["--shard", "2/3", "--statistics", "mean"]
    assert _extract(study, run, *words) == 2
    err = capfd.readouterr().err
    assert err.startswith("CLI-202")
    assert "features.statistics" in err
    assert _files(run) == before
    assert _extract(study, run, "--shard", "2/3") == 0


def test_other_people_between_shards_are_refused_or_begun_anew(study, tmp_path, capfd):
    run = tmp_path / "run"
    assert _extract(study, run, "--shard", "1/3") == 0
    write_people(study.parent, NAMES[:-1])
    before = _files(run)
    for words in (["extract", "--shard", "2/3"], ["shards"]):
        capfd.readouterr()
        assert main([words[0], str(study), str(run), *words[1:]]) == 2
        err = capfd.readouterr().err
        assert err.startswith("RUN-103")
        assert "7 scans then, 6 now; gone: g" in err
    assert _files(run) == before
    assert _extract(study, run, "--shard", "1/3", "--overwrite") == 0
    assert "2 from the cache" in capfd.readouterr().err
    assert _missing(study, run, capfd)[1] == ["b", "c", "e", "f"]


def test_a_damaged_record_counts_as_not_measured(study, tmp_path, capfd):
    run = tmp_path / "run"
    assert _extract(study, run, "--shard", "1/3") == 0
    (run / "shards" / "1-of-3.json").write_text("{")
    assert _missing(study, run, capfd)[1] == list(NAMES)


def test_where_no_shard_was_there_is_nothing_to_say(study, tmp_path, capfd):
    assert main(["shards", str(study), str(tmp_path / "run")]) == 2
    assert capfd.readouterr().err.startswith("CLI-203")


@pytest.fixture
def command(tmp_path):
    """A folder with the command `normwise` for scripts."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "normwise"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m normwise.cli "$@"\n')
    script.chmod(0o755)
    return folder


def test_the_script_of_the_page_measures_its_shard_and_the_missing_are_its_array(
    study, whole, command, tmp_path
):
    pytest.importorskip("fcntl")
    page = (Path(__file__).parents[3] / "docs" / "howto" / "cluster.md").read_text(encoding="utf-8")
    script, again, *_ = re.findall(r"```bash\n(.*?)```", page, flags=re.DOTALL)
    assert len(script.splitlines()) == 12
    script = script.replace("/data/study.toml", str(study)).replace("/data/", f"{tmp_path}/")
    environment = {**os.environ, "PATH": f"{command}:{os.environ['PATH']}", "SLURM_CPUS_PER_TASK": "1"}
    for number in (3, 7):
        done = subprocess.run(
            ["bash", "-eu", "-c", script],
            env={**environment, "SLURM_ARRAY_TASK_ID": str(number)},
            capture_output=True,
            text=True,
            check=True,
            timeout=1000,
        )
        assert "1 of 1 scans" in done.stdout
    missing = again.partition("$(")[2].rpartition(")")[0].replace("study.toml", str(study))
    listed = subprocess.run(
        ["bash", "-c", missing.replace(" run ", f" {tmp_path}/run ")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=1000,
    )
    assert listed.stdout == "1,2,4,5,6\n"
    assert _extract(study, tmp_path / "run") == 1
    assert _files(tmp_path / "run") == whole


HOLD = """
import sys
from pathlib import Path
from normwise.cli.run_hold import RunHold
from normwise.run_folder import RunFolder
run = RunFolder(sys.argv[1])
run.begin()
hold = RunHold("normwise " + sys.argv[2])
hold.take(run, shared=sys.argv[3] == "shared")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Start a process that holds the run; killing it is how it ends."""
    pytest.importorskip("fcntl")
    started = []

    def hold(what, how):
        words = [sys.executable, "-c", HOLD, str(tmp_path / "run"), what, how]
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout.readline() == b"held\n"
        return process

    yield hold
    for process in started:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def test_the_second_command_is_refused_and_says_who_holds_the_run(study, holder, tmp_path, capfd):
    process = holder("evaluate", "alone")
    before = _files(tmp_path / "run")
    for words in ([], ["--shard", "1/3"]):
        assert _extract(study, tmp_path / "run", *words) == 2
        err = capfd.readouterr().err
        assert err.startswith("CLI-204")
        assert "normwise evaluate" in err
        assert f"process {process.pid} " in err
    assert _files(tmp_path / "run") == before
    process.kill()  # a killed command holds nothing
    process.wait()
    assert _extract(study, tmp_path / "run") == 1
    assert (tmp_path / "run" / ".normwise").read_bytes() == b"a Normwise run\n"


def test_shards_work_side_by_side_and_gathering_waits_for_them(study, holder, tmp_path, capfd):
    process = holder("extract --shard 2/3", "shared")
    assert _extract(study, tmp_path / "run", "--shard", "1/3") == 0
    capfd.readouterr()
    assert _extract(study, tmp_path / "run") == 2
    err = capfd.readouterr().err
    assert err.startswith("CLI-204")
    assert "normwise extract --shard" in err
    process.kill()
    process.wait()
    assert _extract(study, tmp_path / "run") == 1
