"""The procedure's probabilities on many labellings of the same people, without its bookkeeping.

For a permutation test nothing is kept of a fit but the probabilities of its test part. Where the steps before
the classifier are the normalizer alone, they come from arrays (`normwise.normalize.PreparedFeatures`); folds,
tuning and classifier are those of `fit_procedure`, and so are the numbers, up to rounding.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from normwise.classify import predict_grid
from normwise.errors import NormalizerError, NormwiseWarning
from normwise.normalize import FeatureNormalizer, PreparedFeatures
from normwise.procedure.candidates import candidates_of, choose_candidate
from normwise.procedure.fit import fit_procedure, mean_log_loss
from normwise.procedure.folds import (
    Fold,
    draw_folds,
    people_per_class,
    seed_for,
)
from normwise.procedure.pipeline import arm_frame, make_preprocessing
from normwise.schema import Roles, Study

__all__ = ["Shortcut"]

Floats = Any  # float32 where the features are
Names = NDArray[np.object_]
Rows = NDArray[np.intp]


class Shortcut:
    """Probabilities of test people for any labels, by the shortest way there is.

    Parameters
    ----------
    study, roles : Study, Roles
        The procedure.
    X : DataFrame of shape (n_scans, n_columns)
        Features beside demographics.
    arm : str
        A key of `normwise.procedure.ARMS`.
    short : bool
        Whether to look for a short way at all.
    """

    def __init__(self, study: Study, roles: Roles, X: pd.DataFrame, arm: str, *, short: bool = True) -> None:
        self._study, self._roles, self._arm = study, roles, arm
        self._frame = X
        self._prepared: PreparedFeatures | None = None
        steps = make_preprocessing(study, roles, arm, 0).steps
        alone = len(steps) == 1 and isinstance(steps[0][1], FeatureNormalizer)
        if short and alone and study.selection.name == "none":
            self._prepared = steps[0][1].prepare(arm_frame(X, roles, arm))

    @property
    def is_short(self) -> bool:
        """Whether there is a shorter way than fitting the whole procedure."""
        return self._prepared is not None

    def probabilities(self, labels: Names, groups: Names, fold: Fold, seed: int) -> Floats:
        """Return the test part's probabilities, (n_tested, n_targets); NaN where there are none.

        Parameters
        ----------
        labels, groups : ndarray of shape (n_scans,)
            Class and person of each scan.
        fold : Fold
            Training and test rows.
        seed : int
            Seed of inner folds and classifier, as in `fit_procedure`.
        """
        if self._prepared is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", NormwiseWarning)
                found = self._from_arrays(labels, groups, fold, seed)
            if found is not None:
                return found
        fitted = fit_procedure(
            self._study, self._roles, self._frame.iloc[fold.train], labels[fold.train], groups[fold.train],
            arm=self._arm, seed=seed,
        )  # fmt: skip
        return fitted.probabilities(self._frame.iloc[fold.test])

    def _from_arrays(self, labels: Names, groups: Names, fold: Fold, seed: int) -> Floats | None:
        """Tune and fit on arrays; None where a fit needs the normalizer's own care."""
        study, targets = self._study, self._roles.targets
        own, people = labels[fold.train], groups[fold.train]
        candidates = candidates_of(study, seed, select=False)
        listed = candidates.list()
        if len(listed) > 1:
            fewest = min(people_per_class(own, people, targets).values())
            folds = max(2, min(study.evaluation.inner_folds, fewest))
            inner = draw_folds(own, people, targets, folds=folds, seed=seed_for(seed, 1))
            tables = [np.full((len(own), len(targets)), np.nan) for _ in listed]
            for part in inner:
                split = self._split(labels, fold.train[part.train], fold.train[part.test])
                if split is None:
                    return None
                seen, names, unseen, known = split
                found = [
                    table
                    for name, grid in candidates.grids.items()
                    for table in _predict(candidates.classifiers[name], grid, seen, names, unseen, targets)
                ]
                for table, values in zip(tables, found, strict=True):
                    table[part.test[known]] = values
            losses = np.array([mean_log_loss(table, own, targets) for table in tables])
            by_fold = np.array(
                [[mean_log_loss(table[part.test], own[part.test], targets) for part in inner]
                 for table in tables]
            )  # fmt: skip
            name, _, setting = listed[choose_candidate(losses, by_fold, study.classifier.rule)]
        else:
            name, _, setting = listed[0]
        split = self._split(labels, fold.train, fold.test)
        if split is None:
            return None
        seen, names, unseen, known = split
        result = np.full((len(fold.test), len(targets)), np.nan)
        result[known] = _predict(candidates.classifiers[name], [setting], seen, names, unseen, targets)[0]
        return result

    def _split(
        self, labels: Names, train: Rows, test: Rows
    ) -> tuple[NDArray[np.float64], Names, NDArray[np.float64], NDArray[np.bool_]] | None:
        """Return the classifier's training rows and classes, the test rows, and which of these are known."""
        assert self._prepared is not None, "there is a short way"
        used = train[np.isin(labels[train], self._roles.targets)]
        try:
            fitted = self._prepared.fit(train, labels[train])
            scores, known = self._prepared.transform(fitted, np.concatenate([used, test]))
        except NormalizerError:
            return None
        here, there = known[: len(used)], known[len(used) :]
        names = labels[used[here]]
        if not there.any() or len(set(names)) < len(self._roles.targets):
            return None
        values: NDArray[np.float64] = scores.astype(np.float64, copy=False)
        return values[: len(used)][here], names, values[len(used) :][there], there


def _predict(
    classifier: Any,
    grid: list[dict[str, Any]],
    seen: NDArray[np.float64],
    names: Names,
    unseen: NDArray[np.float64],
    targets: tuple[str, ...],
) -> list[Floats]:
    tables, classes = predict_grid(classifier, grid, seen, names, unseen)
    order = [classes.index(name) for name in targets]
    return [table[:, order] for table in tables]
