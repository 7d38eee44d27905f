"""Whether a study of a number can run on its cohort, before anything is computed."""

from __future__ import annotations

import warnings

import numpy as np

from normwise.cohort import Cohort
from normwise.errors import ClassifierError, NormwiseWarning, ProcedureError
from normwise.features import find_extractor
from normwise.procedure import candidates_of, draw_target_repeats, keys_of, make_preprocessing, site_column
from normwise.schema import Study

__all__ = ["check_regression"]

_FEWEST = 10  # people that a training part of a number needs, to be split again


def check_regression(study: Study, cohort: Cohort, *, split: bool) -> None:
    """Refuse settings of a study of a number that can't run on this cohort.

    Parameters
    ----------
    study : Study
        With a target.
    cohort : Cohort
        Who would take part.
    split : bool
        Whether people will be split as ``[evaluation]`` says.

    Raises
    ------
    ProcedureError
        PRC-118 for features that are learnt from classes, PRC-119 with too few people; else as the fits.
    ClassifierError
        CLS-112 where a training part has one number alone.
    """
    extractor = find_extractor(study)
    if extractor.learnt is not None:
        from normwise.learnt import LEARNT  # it enters networks, which most studies need not

        if LEARNT[extractor.learnt].needs_labels:
            raise ProcedureError(
                "PRC-118",
                "these features are learnt from classes, and a number is predicted.",
                subject=f"features.extractor = {study.features.extractor!r}",
                seen=f"cohort.target = {study.cohort.target!r}",
                advice="take measured features, or principal components of voxels",
            )
    candidates_of(study, 0, select=False)
    site_column(study, cohort.roles)
    assert cohort.labels is not None, "a study of a number says who is normal"
    assert cohort.target is not None, "a study of a number has one of everybody"
    labels, groups = (part.to_numpy(dtype=object) for part in (cohort.labels, cohort.groups))
    values = np.asarray(cohort.target, dtype=np.float64)
    parts = [np.arange(len(values))]
    if split and len(set(groups)) >= _FEWEST:
        repeats = draw_target_repeats(study.evaluation, values, labels, groups, keys_of(study, cohort))
        parts = [fold.train for folds in repeats for fold in folds]
    smallest = min(parts, key=lambda rows: len(set(groups[rows])))
    people = len(set(groups[smallest]))
    if people < _FEWEST:
        raise ProcedureError(
            "PRC-119",
            "too few people are left to learn a number from.",
            subject=f"cohort.target = {study.cohort.target!r}",
            seen=f"{people} people" + (" in the smallest training part" if len(parts) > 1 else ""),
            expected=f"{_FEWEST} people at least",
            advice="add people, or use more folds",
        )
    if any(np.ptp(values[rows]) == 0.0 for rows in parts):
        raise ClassifierError(
            "CLS-112",
            "everybody has one number to predict" + (" in a training part." if len(parts) > 1 else "."),
            subject=f"cohort.target = {study.cohort.target!r}",
            seen=f"{len(np.unique(values))} different numbers of {len(values)} scans",
            advice="check the target's column, and that people with other values are left",
        )
    if not cohort.roles.demographics:
        return
    normalizer = make_preprocessing(study, cohort.roles, "demographics", 0).steps[0][1]
    fewest = min(parts, key=lambda rows: int((labels[rows] == cohort.roles.normal).sum()))
    with warnings.catch_warnings():
        # What is only worth a warning is warned of when the features are there.
        warnings.simplefilter("ignore", NormwiseWarning)
        normalizer.fit(cohort.frame.iloc[fewest], labels[fewest])
