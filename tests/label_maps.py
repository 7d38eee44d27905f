"""A study of small label maps of two regions: quick to write, and quick to measure."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from normwise.images import Volume, write_volume

STUDY = """[cohort]
table = "people.csv"
id = "ID"
label = "dx"
normal = "normal"
demographics = ["Age"]
images = "{ID}.nii.gz"
[features]
extractor = "regions"
atlas = "{ID}.nii.gz"
lut = "lut.tsv"
"""


def write_maps(folder: Path, names: str) -> Path:
    """Write one label map for each letter, with the table and the study, whose file is returned."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in names:
        labels = np.zeros((12, 12, 12), np.int16)
        labels[2:6, 2:6, 2 : 4 + rng.integers(4)] = 1
        labels[6:10, 6:10, 2 : 4 + rng.integers(4)] = 2
        write_volume(Volume(labels, np.diag([2.0, 2.0, 2.0, 1.0])), folder / f"{name}.nii.gz")
    (folder / "lut.tsv").write_text("index\tname\n1\tone\n2\ttwo\n")
    (folder / "study.toml").write_text(STUDY)
    write_people(folder, names)
    return folder / "study.toml"


def write_people(folder: Path, names: str) -> None:
    """Write the table: every second person is ill."""
    rows = [f"{name},{60 + number},{'AD' if number % 2 else 'normal'}" for number, name in enumerate(names)]
    (folder / "people.csv").write_text("\n".join(["ID,Age,dx", *rows]) + "\n")
