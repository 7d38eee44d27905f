"""What is counted, what is removed first, and what is found broken."""

from __future__ import annotations

import os
import time

import pytest

from normwise.engine import (
    Task,
    cache_upkeep,
    check_kept,
    measure_cache,
    prune_cache,
    read_stored,
    run_subjects,
    verify_cache,
    write_stored,
)

DAY = 86400


@pytest.fixture
def filled(workers, tmp_path):
    """Three results of growing age, a block of tiles and an atlas, as they lie in a cache."""
    tasks = [Task(f"sub-{number}", {"number": number}) for number in (1, 2, 3)]
    outcomes = run_subjects(workers.give, tasks, version="1", cache_dir=tmp_path)
    now = time.time()
    for age, outcome in enumerate(outcomes):
        os.utime(_place(tmp_path, outcome.key), (now, now - age * DAY))
    write_stored(tmp_path / "slides" / "plan" / "block_000000.stored", {"a": 1})
    write_stored(tmp_path / "shared" / "atlas-1.stored", {"a": 1})
    return outcomes


def _place(folder, key):
    return folder / "results" / key[:2] / f"{key}.result"


def test_everything_is_counted_by_kind(filled, tmp_path):
    contents = measure_cache(tmp_path)
    files = {kind: number for kind, number in contents.files.items() if kind != "hashes"}
    assert files == {"results": 3, "blocks": 1, "shared": 1}
    assert contents.bytes["results"] == sum(_place(tmp_path, each.key).stat().st_size for each in filled)


def test_what_is_as_old_as_the_limit_goes_and_younger_stays(filled, tmp_path):
    removed, stay = prune_cache(tmp_path, older_than=1.5 * DAY)
    assert (removed.files, stay.files["results"]) == ({"results": 1}, 2)
    assert not _place(tmp_path, filled[2].key).exists()
    removed, _ = prune_cache(tmp_path, older_than=DAY)
    assert not _place(tmp_path, filled[1].key).exists()
    assert _place(tmp_path, filled[0].key).exists()


def test_over_the_size_the_longest_unused_goes_first_and_no_more_than_needed(filled, tmp_path):
    contents = measure_cache(tmp_path)
    total = sum(contents.bytes.values())
    assert prune_cache(tmp_path, most_bytes=total)[0].files == {}
    prune_cache(tmp_path, most_bytes=total - 1)
    assert [_place(tmp_path, each.key).exists() for each in filled] == [True, True, False]


def test_what_runs_share_stays_while_one_may_need_it(filled, tmp_path):
    atlas = tmp_path / "shared" / "atlas-1.stored"
    prune_cache(tmp_path, older_than=0, most_bytes=0)
    assert [path for path in tmp_path.rglob("*") if path.suffix in (".result", ".stored")] == [atlas]
    os.utime(atlas, (time.time() - 3 * 3600,) * 2)
    prune_cache(tmp_path, most_bytes=0)
    assert not atlas.exists()


def test_what_a_run_takes_up_while_a_cache_is_pruned_stays(filled, tmp_path, monkeypatch):
    atlas = tmp_path / "shared" / "atlas-1.stored"
    os.utime(atlas, (time.time() - DAY,) * 2)
    listed = cache_upkeep._entries

    def list_and_use(folder):
        yield from list(listed(folder))
        assert read_stored(atlas) == {"a": 1}

    monkeypatch.setattr(cache_upkeep, "_entries", list_and_use)
    removed, stay = prune_cache(tmp_path, older_than=0.5 * DAY)
    assert (removed.files, stay.files["shared"]) == ({"results": 2}, 1)
    assert atlas.exists()


def test_use_makes_young_again(filled, workers, tmp_path):
    run_subjects(workers.give, [Task("other", {"number": 3})], version="1", cache_dir=tmp_path)
    atlas = tmp_path / "shared" / "atlas-1.stored"
    os.utime(atlas, (time.time() - DAY,) * 2)
    assert read_stored(atlas) == {"a": 1}
    removed, _ = prune_cache(tmp_path, older_than=0.9 * DAY)
    assert removed.files == {"results": 1}
    assert _place(tmp_path, filled[2].key).exists()
    assert atlas.exists()


def test_every_kind_is_verified_and_what_is_broken_is_named_and_removed(filled, tmp_path):
    whole, broken = verify_cache(tmp_path)
    assert (whole >= 5, broken) == (True, [])
    places = [_place(tmp_path, filled[0].key), tmp_path / "shared" / "atlas-1.stored"]
    places[0].write_bytes(places[0].read_bytes()[:-1])
    content = bytearray(places[1].read_bytes())
    content[len(content) // 2] ^= 1
    places[1].write_bytes(content)
    names = sorted(path.relative_to(tmp_path).as_posix() for path in places)
    assert verify_cache(tmp_path) == (whole - 2, names)
    assert not any(path.exists() for path in places)


def test_what_lies_beside_a_cache_is_neither_counted_nor_removed(filled, tmp_path):
    own = [tmp_path / "trial.result", tmp_path / "lab" / "scan.stored", tmp_path / "lab" / "third.stage"]
    before = measure_cache(tmp_path)
    own[1].parent.mkdir()
    for path in own:
        path.write_text("somebody's own")
    assert measure_cache(tmp_path) == before
    assert verify_cache(tmp_path)[1] == []
    prune_cache(tmp_path, older_than=0, most_bytes=0)
    assert all(path.exists() for path in own)


def test_a_stage_is_verified_too(tmp_path):
    from normwise.features.brain.stage_cache import StageStore

    StageStore(tmp_path / "shared" / "stages").put("ab12", {})
    assert verify_cache(tmp_path) == (1, [])
    stage = tmp_path / "shared" / "stages" / "ab" / "ab12.stage"
    stage.write_bytes(stage.read_bytes()[:-9])
    assert verify_cache(tmp_path) == (0, ["shared/stages/ab/ab12.stage"])


def test_what_a_run_has_used_is_held_against_what_is_there(filled, workers, tmp_path):
    kept = {each.key: each.digest for each in filled}
    assert all(len(digest) == 64 for digest in kept.values())
    one, two, three = (_place(tmp_path, each.key) for each in filled)
    one.write_bytes(two.read_bytes())
    three.write_bytes(b"half")
    found = check_kept([tmp_path / "none", tmp_path], {**kept, "00": ""})
    expected = {"whole": [two.stem], "gone": ["00"], "broken": [three.stem], "different": [one.stem]}
    assert found == expected
