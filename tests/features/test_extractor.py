from __future__ import annotations

from pathlib import Path

from normwise.engine import Task
from normwise.features import ExtractionContext


def test_what_is_kept_of_a_scan_depends_on_both_files_of_a_pair(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr("normwise.engine.run_subjects", lambda _, tasks, **__: seen.extend(tasks))
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
