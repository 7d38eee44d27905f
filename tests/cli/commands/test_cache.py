"""One cache for all runs: a second run measures nothing, and what a run has used can be verified."""

from __future__ import annotations

import json

import pytest

from label_maps import write_maps
from normwise.cli.main import main
from normwise.run_folder import RunFolder
from normwise.runs import prepare_run


@pytest.fixture
def study(tmp_path):
    """Four people with label maps of two regions."""
    return write_maps(tmp_path / "cohort", "abcd")


def _extract(study, run, *words):
    return main(["extract", str(study), str(run), "--jobs", "1", *map(str, words)])


def _end(text):
    return json.loads(text.splitlines()[-1])


def test_another_run_on_the_same_images_measures_none(study, tmp_path, capfd):
    for name, cached in (("one", 0), ("two", 4)):
        assert _extract(study, tmp_path / name, "--cache", tmp_path / "cache") == 0
        assert capfd.readouterr().err.count("from the cache") == (cached > 0)
    files = [
        {path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).iterdir()
         if path.is_file()}
        for name in ("one", "two")
    ]  # fmt: skip
    assert files[0] == files[1]
    assert not list((tmp_path / "one").rglob("*.result"))


def test_the_environment_names_the_cache(study, tmp_path, own_cache):
    assert _extract(study, tmp_path / "run") == 0
    assert len(list(own_cache.rglob("*.result"))) == 4
    assert _extract(study, tmp_path / "other", "--cache", tmp_path / "cache") == 0
    assert len(list((tmp_path / "cache").rglob("*.result"))) == 4


def test_a_runs_own_cache_of_an_earlier_version_is_read(study, tmp_path, capfd):
    run = tmp_path / "run"
    assert _extract(study, tmp_path / "first", "--cache", run / ".cache") == 0
    capfd.readouterr()
    assert _extract(study, run, "--cache", tmp_path / "cache") == 0
    assert "4 from the cache" in capfd.readouterr().err
    assert not list((tmp_path / "cache").rglob("*.result"))


def test_a_run_names_what_it_has_used_and_that_is_verified(study, tmp_path, own_cache, capfd):
    run = tmp_path / "run"
    prepare_run(study, run)
    kept = RunFolder(run).read_kept()
    paths = {path.stem: path for path in own_cache.rglob("*.result")}
    assert list(kept) == sorted(paths)
    assert main(["cache", "verify", str(run), "--json-log"]) == 0
    end = _end(capfd.readouterr().out)
    assert [end[name] for name in ("whole", "gone", "broken", "different")] == [4, 0, 0, 0]
    first, second, third, _ = (paths[key] for key in kept)
    first.unlink()
    second.write_bytes(second.read_bytes()[:-1])
    third.write_bytes(paths[list(kept)[3]].read_bytes())
    assert main(["cache", "verify", str(run), "--json-log"]) == 1
    end = _end(capfd.readouterr().out)
    assert [end[name] for name in ("whole", "gone")] == [1, 1]
    assert (end["broken_names"], end["different_names"]) == ([second.stem], [third.stem])
    assert main(["cache", "verify", "--json-log"]) == 1
    end = _end(capfd.readouterr().out)
    assert end["broken_names"] == [f"results/{second.stem[:2]}/{second.name}"]
    assert not second.exists()


def test_size_and_prune_say_what_is_there_and_what_went(study, tmp_path, own_cache, capfd):
    assert _extract(study, tmp_path / "run") == 0
    capfd.readouterr()
    assert main(["cache", "size"]) == 0
    assert "4 results" in (out := capfd.readouterr().out)
    assert str(own_cache) in out
    assert main(["cache", "prune", "--max-size", "0", "--json-log"]) == 0
    end = _end(capfd.readouterr().out)
    assert (end["removed_files"] >= 4, end["kept_bytes"]) == (True, 0)
    assert _extract(study, tmp_path / "run") == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["prune"], "CLI-101"),
        (["size", "--older-than", "3"], "CLI-101"),
        (["size", "run"], "CLI-101"),
        (["prune", "--older-than", "-1"], "CLI-104"),
        (["prune", "--older-than", "nan"], "CLI-104"),
        (["prune", "--max-size", "much"], "CLI-104"),
        (["verify", "nowhere"], "CLI-203"),
        (["clear"], "CLI-101"),
    ],
)
def test_what_makes_no_sense_is_refused(words, code, capfd):
    assert main(["cache", *words]) == 2
    assert capfd.readouterr().err.startswith(code)


def test_a_cache_that_is_not_there_is_empty(tmp_path, capfd):
    for action in ("size", "verify"):
        assert main(["cache", action, "--cache", str(tmp_path / "none")]) == 0
    assert "0 B in 0 files" in capfd.readouterr().out
    assert not (tmp_path / "none").exists()
