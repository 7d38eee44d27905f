from __future__ import annotations

from pathlib import Path

from normwise.engine import Task
from normwise.features import ExtractionContext


def test_what_is_kept_of_a_scan_depends_on_both_files_of_a_pair(monkeypatch):
    seen = []
    monkeypatch.setattr("normwise.engine.run_subjects", lambda _, tasks, **__: seen.extend(tasks))
    tasks = [Task("a", {}, (Path("a.img"), Path("atlas.npz"))), Task("b", {}, (Path("b.nii.gz"),))]
    ExtractionContext().run_scans(len, tasks, version="1", title="")
    assert [[path.name for path in task.inputs] for task in seen] == [
        ["a.img", "a.hdr", "atlas.npz"],
        ["b.nii.gz"],
    ]
