"""Fit the whole procedure on training people: tune, choose the threshold, fit again on all of them.

The same code fits each training part of a cross-validation, each relabelling of a permutation test, and
everybody for the model that is saved. Nothing in it ever sees a row that it is not given.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from normwise.errors import ClassifierError, NormalizerError, NormwiseWarning, ProcedureError
from normwise.normalize import Demographics
from normwise.procedure.candidates import Candidates, candidates_of, choose_candidate
from normwise.procedure.decision import DecisionRule, choose_rule, fewest_to_train
from normwise.procedure.degenerate import is_too_few, warn_untuned
from normwise.procedure.folds import Fold, draw_inner_folds
from normwise.procedure.pipeline import STEPS_OF, arm_frame, looks_at_images, main_arm, make_preprocessing
from normwise.procedure.preprocessing import (
    FittedSteps,
    Preprocessing,
    SharedFits,
    adapt_pipeline,
    appended_columns,
    encodable_rows,
    prepare_features,
    some_rows,
    trainable_rows,
)
from normwise.procedure.score import (
    InnerScores,
    ScoreNormalizer,
    fit_score,
    measure_separation,
    warn_unadjusted,
)
from normwise.procedure.selection import FeatureSelector, selected_columns
from normwise.results import Note, ScoreShare, notes_of
from normwise.schema import Roles, Study

__all__ = ["ArmFitter", "FittedProcedure", "fit_procedure", "make_fitters", "mean_log_loss"]

Floats = NDArray[np.float64]
Names = NDArray[np.object_]
Rows = NDArray[np.intp]


@dataclass(frozen=True, repr=False)
class FittedProcedure(FittedSteps):
    """The three learnt parts and the rule, fitted on one set of training people.

    Attributes
    ----------
    pipeline, roles, arm
        As of `normwise.procedure.preprocessing.FittedSteps`.
    rule : DecisionRule
        Its threshold comes from inner out-of-fold probabilities.
    setting : dict
        The classifier's tuned settings; its name and the number of features too, where these are tuned.
    inner_loss : float
        Inner out-of-fold log loss of that setting.
    notes : tuple of Note
        Warnings of the fit, each once.
    score : ScoreNormalizer or None
        What demographics explain of the log-odds; None where the score is taken as it is.
    """

    rule: DecisionRule
    setting: dict[str, Any]
    inner_loss: float
    notes: tuple[Note, ...]
    score: ScoreNormalizer | None = None

    def probabilities(self, X: pd.DataFrame) -> Floats:
        """Return probabilities of shape (n_scans, n_targets), adjusted and calibrated as the rule needs them.

        Rows whose demographics can't be encoded, or whose site can't be harmonized, are NaN.
        """
        frame = arm_frame(X, self.roles, self.arm)
        encodable = encodable_rows(self.pipeline, frame)
        table = np.full((len(frame), len(self.rule.classes)), np.nan)
        if encodable.any():
            probabilities = self.pipeline.predict_proba(frame[encodable])
            table[encodable] = _in_order(probabilities, self.pipeline.classes_, self.rule.classes)
        return self.weigh(table, Demographics(self._asked(frame)))

    def shares(self, X: pd.DataFrame, probabilities: Floats) -> list[list[ScoreShare]]:
        """Return what demographics explain of each person's score; nothing of who can't be computed.

        Parameters
        ----------
        X : DataFrame of shape (n_scans, n_columns)
            As for `probabilities`.
        probabilities : ndarray of shape (n_scans, n_targets)
            What `probabilities` has returned.
        """
        shares: list[list[ScoreShare]] = [[] for _ in range(len(X))]
        known = np.flatnonzero(np.isfinite(probabilities).all(axis=1))
        if self.score is None or not len(known):
            return shares
        adjusted = self.rule.log_odds(probabilities[known])
        basis = _basis(self.pipeline, Demographics(self._asked(X.iloc[known])))
        explained = self.score.explained(basis) + np.zeros_like(adjusted)
        others = [name for name in self.rule.classes if name != self.rule.negative]
        for row, odds, part in zip(known, adjusted.tolist(), explained.tolist(), strict=True):
            shares[row] = [
                ScoreShare(name, left + taken, taken)
                for name, left, taken in zip(others, odds, part, strict=True)
            ]
        return shares

    def _asked(self, frame: pd.DataFrame) -> pd.DataFrame:
        return frame[list(self.roles.demographics)]

    def weigh(self, probabilities: Floats, people: Demographics) -> Floats:
        """Return the classifier's probabilities, (n_scans, n_targets), adjusted and calibrated.

        Parameters
        ----------
        probabilities : ndarray of shape (n_scans, n_targets)
            Rows with NaN stay as they are.
        people : Demographics
            Of these scans.
        """
        return self.rule.calibrate(_adjust(self.score, self.pipeline, probabilities, people))


class ArmFitter:
    """One arm of a study, tuned and fitted on any rows of one frame.

    Features and demographics are read once: a nested cross-validation or a permutation test fits hundreds to
    thousands of times on the same people.

    Parameters
    ----------
    study, roles : Study, Roles
        What to fit and on which columns.
    X : DataFrame of shape (n_scans, n_columns)
        Features beside demographics, and the site where sites are harmonized.
    arm : str
        A key of `normwise.procedure.ARMS`.
    """

    def __init__(self, study: Study, roles: Roles, X: pd.DataFrame, arm: str) -> None:
        self.study, self.roles, self.arm = study, roles, arm
        self._frame = arm_frame(X, roles, arm)
        self._prepared = prepare_features(make_preprocessing(study, roles, arm, 0), self._frame)
        self._people = Demographics(self._frame[list(roles.demographics)])

    def of_arm(self, arm: str) -> ArmFitter:
        """Return the fitter of an arm with the same steps before the decision; what was read is shared."""
        other = copy(self)
        other.arm = arm
        return other

    @property
    def adjusts(self) -> bool:
        """Whether what demographics explain is taken out of the score."""
        # All but the tiles is the study's own procedure there.
        arm = main_arm(self.study, self.roles) if self.arm == "bag_mean" else self.arm
        return arm == "adjusted"

    def _is_unadjusted(self) -> bool:
        """Return whether the study's own arm is not adjusted for want of normals among its classes."""
        asked = self.study.decision.adjust == "demographics" and self.roles.normal not in self.roles.targets
        return asked and self.arm == "normalized" == main_arm(self.study, self.roles)

    def fit(
        self, labels: Names, groups: Names, train: Rows, *, seed: int, shared: SharedFits | None = None
    ) -> FittedProcedure:
        """Tune, choose the decision rule and fit, on the training rows alone.

        Parameters
        ----------
        labels, groups : ndarray of shape (n_scans,)
            Class name and person of each scan of the frame.
        train : ndarray of int
            The training rows.
        seed : int
            Seed of the inner folds and of the classifier.
        shared : SharedFits, optional
            What other arms have fitted on the very same rows.

        Raises
        ------
        ProcedureError
            PRC-101 with fewer than two people in a class, PRC-105 where a class has no scan to train on.
        NormalizerError
            Where the normals of the training rows are no sound basis of the regression.
        """
        roles = self.roles
        shared = SharedFits() if shared is None else shared
        tuned = shared.once(
            ("tuned", STEPS_OF.get(self.arm, self.arm), seed, train.tobytes()),
            lambda: self._tune(labels, groups, train, seed, shared),
        )
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            table, score = tuned.inner.probabilities, None
            if self.adjusts:
                people = self._people.take(train)
                score = _fit_score(tuned, people, labels[train], roles)
                table = _adjust(score, tuned.pipeline, table, people)
            elif self._is_unadjusted():
                warn_unadjusted(roles)
            rule = choose_rule(
                self.study.decision, table, labels[train], roles.targets, roles.negative, groups[train],
                calibrate=self.adjusts,
            )  # fmt: skip
        return FittedProcedure(
            pipeline=tuned.pipeline,
            roles=roles,
            arm=self.arm,
            rule=rule,
            setting=tuned.setting,
            inner_loss=tuned.loss,
            notes=tuple(dict.fromkeys([*tuned.notes, *notes_of(caught)])),
            score=score,
        )

    def _tune(self, labels: Names, groups: Names, train: Rows, seed: int, shared: SharedFits) -> _Tuned:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            # An arm that is not adjusted may share its fit with one that is.
            scored = self.adjusts or self.arm in STEPS_OF.values()
            search = self._search(seed, shared, groups, scored=scored)
            best, inner, loss = search.tune(labels, groups, train, seed)
            pipeline, separation = search.fit(labels, train, best)
        setting = search.candidates.describe(*search.candidates.list()[best])
        return _Tuned(pipeline, separation, inner, setting, loss, notes_of(caught))

    def predict(self, procedure: FittedProcedure, rows: Rows, shared: SharedFits | None = None) -> Floats:
        """Return what ``procedure.probabilities`` does for rows of the frame, without reading them again."""
        shared = SharedFits() if shared is None else shared
        table = shared.once(
            ("predicted", rows.tobytes()),
            lambda: self._search(0, shared).predict(procedure.pipeline, rows),
            of=procedure.pipeline,
        )
        return procedure.weigh(table, self._people.take(rows))

    def fit_predict(self, labels: Names, groups: Names, fold: Fold, *, seed: int) -> Floats:
        """Return uncalibrated probabilities of the test rows, (n_tested, n_targets), without a decision rule.

        Parameters
        ----------
        labels, groups, seed
            As for `fit`.
        fold : Fold
            Training and test rows.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NormwiseWarning)
            search, score, best = self._search(seed, None, groups), None, 0
            if self.adjusts:
                fitted = self._tune(labels, groups, fold.train, seed, SharedFits())
                score = _fit_score(fitted, self._people.take(fold.train), labels[fold.train], self.roles)
                pipeline = fitted.pipeline
            else:
                if len(search.candidates.list()) > 1:
                    best, _, _ = search.tune(labels, groups, fold.train, seed)
                pipeline, _ = search.fit(labels, fold.train, best)
            if self.study.sites.unseen == "own_normals":
                outside = np.setdiff1d(np.arange(len(labels)), fold.train)
                frame = self._frame.iloc[outside]
                pipeline = adapt_pipeline(pipeline, frame, labels[outside], groups[outside])
            table = search.predict(pipeline, fold.test)
            return _adjust(score, pipeline, table, self._people.take(fold.test))

    def _search(
        self, seed: int, shared: SharedFits | None, groups: Names | None = None, *, scored: bool = False
    ) -> _Search:
        study, roles = self.study, self.roles
        selector = None
        if study.selection.name != "none" and self.arm != "demographics":
            selector = FeatureSelector(study.selection.name, targets=roles.targets, random_state=seed)
        preprocessing = Preprocessing(
            make_preprocessing(study, roles, self.arm, seed), self._frame, self._prepared, shared,
            named=looks_at_images(study), groups=groups,
        )  # fmt: skip
        candidates = candidates_of(study, seed, select=selector is not None)
        return _Search(preprocessing, selector, candidates, roles, study, scored)


@dataclass(frozen=True)
class _Tuned:
    """What the arms with the same steps share: the fit on all training rows, and their inner predictions."""

    pipeline: Pipeline
    separation: Floats
    inner: InnerScores
    setting: dict[str, Any]
    loss: float
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class _Search:
    """The parts of one arm with one seed: what is fitted before the classifier, and what is tried."""

    preprocessing: Preprocessing
    selector: FeatureSelector | None
    candidates: Candidates
    roles: Roles
    study: Study
    scored: bool  # whether it is measured how far each classifier separates its own training rows

    def tune(self, labels: Names, groups: Names, train: Rows, seed: int) -> tuple[int, InnerScores, float]:
        """Test every candidate on inner folds of the training rows.

        Returns
        -------
        tuple of int, InnerScores and float
            The candidate that is chosen, its out-of-fold predictions of the training rows and their mean log
            loss. Where people are too few for inner folds and costs decide, nothing is tuned (PRC-117): no
            row has a probability.
        """
        try:
            return self._tune(labels, groups, train, seed)
        except (NormalizerError, ProcedureError, ClassifierError) as error:
            if not is_too_few(error) or fewest_to_train(self.study.decision, self.roles) > 1:
                raise
            warn_untuned(error)
            classes = len(self.roles.targets)
            nothing = np.full((len(train), classes), np.nan)
            separation = np.zeros((len(train), 2, classes - 1))
            return self.candidates.untuned(), InnerScores(nothing, separation), float("nan")

    def _tune(self, labels: Names, groups: Names, train: Rows, seed: int) -> tuple[int, InnerScores, float]:
        targets, labels, groups = self.roles.targets, labels[train], groups[train]
        folds = draw_inner_folds(labels, groups, targets, folds=self.study.evaluation.inner_folds, seed=seed)
        tables = [np.full((len(train), len(targets)), np.nan) for _ in self.candidates.list()]
        separations = [np.zeros((len(train), 2, len(targets) - 1)) for _ in tables]
        for fold in folds:
            fitted, seen, names = self._training_rows(train[fold.train], labels[fold.train])
            unseen, encodable = self.preprocessing.transform(fitted, train[fold.test])
            if not encodable.any():
                continue
            predictions = self._predict_candidates(seen, names, unseen, appended_columns(fitted))
            for table, separation, (values, own) in zip(tables, separations, predictions, strict=True):
                table[fold.test[encodable]] = values
                separation[fold.test] = own
            del seen, unseen  # before those of the next fold are made
        losses = np.array([mean_log_loss(table, labels, targets) for table in tables])
        by_fold = np.empty((len(tables), 0))
        if self.study.classifier.rule == "one_standard_error":
            by_fold = np.array(
                [[mean_log_loss(table[fold.test], labels[fold.test], targets) for fold in folds]
                 for table in tables]
            )  # fmt: skip
        best = choose_candidate(losses, by_fold, self.study.classifier.rule)
        return best, InnerScores(tables[best], separations[best]), float(losses[best])

    def fit(self, labels: Names, train: Rows, candidate: int) -> tuple[Pipeline, Floats]:
        """Fit everything with one candidate on all training rows; return how it separates them as well."""
        name, count, setting = self.candidates.list()[candidate]
        fitted, seen, names = self._training_rows(train, labels[train])
        steps = list(fitted.steps)
        if self.selector is not None:
            selector = clone(self.selector).set_params(features=count)
            selector.fit(seen, names, seen.shape[1] - appended_columns(fitted))
            steps.append(("select", selector))
            seen = selector.transform(seen)
        classifier = self.candidates.classifiers[name].fit_grid(seen, names, [setting])[0]
        return Pipeline([*steps, ("classify", classifier)]), self._separations([classifier], seen, names)[0]

    def predict(self, pipeline: Pipeline, rows: Rows) -> Floats:
        """Return the probabilities of rows of the frame, (n_rows, n_targets); NaN where not encodable."""
        table = np.full((len(rows), len(self.roles.targets)), np.nan)
        values, encodable = self.preprocessing.transform(pipeline, rows)
        if encodable.any():
            if "select" in pipeline.named_steps:
                values = pipeline.named_steps["select"].transform(values)
            probabilities = pipeline.named_steps["classify"].predict_proba(values)
            table[encodable] = _in_order(probabilities, pipeline.classes_, self.roles.targets)
        return table

    def _training_rows(self, train: Rows, labels: Names) -> tuple[Pipeline, Any, Names]:
        """Fit the steps before the classifier; return them, and the rows and classes that train it."""
        fitted, values, encodable = self.preprocessing.fit(train, labels)
        usable = trainable_rows(encodable, labels, self.roles)
        return fitted, some_rows(values, usable[encodable]), labels[usable]

    def _separations(self, models: list[Any], rows: Any, labels: Names) -> Floats:
        """Return how each classifier places the classes of the rows that it was trained on."""
        targets = self.roles.targets
        if not self.scored:
            return np.zeros((len(models), 2, len(targets) - 1))
        columns = np.array([targets.index(label) for label in labels], dtype=np.intp)
        tables = np.stack([_in_order(model.predict_proba(rows), model.classes_, targets) for model in models])
        return measure_separation(tables, columns, targets.index(self.roles.negative))

    def _predict_candidates(
        self, seen: Any, labels: Names, unseen: Any, appended: int
    ) -> list[tuple[Floats, Floats]]:
        """Fit each candidate; return its probabilities of unseen rows, and how it separates those seen."""
        counts, width = self.candidates.counts, seen.shape[1]
        most = max((count for count in counts if count is not None), default=0)
        # One ranking serves every number of features.
        ranked = None if self.selector is None else self.selector.rank(seen, labels, most, width - appended)
        tables: list[tuple[Floats, Floats]] = []
        for name, grid in self.candidates.grids.items():
            for count in counts:
                rows, others = seen, unseen
                if ranked is not None and count is not None:
                    columns = selected_columns(ranked, count, width, width - appended)
                    rows, others = seen[:, columns], unseen[:, columns]
                models = self.candidates.classifiers[name].fit_grid(rows, labels, grid)
                separations = self._separations(models, rows, labels)
                for model, separation in zip(models, separations, strict=True):
                    values = model.predict_proba(others)
                    tables.append((_in_order(values, model.classes_, self.roles.targets), separation))
        return tables


def fit_procedure(
    study: Study,
    roles: Roles,
    X: pd.DataFrame,
    labels: Names,
    groups: Names,
    *,
    arm: str,
    seed: int,
    shared: SharedFits | None = None,
) -> FittedProcedure:
    """Tune, choose the decision rule and fit on everybody who is given; see `ArmFitter.fit`."""
    rows = np.arange(len(labels))
    return ArmFitter(study, roles, X, arm).fit(labels, groups, rows, seed=seed, shared=shared)


def make_fitters(study: Study, roles: Roles, X: pd.DataFrame, arms: Sequence[str]) -> dict[str, ArmFitter]:
    """Return a fitter of each arm; those with the same steps before the decision read the frame once.

    Parameters
    ----------
    study, roles, X
        As for `ArmFitter`.
    arms : sequence of str
        Keys of `normwise.procedure.ARMS`.
    """
    fitters: dict[str, ArmFitter] = {}
    for arm in arms:
        alike = fitters.get(STEPS_OF.get(arm, arm))
        fitters[arm] = ArmFitter(study, roles, X, arm) if alike is None else alike.of_arm(arm)
    return fitters


def _basis(pipeline: Pipeline, people: Demographics) -> Floats:
    """Return people's coordinates in the design of the pipeline's normalizer, the constant first."""
    basis: Floats = pipeline.named_steps["normalize"].design_.people(people).basis
    return basis


def _fit_score(tuned: _Tuned, people: Demographics, labels: Names, roles: Roles) -> ScoreNormalizer:
    """Learn what demographics explain of the scores of the normals who were not trained on."""
    inner = tuned.inner
    normals = np.isfinite(inner.probabilities).all(axis=1) & (labels == roles.normal)
    basis = _basis(tuned.pipeline, people.take(normals))
    own = InnerScores(inner.probabilities[normals], inner.separation[normals])
    return fit_score(own, basis, roles.targets.index(roles.negative), tuned.separation[1])


def _adjust(score: ScoreNormalizer | None, pipeline: Pipeline, table: Floats, people: Demographics) -> Floats:
    """Return probabilities without what demographics explain; rows with NaN stay as they are."""
    known = np.flatnonzero(np.isfinite(table).all(axis=1))
    if score is None or not len(known):
        return table
    adjusted = table.copy()
    adjusted[known] = score.apply(table[known], _basis(pipeline, people.take(known)))
    return adjusted


def _in_order(table: Floats, classes: Names, targets: tuple[str, ...]) -> Floats:
    """Put probability columns, sorted by scikit-learn, into the study's order."""
    return table[:, [list(classes).index(name) for name in targets]]


def mean_log_loss(probabilities: Floats, labels: Names, targets: tuple[str, ...]) -> float:
    """Mean −log of the probability of the true class over the rows that have one."""
    columns = np.array([targets.index(label) if label in targets else -1 for label in labels], dtype=np.intp)
    tested = np.isfinite(probabilities).all(axis=1) & (columns >= 0)
    true = probabilities[tested, columns[tested]]
    # Below 1e-12 a single sure mistake would outweigh the whole cohort.
    return float(-np.log(np.clip(true, 1e-12, 1.0)).mean())
