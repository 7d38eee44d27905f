"""The largest stable learning rate of a whole study, which one rate has to serve in every arm and part."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from normwise.classify import largest_stable_rate
from normwise.errors import NormalizerError, NormwiseWarning, ProcedureError
from normwise.features import find_extractor
from normwise.procedure.folds import draw_inner_folds, draw_repeats, seed_for
from normwise.procedure.pipeline import arm_frame, arms_of, make_preprocessing
from normwise.schema import Roles, Study

__all__ = ["stable_rates"]

Names = NDArray[np.object_]


def stable_rates(
    study: Study,
    roles: Roles,
    frame: pd.DataFrame,
    labels: Names,
    groups: Names,
    *,
    cross_entropy: bool,
    keys: Names | None = None,
) -> dict[str, float]:
    """Return the largest stable learning rate of each arm, on the columns that the classifier is given.

    The classifiers centre these columns and do not scale them, and the rate does not depend on the penalty.
    A study trains with one rate in all arms, on everybody and on every part of its folds, so that the least
    counts. The parts are those of the first repeat; half of the rate leaves room for the others.

    Parameters
    ----------
    study, roles : Study, Roles
        What is fitted, and on which columns.
    frame : DataFrame of shape (n_scans, n_columns)
        Features beside demographics.
    labels, groups : ndarray of shape (n_scans,)
        Class and person of each scan.
    cross_entropy : bool
        Whether that cost is descended; otherwise the squared one.
    keys : ndarray of shape (n_scans,), optional
        Site or group of each scan, where the split asks for it.
    """
    balanced = study.classifier.parameters.get("class_weight") == "balanced"
    parts = _parts(study, roles, labels, groups, keys)
    rates = {}
    for arm in arms_of(roles, study.features):
        steps = make_preprocessing(study, roles, arm, study.evaluation.seed)
        columns, found = arm_frame(frame, roles, arm), []
        for place, rows in enumerate(parts):
            tested = np.isin(labels[rows], roles.targets)
            try:
                with warnings.catch_warnings():
                    if place:  # of parts it is warned where they train a model
                        warnings.simplefilter("ignore", NormwiseWarning)
                    fitted = steps.fit_transform(columns.iloc[rows], labels[rows])
            except (NormalizerError, ProcedureError):
                if place == 0:
                    raise
                continue  # nothing is trained on such a part either
            values = np.asarray(fitted, dtype=np.float64)[tested]
            weights = _balance(labels[rows][tested]) if balanced else None
            rate = largest_stable_rate(
                values - np.average(values, axis=0, weights=weights),
                cost="cross_entropy" if cross_entropy else "squared",
                n_outputs=1 if len(roles.targets) == 2 else len(roles.targets),
                weights=weights,
            )
            found.append(rate)
        rates[arm] = min(found)
    return rates


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
    try:
        outer = draw_repeats(section, labels, groups, roles.targets, keys, fewest=1)[0]
    except ProcedureError:
        return parts
    for number, fold in enumerate(outer):
        rows, seed = fold.train, seed_for(section.seed, 0, number)
        parts.append(rows)
        try:
            inner = draw_inner_folds(
                labels[rows], groups[rows], roles.targets, folds=section.inner_folds, seed=seed
            )
        except ProcedureError:
            continue
        parts += [rows[each.train] for each in inner]
    return parts
