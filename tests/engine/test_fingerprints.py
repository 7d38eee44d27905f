"""Remembered hashes: used for files at rest, never for a file that was touched."""

from __future__ import annotations

import hashlib
import os
import time

import pytest

from normwise.engine import fingerprints, read_stored, write_stored
from normwise.engine.fingerprints import Fingerprints
from normwise.errors import NormwiseWarning


@pytest.fixture
def at_rest(monkeypatch):
    """Every file counts as long at rest: these tests don't wait for the clock."""
    monkeypatch.setattr(fingerprints, "_CLOCK_STEP_NS", -1)


def _hash(text):
    return hashlib.sha256(text.encode()).hexdigest()


def _remember(path, memory):
    prints = Fingerprints(memory)
    found = prints.of(path)
    prints.save()
    return found


def test_a_file_at_rest_is_not_read_again(tmp_path, at_rest):
    path, memory = tmp_path / "a", tmp_path / "memory.stored"
    path.write_text("abc")
    assert _remember(path, memory) == _hash("abc")
    [(name, (state, _))] = read_stored(memory)["files"].items()
    write_stored(memory, {"files": {name: [state, "remembered"]}})
    assert Fingerprints(memory).of(path) == "remembered"


def test_an_edit_that_hides_behind_the_old_times_is_seen(tmp_path, at_rest):
    path, memory = tmp_path / "a", tmp_path / "memory.stored"
    path.write_text("abc")
    _remember(path, memory)
    before = path.stat()
    time.sleep(0.02)  # a tick of the file system's clock
    with path.open("r+") as handle:
        handle.write("abd")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert Fingerprints(memory).of(path) == _hash("abd")


def test_another_file_in_its_place_is_seen(tmp_path, at_rest):
    path, memory = tmp_path / "a", tmp_path / "memory.stored"
    path.write_text("abc")
    _remember(path, memory)
    (tmp_path / "b").write_text("abd")
    (tmp_path / "b").replace(path)
    assert Fingerprints(memory).of(path) == _hash("abd")


def test_a_file_just_written_is_not_remembered(tmp_path):
    path, memory = tmp_path / "a", tmp_path / "memory.stored"
    path.write_text("abc")
    _remember(path, memory)
    assert not memory.exists()


@pytest.mark.parametrize("text", ["", "[]", '{"x": 1}', "{", '{"x": [[1], 2]}'])
def test_a_damaged_memory_is_no_memory(tmp_path, text):
    path, memory = tmp_path / "a", tmp_path / "memory.stored"
    path.write_text("abc")
    memory.write_text(text)
    with pytest.warns(NormwiseWarning, match="ENG-302"):
        assert Fingerprints(memory).of(path) == _hash("abc")


def test_a_flipped_bit_in_the_memory_is_no_other_hash(tmp_path, at_rest):
    path, memory = tmp_path / "a", tmp_path / "memory.stored"
    path.write_text("abc")
    _remember(path, memory)
    whole = memory.read_bytes()
    place = whole.index(_hash("abc").encode()) + 5
    memory.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    with pytest.warns(NormwiseWarning, match="ENG-302"):
        assert _remember(path, memory) == _hash("abc")
    assert memory.read_bytes() == whole


def test_the_memory_names_no_path(tmp_path, at_rest):
    path, memory = tmp_path / "Jane Roe.nii", tmp_path / "memory.stored"
    path.write_text("abc")
    _remember(path, memory)
    assert b"Jane" not in memory.read_bytes()
