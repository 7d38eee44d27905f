"""Evaluate a study by cross-validation, or a saved model on a cohort it has never seen."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from normwise.engine import Limits, Progress
from normwise.errors import EvaluationError, NormwiseWarning
from normwise.evaluate.cross_validation import (
    ArmPredictions,
    cross_validate_arms,
    decide,
    summarize_notes,
)
from normwise.evaluate.learning_curve import learning_curve_of
from normwise.evaluate.metrics.decisions import costs_of
from normwise.evaluate.out_of_fold import OutOfFold
from normwise.evaluate.permutation import permutation_of
from normwise.evaluate.results_writer import write_evaluation
from normwise.evaluate.unseen_sites import leave_sites_out, one_class_note
from normwise.model import (
    Model,
    assert_same_pipeline,
    explain_model,
    load_model,
    train_model,
    write_run_people,
)
from normwise.procedure import (
    arms_of,
    describe_rule,
    draw_repeats,
    keys_of,
    main_arm,
)
from normwise.report import write_report
from normwise.results import Evaluation, LearningCurve, Note
from normwise.runs import (
    PreparedRun,
    prepare_run,
    record_run,
)
from normwise.schema import Roles, Study

__all__ = ["evaluate_study", "test_model"]


def evaluate_study(
    study: Study | str | Path,
    run: str | Path,
    *,
    jobs: int = 1,
    progress: Progress | None = None,
    limits: Limits | None = None,
    people: bool = False,
) -> Evaluation:
    """Compare the lecture's arms on the same folds, honestly.

    Parameters
    ----------
    study : Study or path
        A study, a study file or a BIDS folder.
    run : path
        The run folder.
    jobs : int
        Subjects extracted, and folds worked on, at the same time.
    progress : Progress, optional
        Where progress is shown.
    limits : Limits, optional
        What one subject may take; default: the engine's.
    people : bool
        Whether everybody tested gets a page, in ``RUN/people``.

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
    prepared = prepare_run(study, run, purpose="evaluate", jobs=jobs, progress=progress, limits=limits)
    resolved, roles = prepared.study, prepared.cohort.roles
    arms = arms_of(roles, resolved.features)
    repeats = draw_repeats(
        resolved.evaluation,
        prepared.labels,
        prepared.groups,
        roles.targets,
        keys_of(resolved, prepared.cohort, prepared.features.values.index),
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
    main = main_arm(resolved.normalizer, roles)
    notes = summarize_notes(predictions)
    by_site: ArmPredictions | None = None
    of_sites: list[Note] = []
    if resolved.evaluation.split != "site":
        by_site, of_sites = leave_sites_out(prepared, main, jobs=jobs, progress=progress)
    elif prepared.cohort.sites is not None:
        sites = prepared.cohort.sites.loc[prepared.features.values.index].to_numpy(dtype=object)
        of_sites = one_class_note(predictions[main].scores, sites)
    notes += of_sites
    curve: LearningCurve | None = None
    if resolved.evaluation.learning_curve:
        curve = learning_curve_of(prepared, main, repeats, predictions[main], jobs=jobs, progress=progress)
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
        permutation=permutation_of(prepared, main, jobs=jobs, progress=progress),
    )
    model = train_model(prepared)
    prepared.folder.write_result(prepared.folder.EXPLANATION, explain_model(model, prepared))
    record_run(prepared, "evaluate", notes)
    if people:
        write_run_people(model, prepared, trained_on=True)
    write_report(prepared.folder.path)
    return evaluation


def test_model(
    model: Model | str | Path,
    study: Study | str | Path,
    run: str | Path,
    *,
    jobs: int = 1,
    progress: Progress | None = None,
    limits: Limits | None = None,
    people: bool = False,
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
    jobs : int
        Subjects extracted at the same time.
    progress : Progress, optional
        Where progress is shown.
    limits : Limits, optional
        What one subject may take; default: the engine's.
    people : bool
        Whether everybody tested gets a page, in ``RUN/people``.

    Returns
    -------
    Evaluation
        One arm; also written as ``evaluation.json``, with ``report.html``.

    Raises
    ------
    EvaluationError
        EVA-101 where the cohort's classes are not the model's.
    """
    model = model if isinstance(model, Model) else load_model(model)
    prepared = prepare_run(
        study,
        run,
        purpose="test",
        jobs=jobs,
        progress=progress,
        limits=limits,
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
    predictions = {model.procedure.arm: _apply(model, prepared)}
    known = _people_trained_on(model, prepared)
    notes = [*model.procedure.notes, *known]
    rule = model.procedure.rule.text
    evaluation = write_evaluation(
        "test", prepared, predictions, model.procedure.arm, notes, model.study.decision, rule
    )
    prepared.folder.write_result(prepared.folder.EXPLANATION, explain_model(model, prepared))
    record_run(prepared, "test", notes)
    if people:
        write_run_people(model, prepared, trained_on=False)
    write_report(prepared.folder.path)
    return evaluation


test_model.__test__ = False  # type: ignore[attr-defined]  # pytest would take the name for a test


def _vocabulary(roles: Roles) -> str:
    return f"classes {', '.join(roles.targets)}; demographics {', '.join(roles.demographics) or 'none'}"


def _apply(model: Model, prepared: PreparedRun) -> ArmPredictions:
    """One repeat, one fold: everybody of a target class is tested once by the same model."""
    labels = prepared.labels
    frame = prepared.frame_with(model.procedure.site)[list(model.columns)]
    procedure = model.procedure.adapt_to_sites(frame, labels, prepared.groups)
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


def _people_trained_on(model: Model, prepared: PreparedRun) -> list[Note]:
    """Warn where scans of the test cohort were trained on; the model keeps only hashes of their features."""
    seen = set(model.training.get("scan_hashes", []))
    scans = zip(prepared.features.values.index, prepared.scan_hashes, strict=True)
    shared = [str(scan) for scan, name in scans if name in seen]
    if not shared:
        return []
    listed = ", ".join(shared[:5]) + (f" and {len(shared) - 5} more" if len(shared) > 5 else "")
    count = f"{len(shared)} of {len(prepared.labels)}"
    text = f"{count} scans were trained on, which flatters the model: {listed}"
    warning = NormwiseWarning("EVA-102", text, value=len(shared))
    warnings.warn(warning, stacklevel=3)
    return [Note.of(warning)]
