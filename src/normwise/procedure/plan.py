"""What can be refused before a single image is read, is."""

from __future__ import annotations

import warnings

from normwise.classify import classifier_grid, make_classifier
from normwise.cohort import Cohort
from normwise.errors import NormwiseWarning
from normwise.features import check_extractor
from normwise.procedure.decision import check_costs
from normwise.procedure.folds import draw_folds
from normwise.procedure.pipeline import front_of
from normwise.schema import Study

__all__ = ["check_plan"]


def check_plan(study: Study, cohort: Cohort, *, folds: int | None) -> None:
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

    Raises
    ------
    NormwiseError
        The first thing that would stop the run, as the room concerned says it.
    """
    check_extractor(study)
    if folds is None:
        return
    make_classifier(study.classifier)
    classifier_grid(study.classifier)
    check_costs(study.decision, cohort.roles.targets)
    assert cohort.labels is not None, "people are split by their labels"
    labels, groups = (part.to_numpy(dtype=object) for part in (cohort.labels, cohort.groups))
    draw_folds(labels, groups, cohort.roles.targets, folds=folds, seed=study.evaluation.seed)
    if cohort.roles.demographics:
        with warnings.catch_warnings():
            # What is only worth a warning is said when the features are there.
            warnings.simplefilter("ignore", NormwiseWarning)
            front_of(study, cohort.roles, "demographics", 0).steps[0][1].fit(cohort.frame, labels)
