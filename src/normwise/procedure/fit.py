"""Fit the whole procedure on training people: tune, choose the threshold, fit again on all of them.

`fit_procedure` is used twice and is the same both times: on each training part of the cross-validation, and
on everybody for the model that is saved. Nothing in it ever sees a row that it is not given.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from normwise.errors import NormwiseWarning, ProcedureError
from normwise.normalize import FeatureNormalizer, SiteHarmonizer
from normwise.procedure.candidates import (
    Candidates,
    candidates_of,
    choose_candidate,
)
from normwise.procedure.decision import DecisionRule, choose_rule
from normwise.procedure.folds import (
    draw_folds,
    people_per_class,
    seed_for,
)
from normwise.procedure.pipeline import arm_frame, make_preprocessing
from normwise.procedure.preprocessing import (
    SharedExtraction,
    appended_columns,
    encodable_rows,
    fit_preprocessing,
    learns_from_labels,
)
from normwise.procedure.selection import FeatureSelector, columns_kept
from normwise.schema import Roles, Study

__all__ = ["FittedProcedure", "fit_procedure", "fit_settings", "mean_log_loss"]

Floats = NDArray[np.float64]
Names = NDArray[np.object_]


@dataclass(frozen=True)
class FittedProcedure:
    """The three learnt parts and the rule, fitted on one set of training people.

    Attributes
    ----------
    pipeline : Pipeline
        Extractor if learnt, harmonizer, normalizer, scaler, selector where they are asked for, classifier.
    rule : DecisionRule
        Its threshold comes from inner out-of-fold probabilities.
    setting : dict
        The classifier's tuned settings; its name and the number of features too, where these are tuned.
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

    @property
    def harmonizer(self) -> SiteHarmonizer | None:
        """The fitted harmonizer of sites; None where there is none."""
        step = self.pipeline.named_steps.get("harmonize")
        return step if isinstance(step, SiteHarmonizer) else None

    @property
    def site(self) -> str | None:
        """The column of the site that the frame must hold; None where sites are not harmonized."""
        return None if self.harmonizer is None else str(self.harmonizer.site)

    @property
    def selected(self) -> tuple[str, ...]:
        """The features that were selected; empty where all are used."""
        names = self.inputs()
        step = self.pipeline.named_steps.get("select")
        return () if step is None else tuple(str(name) for name in names[step.kept_])

    def inputs(self) -> Names:
        """Return the names of the columns before any selection: what the classifier could be given."""
        steps = self.pipeline.steps[: -2 if "select" in self.pipeline.named_steps else -1]
        names: Names = Pipeline(steps).get_feature_names_out()
        return names

    def probabilities(self, X: pd.DataFrame) -> Floats:
        """Return probabilities of shape (n_scans, n_targets), calibrated where costs are weighed.

        Rows whose demographics can't be encoded, or whose site can't be harmonized, are NaN.
        """
        frame = arm_frame(X, self.roles, self.arm)
        return self.rule.calibrate(_aligned_probabilities(self.pipeline, frame, self.rule.classes))

    def support(self, X: pd.DataFrame) -> pd.DataFrame:
        """Say for each row whether it lies inside the normal group's demographics and sites, and why not."""
        frame = arm_frame(X, self.roles, self.arm)
        told = pd.DataFrame({"supported": True, "reason": "", "encodable": True}, index=X.index)
        for step in (self.normalizer, self.harmonizer):
            if step is not None:
                one = step.in_support(frame)
                both = (told["reason"] != "") & (one["reason"] != "")
                told["reason"] = told["reason"] + np.where(both, "; ", "") + one["reason"]
                told["supported"] &= one["supported"]
                told["encodable"] &= one["encodable"]
        return told

    def adapt_to_sites(self, X: pd.DataFrame, labels: Names, groups: Names | None = None) -> FittedProcedure:
        """Return the procedure with what the normals of new sites teach about these sites.

        Only where the study asks for it (``sites.unseen = "own_normals"``); otherwise it is the same. Of the
        labels it is only used who is normal, at sites without normals in the training; see
        `SiteHarmonizer.meet`.
        """
        if self.harmonizer is None or self.harmonizer.unseen != "own_normals":
            return self
        met = self.harmonizer.meet(X, labels, groups)
        steps = [(title, met if title == "harmonize" else step) for title, step in self.pipeline.steps]
        return replace(self, pipeline=Pipeline(steps))

    def before_normalizer(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return the frame as the normalizer meets it: extracted, harmonized."""
        passed: Any = arm_frame(X, self.roles, self.arm)
        for title, step in self.pipeline.steps:
            if title == "normalize":
                break
            passed = step.transform(passed)
        return pd.DataFrame(passed)


def fit_procedure(
    study: Study,
    roles: Roles,
    X: pd.DataFrame,
    labels: Names,
    groups: Names,
    *,
    arm: str,
    seed: int,
    shared: SharedExtraction | None = None,
) -> FittedProcedure:
    """Tune, choose the decision rule and fit, on the given people alone.

    Parameters
    ----------
    study, roles : Study, Roles
        What to fit and on which columns.
    X : DataFrame of shape (n_scans, n_columns)
        Features beside demographics, and the site where sites are harmonized.
    labels, groups : ndarray of shape (n_scans,)
        Class name and person of each scan.
    arm : str
        A key of `normwise.procedure.ARMS`.
    seed : int
        Seed of the inner folds and of the classifier.
    shared : SharedExtraction, optional
        What other arms have fitted on the very same rows.

    Raises
    ------
    ProcedureError
        PRC-101 with fewer than two people in a class, PRC-105 where a class has no scan to train on.
    NormalizerError
        Where the normals of the training rows can't carry the regression.
    """
    front = make_preprocessing(study, roles, arm, seed)
    selector = None
    if study.selection.name != "none" and arm != "demographics":
        selector = FeatureSelector(study.selection.name, targets=roles.targets, random_state=seed)
    candidates = candidates_of(study, seed, select=selector is not None)
    frame = arm_frame(X, roles, arm)
    shared = SharedExtraction() if shared is None else shared
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        inner, folds = _inner_probabilities(
            front, selector, candidates, frame, labels, groups, roles, shared,
            folds=study.evaluation.inner_folds, seed=seed,
        )  # fmt: skip
        losses = np.array([mean_log_loss(probabilities, labels, roles.targets) for probabilities in inner])
        by_fold = np.empty((len(inner), 0))
        if study.classifier.rule == "one_standard_error":
            by_fold = np.array(
                [
                    [mean_log_loss(table[fold], labels[fold], roles.targets) for fold in folds]
                    for table in inner
                ]
            )
        best = choose_candidate(losses, by_fold, study.classifier.rule)
        name, count, setting = candidates.list()[best]
        rule = choose_rule(study.decision, inner[best], labels, roles.targets, roles.negative)
        fitted_preprocessing, encodable, table = fit_preprocessing(
            front, frame, labels, np.arange(len(labels)), shared
        )
        rows = _usable(encodable, labels, roles)
        steps = [*fitted_preprocessing.steps]
        seen = table[rows[encodable]]
        if selector is not None:
            chosen = clone(selector).set_params(features=count)
            chosen.fit(seen, labels[rows], seen.shape[1] - appended_columns(fitted_preprocessing))
            steps.append(("select", chosen))
            seen = chosen.transform(seen)
        fitted = clone(candidates.classifiers[name]).set_params(**setting)
        fitted.fit(seen, labels[rows])
    pipeline = Pipeline([*steps, ("classify", fitted)])
    notes = tuple(dict.fromkeys(str(item.message) for item in caught))
    told = candidates.describe(name, count, setting)
    return FittedProcedure(pipeline, roles, arm, rule, told, float(losses[best]), notes)


def fit_settings(classifier: Any, settings: list[dict[str, Any]], X: Floats, y: Names) -> list[Any]:
    """Fit one clone a setting, sharing work where the classifier knows how to."""
    if hasattr(classifier, "fit_grid"):
        return list(classifier.fit_grid(X, y, settings))
    return [clone(classifier).set_params(**setting).fit(X, y) for setting in settings]


def _inner_probabilities(
    front: Pipeline,
    selector: FeatureSelector | None,
    candidates: Candidates,
    frame: pd.DataFrame,
    labels: Names,
    groups: Names,
    roles: Roles,
    shared: SharedExtraction,
    *,
    folds: int,
    seed: int,
) -> tuple[list[Floats], list[NDArray[np.intp]]]:
    """Return out-of-fold probabilities (n_scans, n_targets) of each candidate, and the folds' test rows.

    Rows that are never tested, or can't be encoded, are NaN.
    """
    fewest = min(people_per_class(labels, groups, roles.targets).values())
    # A small class bounds the inner folds; two are the least that leave somebody out.
    inner = draw_folds(
        labels, groups, roles.targets, folds=max(2, min(folds, fewest)), seed=seed_for(seed, 1)
    )
    probabilities = [np.full((len(labels), len(roles.targets)), np.nan) for _ in candidates.list()]
    for fold in inner:
        fitted_preprocessing, known, table = fit_preprocessing(
            front, frame.iloc[fold.train], labels[fold.train], fold.train, shared
        )
        rows = _usable(known, labels[fold.train], roles)
        seen, seen_labels = table[rows[known]], labels[fold.train][rows]
        tested = frame.iloc[fold.test]
        encodable = encodable_rows(fitted_preprocessing, tested)
        unseen = _apply_preprocessing(fitted_preprocessing, tested, encodable, fold.test, shared)
        if not len(unseen):
            continue
        models = _fit_candidates(
            candidates, selector, seen, seen_labels, appended_columns(fitted_preprocessing)
        )
        for filled, (columns, model) in zip(probabilities, models, strict=True):
            inputs = unseen if columns is None else unseen[:, columns]
            filled[fold.test[encodable]] = _in_order(
                model.predict_proba(inputs), model.classes_, roles.targets
            )
    return probabilities, [fold.test for fold in inner]


def _fit_candidates(
    candidates: Candidates,
    selector: FeatureSelector | None,
    seen: Floats,
    labels: Names,
    appended: int,
) -> list[tuple[NDArray[np.intp] | None, Any]]:
    """Return each candidate fitted, with the columns that it is given; None for all of them."""
    most = max((count for count in candidates.counts if count is not None), default=0)
    width = seen.shape[1]
    # One ranking serves every number of features.
    ranked = None if selector is None else selector.rank(seen, labels, most, width - appended)
    found: list[tuple[NDArray[np.intp] | None, Any]] = []
    for name, grid in candidates.grids.items():
        for count in candidates.counts:
            columns = None
            if ranked is not None and count is not None:
                columns = columns_kept(ranked, count, width, width - appended)
            rows = seen if columns is None else seen[:, columns]
            found += [
                (columns, model) for model in fit_settings(candidates.classifiers[name], grid, rows, labels)
            ]
    return found


def _apply_preprocessing(
    front: Pipeline,
    frame: pd.DataFrame,
    encodable: NDArray[np.bool_],
    rows: NDArray[np.intp],
    shared: SharedExtraction,
) -> Any:
    """Return what the fitted steps make of the rows that they can compute."""
    passed: Any = frame
    steps = list(front.steps)
    if steps[0][0] == "extract" and not learns_from_labels(steps[0][1]):
        passed = shared.apply(steps.pop(0)[1], passed, rows)
    passed = passed[encodable]
    if len(passed):
        for _, step in steps:
            passed = step.transform(passed)
    return passed if isinstance(passed, pd.DataFrame) else np.asarray(passed)


def _aligned_probabilities(pipeline: Pipeline, frame: pd.DataFrame, targets: tuple[str, ...]) -> Floats:
    encodable = encodable_rows(pipeline, frame)
    table = np.full((len(frame), len(targets)), np.nan)
    if encodable.any():
        table[encodable] = _in_order(pipeline.predict_proba(frame[encodable]), pipeline.classes_, targets)
    return table


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


def mean_log_loss(probabilities: Floats, labels: Names, targets: tuple[str, ...]) -> float:
    """Mean −log of the probability of the true class over the rows that have one."""
    tested = np.isfinite(probabilities).all(axis=1) & np.isin(labels, targets)
    column = np.array([targets.index(label) for label in labels[tested]], dtype=np.intp)
    true = probabilities[tested][np.arange(len(column)), column]
    # Below 1e-12 a single sure mistake would outweigh the whole cohort.
    return float(-np.log(np.clip(true, 1e-12, 1.0)).mean())
