"""Predictions made up for the tests of metrics, intervals and alarms."""

from __future__ import annotations

import numpy as np

from normwise.evaluate.out_of_fold import OutOfFold


def binormal(
    seed: int, people: int = 60, repeats: int = 1, folds: int = 1, shift: float = 1.0, digits: int = 2
) -> OutOfFold:
    """Two classes whose scores lie ``shift`` apart; rounded, so that there are ties."""
    rng = np.random.default_rng(seed)
    patient = np.arange(people) % 2 == 1
    score = rng.normal(size=(repeats, people)) + shift * patient
    p = (1 / (1 + np.exp(-score))).round(digits).clip(0.01, 0.99)
    layers = np.stack([rng.permutation(people) % folds for _ in range(repeats)])
    labels = np.where(patient, "AD", "normal").astype(object)
    table = np.stack([1 - p, p], axis=2)
    return OutOfFold(labels, ("normal", "AD"), "normal", table, (p >= 0.5).astype(np.intp), layers)
