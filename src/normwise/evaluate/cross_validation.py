"""Repeated cross-validation of every arm on the same folds, nested tuning inside each training part.

Beside any other split `leave_sites_out` says how the procedure does at sites where it was not trained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from normwise.engine import Progress, run_parts
from normwise.errors import NormwiseError
from normwise.evaluate.metrics.decisions import costs_of
from normwise.evaluate.out_of_fold import OutOfFold
from normwise.procedure import (
    ArmFitter,
    FittedProcedure,
    Fold,
    SharedFits,
    draw_repeats,
    fewest_to_train,
    leave_group_out,
    main_arm,
    make_fitters,
    seed_for,
)
from normwise.reprs import ShortRepr
from normwise.results import Note
from normwise.runs import PreparedRun
from normwise.schema import Roles, Study

__all__ = [
    "ArmPredictions",
    "cross_validate_arms",
    "decide",
    "leave_sites_out",
    "one_class_note",
    "summarize_notes",
]

Names = NDArray[np.object_]


class WithNotes(Protocol):
    """Predictions of an arm with the warnings of its fits."""

    @property
    def notes(self) -> tuple[Note, ...]: ...


@dataclass(frozen=True, repr=False)
class ArmPredictions(ShortRepr):
    """Out-of-fold predictions of one arm.

    Attributes
    ----------
    scores : OutOfFold
        Probabilities, decisions and folds.
    reasons : ndarray of shape (n_repeats, n_scans)
        Why there was no decision; empty text where there was one.
    thresholds : ndarray of shape (n_repeats, n_scans)
        The threshold that each scan was decided by; NaN with a cost matrix or where never tested.
    fold_thresholds : list of float
        One a fold and repeat.
    settings : list of dict
        The tuned settings, one a fold and repeat.
    notes : tuple of Note
        Warnings, each once.
    likely : ndarray of bool of shape (n_repeats, n_scans, n_classes), or None
        The classes in each scan's conformal set; None where nobody is referred.
    supported : ndarray of bool of shape (n_repeats, n_scans), or None
        Who is like the normals of the training part; None where all tested people are.
    selected : list of tuple of str
        The features that were selected, one tuple a fold and repeat; empty where all are used.
    coverage : float or None
        Stated coverage of the sets.
    """

    scores: OutOfFold
    reasons: Names
    thresholds: NDArray[np.float64]
    fold_thresholds: list[float]
    settings: list[dict[str, Any]]
    notes: tuple[Note, ...]
    likely: NDArray[np.bool_] | None = None
    supported: NDArray[np.bool_] | None = None
    selected: list[tuple[str, ...]] = field(default_factory=list)
    coverage: float | None = None


@dataclass(frozen=True)
class _Part:
    """One arm's predictions for the test rows of one fold."""

    probabilities: NDArray[np.float64]
    decided: NDArray[np.intp]
    reasons: Names
    threshold: float | None
    setting: dict[str, Any]
    notes: tuple[Note, ...]
    likely: NDArray[np.bool_] | None
    supported: NDArray[np.bool_]
    selected: tuple[str, ...]


def cross_validate_arms(
    study: Study,
    roles: Roles,
    X: pd.DataFrame,
    labels: Names,
    groups: Names,
    *,
    arms: Sequence[str],
    repeats: Sequence[Sequence[Fold]] | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
    title: str = "cross-validation",
) -> dict[str, ArmPredictions]:
    """Test every arm on the same outer folds.

    Parameters
    ----------
    study, roles : Study, Roles
        What is fitted; ``study.evaluation`` gives folds, repeats and seed.
    X : DataFrame of shape (n_scans, n_columns)
        Features beside demographics.
    labels, groups : ndarray of shape (n_scans,)
        Class and person of each scan.
    arms : sequence of str
        Keys of `normwise.procedure.ARMS`.
    repeats : sequence of sequence of Fold, optional
        The outer folds of each repeat; default: the study's random folds.
    jobs : int
        Folds worked on at the same time; the numbers do not depend on it.
    progress : Progress, optional
        Where progress is shown.
    title : str
        What the progress is called.

    Returns
    -------
    dict of str to ArmPredictions
        In the order of ``arms``.
    """
    section = study.evaluation
    if repeats is None:
        repeats = draw_repeats(section.model_copy(update={"split": "kfold"}), labels, groups, roles.targets)
    work = [
        (repeat, number, fold) for repeat, folds in enumerate(repeats) for number, fold in enumerate(folds)
    ]
    fitters = make_fitters(study, roles, X, arms)
    main = main_arm(study, roles)
    # Whether a person is like the normals is asked once, of the study's own normalizer, for every arm.
    asked = main if main in fitters else next(iter(fitters))
    if progress is not None:
        progress.start(title, len(work))
    parts: list[dict[str, _Part]] = []
    calls = [(fold, seed_for(section.seed, repeat, number)) for repeat, number, fold in work]
    for part in run_parts(_one_fold, calls, common=(fitters, asked, X, labels, groups), jobs=jobs):
        parts.append(part)
        if progress is not None:
            progress.advance(title)
    if progress is not None:
        progress.finish(title)
    return {arm: _gather(arm, work, parts, study, roles, labels, len(repeats)) for arm in arms}


def decide(
    procedure: FittedProcedure, support: pd.DataFrame, probabilities: NDArray[np.float64]
) -> tuple[NDArray[np.intp], Names]:
    """Decide people by the procedure's rule, and say why where there is no decision.

    Parameters
    ----------
    procedure : FittedProcedure
        Its rule decides.
    support : DataFrame of shape (n_scans, …)
        ``supported`` and ``reason`` of each row.
    probabilities : ndarray of shape (n_scans, n_classes)
        Calibrated.

    Returns
    -------
    tuple of ndarray of int and ndarray of str, of shape (n_scans,)
        Positions of the decided classes (−1 for none), and reasons.
    """
    names = procedure.rule.decide(probabilities)
    supported = support["supported"].to_numpy(dtype=bool)
    order = {name: position for position, name in enumerate(procedure.rule.classes)}
    decided = np.array(
        [
            order[name] if name is not None and inside else -1
            for name, inside in zip(names, supported, strict=True)
        ],
        dtype=np.intp,
    )
    outside = support["reason"].to_numpy(dtype=object)
    reasons = np.where(supported, procedure.rule.referrals(probabilities), outside).astype(object)
    return decided, reasons


def _one_fold(
    fitters: dict[str, ArmFitter],
    asked: str,
    X: pd.DataFrame,
    labels: Names,
    groups: Names,
    fold: Fold,
    seed: int,
) -> dict[str, _Part]:
    """Fit each arm on the training part and apply it to the test part."""
    from threadpoolctl import threadpool_limits

    outside = np.setdiff1d(np.arange(len(labels)), fold.train)
    shared = SharedFits()
    # One thread also in the calling process, so that the last bit does not depend on the number of jobs.
    with threadpool_limits(1):
        fitted = {
            arm: fitter.fit(labels, groups, fold.train, seed=seed, shared=shared).adapt_to_sites(
                X.iloc[outside], labels[outside], groups[outside]
            )
            for arm, fitter in fitters.items()
        }
        support = fitted[asked].support(X.iloc[fold.test])
        parts = {}
        for arm, procedure in fitted.items():
            probabilities = fitters[arm].predict(procedure, fold.test, shared)
            decided, reasons = decide(procedure, support, probabilities)
            parts[arm] = _Part(
                probabilities, decided, reasons, procedure.rule.threshold, procedure.setting, procedure.notes,
                procedure.rule.likely(probabilities), support["supported"].to_numpy(dtype=bool),
                procedure.selected,
            )  # fmt: skip
    return parts


def _gather(
    arm: str,
    work: list[tuple[int, int, Fold]],
    parts: list[dict[str, _Part]],
    study: Study,
    roles: Roles,
    labels: Names,
    repeats: int,
) -> ArmPredictions:
    """Put the folds' predictions into arrays of (n_repeats, n_scans)."""
    shape = (repeats, len(labels))
    probabilities = np.full((*shape, len(roles.targets)), np.nan)
    decided = np.full(shape, -1, dtype=np.intp)
    folds = np.full(shape, -1, dtype=np.intp)
    reasons = np.full(shape, "", dtype=object)
    thresholds = np.full(shape, np.nan)
    likely = np.zeros(probabilities.shape, dtype=bool)
    supported = np.zeros(shape, dtype=bool)
    of_arm = [part[arm] for part in parts]
    for (repeat, number, fold), part in zip(work, of_arm, strict=True):
        probabilities[repeat, fold.test] = part.probabilities
        decided[repeat, fold.test] = part.decided
        folds[repeat, fold.test] = number
        reasons[repeat, fold.test] = part.reasons
        supported[repeat, fold.test] = part.supported
        if part.likely is not None:
            likely[repeat, fold.test] = part.likely
        thresholds[repeat, fold.test] = np.nan if part.threshold is None else part.threshold
    return ArmPredictions(
        scores=OutOfFold(
            labels, roles.targets, roles.negative, probabilities, decided, folds,
            prevalence=study.evaluation.prevalence,
            costs=costs_of(study.decision, roles.targets, roles.negative),
        ),
        reasons=reasons,
        thresholds=thresholds,
        fold_thresholds=[part.threshold for part in of_arm if part.threshold is not None],
        settings=[part.setting for part in of_arm],
        notes=tuple(dict.fromkeys(note for part in of_arm for note in part.notes)),
        likely=None if study.decision.refer is None else likely,
        supported=supported,
        selected=[part.selected for part in of_arm],
        coverage=study.decision.refer,
    )  # fmt: skip


def summarize_notes(predictions: Mapping[str, WithNotes]) -> list[Note]:
    """Return one note a kind of warning: the first, the arms it came from, and how many more there were.

    The folds of one arm warn of the same thing with slightly different numbers; a reader needs it once.

    Parameters
    ----------
    predictions : mapping of str to ArmPredictions or NumberPredictions
        The arms.
    """
    kinds: dict[str, list[tuple[str, Note]]] = {}
    for arm, one in predictions.items():
        for note in one.notes:
            kinds.setdefault(note.code or note.text, []).append((arm, note))
    summary = []
    for rows in kinds.values():
        arms = ", ".join(dict.fromkeys(arm for arm, _ in rows))
        more = f"; {len(rows) - 1} more of this kind" if len(rows) > 1 else ""
        first = rows[0][1]
        summary.append(replace(first, text=f"{first.text} (arms: {arms}{more})"))
    return summary


def leave_sites_out(
    prepared: PreparedRun, main: str, *, jobs: int = 1, progress: Progress | None = None
) -> tuple[ArmPredictions | None, list[Note]]:
    """Test the main arm on each site after training on all others.

    Parameters
    ----------
    prepared : PreparedRun
        The run, whose people are at several sites.
    main : str
        The arm.
    jobs : int
        Sites worked on at the same time.
    progress : Progress, optional
        Where progress is shown.

    Returns
    -------
    tuple of ArmPredictions or None, and list of Note
        The predictions, and a note where it could not be done.
    """
    sites = prepared.cohort.sites
    assert sites is not None, "asked of people at sites"
    study, roles, labels, groups = prepared.study, prepared.cohort.roles, prepared.labels, prepared.groups
    keys = sites.loc[prepared.features.values.index].to_numpy(dtype=object)
    try:
        fewest = fewest_to_train(study.decision, roles)
        folds = leave_group_out(labels, groups, roles.targets, keys, fewest=fewest)
        predictions = cross_validate_arms(
            study, roles, prepared.frame, labels, groups,
            arms=(main,), repeats=[folds], jobs=jobs, progress=progress, title="leave one site out",
        )[main]  # fmt: skip
    except NormwiseError as error:
        # What one site lacks must not cost the evaluation that was asked for.
        text = f"leave-one-site-out could not be done: {error.subject or ''} {error.problem}"
        return None, [Note("EVA-103", text, error.subject)]
    return predictions, one_class_note(predictions.scores, keys)


def one_class_note(scores: OutOfFold, keys: Names) -> list[Note]:
    """Say which sites or groups hold one class only, so that nobody there is compared for the AUC."""
    named = keys.astype(str)
    alone = []
    for key in np.unique(named[scores.tested]):
        held = set(scores.labels[scores.tested & (named == key)]) & set(scores.classes)
        if len(held) == 1:
            alone.append(f"{key} ({held.pop()})")
    if not alone or len(alone) == len(np.unique(named[scores.tested])):
        return []
    text = (
        f"one class only in {', '.join(alone)}: tested and counted in sensitivity and specificity, and"
        " left out of the AUC, which compares people of one site"
    )
    return [Note("EVA-104", text, value=len(alone))]
