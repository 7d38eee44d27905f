"""What tuning chooses among: classifiers, their settings, and how many features they are given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from normwise.classify import CLASSIFIERS, REGRESSORS, ClassifierSpec, classifier_grid, make_classifier
from normwise.errors import ClassifierError
from normwise.extras import need_packages
from normwise.features import find_extractor
from normwise.procedure.selection import DEFAULT_COUNTS
from normwise.schema import ClassifierSection, Study

__all__ = ["Candidates", "candidates_of", "check_packages", "choose_candidate"]


@dataclass(frozen=True)
class Candidates:
    """Everything that is tried, from the simplest to the richest.

    Attributes
    ----------
    classifiers : dict of str to estimator
        Unfitted, by name, in the study's order.
    grids : dict of str to list of dict
        The settings of each, the simplest first.
    counts : tuple of int or None
        Numbers of features, ascending; ``(None,)`` where all are used.
    """

    classifiers: dict[str, Any]
    grids: dict[str, list[dict[str, Any]]]
    counts: tuple[int | None, ...]

    def list(self) -> list[tuple[str, int | None, dict[str, Any]]]:
        """List classifier, number of features and settings of each, the simplest first."""
        return [
            (name, count, setting)
            for name, grid in self.grids.items()
            for count in self.counts
            for setting in grid
        ]

    def untuned(self) -> int:
        """Return the place of the first classifier's own settings, taken where nothing can be tried."""
        listed = self.list()
        own = next(iter(self.classifiers.values())).get_params(deep=False)
        name = next(iter(self.classifiers))
        alike = [
            place
            for place, (other, _, setting) in enumerate(listed)
            if other == name and all(own[key] == value for key, value in setting.items())
        ]
        return alike[0] if alike else len(self.grids[name]) // 2

    def describe(self, name: str, count: int | None, setting: dict[str, Any]) -> dict[str, Any]:
        """Return what was chosen as a flat table for people, without what was no choice."""
        chosen: dict[str, Any] = {"classifier": name} if len(self.classifiers) > 1 else {}
        if count is not None:
            chosen["features"] = count
        return chosen | setting


def candidates_of(study: Study, seed: int, *, select: bool) -> Candidates:
    """Return what a study's tuning tries.

    Parameters
    ----------
    study : Study
        Gives ``[classifier]`` and ``[selection]``.
    seed : int
        Seed of classifiers that draw.
    select : bool
        Whether features are selected in this arm.

    Raises
    ------
    ClassifierError
        CLS-1xx, as `normwise.classify.make_classifier` raises them.

    Examples
    --------
    >>> study = Study.model_validate({"classifier": {"choices": ["linear", "logistic"]}})
    >>> [name for name, _, _ in candidates_of(study, 0, select=False).list()][::5]
    ['linear', 'logistic']
    """
    section = study.classifier
    names = list(dict.fromkeys(section.choices)) or [section.name]
    # Fixed settings and grid are those of the classifier that the study names.
    sections = {name: section if name == section.name else ClassifierSection(name=name) for name in names}
    kinds = _kinds_of(study)
    counts: tuple[int | None, ...] = (None,)
    if select:
        counts = tuple(sorted(set(study.selection.features or DEFAULT_COUNTS)))
    return Candidates(
        {name: make_classifier(each, seed, kinds) for name, each in sections.items()},
        {name: classifier_grid(each, kinds) for name, each in sections.items()},
        counts,
    )


def choose_candidate(
    losses: NDArray[np.float64], by_fold: NDArray[np.float64], rule: Literal["best", "one_standard_error"]
) -> int:
    """Return the place of the candidate that is taken.

    Parameters
    ----------
    losses : ndarray of shape (n_candidates,)
        Mean inner log loss, candidates from the simplest to the richest.
    by_fold : ndarray of shape (n_candidates, n_folds)
        The same in each inner fold.
    rule : {"best", "one_standard_error"}
        The least loss, of equal ones the simplest; or the simplest candidate whose loss is within one
        standard error of the least (Breiman et al. 1984, section 3.4.3), the standard error being that of the
        best one's mean over the folds.

    Examples
    --------
    >>> by_fold = np.array([[0.60, 0.62], [0.50, 0.56], [0.49, 0.55]])
    >>> [choose_candidate(by_fold.mean(axis=1), by_fold, rule) for rule in ("best", "one_standard_error")]
    [2, 1]
    """
    best = int(np.argmin(losses))
    if rule == "best" or by_fold.shape[1] < 2:
        return best
    error = float(by_fold[best].std(ddof=1)) / np.sqrt(by_fold.shape[1])
    return int(np.flatnonzero(losses <= losses[best] + error)[0])


def check_packages(study: Study) -> None:
    """Refuse a classifier or a learnt extractor whose packages are not installed.

    Raises
    ------
    ClassifierError
        CLS-301.
    """
    section, extractor = study.classifier, find_extractor(study)
    kinds = _kinds_of(study)
    for name in section.choices or [section.name]:
        if name in kinds:
            need_packages(kinds[name].packages, "CLS-301", ClassifierError, subject=f"classifier {name}")
    if extractor.learnt is not None:
        from normwise.learnt import LEARNT  # it enters networks, which most studies need not

        learnt = LEARNT[extractor.learnt]
        settings = learnt.settings(study)
        # What learns nothing needs nothing to learn with.
        if not extractor.baseline or any(settings[key] != value for key, value in extractor.baseline.items()):
            subject = f"extractor {study.features.extractor}"
            need_packages(learnt.packages, "CLS-301", ClassifierError, subject=subject)


def _kinds_of(study: Study) -> Mapping[str, ClassifierSpec]:
    """Return the registry that the study's classifier is in: those of classes, or of a number."""
    return CLASSIFIERS if study.cohort.target is None else REGRESSORS
