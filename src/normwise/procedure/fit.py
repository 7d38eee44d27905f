"""Fit the whole procedure on training people: tune, choose the threshold, fit again on all of them.

`fit_procedure` is used twice and is the same both times: on each training part of the cross-validation, and
on everybody for the model that is saved. Nothing in it ever sees a row that it is not given.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from normwise.classify import classifier_grid, make_classifier
from normwise.errors import NormwiseWarning, ProcedureError
from normwise.normalize import FeatureNormalizer
from normwise.procedure.decision import DecisionRule, choose_rule
from normwise.procedure.folds import draw_folds, people_per_class, seed_for
from normwise.procedure.pipeline import arm_frame, front_of
from normwise.schema import Roles, Study

__all__ = ["FittedProcedure", "fit_procedure", "fit_settings"]

Floats = NDArray[np.float64]
Names = NDArray[np.object_]


@dataclass(frozen=True)
class FittedProcedure:
    """The three learnt parts and the rule, fitted on one set of training people.

    Attributes
    ----------
    pipeline : Pipeline
        Extractor if learnt, normalizer, classifier.
    rule : DecisionRule
        Its threshold comes from inner out-of-fold probabilities.
    setting : dict
        The classifier's tuned settings.
    inner_loss : float
        Inner out-of-fold log loss of that setting.
    notes : tuple of str
        Warnings met on the way, each once.
    """

    pipeline: Pipeline
    roles: Roles
    arm: str
    rule: DecisionRule
    setting: dict[str, Any]
    inner_loss: float
    notes: tuple[str, ...]

    @property
    def normalizer(self) -> FeatureNormalizer | None:
        """The fitted normalizer; None in the raw arm."""
        step = self.pipeline.named_steps["normalize"]
        return step if isinstance(step, FeatureNormalizer) else None

    def probabilities(self, X: pd.DataFrame) -> Floats:
        """Return probabilities of shape (n_scans, n_targets); NaN where demographics can't be encoded."""
        return _aligned_probabilities(self.pipeline, arm_frame(X, self.roles, self.arm), self.rule.classes)

    def support(self, X: pd.DataFrame) -> pd.DataFrame:
        """Say for each row whether it lies inside the normal group's demographics, and why not."""
        if self.normalizer is None:
            return pd.DataFrame({"supported": True, "reason": "", "encodable": True}, index=X.index)
        return self.normalizer.in_support(arm_frame(X, self.roles, self.arm))


def fit_procedure(
    study: Study,
    roles: Roles,
    X: pd.DataFrame,
    labels: Names,
    groups: Names,
    *,
    arm: str,
    seed: int,
) -> FittedProcedure:
    """Tune, choose the decision rule and fit, on the given people alone.

    Parameters
    ----------
    study, roles : Study, Roles
        What to fit and on which columns.
    X : DataFrame of shape (n_scans, n_columns)
        Features beside demographics.
    labels, groups : ndarray of shape (n_scans,)
        Class name and person of each scan.
    arm : str
        A key of `normwise.procedure.ARMS`.
    seed : int
        Seed of the inner folds and of the classifier.

    Raises
    ------
    ProcedureError
        PRC-101 with fewer than two people in a class, PRC-105 where a class has no scan to train on.
    NormalizerError
        Where the normals of the training rows can't carry the regression.
    """
    front = front_of(study, roles, arm, seed)
    classifier = make_classifier(study.classifier, seed)
    settings = classifier_grid(study.classifier)
    frame = arm_frame(X, roles, arm)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        inner = _inner_probabilities(
            front, classifier, settings, frame, labels, groups, roles,
            folds=study.evaluation.inner_folds, seed=seed,
        )  # fmt: skip
        losses = [_log_loss(probabilities, labels, roles.targets) for probabilities in inner]
        best = int(np.argmin(losses))
        rule = choose_rule(study.decision, inner[best], labels, roles.targets, roles.negative)
        fitted_front, encodable = _fit_front(front, frame, labels)
        rows = _usable(encodable, labels, roles)
        fitted = clone(classifier).set_params(**settings[best])
        fitted.fit(fitted_front.transform(frame[rows]), labels[rows])
    pipeline = Pipeline([*fitted_front.steps, ("classify", fitted)])
    notes = tuple(dict.fromkeys(str(item.message) for item in caught))
    return FittedProcedure(pipeline, roles, arm, rule, settings[best], losses[best], notes)


def fit_settings(classifier: Any, settings: list[dict[str, Any]], X: Floats, y: Names) -> list[Any]:
    """Fit one clone a setting, sharing work where the classifier knows how to."""
    if hasattr(classifier, "fit_grid"):
        return list(classifier.fit_grid(X, y, settings))
    return [clone(classifier).set_params(**setting).fit(X, y) for setting in settings]


def _inner_probabilities(
    front: Pipeline,
    classifier: Any,
    settings: list[dict[str, Any]],
    frame: pd.DataFrame,
    labels: Names,
    groups: Names,
    roles: Roles,
    *,
    folds: int,
    seed: int,
) -> list[Floats]:
    """Return, a setting, out-of-fold probabilities (n_scans, n_targets); NaN where never tested."""
    fewest = min(people_per_class(labels, groups, roles.targets).values())
    # A small class bounds the inner folds; two are the least that leave somebody out.
    inner = draw_folds(
        labels, groups, roles.targets, folds=max(2, min(folds, fewest)), seed=seed_for(seed, 1)
    )
    probabilities = [np.full((len(labels), len(roles.targets)), np.nan) for _ in settings]
    for fold in inner:
        part = frame.iloc[fold.train]
        fitted_front, known = _fit_front(front, part, labels[fold.train])
        rows = _usable(known, labels[fold.train], roles)
        tested = frame.iloc[fold.test]
        encodable = _encodable(fitted_front, tested)
        seen = fitted_front.transform(part[rows])
        unseen = fitted_front.transform(tested[encodable])
        for table, model in zip(
            probabilities, fit_settings(classifier, settings, seen, labels[fold.train][rows]), strict=True
        ):
            table[fold.test[encodable]] = _in_order(
                model.predict_proba(unseen), model.classes_, roles.targets
            )
    return probabilities


def _fit_front(front: Pipeline, frame: pd.DataFrame, labels: Names) -> tuple[Pipeline, NDArray[np.bool_]]:
    """Fit the steps before the classifier, and tell which rows they can compute.

    The normalizer is fitted before anything passes it: a step behind it learns from the rows it can encode,
    since a patient's level that no normal person has would otherwise stop the fit.
    """
    steps = clone(front).steps
    encodable = np.ones(len(frame), dtype=bool)
    passed: Any = frame
    for place, (_, step) in enumerate(steps, start=1):
        step.fit(passed, labels[encodable])
        if isinstance(step, FeatureNormalizer):
            encodable = step.in_support(passed)["encodable"].to_numpy(dtype=bool)
            passed = passed[encodable]
        if place < len(steps):
            passed = step.transform(passed)
    return Pipeline(steps), encodable


def _aligned_probabilities(pipeline: Pipeline, frame: pd.DataFrame, targets: tuple[str, ...]) -> Floats:
    encodable = _encodable(pipeline, frame)
    table = np.full((len(frame), len(targets)), np.nan)
    if encodable.any():
        table[encodable] = _in_order(pipeline.predict_proba(frame[encodable]), pipeline.classes_, targets)
    return table


def _encodable(steps: Pipeline, frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Tell which rows the normalizer can compute at all: every demographic is there and its level known."""
    normalizer = steps.named_steps["normalize"]
    if isinstance(normalizer, FeatureNormalizer):
        flags: NDArray[np.bool_] = normalizer.in_support(frame)["encodable"].to_numpy(dtype=bool)
        return flags
    return np.ones(len(frame), dtype=bool)


def _usable(encodable: NDArray[np.bool_], labels: Names, roles: Roles) -> NDArray[np.bool_]:
    """Mark the rows that train the classifier: of a target class, with demographics that can be encoded."""
    target: NDArray[np.bool_] = np.isin(labels, roles.targets)
    usable: NDArray[np.bool_] = target & encodable
    absent = [name for name in roles.targets if not (labels[usable] == name).any()]
    if absent:
        raise ProcedureError(
            "PRC-105",
            "a training part has nobody of a class to learn from.",
            subject=", ".join(absent),
            seen=f"{int(target.sum())} scans of the targets, {int(usable.sum())} with known demographics",
            advice="use fewer folds, or leave out the demographic whose levels no normal person has",
        )
    if lost := int(target.sum() - usable.sum()):
        warnings.warn(
            f"PRC-104  {lost} of {int(target.sum())} training scans have demographics that nobody in the"
            " normal group has; they do not train the classifier",
            NormwiseWarning,
            stacklevel=2,
        )
    return usable


def _in_order(table: Floats, classes: Names, targets: tuple[str, ...]) -> Floats:
    """Put probability columns, sorted by scikit-learn, into the study's order."""
    return table[:, [list(classes).index(name) for name in targets]]


def _log_loss(probabilities: Floats, labels: Names, targets: tuple[str, ...]) -> float:
    """Mean −log of the probability of the true class over the rows that have one."""
    tested = np.isfinite(probabilities).all(axis=1) & np.isin(labels, targets)
    column = np.array([targets.index(label) for label in labels[tested]], dtype=np.intp)
    true = probabilities[tested][np.arange(len(column)), column]
    # Below 1e-12 a single sure mistake would outweigh the whole cohort.
    return float(-np.log(np.clip(true, 1e-12, 1.0)).mean())
