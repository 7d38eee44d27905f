"""BreastMNIST from its pictures, through the command line: ``python -m benchmarks pictures [FOLDER]``.

Written beforehand: the official split, 624 training and validation pictures to train on, 156 to test; the
settings of ``networks breast``, which were chosen on the 624 alone; one seed, one look. Goal: an AUC no lower
than that of the same network trained on arrays (.897 to .924 over five seeds), less half a point.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.networks import BREAST, DATA

GOAL = 0.897 - 0.005


def main() -> None:
    folder = Path(sys.argv[2] if len(sys.argv) > 2 else tempfile.mkdtemp(prefix="normwise-pictures-"))
    _write(folder)
    began = time.perf_counter()
    _run("train", folder / "train.toml", folder / "run", "-j", "1")
    _run("test", folder / "run" / "model", folder / "test.toml", folder / "tested", "-j", "1")
    found = json.loads((folder / "tested" / "evaluation.json").read_text("utf-8"))
    auc = found["arms"][found["main_arm"]]["auc"]
    reached = f"AUC {auc['estimate']:.3f} ({auc['low']:.3f}–{auc['high']:.3f}), goal {GOAL:.3f}"
    wall = time.perf_counter() - began
    print(f"BreastMNIST from 780 PNG files by `normwise train` and `test`: {reached}; {wall:.0f} s wall")


def _write(folder: Path) -> None:
    with np.load(DATA / "medmnist" / "breastmnist.npz", allow_pickle=False) as stored:
        images = {"train": [stored["train_images"], stored["val_images"]], "test": [stored["test_images"]]}
        labels = {"train": [stored["train_labels"], stored["val_labels"]], "test": [stored["test_labels"]]}
    settings = ", ".join(f"{name} = {_toml(value)}" for name, value in BREAST.items() if name != "ndim")
    for part, pictures in images.items():
        (folder / part).mkdir(parents=True, exist_ok=True)
        lines = ["participant_id\tfinding"]
        rows = zip(np.concatenate(pictures), np.concatenate(labels[part]).ravel(), strict=True)
        for number, (pixels, label) in enumerate(rows):
            Image.fromarray(pixels).save(folder / part / f"{part}{number:03d}.png")
            lines.append(f"{part}{number:03d}\t{'benign' if label else 'malignant'}")
        (folder / f"{part}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        study = f"""[cohort]
table = "{part}.tsv"
images = "{part}/{{participant_id}}.png"
label = "finding"
classes = {{ benign = ["benign"], malignant = ["malignant"] }}
normal = "benign"
demographics = []
[features]
extractor = "images"
[classifier]
name = "conv"
parameters = {{ {settings} }}
[evaluation]
inner_folds = 2
"""
        (folder / f"{part}.toml").write_text(study, encoding="utf-8")


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {_toml(each)}" for name, each in value.items()) + " }"
    return json.dumps(value)


def _run(*words: object) -> None:
    subprocess.run([sys.executable, "-m", "normwise.cli", *map(str, words)], check=True)
