"""The procedure as a plain scikit-learn pipeline, and the arms it is compared with.

Every arm is the same classifier behind a different treatment of the demographics, so that a comparison on
the same folds says what the treatment is worth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    MetaEstimatorMixin,
    OneToOneFeatureMixin,
    TransformerMixin,
    clone,
)
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from normwise.classify import CLASSIFIERS, Classifier, make_classifier
from normwise.errors import ProcedureError
from normwise.features import EXTRACTORS, find_extractor, learnt_extractor
from normwise.normalize import FeatureNormalizer
from normwise.schema import ClassifierSection, FeaturesSection, FittedParts, Roles, Study, check_parts

if TYPE_CHECKING:
    from normwise.normalize import Reference

__all__ = [
    "ARMS",
    "STEPS_OF",
    "DropDemographics",
    "TargetClassifier",
    "arm_frame",
    "arms_of",
    "looks_at_images",
    "main_arm",
    "make_preprocessing",
    "make_procedure",
    "prior_of",
    "site_column",
]

ARMS: dict[str, str] = {
    "raw": "Raw features",
    "normalized": "Normalized on the normal group",
    "adjusted": "Normalized, and the score as well",
    "normalized_all": "Normalized on everybody",
    "appended": "Demographics appended to the features",
    "demographics": "Demographics alone",
    "bag_mean": "The mean of all tiles in place of attention",
}
"""Name and title of each arm, in the order in which they are shown."""

STEPS_OF = {"adjusted": "normalized"}
"""Arms whose steps before the decision are another arm's."""


def arms_of(roles: Roles, features: FeaturesSection | None = None) -> tuple[str, ...]:
    """Return the arms a study can compare; without demographics only the raw one.

    Where attention over tiles is learnt, the plain mean of the tiles stands beside it. Where the normal group
    is no class that is predicted, none of it is tested inside a training part, and no score is adjusted; nor
    is a number that is predicted. Where everybody is normal, everybody is no other group.

    Examples
    --------
    >>> arms_of(Roles("dx", ("normal", "AD"), "normal", ("normal", "AD"), ()), FeaturesSection())
    ('raw',)
    """
    adjusts = roles.normal in roles.targets and roles.target is None
    without = {"bag_mean"} if adjusts else {"bag_mean", "adjusted"}
    if roles.target is not None and len(roles.classes) == 1:
        without.add("normalized_all")
    arms = tuple(name for name in ARMS if name not in without) if roles.demographics else ("raw",)
    baseline = EXTRACTORS[features.extractor].baseline if features is not None else {}
    learns = any(getattr(features, name) != value for name, value in baseline.items())
    return (*arms, "bag_mean") if learns else arms


def main_arm(study: Study, roles: Roles) -> str:
    """Return the arm that the study describes: the one that is trained and saved.

    Examples
    --------
    >>> roles = Roles("dx", ("normal", "AD"), "normal", ("normal", "AD"), ("age",))
    >>> main_arm(Study(), roles)
    'adjusted'
    >>> main_arm(Study.model_validate({"normalizer": {"mode": "append"}}), roles)
    'appended'
    """
    if not roles.demographics:
        return "raw"
    if study.normalizer.mode == "append":
        return "appended"
    if study.normalizer.reference == "all" and "normalized_all" in arms_of(roles):
        return "normalized_all"
    adjusts = study.decision.adjust == "demographics" and "adjusted" in arms_of(roles)
    return "adjusted" if adjusts else "normalized"


def site_column(study: Study, roles: Roles) -> str | None:
    """Return the column of the site where features are harmonized; the harmonizer drops it from the frame.

    Raises
    ------
    ProcedureError
        PRC-107 where the study names no site.
    """
    if study.sites.harmonize == "none":
        return None
    if roles.site is None:
        raise ProcedureError(
            "PRC-107",
            "sites can't be harmonized without a column that names them.",
            subject="cohort.site",
            seen=f"sites.harmonize = {study.sites.harmonize!r}",
            advice="name the column with cohort.site",
        )
    return roles.site


def arm_frame(X: pd.DataFrame, roles: Roles, arm: str) -> pd.DataFrame:
    """Return the columns an arm may see; only the demographics arm sees fewer than all."""
    return X[list(roles.demographics)] if arm == "demographics" else X


def prior_of(study: Study) -> Reference | None:
    """Return the reference that the study's normal people refine; None where it names none.

    Raises
    ------
    NormalizerError
        NRM-401 or NRM-402 for a file that is no reference.
    """
    name = study.normalizer.prior
    if name is None:
        return None
    from normwise.normalize import read_reference  # which few studies need

    return read_reference((study.cohort.root or Path()) / name)


def looks_at_images(study: Study) -> bool:
    """Return whether the study's classifier is a network that takes whole images."""
    name = study.classifier.name
    return name in CLASSIFIERS and CLASSIFIERS[name].takes == "images"


def make_preprocessing(study: Study, roles: Roles, arm: str, seed: int) -> Pipeline:
    """Build the steps before the classifier, unfitted.

    Parameters
    ----------
    study : Study
        Gives the extractor and the normalizer's settings.
    roles : Roles
        Gives demographics and the normal class.
    arm : str
        A key of `ARMS`.
    seed : int
        Seed of a learnt extractor.

    Returns
    -------
    sklearn.pipeline.Pipeline
        From the frame of features and demographics to an array of shape (n_scans, n_columns).
    """
    section = study.normalizer
    steps: list[tuple[str, Any]] = []
    # Demographics alone are the same at every site.
    site = site_column(study, roles) if arm != "demographics" else None
    learnt = None
    if arm != "demographics":
        learnt = learnt_extractor(study, seed, joined=arm != "raw")
    if arm == "bag_mean":
        # All else is the study's own procedure.
        if learnt is not None:
            learnt.set_params(**find_extractor(study).baseline)
        arm = main_arm(study, roles)
    if learnt is not None:
        # Columns of the participants table are features already, from which nothing has to be learnt.
        passed = [*roles.demographics, *study.features.participant_columns, *([site] if site else [])]
        steps.append(("extract", learnt.set_params(demographics=tuple(dict.fromkeys(passed)))))
    if site is not None and study.sites.harmonize != "none":
        from normwise.normalize import SiteHarmonizer

        harmonizer = SiteHarmonizer(
            site=site,
            demographics=roles.demographics,
            normal=roles.normal,
            categorical=roles.categorical,
            method=study.sites.harmonize,
            unseen=study.sites.unseen,
            # By the other methods sites are harmonized as they were in 0.1.0.
            design=section.design if study.sites.harmonize == "hierarchical" else "linear",
        )
        steps.append(("harmonize", harmonizer))
    if arm == "raw":
        steps.append(("normalize", DropDemographics(roles.demographics)))
    else:
        normalizer = FeatureNormalizer(
            demographics=roles.demographics,
            normal=roles.normal,
            categorical=roles.categorical,
            **{
                **section.model_dump(by_alias=False),
                "interactions": tuple(tuple(pair) for pair in section.interactions),
                "reference": "all" if arm == "normalized_all" else "normal",
                "mode": "append" if arm in ("appended", "demographics") else "replace",
                # Everybody at hand is no group that a reference could be added to.
                "prior": None if arm == "normalized_all" else prior_of(study),
            },
        )
        steps.append(("normalize", normalizer))
    if arm in ("raw", "appended", "demographics") or section.scale == "residual":
        # W-scores have the normals' unit already; everything else gets the training rows' unit.
        steps.append(("scale", StandardScaler()))
    pipeline = Pipeline(steps)
    if looks_at_images(study):
        # A network for images knows voxels and demographics by the names of their columns.
        pipeline.set_output(transform="pandas")
    return pipeline


def make_procedure(
    demographics: Sequence[str] = (),
    normal: str | None = None,
    *,
    classifier: str | Any = "logistic",
    targets: Sequence[str] | None = None,
    categorical: Sequence[str] = (),
    design: Literal["linear", "spline"] = "linear",
    interactions: Sequence[Sequence[str]] = (),
    scale: Literal["w", "residual"] = "w",
    variance: Literal["constant", "demographic"] = "constant",
    reference: Literal["normal", "all"] = "normal",
    mode: Literal["replace", "append"] = "replace",
    random_state: int = 0,
) -> Pipeline:
    """Build normalizer and classifier as one scikit-learn pipeline on a frame of features and demographics.

    Works wherever scikit-learn takes an estimator: ``cross_validate``, ``GridSearchCV``,
    ``TunedThresholdClassifierCV`` …; the normalizer is then fitted anew on the normals of each training part.

    Parameters
    ----------
    demographics : sequence of str
        Columns the features are regressed on, and which are dropped afterwards.
    normal : str, optional
        The label of the normal group; needed with demographics.
    classifier : str or estimator
        A key of `normwise.classify.CLASSIFIERS` with its default settings, or any scikit-learn classifier.
    targets : sequence of str, optional
        Labels to predict, where the normal group is not one of them; default: every label.
    categorical, design, interactions, scale, variance, reference, mode
        As in `normwise.FeatureNormalizer`.
    random_state : int
        Seed of the classifier.

    Returns
    -------
    sklearn.pipeline.Pipeline
        Steps ``normalize``, ``scale`` where W-scores do not scale already, and ``classify``.

    Raises
    ------
    ProcedureError
        PRC-106 with demographics and nobody to regress on.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> age, patient = rng.uniform(50, 90, 200), np.arange(200) % 2 == 1
    >>> X = pd.DataFrame({"age": age, "hippocampus.volume_mm3": 6000 - 40 * age - 400 * patient
    ...                   + rng.normal(0, 200, 200)})
    >>> y = np.where(patient, "AD", "normal")
    >>> procedure = make_procedure(["age"], "normal").fit(X[:100], y[:100])
    >>> bool(procedure.score(X[100:], y[100:]) > 0.75)
    True
    """
    demographics, targets = _names(demographics), None if targets is None else _names(targets)
    if demographics and normal is None and reference == "normal":
        raise ProcedureError(
            "PRC-106",
            "the normal group is not named.",
            subject="normal",
            seen=f"demographics {', '.join(map(str, demographics))}",
            advice='name its label, as normal="normal", or regress on everybody with reference="all"',
        )
    normalizer = FeatureNormalizer(
        demographics=demographics,
        normal=normal,
        categorical=_names(categorical),
        design=design,
        interactions=tuple(tuple(pair) for pair in interactions),
        scale=scale,
        variance=variance,
        reference=reference,
        mode=mode,
    )
    steps: list[tuple[str, Any]] = [("normalize", normalizer)]
    if scale == "residual" or mode == "append" or not demographics:
        steps.append(("scale", StandardScaler()))
    if isinstance(classifier, str):
        classifier = make_classifier(ClassifierSection(name=classifier), random_state)
    if targets is not None:
        classifier = TargetClassifier(classifier, targets)
    return Pipeline([*steps, ("classify", classifier)])


def _names(names: Sequence[str]) -> tuple[str, ...]:
    """Return names as a tuple; one alone may be given as it is."""
    return (names,) if isinstance(names, str) else tuple(names)


class DropDemographics(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]  # untyped
    """Keep the features of a frame and drop its demographics: the raw arm.

    Parameters
    ----------
    demographics : sequence of str
        Columns that are dropped; none are looked for in an array.

    Attributes
    ----------
    kept_ : list
        Names of the columns that are kept; their numbers where ``X`` is an array.

    Examples
    --------
    >>> X = pd.DataFrame({"age": [61, 70], "pons.mean": [4.0, 5.0]})
    >>> DropDemographics(("age",)).fit_transform(X).tolist()
    [[4.0], [5.0]]
    """

    def __init__(self, demographics: tuple[str, ...] = ()) -> None:
        self.demographics = demographics

    def prepare(self, X: pd.DataFrame) -> _Columns:
        """Read the features once, for many fits on subsets of the rows."""
        fitted = clone(self).fit(X)
        places = X.columns.get_indexer(fitted.kept_)
        # Columns side by side are not copied.
        near = len(places) > 0 and bool((np.diff(places) == 1).all())
        kept = X.iloc[:, places[0] : places[-1] + 1] if near else X[fitted.kept_]
        return _Columns(fitted, kept.to_numpy())

    def fit(self, X: Any, y: object = None) -> Self:  # noqa: ARG002 - scikit-learn's signature
        """Learn which columns are features."""
        values = self._read(X, reset=True)
        names = values.columns if isinstance(values, pd.DataFrame) else range(values.shape[1])
        self.kept_ = [name for name in names if name not in self.demographics]
        return self

    def transform(self, X: Any) -> np.ndarray[Any, Any]:
        """Return the features, of shape (n_scans, n_features)."""
        check_is_fitted(self)
        values = self._read(X, reset=False)
        return np.asarray(values[self.kept_] if isinstance(values, pd.DataFrame) else values[:, self.kept_])

    def check_parts(self, parts: FittedParts) -> None:
        """Refuse columns that are not those of training; see `normwise.schema.FittedParts`."""
        demographics, columns = parts.texts("demographics"), parts.named_columns()
        kept = parts.texts("kept_")
        fits = set(kept) == set(getattr(self, "feature_names_in_", kept)) - set(demographics)
        parts.expect("kept_", holds=fits and len(kept) <= columns, instead="the columns that are features")

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray[Any, Any]:
        """Return the names of the features that are kept."""
        names = super().get_feature_names_out(input_features)
        return np.asarray([name for name in names if name not in self.demographics], dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True  # what is missing is for the next step to refuse
        return tags

    def _read(self, X: Any, *, reset: bool) -> Any:
        # Demographics may be text, so that a frame is no array yet.
        as_frame = isinstance(X, pd.DataFrame)
        return validate_data(self, X, reset=reset, skip_check_array=as_frame, ensure_all_finite=False)


@dataclass(frozen=True)
class _Columns:
    """Features that are passed on as they are: `normwise.normalize.PreparedFeatures` of the raw arm."""

    step: DropDemographics
    values: np.ndarray[Any, Any]

    def fit(self, *_: Any) -> DropDemographics:
        return self.step

    def transform(
        self,
        fitted: DropDemographics,  # noqa: ARG002 - as of the normalizer
        rows: np.ndarray[Any, Any],
    ) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        return self.values[rows], np.ones(len(rows), dtype=bool)


def _has_decision_function(step: TargetClassifier) -> bool:
    return step.classifier is None or hasattr(step.classifier, "decision_function")


class TargetClassifier(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):  # type: ignore[misc]
    """Train a classifier on the rows whose label is a target; the others only serve the normalizer.

    Parameters
    ----------
    classifier : estimator, optional
        The classifier that is trained; default: logistic regression.
    targets : sequence of str
        Classes that are predicted; none names them all.

    Attributes
    ----------
    classifier_ : estimator
        Fitted.
    classes_ : ndarray of shape (n_targets,)

    Examples
    --------
    >>> X = [[50.0], [52.0], [55.0], [61.0], [64.0]]
    >>> y = ["normal", "normal", "MCI", "AD", "AD"]
    >>> TargetClassifier(targets=("normal", "AD")).fit(X, y).classes_.tolist()
    ['AD', 'normal']
    """

    def __init__(self, classifier: Any = None, targets: tuple[str, ...] = ()) -> None:
        self.classifier = classifier
        self.targets = targets

    def fit(self, X: Any, y: Any) -> Self:
        """Fit on the rows of the targets."""
        values, labels = validate_data(self, X, y)
        rows = (
            np.isin(labels.astype(object), list(self.targets)) if self.targets else np.ones(len(labels), bool)
        )
        if not rows.any():
            raise ProcedureError(
                "PRC-103",
                "no row has a label among the targets.",
                seen=f"labels {sorted({str(label) for label in labels})[:5]}",
                expected=f"one of {list(self.targets)}",
                advice="check cohort.targets",
            )
        self.classifier_ = clone(self._unfitted()).fit(values[rows], labels[rows])
        self.classes_ = self.classifier_.classes_
        return self

    def check_parts(self, parts: FittedParts) -> None:
        """Refuse a classifier that is none, or of other classes; see `normwise.schema.FittedParts`."""
        check_parts(parts.part("classifier_"), allowed=Classifier)
        same = np.array_equal(parts.part("classes_"), self.classifier_.classes_)
        parts.expect("classes_", holds=same, instead="those of its classifier")
        parts.whole("n_features_in_", self.classifier_.n_features_in_, self.classifier_.n_features_in_)

    def predict(self, X: Any) -> Any:
        """Return the most probable target of each row."""
        values = self._read(X)
        return self.classifier_.predict(values)

    def predict_proba(self, X: Any) -> Any:
        """Return probabilities of shape (n_scans, n_targets)."""
        values = self._read(X)
        return self.classifier_.predict_proba(values)

    @available_if(_has_decision_function)  # type: ignore[untyped-decorator]
    def decision_function(self, X: Any) -> Any:
        """Return the inner classifier's score."""
        values = self._read(X)
        return self.classifier_.decision_function(values)

    def _unfitted(self) -> Any:
        return make_classifier(ClassifierSection()) if self.classifier is None else self.classifier

    def _read(self, X: Any) -> Any:
        check_is_fitted(self)
        return validate_data(self, X, reset=False)
