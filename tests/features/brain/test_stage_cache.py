"""Stages are cached by content: only what changed runs again, and a kill at any stage changes no byte."""

from __future__ import annotations

import os
import signal
from dataclasses import replace

import numpy as np
import pytest

import fake_chain
from normwise.errors import NormwiseWarning
from normwise.features.brain import chain as stages
from normwise.features.brain.settings import ChainSettings
from normwise.features.brain.stage_cache import StageStore, image_key, run_cached_stages
from normwise.images import Volume

SETTINGS = ChainSettings()


@pytest.fixture
def ran(monkeypatch):
    """Names of the stages that really ran, in order."""
    names = []

    def noting(stage):
        def function(arrays, settings):
            names.append(stage.name)
            return stage.function(arrays, settings)

        return replace(stage, function=function)

    monkeypatch.setattr(stages, "STAGES", tuple(noting(stage) for stage in fake_chain.STAGES))
    return names


def same(one, other):
    assert list(one) == list(other)
    for name, array in one.items():
        assert array.dtype == other[name].dtype
        assert array.tobytes() == other[name].tobytes(), name


def test_a_second_run_takes_everything_from_the_store(tmp_path, ran):
    store = StageStore(tmp_path)
    first = run_cached_stages(fake_chain.head(), SETTINGS, store)
    ran.clear()
    second = run_cached_stages(fake_chain.head(), SETTINGS, store)
    assert ran == []
    assert second[1] == first[1]
    same(second[0], first[0])


def test_nothing_is_kept_without_a_folder(ran):
    kept, _ = run_cached_stages(fake_chain.head(), SETTINGS, StageStore(None))
    ran.clear()
    again, _ = run_cached_stages(fake_chain.head(), SETTINGS, StageStore(None))
    assert ran == ["find", "tell", "name", "measure"]
    same(kept, again)


@pytest.mark.parametrize(
    ("settings", "content", "again"),
    [
        (ChainSettings(atlas="aal"), {}, ["name", "measure"]),
        (ChainSettings(quality="fast"), {}, ["find", "tell", "name", "measure"]),
        (ChainSettings(threads=2), {}, []),
        (ChainSettings(), {"atlas": "another content of the same file"}, ["name", "measure"]),
    ],
)
def test_only_what_depends_on_a_change_runs_again(tmp_path, ran, settings, content, again):
    store = StageStore(tmp_path)
    run_cached_stages(fake_chain.head(), SETTINGS, store)
    ran.clear()
    run_cached_stages(fake_chain.head(), settings, store, content)
    assert ran == again


def test_another_image_or_place_shares_nothing(tmp_path, ran):
    head = fake_chain.head()
    run_cached_stages(head, SETTINGS, StageStore(tmp_path))
    brighter = head.voxels.copy()
    brighter[0, 0, 0] += 1
    moved = head.affine.copy()
    moved[0, 3] += 1
    assert (
        len({image_key(each) for each in (head, Volume(brighter, head.affine), Volume(head.voxels, moved))})
        == 3
    )
    ran.clear()
    run_cached_stages(Volume(brighter, head.affine), SETTINGS, StageStore(tmp_path))
    assert len(ran) == 4


def test_a_damaged_stage_runs_again(tmp_path, ran):
    store = StageStore(tmp_path)
    first, _ = run_cached_stages(fake_chain.head(), SETTINGS, store)
    largest = max(tmp_path.rglob("*.stage"), key=lambda path: path.stat().st_size)
    raw = bytearray(largest.read_bytes())
    raw[len(raw) // 2] ^= 1
    largest.write_bytes(raw)
    ran.clear()
    with pytest.warns(NormwiseWarning, match=f"ENG-302  {largest.name}"):
        second, _ = run_cached_stages(fake_chain.head(), SETTINGS, store)
    assert len(ran) == 1
    same(second, first)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("moment", ["in the stage", "while it is written"])
def test_a_kill_at_any_stage_changes_no_byte(tmp_path, monkeypatch, place, moment):
    monkeypatch.setattr(stages, "STAGES", fake_chain.STAGES)
    whole, _ = run_cached_stages(fake_chain.head(), SETTINGS, StageStore(None))
    child = os.fork()
    if child == 0:  # pragma: no cover - it dies
        _die_at(tmp_path, place, moment)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert len(list(tmp_path.glob("*/[!.]*.stage"))) == place
    resumed, _ = run_cached_stages(fake_chain.head(), SETTINGS, StageStore(tmp_path))
    same(resumed, whole)


def _die_at(folder, place, moment):
    """Run the chain in this process until the given stage, and be killed there."""
    count = 0

    def deadly(stage):
        def function(arrays, settings):
            if stage.name == fake_chain.STAGES[place].name and moment == "in the stage":
                os.kill(os.getpid(), signal.SIGKILL)
            return stage.function(arrays, settings)

        return replace(stage, function=function)

    from normwise import files

    replace_file = files.Path.replace

    def deadly_replace(self, target):
        nonlocal count
        count += 1
        if count == place + 1 and moment == "while it is written":
            os.kill(os.getpid(), signal.SIGKILL)
        return replace_file(self, target)

    try:
        files.Path.replace = deadly_replace
        stages.STAGES = tuple(deadly(stage) for stage in fake_chain.STAGES)
        run_cached_stages(fake_chain.head(), SETTINGS, StageStore(folder))
    finally:
        os._exit(0)


def test_a_full_disk_costs_the_cache_only(tmp_path):
    (tmp_path / "ab").write_text("a file where a folder should be")
    store = StageStore(tmp_path)
    with pytest.warns(NormwiseWarning, match="ENG-303"):
        store.put("ab12", {"a": np.ones(2)})
    assert store.get("ab12") is None


def test_what_lies_in_a_second_folder_is_read_and_stays_there(tmp_path):
    StageStore(tmp_path / "old").put("ab12", {"a": np.ones(2)})
    store = StageStore(tmp_path / "new", tmp_path / "old")
    assert store.get("ab12")["a"].tolist() == [1, 1]
    assert not (tmp_path / "new").exists()
