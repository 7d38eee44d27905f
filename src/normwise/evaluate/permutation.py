"""The permutation test: the whole procedure on shuffled labels, normalizer, tuning and all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from normwise.engine import Progress, run_parts
from normwise.evaluate.metrics.registry import METRICS
from normwise.evaluate.out_of_fold import OutOfFold
from normwise.procedure import (
    ArmFitter,
    Fold,
    assert_no_person_on_both_sides,
    draw_repeats,
    fewest_to_train,
    keys_of,
    seed_for,
)
from normwise.results import Permutation
from normwise.runs import PreparedRun
from normwise.schema import Roles, Study

__all__ = ["area_of", "permutation_of", "permutation_test", "shuffle_people"]

Names = NDArray[np.object_]
Rows = NDArray[np.intp]

_AT_ONCE = 10  # permutations a task: long enough to be worth a process, short enough to show progress


def permutation_of(
    prepared: PreparedRun, arm: str, *, jobs: int = 1, progress: Progress | None = None
) -> Permutation | None:
    """Return the permutation test that a run's study asks for; None where there is none."""
    study, cohort = prepared.study, prepared.cohort
    if not study.evaluation.permutations:
        return None
    ids = prepared.features.values.index
    sites = None if cohort.sites is None else cohort.sites.loc[ids].to_numpy(dtype=object)
    return permutation_test(
        study, cohort.roles, prepared.frame, prepared.labels, prepared.groups,
        arm=arm, sites=sites, keys=keys_of(study, cohort, ids), jobs=jobs, progress=progress,
    )  # fmt: skip


def permutation_test(
    study: Study,
    roles: Roles,
    X: pd.DataFrame,
    labels: Names,
    groups: Names,
    *,
    arm: str,
    sites: Names | None = None,
    keys: Names | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Permutation | None:
    """Compare the area under the ROC curve with what the same procedure finds in shuffled labels.

    Labels are shuffled over people; where sites are given, within each site, so that a site that predicts the
    label stays as good a predictor as it was. One repeat of outer folds is tested each time, with everything
    learnt anew inside: normalizer (on the shuffled normals), inner folds, tuning, classifier. The observed
    area is that of the first repeat's folds; where everybody has one scan and folds are random, people take
    one another's places in them. People whose class is no target keep their label.

    Parameters
    ----------
    study, roles : Study, Roles
        What is fitted; ``study.evaluation`` gives the number of permutations, folds and seed.
    X : DataFrame of shape (n_scans, n_columns)
        Features beside demographics.
    labels, groups : ndarray of shape (n_scans,)
        Class and person of each scan.
    arm : str
        The arm that is tested.
    sites : ndarray of shape (n_scans,), optional
        Site of each scan.
    keys : ndarray of shape (n_scans,), optional
        What a fold leaves out together, where the split asks for it.
    jobs : int
        Processes; the numbers do not depend on it.
    progress : Progress, optional
        Where progress is shown.

    Returns
    -------
    Permutation or None
        p = (1 + number of shuffles at least as good) / (1 + shuffles) (Phipson and Smyth 2010). None where
        the observed area is not defined, as where nobody of a class can be computed.
    """
    from threadpoolctl import threadpool_limits

    count = study.evaluation.permutations
    batches = [range(first, min(first + _AT_ONCE, count)) for first in range(0, count, _AT_ONCE)]
    title = "permutations"
    fitter = ArmFitter(study, roles, X, arm)
    with threadpool_limits(1):
        observed = area_of(fitter, labels, groups, keys)
    if not np.isfinite(observed):
        return None
    if progress is not None:
        progress.start(title, len(batches))
    areas: list[float] = []
    calls = [(batch,) for batch in batches]
    for part in run_parts(_areas, calls, common=(fitter, labels, groups, sites, keys), jobs=jobs):
        areas += part
        if progress is not None:
            progress.advance(title)
    if progress is not None:
        progress.finish(title)
    # Equal areas reached by different roundings are equal; one that is not defined counts against the labels.
    better = int(np.sum(~(np.array(areas) < observed - 1e-12)))
    return Permutation("auc", observed, areas, (1 + better) / (1 + count))


def shuffle_people(
    labels: Names, groups: Names, targets: Sequence[str], sites: Names | None, rng: np.random.Generator
) -> Rows:
    """Exchange the labels of the target classes among people, within sites where they are given.

    A person keeps one label over all scans. Where people change class between scans, whole courses are
    exchanged, and only among people with equally many scans.

    Parameters
    ----------
    labels, groups : ndarray of shape (n_scans,)
        Class and person of each scan.
    targets : sequence of str
        Classes whose labels are exchanged.
    sites : ndarray of shape (n_scans,), optional
        Site of each scan; a person belongs to that of the first.
    rng : Generator
        Source of randomness.

    Returns
    -------
    ndarray of int of shape (n_scans,)
        The scan whose label each scan is given.

    Examples
    --------
    >>> labels = np.array(["normal", "normal", "AD", "AD", "MCI"], dtype=object)
    >>> people = np.array(["a", "a", "b", "c", "d"], dtype=object)
    >>> labels[shuffle_people(labels, people, ("normal", "AD"), None, np.random.default_rng(3))].tolist()
    ['AD', 'AD', 'AD', 'normal', 'MCI']
    """
    source = np.arange(len(labels))
    scans: dict[object, list[int]] = {}
    for row in np.flatnonzero(np.isin(labels, list(targets))).tolist():
        scans.setdefault(groups[row], []).append(row)
    one_label = all(len({labels[row] for row in own}) == 1 for own in scans.values())
    strata: dict[tuple[str, int], list[list[int]]] = {}
    for own in scans.values():
        site = "" if sites is None else str(sites[own[0]])
        strata.setdefault((site, 0 if one_label else len(own)), []).append(own)
    for members in strata.values():
        for own, other in zip(members, rng.permutation(len(members)).tolist(), strict=True):
            source[own] = members[other][0] if one_label else members[other]
    return source


def _areas(
    fitter: ArmFitter,
    labels: Names,
    groups: Names,
    sites: Names | None,
    keys: Names | None,
    numbers: Sequence[int],
) -> list[float]:
    """Return the area of each permutation."""
    from threadpoolctl import threadpool_limits

    seed, targets = fitter.study.evaluation.seed, fitter.roles.targets
    areas = []
    with threadpool_limits(1):
        for number in numbers:
            # Five numbers, since folds and bootstrap are seeded by fewer.
            rng = np.random.default_rng(seed_for(seed, 0, 0, 0, number))
            source = shuffle_people(labels, groups, targets, sites, rng)
            areas.append(area_of(fitter, labels, groups, keys, source=source))
    return areas


def area_of(
    fitter: ArmFitter, labels: Names, groups: Names, keys: Names | None = None, *, source: Rows | None = None
) -> float:
    """Return the area under the ROC curve of one repeat of outer folds.

    Parameters
    ----------
    fitter : ArmFitter
        Fits and tests a fold.
    labels, groups, keys
        As for `permutation_test`.
    source : ndarray of int of shape (n_scans,), optional
        The scan whose label each scan is given, as of `shuffle_people`; default: its own. Where everybody
        has one scan and folds are random, people take one another's places in the folds of the labels as they
        were; else folds are drawn of the labels that are given.
    """
    section, roles = fitter.study.evaluation, fitter.roles
    once = section.model_copy(update={"repeats": 1})
    fewest = fewest_to_train(fitter.study.decision, roles)
    given, placed = labels, None
    if source is not None:
        given = labels[source]
        if section.split == "kfold" and len(set(groups)) == len(groups):
            placed = np.argsort(source)
    drawn_of = given if placed is None else labels
    outer = draw_repeats(once, drawn_of, groups, roles.targets, keys, fewest=fewest)[0]
    probabilities = np.full((1, len(labels), len(roles.targets)), np.nan)
    folds = np.full((1, len(labels)), -1, dtype=np.intp)
    for number, drawn in enumerate(outer):
        fold = drawn
        if placed is not None:
            fold = Fold(placed[drawn.train], placed[drawn.test])
            assert_no_person_on_both_sides(fold, groups)
        seed = seed_for(section.seed, 0, number)
        probabilities[0, fold.test] = fitter.fit_predict(given, groups, fold, seed=seed)
        folds[0, fold.test] = number
    undecided = np.full((1, len(labels)), -1, dtype=np.intp)
    scores = OutOfFold(given, roles.targets, roles.negative, probabilities, undecided, folds)
    return float(METRICS["auc"](scores)(np.ones((1, len(labels))))[0])
