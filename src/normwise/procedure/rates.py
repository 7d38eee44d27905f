"""The largest stable learning rate of a whole study, which one rate has to serve in every arm and part."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from normwise.classify import largest_stable_rate
from normwise.errors import NormalizerError, NormwiseWarning, ProcedureError
from normwise.features import find_extractor
from normwise.procedure.folds import draw_inner_folds, draw_repeats, seed_for
from normwise.procedure.pipeline import STEPS_OF, arm_frame, arms_of, make_preprocessing
from normwise.procedure.preprocessing import Preprocessing, trainable_rows
from normwise.schema import Roles, Study

if TYPE_CHECKING:
    from normwise.classify import CostName

__all__ = ["stable_rates", "training_columns"]

Floats = NDArray[np.float64]
Names = NDArray[np.object_]


def stable_rates(
    study: Study,
    roles: Roles,
    frame: pd.DataFrame,
    labels: Names,
    groups: Names,
    *,
    costs: Sequence[CostName],
    keys: Names | None = None,
) -> dict[CostName, dict[str, float]]:
    """Return the largest stable learning rate of each arm, on the columns that the classifier is given.

    The classifiers centre these columns and do not scale them, and the rate does not depend on the penalty.
    A study trains with one rate in all arms, on everybody and on every part of its folds, so that the least
    counts. The parts are those of the first repeat; half of the rate leaves a margin for the others.

    Parameters
    ----------
    study, roles : Study, Roles
        What is fitted, and on which columns.
    frame : DataFrame of shape (n_scans, n_columns)
        Features beside demographics.
    labels, groups : ndarray of shape (n_scans,)
        Class and person of each scan.
    costs : sequence of {"squared", "cross_entropy"}
        What is descended.
    keys : ndarray of shape (n_scans,), optional
        Site or group of each scan, where the split asks for it.

    Returns
    -------
    dict of str to dict of str to float
        By cost, then by arm.
    """
    balanced = study.classifier.parameters.get("class_weight") == "balanced"
    parts = _parts(study, roles, labels, groups, keys)
    rates: dict[CostName, dict[str, float]] = {cost: {} for cost in costs}
    for arm in arms_of(roles, study.features):
        alike = STEPS_OF.get(arm, arm)
        if any(alike in by_arm for by_arm in rates.values()):
            for by_arm in rates.values():
                by_arm[arm] = by_arm[alike]
            continue
        preprocessing = _preprocessing(study, roles, frame, arm)
        found: dict[CostName, list[float]] = {cost: [] for cost in costs}
        for place, rows in enumerate(parts):
            try:
                with warnings.catch_warnings():
                    if place:  # of parts it is warned where they train a model
                        warnings.simplefilter("ignore", NormwiseWarning)
                    _, values, own = _targets_of(preprocessing, rows, labels[rows], roles)
            except (NormalizerError, ProcedureError):
                if place == 0:
                    raise
                continue  # nothing is trained on such a part either
            weights = _balance(own) if balanced else None
            for cost in costs:
                rate = largest_stable_rate(
                    values - np.average(values, axis=0, weights=weights),
                    cost=cost,
                    n_outputs=1 if len(roles.targets) == 2 else len(roles.targets),
                    weights=weights,
                )
                found[cost].append(rate)
        for cost in costs:
            rates[cost][arm] = min(found[cost])
    return rates


def training_columns(
    study: Study, roles: Roles, frame: pd.DataFrame, labels: Names, arm: str
) -> tuple[pd.DataFrame, Names]:
    """Return what an arm's classifier is given of everybody, and the classes.

    Parameters
    ----------
    study, roles, frame, labels
        As for `stable_rates`.
    arm : str
        A key of `normwise.procedure.ARMS`.

    Returns
    -------
    tuple of DataFrame of shape (n_rows, n_columns) and ndarray of shape (n_rows,)
        Of the scans of the target classes whose demographics and site are known.
    """
    rows = np.arange(len(labels))
    fitted, values, own = _targets_of(_preprocessing(study, roles, frame, arm), rows, labels, roles)
    return pd.DataFrame(values, columns=[str(name) for name in fitted.get_feature_names_out()]), own


def _preprocessing(study: Study, roles: Roles, frame: pd.DataFrame, arm: str) -> Preprocessing:
    steps = make_preprocessing(study, roles, arm, study.evaluation.seed)
    return Preprocessing(steps, arm_frame(frame, roles, arm))


def _targets_of(
    preprocessing: Preprocessing, rows: NDArray[np.intp], labels: Names, roles: Roles
) -> tuple[Pipeline, Floats, Names]:
    """Fit the steps before the classifier; return them, and the rows and classes that train it."""
    fitted, values, encodable = preprocessing.fit(rows, labels)
    trained = trainable_rows(encodable, labels, roles)
    return fitted, np.asarray(values, dtype=np.float64)[trained[encodable]], labels[trained]


def _balance(labels: Names) -> NDArray[np.float64]:
    names, codes, counts = np.unique(labels.astype(str), return_inverse=True, return_counts=True)
    return np.asarray(len(labels) / (len(names) * counts[codes]))


def _parts(
    study: Study, roles: Roles, labels: Names, groups: Names, keys: Names | None
) -> list[NDArray[np.intp]]:
    """Return the rows of everybody, and of each training part with its own inner parts."""
    parts = [np.arange(len(labels))]
    if find_extractor(study).learnt is not None:
        return parts  # an extractor is not learnt anew for a picture
    section = study.evaluation.model_copy(update={"repeats": 1})
    trained = [(section.seed, parts[0])]
    try:
        outer = draw_repeats(section, labels, groups, roles.targets, keys, fewest=1)[0]
    except ProcedureError:
        outer = []
    trained += [(seed_for(section.seed, 0, number), fold.train) for number, fold in enumerate(outer)]
    parts += [rows for _, rows in trained[1:]]
    for seed, rows in trained:
        try:
            inner = draw_inner_folds(
                labels[rows], groups[rows], roles.targets, folds=section.inner_folds, seed=seed
            )
        except ProcedureError:
            continue
        parts += [rows[each.train] for each in inner]
    return parts
