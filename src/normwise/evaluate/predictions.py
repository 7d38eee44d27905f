"""``predictions.tsv``: every out-of-fold prediction of every arm, one row each."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from normwise.evaluate.crossval import ArmPredictions

__all__ = ["write_predictions"]


def write_predictions(
    predictions: dict[str, ArmPredictions], ids: NDArray[np.object_], groups: NDArray[np.object_]
) -> str:
    """Return the table as tab-separated text; ``n/a`` stands for what is not there.

    Parameters
    ----------
    predictions : dict of str to ArmPredictions
        The arms.
    ids, groups : ndarray of shape (n_scans,)
        Scan and person of each row.
    """
    frames = []
    for arm, found in predictions.items():
        scores = found.scores
        for repeat, folds in enumerate(scores.folds):
            rows = np.flatnonzero(folds >= 0)
            names = np.array([*scores.classes, "n/a"], dtype=object)
            columns: dict[str, object] = {
                "arm": arm,
                "repeat": repeat,
                "fold": folds[rows],
                "id": ids[rows],
                "group": groups[rows],
                "label": scores.labels[rows],
            }
            for position, name in enumerate(scores.classes):
                columns[f"probability_{name}"] = scores.probabilities[repeat, rows, position]
            columns["threshold"] = found.thresholds[repeat, rows]
            columns["decision"] = names[scores.decided[repeat, rows]]
            columns["reason"] = np.where(
                found.reasons[repeat, rows] == "", "n/a", found.reasons[repeat, rows]
            )
            frames.append(pd.DataFrame(columns))
    table = pd.concat(frames, ignore_index=True)
    return str(table.to_csv(sep="\t", index=False, na_rep="n/a", lineterminator="\n"))
