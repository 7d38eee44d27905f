"""Train a model on everybody in a study, save it, and explain it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import pandas as pd

from normwise.engine import Limits, Progress
from normwise.model.explain import importances_of, trajectories_of
from normwise.model.model import Model, TrainedModel
from normwise.procedure import check_promise, count_patients, fit_procedure, main_arm
from normwise.report import write_report
from normwise.results import (
    DRAWN_POINTS,
    ClassifierMap,
    Curve,
    Explanation,
    FeatureNote,
    Picture,
    Trajectory,
    TreeNode,
)
from normwise.runs import PreparedRun, prepare_run, record_run
from normwise.schema import ImagesSection, Study

__all__ = [
    "TOP_TRAJECTORIES",
    "cost_curves_of",
    "describe_training",
    "explain_model",
    "train_model",
    "train_study",
]


class ClassifierPictures(TypedDict, total=False):
    """Fields of an explanation that not every classifier has."""

    plane: ClassifierMap | None
    tree: list[TreeNode]


TOP_TRAJECTORIES = 6  # as many small plots as fit on a page


def train_study(
    study: Study | str | Path,
    run: str | Path,
    *,
    jobs: int | None = None,
    progress: Progress | None = None,
    limits: Limits | None = None,
    cache_dir: Path | None = None,
) -> Model:
    """Train extractor (if learnt), normalizer, classifier and threshold; save them in ``RUN/model``.

    Also writes ``run.json``, ``explanation.json`` and ``report.html``.

    Parameters
    ----------
    study : Study or path
        A study, a study file or a BIDS folder.
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
    Model
        The trained model, as `normwise.load_model` would open it.
    """
    prepared = prepare_run(
        study, run, purpose="train", jobs=jobs, progress=progress, limits=limits, cache_dir=cache_dir
    )
    # Some may have been left out with their images since the cohort was read.
    patients = count_patients(prepared.labels, prepared.groups, prepared.cohort.roles)
    check_promise(prepared.study.decision, patients, where="whose features are there")
    model, folder = train_model(prepared), prepared.folder
    from normwise.model.bundle import save_model

    save_model(model, folder / folder.MODEL)
    folder.write_result(folder.EXPLANATION, explain_model(model, prepared))
    record_run(prepared, "train", list(model.procedure.notes))
    write_report(folder.path)
    return model


def train_model(prepared: PreparedRun) -> Model:
    """Fit the study's procedure on every person of a prepared run.

    Parameters
    ----------
    prepared : PreparedRun
        Cohort and features.
    """
    roles, study, labels = prepared.cohort.roles, prepared.study, prepared.labels
    procedure = fit_procedure(
        study, roles, prepared.frame, labels, prepared.groups,
        arm=main_arm(study, roles), seed=study.evaluation.seed,
    )  # fmt: skip
    return Model(
        procedure=procedure,
        study=study,
        feature_names=tuple(str(name) for name in prepared.features.values.columns),
        notes=dict(prepared.features.notes),
        feature_hash=prepared.features.hash,
        training=describe_training(prepared),
    )


def describe_training(prepared: PreparedRun) -> dict[str, Any]:
    """Return how many scans, people and scans a class a model learns from, and hashes of the data.

    Parameters
    ----------
    prepared : PreparedRun
        The people that it is trained on.
    """
    labels, study = prepared.labels, prepared.study
    described: dict[str, Any] = {
        "scans": len(labels),
        "people": len(set(prepared.groups)),
        "scan_hashes": list(prepared.scan_hashes),
        "scans_per_class": {name: int((labels == name).sum()) for name in prepared.cohort.roles.classes},
    }
    if study.normalizer.prior is not None:
        from normwise.runs import prior_hash

        described["reference"] = prior_hash(study)
    return described


def explain_model(model: Model, prepared: PreparedRun) -> Explanation:
    """Return a model's feature importances, and trajectories of the most important features.

    Parameters
    ----------
    model : Model
        A model trained on the run.
    prepared : PreparedRun
        The run whose people the trajectories show.
    """
    # The study of a test cohort may name no site column although the model needs one.
    frame = prepared.frame_with(model.procedure.site)
    importances, kind = importances_of(model.procedure, model.notes, frame)
    names = set(model.feature_names)
    heaviest = [row.feature for row in importances if row.feature in names][:TOP_TRAJECTORIES]
    if not heaviest:
        heaviest = _most_separating(prepared, TOP_TRAJECTORIES)
    nothing = FeatureNote("", "")
    on_atlas = any(model.notes.get(name, nothing).label is not None for name in model.feature_names)
    atlas, _ = prepared.study.without_places().features.atlas_in(None)
    return Explanation(
        importances=importances,
        importance_kind=kind,
        trajectories=_trajectories(model, prepared, frame, heaviest),
        atlas=atlas if on_atlas else None,
        cost_curves=cost_curves_of(model),
        loss_curves=loss_curves_of(model),
        network_pictures=_network_pictures(model, prepared, frame),
        **_classifier_pictures(model, prepared, frame),
    )


def _trajectories(
    model: Model, prepared: PreparedRun, frame: pd.DataFrame, features: list[str]
) -> list[Trajectory]:
    """Return trajectories; those of an image's voxels are called by their places."""
    found = trajectories_of(model.procedure, frame, prepared.labels, model.notes, features, DRAWN_POINTS)
    if not found or not isinstance(model.study.features, ImagesSection):
        return found
    from normwise.model.saliency import name_columns

    names = name_columns(model.study.features, frame, features)
    return [replace(each, feature=names.get(each.feature, each.feature)) for each in found]


def _classifier_pictures(model: Model, prepared: PreparedRun, frame: pd.DataFrame) -> ClassifierPictures:
    """Return what the classifier does, where it has one column or two, or is a forest."""
    classifier = model.procedure.pipeline.named_steps["classify"]
    if getattr(classifier, "n_features_in_", 0) not in (1, 2) and not hasattr(classifier, "forest_"):
        return {}
    from normwise.model.classifier_map import first_tree, map_classifier

    return {
        "plane": map_classifier(model.procedure, frame, prepared.labels),
        "tree": first_tree(model.procedure),
    }


def _network_pictures(model: Model, prepared: PreparedRun, frame: pd.DataFrame) -> list[Picture]:
    """Draw what a network for images looks at; nothing of any other classifier."""
    if not isinstance(model.study.features, ImagesSection):
        return []
    from normwise.model.saliency import network_pictures

    return network_pictures(model.procedure, frame, prepared.labels, prepared.folder, model.study.features)


def cost_curves_of(model: TrainedModel) -> dict[str, Curve]:
    """Return the cost over the steps, where the classifier or regressor was fitted by descent."""
    costs = getattr(model.procedure.pipeline[-1], "cost_curve_", None)
    if costs is None:
        return {}
    values = [float(cost) for cost in costs]
    return {"The final model": Curve([float(step) for step in range(len(values))], values)}


def loss_curves_of(model: Model) -> dict[str, Curve]:
    """Return the training loss of each epoch, of each network that decides or learns features."""
    steps = model.procedure.pipeline.named_steps
    extract = steps.get("extract")
    roles = {"Classifier": [steps["classify"]], "Features": [extract, *getattr(extract, "networks_", [])]}
    curves = {}
    for role, trained in roles.items():
        found = [getattr(each, "losses_", None) for each in trained]
        losses = [curve for each in found if each is not None for curve in np.atleast_2d(each) if len(curve)]
        for number, each in enumerate(losses, start=1):
            name = role if len(losses) == 1 else f"{role} {number}"
            curves[name] = Curve([float(epoch) for epoch in range(1, len(each) + 1)], each.tolist())
    return curves


def _most_separating(prepared: PreparedRun, count: int) -> list[str]:
    """Return the features whose class means lie farthest apart, for classifiers without weights."""
    values, labels = prepared.features.values, prepared.labels
    negative = labels == prepared.cohort.roles.negative
    if negative.all() or not negative.any():
        return [str(name) for name in values.columns[:count]]
    table = values.to_numpy(dtype=float)
    spread = table.std(axis=0)
    gap = np.abs(table[negative].mean(axis=0) - table[~negative].mean(axis=0))
    order = np.argsort(-np.divide(gap, spread, out=np.zeros_like(gap), where=spread > 0), kind="stable")
    return [str(values.columns[column]) for column in order[:count]]
