"""Shapes: what the measures beyond the initiative's bring, and what a region costs.

``python -m benchmarks shapes`` runs both parts, ``python -m benchmarks shapes accuracy`` one:

- accuracy   a random forest tells normal glands of thin limbs from thickened and nodular ones
             (``tests/simulated_shapes.py``), trained on 250, tested on 250 others, with the initiative's
             measures and with all; nothing was chosen on these seeds
- speed      processor seconds a mask of 64³ voxels, and a label map of a head's 112 regions at 1 mm
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

PARTS = ("accuracy", "speed")
SEEDS = (2000, 2001)
PEOPLE = 250


def main() -> None:
    wanted = sys.argv[2:] or PARTS
    for part, work in zip(PARTS, (accuracy, speed), strict=True):
        if part in wanted:
            work()


def accuracy(seeds: tuple[int, ...] = SEEDS, people: int = PEOPLE) -> None:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import roc_auc_score

    from normwise.features.shapes import MEASURES, measure_shape
    from simulated_shapes import draw_glands

    names = list(MEASURES)
    aabb = [name.endswith("_aabb") for name in names]
    initiative = ["IBSI" in text for _, text in MEASURES.values()]
    sets = {"the initiative's": np.array(initiative) & ~np.array(aabb), "all": ~np.array(aabb)}
    print(f"\nGlands of thin limbs, a random forest of 300 trees, {people} to train and {people} to test")
    for seed in seeds:
        masks, ill = draw_glands(2 * people, seed)
        table = np.array([list(measure_shape(mask, np.eye(4)).values()) for mask in masks])
        assert np.isfinite(table).all()
        for title, chosen in sets.items():
            forest = RandomForestClassifier(300, min_samples_leaf=2, n_jobs=1, random_state=0)
            forest.fit(table[:people, chosen], ill[:people])
            score = forest.predict_proba(table[people:, chosen])[:, 1]
            auc = roc_auc_score(ill[people:], score)
            print(f"  seed {seed}  {title:<17} {chosen.sum():3d} measures  AUC {auc:.3f}")


def speed() -> None:
    from normwise.features.atlases import load_atlas
    from normwise.features.shapes import measure_shape
    from normwise.features.shapes.measure import measure_map_shapes
    from normwise.images import write_volume
    from simulated_shapes import draw_glands

    masks, _ = draw_glands(20, 1)
    start = time.process_time()
    for mask in masks:
        measure_shape(mask, np.eye(4))
    print(f"\n64³ voxels, one gland: {(time.process_time() - start) / len(masks):.3f} s CPU a mask")
    labels = load_atlas("desikan_killiany").labels
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "labels.nii.gz"
        write_volume(labels, path)
        start = time.process_time()
        found = measure_map_shapes(str(path))
        spent = time.process_time() - start
    print(f"{len(found['labels'])} regions of a head at {labels.spacing[0]:g} mm: {spent:.1f} s CPU a head")


if __name__ == "__main__":
    main()
