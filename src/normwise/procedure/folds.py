"""Stratified folds that keep every person on one side, asserted each time.

Scans whose class is not a target (normals that are not a class) never stand in a test part; they join each
training part, except those of a person who is being tested.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from normwise.errors import ProcedureError

__all__ = ["Fold", "assert_no_person_on_both_sides", "draw_folds", "people_per_class", "seed_for"]


@dataclass(frozen=True)
class Fold:
    """Row numbers of one split: ``train`` and ``test``, each of shape (n_rows,)."""

    train: NDArray[np.intp]
    test: NDArray[np.intp]


def seed_for(*path: int) -> int:
    """Return a seed that depends on its place alone, so that the order of work never matters.

    Parameters
    ----------
    *path : int
        The study's seed, then repeat, fold …

    Examples
    --------
    >>> seed_for(0, 1, 2) == seed_for(0, 1, 2), seed_for(0, 1, 2) == seed_for(0, 2, 1)
    (True, False)
    """
    # A hash, because numpy's SeedSequence takes (0,) and (0, 0) for the same seed.
    return int.from_bytes(sha256(repr(path).encode()).digest()[:4]) >> 1


def people_per_class(
    labels: NDArray[np.object_], groups: NDArray[np.object_], targets: tuple[str, ...]
) -> dict[str, int]:
    """Count the people, not the scans, of every target class."""
    return {name: len(set(groups[labels == name])) for name in targets}


def draw_folds(
    labels: NDArray[np.object_],
    groups: NDArray[np.object_],
    targets: tuple[str, ...],
    *,
    folds: int,
    seed: int,
) -> list[Fold]:
    """Draw stratified folds over the people of the target classes.

    Parameters
    ----------
    labels : ndarray of shape (n_scans,)
        Class names.
    groups : ndarray of shape (n_scans,)
        The person of each scan.
    targets : tuple of str
        Classes that are tested.
    folds : int
        Number of folds.
    seed : int
        Seed of the draw.

    Returns
    -------
    list of Fold
        Every scan of a target class is tested once.

    Raises
    ------
    ProcedureError
        PRC-101 where a class has fewer people than there are folds.

    Examples
    --------
    >>> labels = np.array(["normal", "AD"] * 4, dtype=object)
    >>> people = np.array(["a", "b", "c", "d", "a", "b", "e", "f"], dtype=object)
    >>> [sorted(fold.test.tolist()) for fold in draw_folds(labels, people, ("normal", "AD"), folds=2, seed=0)]
    [[1, 2, 5, 6], [0, 3, 4, 7]]
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    counts = people_per_class(labels, groups, targets)
    scarce = {name: count for name, count in counts.items() if count < folds}
    if scarce:
        raise ProcedureError(
            "PRC-101",
            f"{folds} folds need at least {folds} people in every class.",
            subject=", ".join(scarce),
            seen=", ".join(f"{name}: {count} people" for name, count in scarce.items()),
            advice="lower the number of folds, or leave the class out of cohort.targets",
        )
    rows = np.flatnonzero(np.isin(labels, targets))
    others = np.setdiff1d(np.arange(len(labels)), rows)
    one_scan_each = len(set(groups[rows])) == len(rows)
    kind = StratifiedKFold if one_scan_each else StratifiedGroupKFold
    splitter = kind(n_splits=folds, shuffle=True, random_state=seed)
    people = None if one_scan_each else groups[rows]
    drawn = []
    for train, test in splitter.split(rows, labels[rows], people):
        tested = rows[test]
        joined = others[~np.isin(groups[others], groups[tested])]
        fold = Fold(np.sort(np.concatenate([rows[train], joined])), tested)
        assert_no_person_on_both_sides(fold, groups)
        drawn.append(fold)
    return drawn


def assert_no_person_on_both_sides(fold: Fold, groups: NDArray[np.object_]) -> None:
    """Stop the run where a person stands in both parts of a fold.

    Raises
    ------
    ProcedureError
        PRC-102, with the first person found.
    """
    both = set(groups[fold.train]) & set(groups[fold.test])
    if both:
        raise ProcedureError(
            "PRC-102",
            "a person stands in the training and in the test part of one fold.",
            subject=str(min(both)),
            seen=f"{len(both)} people in both parts",
            advice="check cohort.group and cohort.group_pattern: they must name the person, not the scan",
        )
