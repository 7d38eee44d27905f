"""Evaluate a study by cross-validation, or a saved model on a cohort it has never seen."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from normwise.engine import Limits, Progress
from normwise.errors import EvaluationError, NormwiseWarning
from normwise.evaluate.comparisons import People, compare_arms
from normwise.evaluate.crossval import ArmPredictions, cross_validate_arms, predict_part
from normwise.evaluate.metrics import OutOfFold
from normwise.evaluate.notes import notes_of
from normwise.evaluate.predictions import write_predictions
from normwise.files import write_text
from normwise.procedure import (
    Model,
    PreparedRun,
    arms_of,
    assert_same_pipeline,
    describe_rule,
    explain_model,
    load_model,
    main_arm,
    prepare_run,
    record_run,
    train_model,
)
from normwise.report import write_report
from normwise.results import Evaluation, write_result
from normwise.schema import Roles, Study

__all__ = ["evaluate_study", "test_model"]


def evaluate_study(
    study: Study | str | Path,
    run: str | Path,
    *,
    jobs: int = 1,
    progress: Progress | None = None,
    limits: Limits | None = None,
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
    arms = arms_of(roles)
    predictions = cross_validate_arms(
        resolved,
        roles,
        prepared.frame,
        prepared.labels,
        prepared.groups,
        arms=arms,
        jobs=jobs,
        progress=progress,
    )
    main = main_arm(resolved.normalizer, roles)
    notes = notes_of(predictions)
    rule = describe_rule(resolved.decision)
    evaluation = _evaluation("crossval", prepared, predictions, main, notes, rule)
    model = train_model(prepared)
    write_result(explain_model(model, prepared), prepared.folder / "explanation.json")
    record_run(prepared, "evaluate", notes)
    write_report(prepared.folder)
    return evaluation


def test_model(
    model: Model | str | Path,
    study: Study | str | Path,
    run: str | Path,
    *,
    jobs: int = 1,
    progress: Progress | None = None,
    limits: Limits | None = None,
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
    evaluation = _evaluation("test", prepared, predictions, model.procedure.arm, notes, rule)
    write_result(explain_model(model, prepared), prepared.folder / "explanation.json")
    record_run(prepared, "test", notes)
    write_report(prepared.folder)
    return evaluation


test_model.__test__ = False  # type: ignore[attr-defined]  # pytest would take the name for a test


def people_of(prepared: PreparedRun) -> People:
    """Return who a run's predictions are about."""
    ids = prepared.features.values.index
    sites = prepared.cohort.sites
    return People(
        groups=prepared.groups,
        frame=prepared.cohort.frame.loc[ids],
        roles=prepared.cohort.roles,
        sites=None if sites is None else sites.loc[ids].to_numpy(dtype=object),
    )


def _vocabulary(roles: Roles) -> str:
    return f"classes {', '.join(roles.targets)}; demographics {', '.join(roles.demographics) or 'none'}"


def _apply(model: Model, prepared: PreparedRun) -> ArmPredictions:
    """One layer, one fold: everybody of a target class is tested once by the same model."""
    labels = prepared.labels
    frame = prepared.frame[[*model.feature_names, *model.roles.demographics]]
    probabilities, decided, reasons = predict_part(model.procedure, model.procedure.support(frame), frame)
    tested = np.isin(labels, model.classes)
    threshold = model.procedure.rule.threshold
    return ArmPredictions(
        scores=OutOfFold(
            labels, model.classes, model.procedure.rule.negative, probabilities[None],
            np.where(tested, decided, -1)[None], np.where(tested, 0, -1)[None].astype(np.intp),
        ),
        reasons=reasons[None],
        thresholds=np.full((1, len(labels)), np.nan if threshold is None else threshold),
        fold_thresholds=[] if threshold is None else [threshold],
        settings=[model.procedure.setting],
        notes=model.procedure.notes,
    )  # fmt: skip


def _people_trained_on(model: Model, prepared: PreparedRun) -> list[str]:
    """Warn where scans of the test cohort were trained on; the model keeps only hashes of their features."""
    seen = set(model.training.get("scan_hashes", []))
    scans = zip(prepared.features.values.index, prepared.scan_hashes, strict=True)
    shared = [str(scan) for scan, name in scans if name in seen]
    if not shared:
        return []
    listed = ", ".join(shared[:5]) + (f" and {len(shared) - 5} more" if len(shared) > 5 else "")
    count = f"{len(shared)} of {len(prepared.labels)}"
    text = f"EVA-102  {count} scans were trained on, which flatters the model: {listed}"
    warnings.warn(text, NormwiseWarning, stacklevel=3)
    return [text]


def _evaluation(
    kind: str,
    prepared: PreparedRun,
    predictions: dict[str, ArmPredictions],
    main: str,
    notes: list[str],
    rule: str,
) -> Evaluation:
    """Estimate, compare and write."""
    section, scores = prepared.study.evaluation, predictions[main].scores
    labels, groups = prepared.labels, prepared.groups
    found = compare_arms(
        predictions,
        people_of(prepared),
        main=main,
        draws=section.bootstrap,
        confidence=section.confidence,
        seed=section.seed,
    )
    evaluation = Evaluation(
        kind=kind,
        classes=list(scores.classes),
        negative=scores.negative,
        positives=[name for name in scores.classes if name != scores.negative],
        n_people=len(set(groups)),
        n_scans=len(labels),
        n_per_class={name: int((labels == name).sum()) for name in prepared.cohort.roles.classes},
        folds=section.folds if kind == "crossval" else 1,
        repeats=section.repeats if kind == "crossval" else 1,
        seed=section.seed,
        confidence=section.confidence,
        decision=rule,
        main_arm=main,
        arms=found.arms,
        differences=found.differences,
        comparisons=found.comparisons,
        notes=notes,
    )
    write_text(
        prepared.folder / "predictions.tsv",
        write_predictions(predictions, prepared.features.values.index.to_numpy(dtype=object), groups),
    )
    write_result(evaluation, prepared.folder / "evaluation.json")
    return evaluation
