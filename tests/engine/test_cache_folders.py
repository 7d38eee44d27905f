"""Which folder is the cache: what was asked for, the environment's, the user's own, or the run's."""

from __future__ import annotations

import errno
import tempfile
import warnings
from pathlib import Path

import pytest

from normwise.engine import Task, cache_place, choose_cache, run_subjects
from normwise.errors import EngineError, NormwiseWarning


def test_what_was_asked_for_comes_before_the_environment_and_that_before_the_users_own(tmp_path, monkeypatch):
    monkeypatch.setenv("NORMWISE_CACHE", str(tmp_path / "named"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_place(tmp_path / "given") == tmp_path / "given"
    assert cache_place() == tmp_path / "named"
    monkeypatch.setenv("NORMWISE_CACHE", " ")
    assert cache_place() == tmp_path / "xdg" / "normwise"
    for useless in ("", "relative/is/not/allowed"):
        monkeypatch.setenv("XDG_CACHE_HOME", useless)
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        assert cache_place() == tmp_path / "home" / ".cache" / "normwise"


def test_a_cache_that_can_be_written_to_comes_before_the_runs_own(tmp_path):
    assert choose_cache(tmp_path / "shared", tmp_path / "own") == (tmp_path / "shared", tmp_path / "own")


def test_one_that_was_asked_for_and_cannot_be_made_is_refused(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(EngineError, match="ENG-301"):
        choose_cache(tmp_path / "file" / "cache", tmp_path / "own")
    monkeypatch.setenv("NORMWISE_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(EngineError, match="ENG-301"):
        choose_cache(None, tmp_path / "own")


def test_without_a_users_folder_the_run_keeps_its_work(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.delenv("NORMWISE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.warns(NormwiseWarning, match="ENG-305"):
        folder, _ = choose_cache(None, tmp_path / "own")
    assert folder == tmp_path / "own"


def test_a_cache_for_reading_is_read_and_the_run_keeps_what_is_new(workers, tmp_path, monkeypatch):
    tasks = [Task(f"sub-{number}", {"number": number}) for number in (1, 2)]
    run_subjects(workers.give, tasks[:1], version="1", cache_dir=tmp_path / "shared")

    def refuse(**_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    with pytest.warns(NormwiseWarning, match="ENG-305"):
        folder, also = choose_cache(tmp_path / "shared", tmp_path / "own")
    monkeypatch.undo()
    before = sorted((tmp_path / "shared").rglob("*"))
    outcomes = run_subjects(workers.give, tasks, version="1", cache_dir=folder, also=also)
    assert [outcome.cached for outcome in outcomes] == [True, False]
    assert sorted((tmp_path / "shared").rglob("*")) == before
    assert len(list((tmp_path / "own").rglob("*.result"))) == 1


def test_what_a_full_cache_does_not_take_the_runs_own_folder_does(workers, tmp_path):
    shared, own = tmp_path / "shared", tmp_path / "own"
    (shared / "results").mkdir(parents=True)
    for number in range(256):  # whatever the key is, a file stands where its folder should be
        (shared / "results" / f"{number:02x}").write_text("")
    for cached in (False, True):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            [outcome] = run_subjects(workers.give, [Task("a")], version="1", cache_dir=shared, also=own)
        assert outcome.cached is cached
        codes = {item.message.code for item in caught if isinstance(item.message, NormwiseWarning)}
        assert ("ENG-305" in codes) is not cached
        assert "ENG-303" not in codes
    assert outcome.key in str(next(own.rglob("*.result")))


def test_no_test_sees_the_cache_of_who_runs_it():
    assert cache_place().is_relative_to(Path(tempfile.gettempdir()))
