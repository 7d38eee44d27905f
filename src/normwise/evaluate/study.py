"""Evaluate a study by cross-validation, or a saved model on a cohort it has never seen; write the results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TextIO

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from normwise.cohort import read_study
from normwise.engine import Limits, Progress, on_engine_of, return_memory, worker_count
from normwise.errors import EvaluationError, ProcedureError
from normwise.evaluate.compare_arms import SideBySide, compare_arms, people_of
from normwise.evaluate.cross_validation import (
    ArmPredictions,
    cross_validate_arms,
    decide,
    leave_sites_out,
    one_class_note,
    summarize_notes,
)
from normwise.evaluate.inference.estimates import name_mistakes
from normwise.evaluate.leaks.alarms import LeakInputs, raise_alarms
from normwise.evaluate.metrics.adjusted import DEMOGRAPHIC, Covariates
from normwise.evaluate.metrics.decisions import costs_of
from normwise.evaluate.out_of_fold import OutOfFold
from normwise.model import Model, explain_model, train_model
from normwise.procedure import (
    FittedProcedure,
    arms_of,
    describe_rule,
    draw_repeats,
    fewest_to_train,
    keys_of,
    main_arm,
    wished_sensitivity,
)
from normwise.report import write_report
from normwise.results import Arm, Evaluation, LearningCurve, Note, Permutation
from normwise.runs import PreparedRun, prepare_run, record_run
from normwise.schema import DecisionSection, Roles, Study

__all__ = ["evaluate_study", "test_model", "write_evaluation", "write_predictions"]


@on_engine_of(read_study)
def evaluate_study(
    study: Study | str | Path,
    run: str | Path,
    *,
    jobs: int | None = None,
    progress: Progress | None = None,
    limits: Limits | None = None,
    cache_dir: Path | None = None,
    people: bool | None = False,
) -> Evaluation:
    """Compare the lecture's arms on the same folds, honestly.

    Parameters
    ----------
    study : Study or path
        A study, a study file or a BIDS folder.
    run : path
        The run folder.
    jobs : int, optional
        Subjects extracted, and folds worked on, at the same time; default: one a CPU that this process
        may use.
    progress : Progress, optional
        Where progress is shown.
    limits : Limits, optional
        What one subject may take; default: the engine's.
    cache_dir : Path, optional
        Where finished work is kept for all runs; default: as `normwise.engine.cache_place`.
    people : bool, optional
        Who gets a page in ``RUN/people``: everybody tested, nobody, or with None whom the report names.

    Returns
    -------
    Evaluation
        Also written as ``evaluation.json``, with ``predictions.tsv``, ``explanation.json``, ``run.json`` and
        ``report.html``.

    Raises
    ------
    NormwiseError
        Where study, cohort or folds can't be used.
    """
    jobs = worker_count(jobs)
    prepared = prepare_run(
        study, run, purpose="evaluate", jobs=jobs, progress=progress, limits=limits, cache_dir=cache_dir
    )
    resolved, roles = prepared.study, prepared.cohort.roles
    arms = arms_of(roles, resolved.features)
    repeats = draw_repeats(
        resolved.evaluation,
        prepared.labels,
        prepared.groups,
        roles.targets,
        keys_of(resolved, prepared.cohort, prepared.features.values.index),
        fewest=fewest_to_train(resolved.decision, roles),
    )
    predictions = cross_validate_arms(
        resolved,
        roles,
        prepared.frame,
        prepared.labels,
        prepared.groups,
        arms=arms,
        repeats=repeats,
        jobs=jobs,
        progress=progress,
    )
    return_memory()
    main = main_arm(resolved, roles)
    notes = summarize_notes(predictions)
    by_site: ArmPredictions | None = None
    of_sites: list[Note] = []
    if prepared.cohort.sites is not None:
        if resolved.evaluation.split != "site":
            by_site, of_sites = leave_sites_out(prepared, main, jobs=jobs, progress=progress)
        else:
            sites = prepared.cohort.sites.loc[prepared.features.values.index].to_numpy(dtype=object)
            of_sites = one_class_note(predictions[main].scores, sites)
    notes += of_sites
    curve: LearningCurve | None = None
    if resolved.evaluation.learning_curve:
        from normwise.evaluate.learning_curve import learning_curve_of

        curve = learning_curve_of(prepared, main, repeats, predictions[main], jobs=jobs, progress=progress)
    permutation: Permutation | None = None
    if resolved.evaluation.permutations:
        from normwise.evaluate.permutation import permutation_of

        permutation = permutation_of(prepared, main, jobs=jobs, progress=progress)
        if permutation is None:
            text = "the permutation test could not be done: without shuffling, the AUC is not defined"
            notes.append(Note("EVA-108", text))
    evaluation = write_evaluation(
        "crossval",
        prepared,
        predictions,
        main,
        notes,
        resolved.decision,
        describe_rule(resolved.decision),
        other_sites=by_site,
        learning_curve=curve,
        permutation=permutation,
    )
    del predictions, by_site
    return_memory()
    model = train_model(prepared)
    prepared.folder.write_result(prepared.folder.EXPLANATION, explain_model(model, prepared))
    record_run(prepared, "evaluate", notes)
    return_memory()
    if people is not False:
        from normwise.model import write_run_people

        write_run_people(model, prepared, trained_on=True, everybody=people is True)
    else:
        prepared.folder.remove_people()
    write_report(prepared.folder.path)
    return evaluation


def test_model(
    model: Model | str | Path,
    study: Study | str | Path,
    run: str | Path,
    *,
    jobs: int | None = None,
    progress: Progress | None = None,
    limits: Limits | None = None,
    cache_dir: Path | None = None,
    people: bool | None = False,
) -> Evaluation:
    """Test a saved model on a labelled cohort of people it was not trained on.

    Parameters
    ----------
    model : Model or path
        A model, or its folder.
    study : Study or path
        The labelled cohort; classes, demographics and extraction must be the model's.
    run : path
        The run folder.
    jobs : int, optional
        Subjects extracted at the same time; default: one a CPU that this process may use.
    progress : Progress, optional
        Where progress is shown.
    limits : Limits, optional
        What one subject may take; default: the engine's.
    cache_dir : Path, optional
        Where finished work is kept for all runs; default: as `normwise.engine.cache_place`.
    people : bool, optional
        Who gets a page in ``RUN/people``: everybody tested, nobody, or with None whom the report names.

    Returns
    -------
    Evaluation
        One arm; also written as ``evaluation.json``, with ``report.html``.

    Raises
    ------
    EvaluationError
        EVA-101 where the cohort's classes are not the model's; EVA-107 where it can decide about nobody.
    ProcedureError
        PRC-120 for a model or a study of a number.
    """
    from normwise.model import assert_same_pipeline, load_model, warn_of_far_values, warn_of_training_scans

    opened = model if isinstance(model, Model) else load_model(model)
    if not isinstance(opened, Model):
        raise ProcedureError(
            "PRC-120",
            "the model predicts a number, and this step is for classes.",
            subject=str(model),
            seen=f"target {opened.target!r}",
            advice="test_regression takes a model of a number, test_model one of classes",
        )
    model = opened
    prepared = prepare_run(
        study,
        run,
        purpose="test",
        jobs=jobs,
        progress=progress,
        limits=limits,
        cache_dir=cache_dir,
        roles=model.roles,
        wanted=model.feature_names,
    )
    roles = prepared.cohort.roles
    if set(roles.targets) != set(model.classes) or set(roles.demographics) != set(model.roles.demographics):
        raise EvaluationError(
            "EVA-101",
            "the cohort and the model do not speak of the same classes and demographics.",
            subject=str(prepared.folder),
            seen=_vocabulary(roles),
            expected=_vocabulary(model.roles),
            advice="map the label's values to the model's class names with cohort.classes",
        )
    assert_same_pipeline(model, prepared.features)
    frame = prepared.frame_with(model.site)
    columns = frame[list(model.columns)]
    procedure = model.procedure.adapt_to_sites(columns, prepared.labels, prepared.groups)
    predictions = {model.procedure.arm: _apply(model, procedure, columns, prepared)}
    _refuse_nobody(predictions[model.procedure.arm], prepared)
    known = warn_of_training_scans(model.trained_on(prepared.features.values), len(prepared.labels))
    far = warn_of_far_values(replace(model, procedure=procedure).far_values(frame))
    notes = [*model.procedure.notes, *known, *far]
    rule = model.procedure.rule.text
    evaluation = write_evaluation(
        "test", prepared, predictions, model.procedure.arm, notes, model.study.decision, rule
    )
    prepared.folder.write_result(prepared.folder.EXPLANATION, explain_model(model, prepared))
    record_run(prepared, "test", notes, model.study)
    if people is not False:
        from normwise.model import write_run_people

        write_run_people(model, prepared, trained_on=False, everybody=people is True)
    else:
        prepared.folder.remove_people()
    write_report(prepared.folder.path)
    return evaluation


test_model.__test__ = False  # type: ignore[attr-defined]  # pytest would take the name for a test


def _vocabulary(roles: Roles) -> str:
    return f"classes {', '.join(roles.targets)}; demographics {', '.join(roles.demographics) or 'none'}"


def _apply(
    model: Model, procedure: FittedProcedure, frame: pd.DataFrame, prepared: PreparedRun
) -> ArmPredictions:
    """One repeat, one fold: everybody of a target class is tested once by the same model, at their sites."""
    labels = prepared.labels
    support = procedure.support(frame)
    probabilities = procedure.probabilities(frame)
    decided, reasons = decide(procedure, support, probabilities)
    likely = procedure.rule.likely(probabilities)
    tested = np.isin(labels, model.classes)
    threshold = model.procedure.rule.threshold
    return ArmPredictions(
        scores=OutOfFold(
            labels, model.classes, model.procedure.rule.negative, probabilities[None],
            np.where(tested, decided, -1)[None], np.where(tested, 0, -1)[None].astype(np.intp),
            prevalence=prepared.study.evaluation.prevalence,
            costs=costs_of(model.study.decision, model.classes, model.procedure.rule.negative),
        ),
        reasons=reasons[None],
        thresholds=np.full((1, len(labels)), np.nan if threshold is None else threshold),
        fold_thresholds=[] if threshold is None else [threshold],
        settings=[model.procedure.setting],
        notes=model.procedure.notes,
        likely=None if likely is None else likely[None],
        supported=support["supported"].to_numpy(dtype=bool)[None],
        selected=[procedure.selected],
        coverage=procedure.rule.coverage,
    )  # fmt: skip


def _refuse_nobody(found: ArmPredictions, prepared: PreparedRun) -> None:
    """Refuse a cohort in which the model can compute with nobody, and say why."""
    scores = found.scores
    tested = np.isin(scores.labels, scores.classes)
    if np.isfinite(scores.probabilities[0][tested]).any():
        return
    reasons = Counter(str(text) for text in found.reasons[0][tested]).most_common(3)
    raise EvaluationError(
        "EVA-107",
        "the model can decide about nobody of this cohort.",
        subject=str(prepared.folder),
        seen="; ".join(f"{count} of {int(tested.sum())} scans: {text}" for text, count in reasons),
        expected="demographics and sites as in the training",
        advice="write categories as the model's own table does, or choose a cohort that the model is for",
    )


def write_evaluation(
    kind: str,
    prepared: PreparedRun,
    predictions: dict[str, ArmPredictions],
    main: str,
    notes: Sequence[Note],
    decision: DecisionSection,
    rule: str,
    *,
    other_sites: ArmPredictions | None = None,
    learning_curve: LearningCurve | None = None,
    permutation: Permutation | None = None,
) -> Evaluation:
    """Estimate, compare, look for leaks, and write.

    Parameters
    ----------
    kind : str
        ``"crossval"`` or ``"test"``.
    prepared : PreparedRun
        The run.
    predictions : dict of str to ArmPredictions
        The arms.
    main : str
        The arm that is trained and saved.
    notes : sequence of Note
        What was found on the way.
    decision : DecisionSection
        How it was to be decided.
    rule : str
        The decision rule in words.
    other_sites : ArmPredictions, optional
        The main arm, tested on sites it was not trained on.
    learning_curve : LearningCurve, optional
        Where it was asked for.
    permutation : Permutation, optional
        Where it was asked for.
    """
    section, scores = prepared.study.evaluation, predictions[main].scores
    labels, groups = prepared.labels, prepared.groups
    found = _compare(prepared, predictions, main)
    ids = prepared.features.values.index.to_numpy(dtype=object)
    arms = found.arms | {main: name_mistakes(found.arms[main], scores, people_of(prepared).parts, ids)}
    by_site: Arm | None = None
    if other_sites is not None:
        by_site = _compare(prepared, {main: other_sites}, main).arms[main]
    evaluation = Evaluation(
        kind=kind,
        classes=list(scores.classes),
        negative=scores.negative,
        positives=[name for name in scores.classes if name != scores.negative],
        n_people=len(set(groups)),
        n_scans=len(labels),
        n_per_class={name: int((labels == name).sum()) for name in prepared.cohort.roles.classes},
        folds=int(scores.folds.max()) + 1,
        repeats=len(scores.folds),
        seed=section.seed,
        confidence=section.confidence,
        decision=rule,
        wished_sensitivity=wished_sensitivity(decision),
        main_arm=main,
        arms=arms,
        differences=found.differences,
        comparisons=found.comparisons,
        notes=list(notes),
        split=section.split if kind == "crossval" else "test",
        alarms=raise_alarms(LeakInputs(kind, prepared, predictions, main, found, by_site)),
        by_site=by_site,
        learning_curve=learning_curve,
        permutation=permutation,
    )
    run = prepared.folder
    with run.writing(run.PREDICTIONS) as part, part.open("w", encoding="utf-8", newline="") as table:
        write_predictions(table, predictions, ids, groups, people_of(prepared).covariates)
    run.write_result(run.EVALUATION, evaluation)
    return evaluation


def _compare(prepared: PreparedRun, predictions: dict[str, ArmPredictions], main: str) -> SideBySide:
    section = prepared.study.evaluation
    return compare_arms(
        predictions,
        people_of(prepared),
        main=main,
        draws=section.bootstrap,
        confidence=section.confidence,
        seed=section.seed,
    )


def write_predictions(
    table: TextIO,
    predictions: dict[str, ArmPredictions],
    ids: NDArray[np.object_],
    groups: NDArray[np.object_],
    covariates: Covariates | None = None,
) -> None:
    """Write the table as tab-separated text, arm by arm; ``n/a`` stands for what is not there.

    Parameters
    ----------
    table : file of text
        Where it is written.
    predictions : dict of str to ArmPredictions
        The arms.
    ids, groups : ndarray of shape (n_scans,)
        Scan and person of each row.
    covariates : Covariates, optional
        Demographics, each in a column of its own, so that runs can be compared on the adjusted AUC.
    """
    header = True
    demographics = {} if covariates is None else {**covariates.numbers, **covariates.categories}
    for arm, found in predictions.items():
        scores = found.scores
        for repeat, folds in enumerate(scores.folds):
            rows = np.flatnonzero(folds >= 0)
            names = np.array([*scores.classes, "n/a"], dtype=object)
            columns: dict[str, object] = {
                "arm": arm,
                "repeat": repeat,
                "fold": folds[rows],
                "id": ids[rows],
                "group": groups[rows],
                "label": scores.labels[rows],
            }
            for position, name in enumerate(scores.classes):
                columns[f"probability_{name}"] = scores.probabilities[repeat, rows, position]
            columns["threshold"] = found.thresholds[repeat, rows]
            columns["decision"] = names[scores.decided[repeat, rows]]
            columns["reason"] = np.where(
                found.reasons[repeat, rows] == "", "n/a", found.reasons[repeat, rows]
            )
            columns |= {f"{DEMOGRAPHIC}{name}": values[rows] for name, values in demographics.items()}
            pd.DataFrame(columns).to_csv(
                table, sep="\t", index=False, na_rep="n/a", lineterminator="\n", header=header
            )
            header = False
