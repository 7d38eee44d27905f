"""The parts of an opened model: each of its type, whole and finite, and all of them of one model."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from normwise.classify import CLASSIFIERS, REGRESSORS
from normwise.learnt import TRUSTED_TYPES as LEARNT_TYPES
from normwise.model.regression_model import StoredRegression
from normwise.normalize import FeatureNormalizer, SiteHarmonizer
from normwise.procedure import (
    DecisionRule,
    DropDemographics,
    FeatureSelector,
    ScoreNormalizer,
    TargetClassifier,
)
from normwise.schema import EVERYBODY, OTHERS, FittedParts, Roles, check_parts, refuse_hidden_methods

__all__ = ["OWN_TYPES", "check_model_parts", "check_regression_parts"]

OWN_TYPES = (
    "sklearn.pipeline.Pipeline",
    "sklearn.preprocessing._data.StandardScaler",
    "normwise.procedure.selection.FeatureSelector",
    "normwise.procedure.pipeline.DropDemographics",
    "normwise.procedure.pipeline.TargetClassifier",
)
"""Types of a saved model's steps that no package below names."""
_ORDER = ("extract", "harmonize", "normalize", "scale", "select", "classify", "regress")
_LAST = ("classify", "regress")
_OF_STEP: dict[str, tuple[type, ...]] = {
    "harmonize": (SiteHarmonizer,),
    "normalize": (FeatureNormalizer, DropDemographics),
    "scale": (StandardScaler,),
    "select": (FeatureSelector,),
}


def check_model_parts(
    pipeline: Any,
    rule: DecisionRule,
    score: ScoreNormalizer | None,
    roles: Roles,
    arm: str,
    feature_names: tuple[str, ...],
) -> None:
    """Refuse a model of which a part is not what its type learns, or that does not belong to the others.

    Parameters
    ----------
    pipeline : Pipeline
        As it was read, the weights of its networks in it.
    rule, score, roles, arm, feature_names
        From the manifest.

    Raises
    ------
    ValueError, NormwiseError
        The first part that is wrong. Other exceptions too, where a part is of another kind altogether.
    """
    steps = _check_steps(pipeline, "classify")
    check_parts(rule)
    _check_roles(steps, roles)
    _check_score(score, steps["normalize"], rule, arm)
    _check_widths(steps, roles, arm, feature_names)
    fits = (
        sorted(pipeline.classes_) == sorted(rule.classes)
        and rule.classes == roles.targets
        and roles.target is None
        and len(set(feature_names)) == len(feature_names)
    )
    if not fits:
        raise ValueError("its pipeline, classes and decision rule do not belong together")


def check_regression_parts(
    pipeline: Any, regression: StoredRegression, roles: Roles, arm: str, feature_names: tuple[str, ...]
) -> None:
    """Refuse a model of a number, as `check_model_parts` does one of classes.

    Parameters
    ----------
    pipeline : Pipeline
        As it was read, the weights of its networks in it.
    regression, roles, arm, feature_names
        From the manifest.

    Raises
    ------
    ValueError, NormwiseError
        The first part that is wrong. Other exceptions too, where a part is of another kind altogether.
    """
    steps = _check_steps(pipeline, "regress")
    check_parts(regression)
    _check_roles(steps, roles)
    _check_widths(steps, roles, arm, feature_names)
    fits = (
        roles.target is not None
        and roles.normal == EVERYBODY
        and roles.classes in ((EVERYBODY,), (EVERYBODY, OTHERS))
        and arm != "adjusted"
        and len(set(feature_names)) == len(feature_names)
    )
    if not fits:
        raise ValueError("its pipeline, target and roles do not belong together")


def _check_steps(pipeline: Any, last: str) -> dict[str, Any]:
    """Return the steps by title, each checked by itself; the last one decides, or predicts a number."""
    steps = _steps_of(pipeline, last)
    for title, step in steps.items():
        if isinstance(step, StandardScaler):
            _check_scaler(step)
        else:
            check_parts(step, allowed=_types_of(title))
    return steps


def _steps_of(pipeline: Any, last: str) -> dict[str, Any]:
    """Return the steps by title, in the order in which the procedure has them."""
    if type(pipeline) is not Pipeline:
        raise ValueError("it is no pipeline")
    refuse_hidden_methods(pipeline)
    parts = FittedParts(pipeline)
    steps = parts.part("steps")
    pairs = isinstance(steps, list) and all(isinstance(step, tuple) and len(step) == 2 for step in steps)
    titles = [title for title, _ in steps] if pairs else []
    fits = (
        titles == [title for title in _ORDER if title in titles]
        and "normalize" in titles
        and set(_LAST) & set(titles) == {last}
    )
    parts.expect("steps", holds=fits, instead="the steps of the procedure, in order")
    for name in ("memory", "transform_input"):
        parts.expect(name, holds=parts.part(name) is None, instead="None")
    return dict(steps)


def _types_of(title: str) -> tuple[type, ...]:
    if title == "classify":
        return (*(spec.estimator for spec in CLASSIFIERS.values()), TargetClassifier)
    if title == "regress":
        return tuple(spec.estimator for spec in REGRESSORS.values())
    if title == "extract":
        places = [name.rpartition(".") for name in LEARNT_TYPES]
        return tuple(getattr(import_module(module), name) for module, _, name in places)
    return _OF_STEP[title]


def _check_score(score: ScoreNormalizer | None, normalizer: Any, rule: DecisionRule, arm: str) -> None:
    """Refuse a score that is adjusted by another design, or of other classes, than the model has."""
    if (score is None) != (arm != "adjusted"):
        raise ValueError(f"its score does not belong to the arm {arm!r}")
    if score is None:
        return
    check_parts(score)
    columns = len(normalizer.design_.inverse) - 1 if isinstance(normalizer, FeatureNormalizer) else -1
    widths = {len(row) for row in score.slopes}
    fits = (
        score.negative == rule.classes.index(rule.negative)
        and len(score.slopes) == columns
        and widths <= {len(rule.classes) - 1}
    )
    if not fits:
        raise ValueError("its score is adjusted by other demographics or classes than it has")


def _check_scaler(scaler: StandardScaler) -> None:
    refuse_hidden_methods(scaler)
    parts = FittedParts(scaler)
    columns = parts.named_columns()
    for name in ("with_mean", "with_std"):
        parts.expect(name, holds=parts.part(name) is True, instead="True")
    parts.array("mean_", (columns,))
    parts.array("var_", (columns,), low=0.0)
    parts.array("scale_", (columns,), low=1e-300)


def _check_roles(steps: dict[str, Any], roles: Roles) -> None:
    """Refuse a step that was fitted on other normals or demographics than the manifest's.

    One that takes the patients for the normals would adapt to a new site by them.
    """
    own = {"demographics": roles.demographics, "categorical": roles.categorical, "normal": roles.normal}
    for title in steps.keys() & {"harmonize", "normalize"}:
        settings = steps[title].get_params(deep=False)
        for name in own.keys() & settings.keys():
            held = settings[name]
            if (held if name == "normal" else tuple(held)) != own[name]:
                raise ValueError(f"its step {title} was fitted with another {name} than its roles say")


def _check_widths(steps: dict[str, Any], roles: Roles, arm: str, feature_names: tuple[str, ...]) -> None:
    """Refuse steps of which one does not take the columns that the one before it gives."""
    first = next(iter(steps.values()))
    named = getattr(first, "feature_names_in_", None)
    harmonizer = steps.get("harmonize")
    site = [] if harmonizer is None else [harmonizer.site]
    features = set() if arm == "demographics" else set(feature_names)
    if named is not None and not features <= set(named) <= features | {*roles.demographics, *site}:
        raise ValueError("its pipeline takes other columns than its features and demographics")
    width = None
    for title, step in steps.items():
        if title != next(iter(steps)) and step.n_features_in_ != width:
            raise ValueError(f"its step {title} takes other columns than the step before it gives")
        width = len(step.get_feature_names_out()) if title not in _LAST else None
