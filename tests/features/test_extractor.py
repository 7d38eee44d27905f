from __future__ import annotations

from pathlib import Path

from normwise.engine import Task
from normwise.features import ExtractionContext


def test_what_is_kept_of_a_scan_depends_on_both_files_of_a_pair(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr("normwise.engine.run_subjects", lambda _, tasks, **__: seen.extend(tasks) or [])
    for name in ("a.img", "a.hdr", "dicom.img"):
        (tmp_path / name).touch()
    tasks = [
        Task("a", {}, (tmp_path / "a.img", Path("atlas.npz"))),
        Task("b", {}, (Path("b.nii.gz"), tmp_path / "dicom.img")),
    ]
    ExtractionContext().run_scans(len, tasks, version="1", title="")
    assert [[path.name for path in task.inputs] for task in seen] == [
        ["a.img", "a.hdr", "atlas.npz"],
        ["b.nii.gz", "dicom.img"],
    ]


def test_without_a_run_nobody_clears_what_others_unpacked_into_their_cache(tmp_path):
    context = ExtractionContext(tmp_path / "cache")
    with context.scratch() as one:
        (one / "slice.dcm").touch()
        with context.scratch() as two:
            assert one != two
            assert (one / "slice.dcm").exists()
    assert not one.exists()


def test_a_part_reads_the_common_cache_where_the_run_stands_in_for_it(tmp_path, monkeypatch):
    read = []
    monkeypatch.setattr(
        "normwise.engine.run_subjects", lambda *_, cache_dir, also, **__: read.append((cache_dir, also)) or []
    )
    own, common = tmp_path / "run" / ".cache", tmp_path / "common"
    for cache, also in ((common, own), (own, common)):
        context = ExtractionContext(cache, run=tmp_path / "run", also=also, part=frozenset("a"))
        context.run_scans(len, [], version="1", title="")
    assert read == [(own, common)] * 2
