"""What can be refused before a single image is read, is."""

from __future__ import annotations

import warnings

from normwise.cohort import Cohort
from normwise.errors import NormwiseWarning
from normwise.features import check_extractor
from normwise.procedure import (
    candidates_of,
    check_costs,
    draw_folds,
    draw_repeats,
    keys_of,
    make_preprocessing,
    site_column,
)
from normwise.schema import Study

__all__ = ["check_plan"]


def check_plan(study: Study, cohort: Cohort, *, folds: int | None, split: bool = False) -> None:
    """Refuse settings that can't run on this cohort.

    Extractor and atlas, classifier and its grid, the costs, the regression's design on the cohort's
    demographics, and enough people of every class for the folds.

    Parameters
    ----------
    study : Study
        The resolved study.
    cohort : Cohort
        Who would take part.
    folds : int, optional
        Folds that everybody will be split into; None where nobody is, and only the features are wanted.
    split : bool
        Whether people will be split as ``[evaluation]`` says, in place of so many folds.

    Raises
    ------
    NormwiseError
        The first thing that would stop the run, as the room concerned says it.
    """
    check_extractor(study)
    if folds is None:
        return
    candidates_of(study, 0, select=study.selection.name != "none")
    site_column(study, cohort.roles)
    check_costs(study.decision, cohort.roles.targets)
    assert cohort.labels is not None, "people are split by their labels"
    labels, groups = (part.to_numpy(dtype=object) for part in (cohort.labels, cohort.groups))
    if split:
        once = study.evaluation.model_copy(update={"repeats": 1})
        draw_repeats(once, labels, groups, cohort.roles.targets, keys_of(study, cohort))
    else:
        draw_folds(labels, groups, cohort.roles.targets, folds=folds, seed=study.evaluation.seed)
    if cohort.roles.demographics:
        with warnings.catch_warnings():
            # What is only worth a warning is said when the features are there.
            warnings.simplefilter("ignore", NormwiseWarning)
            make_preprocessing(study, cohort.roles, "demographics", 0).steps[0][1].fit(cohort.frame, labels)
