"""Attention over tiles against their plain mean, normalizer on and off, on slides with a planted tumour.

``python -m benchmarks attention [FOLDER] [PEOPLE]``: simulates the cohort where FOLDER does not hold it yet.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from normwise.cohort import read_study
from normwise.evaluate import evaluate_study
from normwise.features import learnt_extractor, read_features
from normwise.features.slides import read_tiles, tiles_place
from normwise.procedure import draw_folds
from normwise.schema import Study
from simulated_slides import simulate_slides

TOP = 10


def main() -> None:
    words = sys.argv[2:]
    folder = Path(words[0]) if words else Path(tempfile.mkdtemp(prefix="normwise-slides-"))
    people = int(words[1]) if len(words) > 1 else 60
    study_file = folder / "cohort" / "study.toml"
    if not study_file.is_file():
        simulate_slides(folder / "cohort", people=people)
    print(f"{'pooling':<12}{'arm':<16}AUC (95 %)")
    for pooling in ("attention", "mean"):
        study = read_study(study_file, {"features.extractor": "attention", "features.pooling": pooling})
        # One run folder, so that both share the measured slides.
        found = evaluate_study(study, folder / "run", jobs=2)
        for arm, each in found.arms.items():
            low, high = each.auc.low, each.auc.high
            print(f"{pooling:<12}{arm:<16}{each.auc.estimate:.3f} ({low:.3f}-{high:.3f})")
    study = read_study(study_file, {"features.extractor": "attention"})
    precision, share = top_precision(study, folder)
    print(
        f"share of planted tiles among the {TOP} with most attention, slides not trained on: {precision:.3f}"
    )
    print(f"by chance: {share:.3f}")


def top_precision(study: Study, folder: Path) -> tuple[float, float]:
    """Attend to the slides of each test fold by a network that was trained on the others."""
    table = read_features(folder / "run")
    people = pd.read_csv(folder / "cohort" / "participants.tsv", sep="\t", index_col="participant_id")
    truth = json.loads((folder / "cohort" / "truth.json").read_text())["slides"]
    labels = people.loc[table.values.index, "diagnosis"].to_numpy(dtype=object)
    names = table.values.index.to_numpy(dtype=object)
    hits, chance = [], []
    for fold in draw_folds(labels, names, ("normal", "tumour"), folds=5, seed=0):
        learnt = learnt_extractor(study, 0).fit(table.values.iloc[fold.train], labels[fold.train])
        for row in fold.test[labels[fold.test] == "tumour"]:
            tiles = read_tiles(folder / "run" / tiles_place(str(names[row])))
            weight = learnt.attention(tiles.vectors)["tumour"]
            planted = {tuple(place) for place in truth[names[row]]["tumour_xy"]}
            inside = np.array([tuple(place) in planted for place in tiles.xy.tolist()])
            hits.append(inside[np.argsort(-weight, kind="stable")[:TOP]].mean())
            chance.append(inside.mean())
    return float(np.mean(hits)), float(np.mean(chance))
