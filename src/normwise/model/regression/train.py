"""Train a model of a number on everybody in a study, save it, and explain it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from normwise.engine import Limits, Progress
from normwise.model.explain import importances_of, trajectories_of
from normwise.model.regression_model import RegressionModel
from normwise.model.train import TOP_TRAJECTORIES, cost_curves_of, describe_training
from normwise.procedure import RegressionFitter, main_arm
from normwise.report import write_report
from normwise.results import DRAWN_POINTS, Explanation
from normwise.runs import PreparedRun, prepare_run, record_run
from normwise.schema import Study

__all__ = ["train_regression"]


def train_regression(
    study: Study | str | Path,
    run: str | Path,
    *,
    jobs: int | None = None,
    progress: Progress | None = None,
    limits: Limits | None = None,
    cache_dir: Path | None = None,
) -> RegressionModel:
    """Train normalizer and regressor on everybody, learn from inner folds how far they err, and save them.

    Writes ``model/``, ``run.json``, ``explanation.json`` and ``report.html`` into the run.

    Parameters
    ----------
    study : Study or path
        A study with ``cohort.target``, or its file.
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
    RegressionModel
        The trained model, as `normwise.load_model` would open it.

    Raises
    ------
    NormwiseError
        Where study or cohort can't be used; PRC-120 for a study of classes.
    """
    prepared = prepare_run(
        study, run, purpose="train", number=True,
        jobs=jobs, progress=progress, limits=limits, cache_dir=cache_dir,
    )  # fmt: skip
    model, folder = fit_model(prepared), prepared.folder
    from normwise.model.bundle import save_model

    save_model(model, folder / folder.MODEL)
    record_run(prepared, "train", list(model.procedure.notes))
    # After the record: with it goes what a study of classes has left there.
    folder.write_result(folder.EXPLANATION, explain_regression(model, prepared))
    write_report(folder.path)
    return model


def fit_model(prepared: PreparedRun) -> RegressionModel:
    """Fit the study's regression on every person of a prepared run.

    Parameters
    ----------
    prepared : PreparedRun
        Cohort and features.
    """
    from threadpoolctl import threadpool_limits

    roles, study = prepared.cohort.roles, prepared.study
    fitter = RegressionFitter(study, roles, prepared.frame, main_arm(study, roles))
    with threadpool_limits(1):  # as in the folds of an evaluation, so that the last bit is any machine's
        procedure = fitter.fit(
            prepared.numbers, prepared.labels, prepared.groups, np.arange(len(prepared.numbers)),
            seed=study.evaluation.seed,
        )  # fmt: skip
    return RegressionModel(
        procedure=procedure,
        study=study,
        feature_names=tuple(str(name) for name in prepared.features.values.columns),
        notes=dict(prepared.features.notes),
        feature_hash=prepared.features.hash,
        training=describe_training(prepared),
    )


def explain_regression(model: RegressionModel, prepared: PreparedRun) -> Explanation:
    """Return what each feature weighs, and the norm of the heaviest.

    Parameters
    ----------
    model : RegressionModel
        A model trained on the run.
    prepared : PreparedRun
        The run whose people the trajectories show.
    """
    frame = prepared.frame_with(model.site)
    importances, kind = importances_of(model.procedure, model.notes)
    names = set(model.feature_names)
    heaviest = [row.feature for row in importances if row.feature in names][:TOP_TRAJECTORIES]
    if not heaviest:
        heaviest = _most_related(prepared.features.values, prepared.numbers)[:TOP_TRAJECTORIES]
    on_atlas = any(note.label is not None for note in model.notes.values())
    atlas, _ = prepared.study.without_places().features.atlas_in(None)
    return Explanation(
        importances=importances,
        importance_kind=kind,
        trajectories=trajectories_of(
            model.procedure, frame, prepared.labels, model.notes, heaviest, DRAWN_POINTS
        ),
        atlas=atlas if on_atlas else None,
        cost_curves=cost_curves_of(model),
    )


def _most_related(values: pd.DataFrame, numbers: NDArray[np.float64]) -> list[str]:
    """Return the features, those that go with the number most closely first."""
    table, own = values.to_numpy(dtype=float), numbers - numbers.mean()
    centred = table - table.mean(axis=0)
    size = np.sqrt((centred**2).sum(axis=0))
    shared = np.abs(own @ centred)
    related = np.divide(shared, size, out=np.zeros_like(shared), where=size > 0.0)
    return [str(values.columns[place]) for place in np.argsort(-related, kind="stable")]
