"""Test a saved model of a number on a cohort that it has not seen."""
# ruff: noqa: PT028 - no test function, whatever its name

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from normwise.engine import Limits, Progress
from normwise.errors import EvaluationError, ProcedureError
from normwise.evaluate.regression.cross_validation import NumberPredictions, apply_regression
from normwise.evaluate.regression.study import summarize_regression
from normwise.model import (
    RegressionModel,
    assert_same_pipeline,
    load_model,
    warn_of_far_values,
    warn_of_training_scans,
)
from normwise.report import write_report
from normwise.results import Note, Regression
from normwise.runs import PreparedRun, prepare_run, record_run
from normwise.schema import Study

__all__ = ["test_regression"]

_MOST_BEYOND = 0.5  # share of true numbers beyond the training range, which another unit mostly is


def test_regression(
    model: RegressionModel | str | Path,
    study: Study | str | Path,
    run: str | Path,
    *,
    jobs: int | None = None,
    progress: Progress | None = None,
    limits: Limits | None = None,
    cache_dir: Path | None = None,
) -> Regression:
    """Test a saved model of a number on people it was not trained on.

    Parameters
    ----------
    model : RegressionModel or path
        A model, or its folder.
    study : Study or path
        The cohort, with ``cohort.target``; demographics and extraction must be the model's.
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

    Returns
    -------
    Regression
        One arm; also written as ``regression.json``, with ``predictions.tsv``, ``run.json`` and
        ``report.html``.

    Raises
    ------
    EvaluationError
        EVA-101 where the cohort's demographics are not the model's; EVA-107 where it can predict nobody.
    ProcedureError
        PRC-120 for a model or a study of classes.
    """
    opened = model if isinstance(model, RegressionModel) else load_model(model)
    if not isinstance(opened, RegressionModel):
        raise ProcedureError(
            "PRC-120",
            "the model tells classes apart, and this step is for a number.",
            subject=str(model),
            seen=f"classes {', '.join(opened.classes)}",
            advice="test_model takes a model of classes, test_regression one of a number",
        )
    prepared = prepare_run(
        study, run, purpose="test", number=True, jobs=jobs, progress=progress, limits=limits,
        cache_dir=cache_dir, roles=opened.roles, wanted=opened.feature_names,
    )  # fmt: skip
    own, wanted = prepared.cohort.roles.demographics, opened.roles.demographics
    if set(own) != set(wanted):
        raise EvaluationError(
            "EVA-101",
            "the cohort and the model do not speak of the same demographics.",
            subject=str(prepared.folder),
            seen=f"demographics {', '.join(own) or 'none'}",
            expected=f"demographics {', '.join(wanted) or 'none'}",
            advice="name the model's in cohort.demographics",
        )
    assert_same_pipeline(opened, prepared.features)
    known = warn_of_training_scans(opened.trained_on(prepared.features.values), len(prepared.numbers))
    frame = prepared.frame_with(opened.site)
    adapted = opened.adapt_to_sites(frame, prepared.labels, prepared.groups)
    found = {opened.procedure.arm: _apply(adapted, frame, prepared.numbers)}
    far = warn_of_far_values(adapted.far_values(frame))
    notes = [*known, *far, *_other_numbers(opened, prepared)]
    regression = summarize_regression("test", prepared, found, opened.procedure.arm, notes)
    record_run(prepared, "test", regression.notes, opened.study)
    write_report(prepared.folder.path)
    return regression


test_regression.__test__ = False  # type: ignore[attr-defined]  # pytest would take the name for a test


def _apply(model: RegressionModel, frame: pd.DataFrame, values: NDArray[np.float64]) -> NumberPredictions:
    """One repeat, one fold: everybody is tested once by the same model, adapted to their sites."""
    predicted, reasons, _ = model.numbers_of(frame)
    support = pd.DataFrame({"supported": np.isfinite(predicted), "reason": reasons}, dtype=object)
    part = apply_regression(model.procedure, predicted, values, support)
    return NumberPredictions.gather(values, [(0, 0, np.arange(len(values)))], [part])


def _other_numbers(model: RegressionModel, prepared: PreparedRun) -> list[Note]:
    """Return what speaks for it that the cohort's number is another one than the model's."""
    target, notes = str(prepared.cohort.roles.target), []
    if target != model.target:
        text = (
            f"the model predicts {model.target}, and the cohort's target is {target}: the figures hold only "
            "if both are the same quantity in the same unit"
        )
        notes.append(Note("EVA-111", text, target))
    share = float(model.procedure.is_beyond(prepared.numbers).mean())
    if share > _MOST_BEYOND:
        text = (
            f"{share:.1%} of the true {target} lie beyond the range of the training people's, "
            f"{model.range_text()}: another unit, or other people than the model is for"
        )
        notes.append(Note("EVA-112", text, target, share))
    return notes
