"""Apply a saved model to a cohort, or to single images, of people it has never seen."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from normwise.cohort import Cohort
from normwise.engine import Limits, Progress
from normwise.errors import NormwiseError, NormwiseWarning, ProcedureError
from normwise.features import FeatureTable, extract_features
from normwise.model.model import FAR, Departure, Model
from normwise.results import Note, Prediction, Predictions
from normwise.runs import assemble_frame
from normwise.schema import Roles, Study, listed

__all__ = [
    "Applicable",
    "apply_model",
    "assert_same_pipeline",
    "measure_people",
    "warn_of_far_values",
    "warn_of_training_scans",
]


class Applicable(Protocol):
    """What is applied to new people: a trained model, or a norm without a classifier."""

    @property
    def study(self) -> Study: ...  # noqa: D102
    @property
    def roles(self) -> Roles: ...  # noqa: D102
    @property
    def feature_names(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def feature_hash(self) -> str: ...  # noqa: D102
    @property
    def site(self) -> str | None: ...  # noqa: D102


def apply_model(
    model: Model,
    cohort: Cohort,
    *,
    cache_dir: Path | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
    limits: Limits | None = None,
    on_features: Callable[[FeatureTable], None] | None = None,
) -> Predictions:
    """Extract the model's features for new people and decide.

    Parameters
    ----------
    model : Model
        A trained model.
    cohort : Cohort
        New people; no diagnosis is needed.
    cache_dir : Path, optional
        Where finished extractions are kept.
    jobs : int, optional
        Subjects extracted at the same time; default: one a CPU that this process may use.
    progress : Progress, optional
        Where progress is shown.
    limits : Limits, optional
        What one subject may take; default: the engine's.
    on_features : callable, optional
        Called with the extracted features, for their checks and pictures.

    Returns
    -------
    Predictions
        One of each scan in the cohort's order; a failed image gives no decision and its reason.
    """
    features = measure_people(model, cohort, cache_dir=cache_dir, jobs=jobs, progress=progress, limits=limits)
    if on_features is not None:
        on_features(features)
    frame = assemble_frame(features.values, cohort, model.site)
    predicted = {prediction.subject: prediction for prediction in model.predictions(frame)}
    return Predictions(
        predicted[name] if name in predicted else _failed(name, features.failures[name])
        for name in cohort.frame.index
    )


def measure_people(
    model: Applicable,
    cohort: Cohort,
    *,
    cache_dir: Path | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
    limits: Limits | None = None,
) -> FeatureTable:
    """Extract the features of new people as those of a model were.

    Parameters
    ----------
    model : Applicable
        A trained model, or a norm.
    cohort, cache_dir, jobs, progress, limits
        As of `apply_model`.

    Raises
    ------
    ProcedureError
        PRC-402 where they are extracted in another way.
    """
    features = extract_features(
        cohort, model.study, cache_dir=cache_dir, jobs=jobs, progress=progress, limits=limits,
        wanted=model.feature_names,
    )  # fmt: skip
    assert_same_pipeline(model, features)
    return features


def assert_same_pipeline(model: Applicable, features: FeatureTable) -> None:
    """Refuse features that were extracted in another way than the model's.

    Raises
    ------
    ProcedureError
        PRC-402 where the extraction differs.
    """
    if features.hash != model.feature_hash:
        raise ProcedureError(
            "PRC-402",
            "the features were extracted in another way than those the model was trained on.",
            seen=f"extraction {features.hash[:12]}",
            expected=f"extraction {model.feature_hash[:12]}",
            advice="use the extractor, atlas and Normwise version that the model's manifest names",
        )


def warn_of_training_scans(shared: Sequence[str], total: int) -> list[Note]:
    """Warn where scans that a model decides about are scans that it has learnt from.

    Parameters
    ----------
    shared : sequence of str
        From `Model.trained_on`.
    total : int
        Scans that it decides about.

    Returns
    -------
    list of Note
        EVA-102, or nothing.
    """
    if not shared:
        return []
    count = f"{len(shared)} of {total} scans were trained on"
    text = f"{count}, which flatters the model: {listed(shared, most=5)}"
    warning = NormwiseWarning("EVA-102", text, value=len(shared))
    warnings.warn(warning, stacklevel=3)
    return [Note.of(warning)]


def warn_of_far_values(far: Mapping[str, Departure]) -> list[Note]:
    """Warn where values lie far from what is normal, as in another unit.

    Parameters
    ----------
    far : mapping of str to Departure
        By scan, of `TrainedModel.far_values`.

    Returns
    -------
    list of Note
        EVA-113, with the scans; empty without one.
    """
    if not far:
        return []
    named = (f"{scan} ({each.feature} {each.size:.3g})" for scan, each in far.items())
    scans = "1 scan a feature lies" if len(far) == 1 else f"{len(far)} scans features lie"
    unit = next(iter(far.values())).unit
    text = (
        f"in {scans} more than {FAR:g} {unit}: {listed(named, most=5)}; look whether units, or codes for "
        "missing values, differ from the model's"
    )
    warning = NormwiseWarning("EVA-113", text, value=len(far))
    warnings.warn(warning, stacklevel=2)
    return [Note.of(warning)]


def _failed(name: str, error: NormwiseError) -> Prediction:
    return Prediction(name, {}, None, f"{error.code} {error.problem}", None, outcome="failed")
