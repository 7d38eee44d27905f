"""Stratified folds that keep every person on one side, asserted each time.

Scans whose class is not a target (normals that are not a class) never stand in a test part; they join each
training part, except those of a person who is being tested.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from normwise.cohort import Cohort
from normwise.errors import ProcedureError
from normwise.reprs import ShortRepr
from normwise.schema import EvaluationSection, Roles, Study

__all__ = [
    "FEWEST_TO_TUNE",
    "Fold",
    "assert_no_person_on_both_sides",
    "count_patients",
    "draw_folds",
    "draw_inner_folds",
    "draw_repeats",
    "keys_of",
    "leave_group_out",
    "people_per_class",
    "seed_for",
]


FEWEST_TO_TUNE = 2  # of every class: one to learn from, and one for the inner test
_FEWEST_GROUPS = 2


@dataclass(frozen=True, repr=False)
class Fold(ShortRepr):
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


def count_patients(labels: NDArray[np.object_], groups: NDArray[np.object_], roles: Roles) -> int:
    """Count the people, not the scans, of the target classes but the negative one."""
    return len(set(groups[np.isin(labels, roles.targets) & (labels != roles.negative)]))


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
    is_tested = np.isin(labels, targets)
    rows, others = np.flatnonzero(is_tested), np.flatnonzero(~is_tested)
    one_scan_each = len(set(groups[rows])) == len(rows)
    codes = np.argmax([labels[rows] == name for name in sorted(targets)], axis=0).astype(np.int8)
    if one_scan_each:
        tested_in = _stratify_classes(codes.tobytes(), folds, seed)
    else:
        tested_in = _stratify(codes, groups[rows], folds, seed)
    drawn = []
    for number in range(folds):
        tested, trained = rows[tested_in == number], rows[tested_in != number]
        if len(others):
            joined = others[~np.isin(groups[others], groups[tested])]
            trained = np.sort(np.concatenate([trained, joined]))
        fold = Fold(trained, tested)
        assert_no_person_on_both_sides(fold, groups)
        drawn.append(fold)
    return drawn


@lru_cache(maxsize=64)
def _stratify_classes(codes: bytes, folds: int, seed: int) -> NDArray[np.int16]:
    """Return the fold that each person is tested in, of people whose classes are bytes.

    Folds of the same classes are asked for again by each arm, and whenever people change places.
    """
    return _stratify(np.frombuffer(codes, dtype=np.int8), None, folds, seed)


def _stratify(
    codes: NDArray[np.int8], people: NDArray[np.object_] | None, folds: int, seed: int
) -> NDArray[np.int16]:
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    kind = StratifiedKFold if people is None else StratifiedGroupKFold
    splitter = kind(n_splits=folds, shuffle=True, random_state=seed)
    tested_in = np.empty(len(codes), dtype=np.int16)
    for number, (_, test) in enumerate(splitter.split(codes, codes, people)):
        tested_in[test] = number
    return tested_in


def draw_inner_folds(
    labels: NDArray[np.object_],
    groups: NDArray[np.object_],
    targets: tuple[str, ...],
    *,
    folds: int,
    seed: int,
) -> list[Fold]:
    """Draw the folds inside a training part on which settings and the threshold are chosen.

    Parameters
    ----------
    labels, groups, targets
        As in `draw_folds`, of the training part alone.
    folds : int
        As many as are wished; a class with fewer people bounds them, down to two.
    seed : int
        Seed of the training part.
    """
    fewest = min(people_per_class(labels, groups, targets).values())
    return draw_folds(labels, groups, targets, folds=max(2, min(folds, fewest)), seed=seed_for(seed, 1))


def leave_group_out(
    labels: NDArray[np.object_],
    groups: NDArray[np.object_],
    targets: tuple[str, ...],
    keys: NDArray[np.object_],
    *,
    fewest: int = FEWEST_TO_TUNE,
) -> list[Fold]:
    """Leave out one value of ``keys`` at a time: a site, a scanner, a person.

    Nobody of the value tested is trained on, whatever their class, nor is any other scan of its people.

    Parameters
    ----------
    labels, groups : ndarray of shape (n_scans,)
        Class and person of each scan.
    targets : tuple of str
        Classes that are tested.
    keys : ndarray of shape (n_scans,)
        What is left out together.
    fewest : int
        People of every class that have to be left to train on; one is enough where nothing is tuned.

    Returns
    -------
    list of Fold
        One a value that somebody of a target class has, in sorted order; each scan of a target class is
        tested once.

    Raises
    ------
    ProcedureError
        PRC-111 where fewer people of a class would be left to train on.

    Examples
    --------
    >>> labels = np.array(["normal", "AD"] * 3, dtype=object)
    >>> people, site = np.array(list("abcdef"), dtype=object), np.array(list("xxyyzz"), dtype=object)
    >>> [fold.test.tolist() for fold in leave_group_out(labels, people, ("normal", "AD"), site)]
    [[0, 1], [2, 3], [4, 5]]
    """
    tested = np.isin(labels, targets)
    named = keys.astype(str)
    if len(np.unique(named[tested])) < _FEWEST_GROUPS:
        raise ProcedureError(
            "PRC-112",
            "there is only one group, so nothing can be left out.",
            seen=", ".join(np.unique(named[tested])) or "nobody of a target class",
            expected="two sites or groups at least",
            advice="use evaluation.split = kfold, or name another evaluation.split_column",
        )
    drawn = []
    for key in np.unique(named[tested]):
        test = np.flatnonzero(tested & (named == key))
        train = np.flatnonzero((named != key) & ~np.isin(groups, groups[test]))
        people = people_per_class(labels[train], groups[train], targets)
        if min(people.values()) < fewest:
            raise ProcedureError(
                "PRC-111",
                f"without {key} too few people of a class would be left to train on.",
                subject=key,
                seen=", ".join(f"{name}: {count} people" for name, count in people.items()),
                expected=f"at least {fewest} people of every class elsewhere",
                advice="use evaluation.split = kfold, or leave the class out of cohort.targets",
            )
        fold = Fold(train, test)
        assert_no_person_on_both_sides(fold, groups)
        drawn.append(fold)
    return drawn


def keys_of(study: Study, cohort: Cohort, ids: pd.Index | None = None) -> NDArray[np.object_] | None:
    """Return what a study's split leaves out together, row for row; None where that is no column.

    Parameters
    ----------
    study : Study
        Its ``[evaluation]`` names the split.
    cohort : Cohort
        Sites, and the participants table.
    ids : Index, optional
        The scans that remain; default: the cohort's.

    Raises
    ------
    ProcedureError
        PRC-113 where the table has no such column.
    """
    rows = cohort.frame.index if ids is None else ids
    section = study.evaluation
    if section.split == "site" and cohort.sites is not None:
        return cohort.sites.loc[rows].to_numpy(dtype=object)
    if section.split != "group" or section.split_column is None:
        return None
    if section.split_column not in cohort.raw.columns:
        raise ProcedureError(
            "PRC-113",
            "the participants table has no such column.",
            subject=f"evaluation.split_column = {section.split_column!r}",
            seen=", ".join(map(str, cohort.raw.columns)),
            advice="name one of its columns",
        )
    return np.asarray(cohort.raw.loc[rows, section.split_column], dtype=object)


def draw_repeats(
    section: EvaluationSection,
    labels: NDArray[np.object_],
    groups: NDArray[np.object_],
    targets: tuple[str, ...],
    keys: NDArray[np.object_] | None = None,
    *,
    fewest: int = FEWEST_TO_TUNE,
) -> list[list[Fold]]:
    """Draw the outer folds of an evaluation, one list a repeat.

    Only random folds are drawn anew in every repeat; the others are always the same, and are one repeat.

    Parameters
    ----------
    section : EvaluationSection
        Split, folds, repeats and seed.
    labels, groups : ndarray of shape (n_scans,)
        Class and person of each scan.
    targets : tuple of str
        Classes that are tested.
    keys : ndarray of shape (n_scans,), optional
        Site or group of each scan, where the split asks for it.
    fewest : int
        Of `leave_group_out`.

    Raises
    ------
    ProcedureError
        PRC-101, PRC-111 or PRC-112 where the people can't be split so; PRC-113 where the split needs a
        column that the study does not name.
    """
    if section.split == "kfold":
        return [
            draw_folds(labels, groups, targets, folds=section.folds, seed=seed_for(section.seed, repeat))
            for repeat in range(section.repeats)
        ]
    if section.split == "leave_one_out":
        return [leave_group_out(labels, groups, targets, groups, fewest=fewest)]
    if keys is None:
        lacking = "cohort.site" if section.split == "site" else "evaluation.split_column"
        raise ProcedureError(
            "PRC-113",
            f"a split by {section.split} needs a column.",
            subject="evaluation.split",
            expected=lacking,
            advice=f"name the column with {lacking}",
        )
    return [leave_group_out(labels, groups, targets, keys, fewest=fewest)]


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
