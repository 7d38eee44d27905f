"""The steps before the classifier, on rows of one frame; and what the arms of one fold share of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from normwise.engine import return_memory
from normwise.errors import NormwiseWarning, ProcedureError
from normwise.normalize import FeatureNormalizer
from normwise.procedure.pipeline import arm_frame
from normwise.reprs import ShortRepr
from normwise.schema import Roles

if TYPE_CHECKING:
    from normwise.normalize import SiteHarmonizer

__all__ = [
    "FittedSteps",
    "Preprocessing",
    "SharedFits",
    "adapt_pipeline",
    "appended_columns",
    "encodable_rows",
    "prepare_features",
    "trainable_rows",
]

Flags = NDArray[np.bool_]
Names = NDArray[np.object_]
Rows = NDArray[np.intp]
T = TypeVar("T")

_CELLS = 2**18  # numbers that a scaler is fitted on at a time
_LARGE = 2**20  # numbers of a frame from which on what an earlier fit has freed is worth giving back


class _Prepared(Protocol):
    """A frame that a normalizing step has read once; see `normwise.normalize.PreparedFeatures`."""

    def fit(self, train: Rows, y: Any = None, beside: NDArray[np.float64] | None = None) -> Any: ...

    def transform(self, fitted: Any, rows: Rows) -> tuple[NDArray[Any], Flags]: ...


class SharedFits:
    """What is fitted once for all arms of one fold.

    Principal components of voxels or attention over tiles would be fitted anew by every arm, to the same
    result. One with other settings is another one.
    """

    def __init__(self) -> None:
        self._made: dict[Any, Any] = {}

    def once(self, key: Any, make: Callable[[], T], of: object = None) -> T:
        """Return what was made under a key, made now where nobody asked for it before.

        Parameters
        ----------
        key : hashable
            What is asked for.
        make : callable
            Makes it.
        of : object, optional
            The fitted estimator that it is made by: another one makes another.
        """
        place = (id(of), key)
        if place not in self._made:
            self._made[place] = (make(), of)  # held, for another estimator may get the id of one that is gone
        made: T = self._made[place][0]
        return made

    def fit_transform(
        self,
        step: Any,
        frame: pd.DataFrame,
        labels: NDArray[np.object_],
        rows: Rows,
        groups: Names | None = None,
    ) -> tuple[Any, Any]:
        """Return the fitted step and what it makes of its training rows.

        Parameters
        ----------
        step : estimator
            Unfitted.
        frame : DataFrame of shape (n_scans, n_columns)
            The training rows.
        labels : ndarray of shape (n_scans,)
            Their classes.
        rows : ndarray of int
            Their numbers in the whole frame, by which other arms find them.
        groups : ndarray of shape (n_scans,), optional
            Their people, for a step that embeds a training row without itself.
        """
        own = {"groups": groups} if groups is not None and getattr(step, "cross_fits", False) else {}

        def fit() -> tuple[Any, Any]:
            fitted = clone(step)
            return fitted, fitted.fit_transform(frame, labels, **own)

        return self.once(("fit", repr(sorted(step.get_params().items())), rows.tobytes()), fit)

    def transform(self, fitted: Any, frame: pd.DataFrame, rows: Rows) -> Any:
        """Return what a fitted step makes of other rows, once for all arms."""
        return self.once(("transform", rows.tobytes()), lambda: fitted.transform(frame), of=fitted)


class Preprocessing:
    """The steps before the classifier, fitted on some rows of a frame and applied to others.

    Parameters
    ----------
    pipeline : Pipeline
        Unfitted, as `normwise.procedure.pipeline.make_preprocessing` builds it.
    frame : DataFrame of shape (n_scans, n_columns)
        All rows.
    prepared : optional
        What `prepare_features` has read; default: read anew.
    shared : SharedFits, optional
        What the arms of a fold share.
    named : bool
        Whether the classifier is given frames with the columns' names.
    groups : ndarray of shape (n_scans,), optional
        Person of each row; default: a person each.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        frame: pd.DataFrame,
        prepared: _Prepared | None = None,
        shared: SharedFits | None = None,
        *,
        named: bool = False,
        groups: Names | None = None,
    ) -> None:
        self._pipeline = pipeline
        self._frame = frame
        self._prepared = prepare_features(pipeline, frame) if prepared is None else prepared
        self._shared = SharedFits() if shared is None else shared
        self._named = named
        self._groups = groups

    def fit(
        self, train: Rows, labels: NDArray[np.object_], beside: NDArray[np.float64] | None = None
    ) -> tuple[Pipeline, Any, Flags]:
        """Fit the steps.

        A step behind harmonizer and normalizer learns from the rows that these can place, since a patient's
        level that no normal person has would otherwise stop the fit.

        Parameters
        ----------
        train : ndarray of int
            Row numbers.
        labels : ndarray of shape (len(train),)
            Their classes.
        beside : ndarray of shape (len(train),), optional
            A number at which demographics are compared, see `normwise.normalize.PreparedFeatures.fit`.

        Returns
        -------
        tuple of Pipeline, array of shape (n_encodable, n_columns), and ndarray of bool of shape (len(train),)
            The fitted steps, what they make of the training rows, and which rows they can compute.
        """
        if self._frame.size > _LARGE:
            return_memory()
        steps = dict(self._pipeline.steps)
        prepared, rows, encodable = self._before_normalizer(steps, train, labels)
        steps["normalize"] = prepared.fit(
            rows, labels[encodable], None if beside is None else beside[encodable]
        )
        values, known = prepared.transform(steps["normalize"], rows)
        encodable[encodable] = known
        values = self._as_given(steps["normalize"], some_rows(values, known))
        if "scale" in steps:
            steps["scale"] = _fit_scale(steps["scale"], values)
            values = _scale(steps["scale"], values)
        return Pipeline(list(steps.items())), values, encodable

    def transform(self, fitted: Pipeline, rows: Rows) -> tuple[Any, Flags]:
        """Apply fitted steps to rows of the frame.

        Parameters
        ----------
        fitted : Pipeline
            What `fit` has returned, perhaps with a harmonizer adapted to new sites.
        rows : ndarray of int
            Row numbers.

        Returns
        -------
        tuple of array of shape (n_encodable, n_columns), and ndarray of bool of shape (len(rows),)
            What the steps make of the rows that they can compute, and which these are.
        """
        steps = dict(fitted.steps)
        prepared, rows, encodable = self._before_normalizer(steps, rows)
        if not len(rows):  # of none of these people's sites anything is known
            return np.empty((0, len(steps["normalize"].get_feature_names_out()))), encodable
        values, known = prepared.transform(steps["normalize"], rows)
        encodable[encodable] = known
        values = self._as_given(steps["normalize"], some_rows(values, known))
        return _scale(steps["scale"], values) if "scale" in steps and len(values) else values, encodable

    def _before_normalizer(
        self, steps: dict[str, Any], rows: Rows, labels: NDArray[np.object_] | None = None
    ) -> tuple[Any, Rows, Flags]:
        """Return what the normalizer reads, the rows of it, and which of those asked for they are.

        With labels the steps before the normalizer are fitted first, in ``steps``.
        """
        encodable = np.ones(len(rows), dtype=bool)
        if self._prepared is not None:
            return self._prepared, rows, encodable
        frame: Any = self._frame.iloc[rows]
        if "extract" in steps and labels is not None:
            people = None if self._groups is None else self._groups[rows]
            extract = steps["extract"]
            steps["extract"], frame = self._shared.fit_transform(extract, frame, labels, rows, people)
        elif "extract" in steps:
            frame = self._shared.transform(steps["extract"], frame, rows)
        if "harmonize" in steps:
            if labels is not None:
                steps["harmonize"] = clone(steps["harmonize"]).fit(frame, labels)
            encodable = steps["harmonize"].in_support(frame)["encodable"].to_numpy(dtype=bool, copy=True)
            frame = steps["harmonize"].transform(frame[encodable])
        if labels is None and not len(frame):
            return None, np.arange(0), encodable
        return steps["normalize"].prepare(frame), np.arange(len(frame)), encodable

    def _as_given(self, normalizer: Any, values: NDArray[Any]) -> Any:
        return pd.DataFrame(values, columns=normalizer.get_feature_names_out()) if self._named else values


def _fit_scale(scaler: StandardScaler, values: Any) -> StandardScaler:
    """Return a scaler fitted on values, whose copies it makes of some columns of an array at a time."""
    fitted = clone(scaler)
    width = max(1, _CELLS // max(1, len(values)))
    if not isinstance(values, np.ndarray) or values.shape[1] <= width:
        return fitted.fit(values)
    parts = [
        clone(scaler).fit(values[:, first : first + width]) for first in range(0, values.shape[1], width)
    ]
    fitted.n_features_in_, fitted.n_samples_seen_ = values.shape[1], parts[0].n_samples_seen_
    for name in ("mean_", "var_", "scale_"):
        setattr(fitted, name, np.concatenate([getattr(part, name) for part in parts]))
    return fitted


def _scale(scaler: StandardScaler, values: Any) -> Any:
    """Return what ``scaler.transform`` does, an array scaled in place and not checked again."""
    if not isinstance(values, np.ndarray) or values.dtype not in (np.float64, np.float32):
        return scaler.transform(values)
    values -= scaler.mean_
    values /= scaler.scale_
    return values


def some_rows(values: Any, chosen: Flags) -> Any:
    """Return some rows of an array or frame; all of them without a copy."""
    return values if chosen.all() else values[chosen]


def prepare_features(pipeline: Pipeline, frame: pd.DataFrame) -> Any:
    """Read features and demographics once for many fits; None where a step before the normalizer makes them.

    Parameters
    ----------
    pipeline : Pipeline
        The steps before the classifier, unfitted.
    frame : DataFrame of shape (n_scans, n_columns)
        All rows.
    """
    title, step = pipeline.steps[0]
    return step.prepare(frame) if title == "normalize" else None


def encodable_rows(pipeline: Pipeline, frame: pd.DataFrame) -> Flags:
    """Return which rows can be computed at all: site and demographics are there and their levels known."""
    known = np.ones(len(frame), dtype=bool)
    for _, step in pipeline.steps:
        if hasattr(step, "in_support"):
            known &= step.in_support(frame)["encodable"].to_numpy(dtype=bool, copy=True)
    return known


def trainable_rows(encodable: Flags, labels: NDArray[np.object_], roles: Roles) -> Flags:
    """Mark the rows that train the classifier: of a target class, with demographics that can be encoded."""
    target: Flags = np.isin(labels, roles.targets)
    usable: Flags = target & encodable
    absent = [name for name in roles.targets if not (labels[usable] == name).any()]
    if absent:
        raise ProcedureError(
            "PRC-105",
            "a training part has nobody of a class to learn from.",
            subject=", ".join(absent),
            seen=f"{int(target.sum())} scans of the targets, {int(usable.sum())} with known demographics",
            advice="use fewer folds, or leave out the demographic whose levels no normal person has",
        )
    if lost := int(target.sum() - usable.sum()):
        text = (
            f"{lost} of {int(target.sum())} training scans have demographics that nobody in the"
            " normal group has; they do not train the classifier"
        )
        warnings.warn(NormwiseWarning("PRC-104", text, value=lost), stacklevel=2)
    return usable


def appended_columns(pipeline: Pipeline) -> int:
    """Count the encoded demographics that stand behind the features where they are appended."""
    step = pipeline.named_steps["normalize"]
    if isinstance(step, FeatureNormalizer) and step.mode == "append":
        return len(step.get_feature_names_out()) - int(step.is_feature_.sum())
    return 0


@dataclass(frozen=True, repr=False)
class FittedSteps(ShortRepr):
    """What a fitted procedure is made of, whether it tells classes apart or predicts a number.

    Attributes
    ----------
    pipeline : Pipeline
        Extractor if learnt, harmonizer, normalizer, scaler, selector where they are asked for; then the
        classifier or regressor.
    roles : Roles
        What each column of the frame is for.
    arm : str
        A key of `normwise.procedure.ARMS`.
    """

    pipeline: Pipeline
    roles: Roles
    arm: str

    @property
    def normalizer(self) -> FeatureNormalizer | None:
        """The fitted normalizer; None in the raw arm."""
        step = self.pipeline.named_steps["normalize"]
        return step if isinstance(step, FeatureNormalizer) else None

    @property
    def harmonizer(self) -> SiteHarmonizer | None:
        """The fitted harmonizer of sites; None where there is none."""
        step: SiteHarmonizer | None = self.pipeline.named_steps.get("harmonize")
        return step

    @property
    def site(self) -> str | None:
        """The column of the site that the frame must hold; None where sites are not harmonized."""
        return None if self.harmonizer is None else str(self.harmonizer.site)

    @property
    def selected(self) -> tuple[str, ...]:
        """The features that were selected; empty where all are used."""
        names = self.inputs()
        step = self.pipeline.named_steps.get("select")
        return () if step is None else tuple(str(name) for name in names[step.kept_])

    def inputs(self) -> Names:
        """Return the names of the columns before any selection: what the classifier could be given."""
        steps = self.pipeline.steps[: -2 if "select" in self.pipeline.named_steps else -1]
        names: Names = Pipeline(steps).get_feature_names_out()
        return names

    def support(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return whether each row lies inside the normal group's demographics and sites, or why not."""
        frame = arm_frame(X, self.roles, self.arm)
        support = pd.DataFrame({"supported": True, "reason": "", "encodable": True}, index=X.index)
        for step in (self.normalizer, self.harmonizer):
            if step is not None:
                own = step.in_support(frame)
                both = (support["reason"] != "") & (own["reason"] != "")
                support["reason"] = support["reason"] + np.where(both, "; ", "") + own["reason"]
                support["supported"] &= own["supported"]
                support["encodable"] &= own["encodable"]
        return support

    def adapt_to_sites(self, X: pd.DataFrame, labels: Names, groups: Names | None = None) -> Self:
        """Return the procedure with the effects of new sites, learnt from their normals.

        Only where the study asks for it (``sites.unseen = "own_normals"``); otherwise it is the same. Of the
        labels it is only used who is normal, at sites without normals in the training; see
        `SiteHarmonizer.adapt_to_sites`.
        """
        pipeline = adapt_pipeline(self.pipeline, arm_frame(X, self.roles, self.arm), labels, groups)
        return self if pipeline is self.pipeline else replace(self, pipeline=pipeline)

    def without_people(self) -> Self:
        """Return the procedure without the names of those by whom it was adapted to new sites."""
        return self if self.harmonizer is None else self.with_harmonizer(self.harmonizer.without_people())

    def with_harmonizer(self, harmonizer: SiteHarmonizer) -> Self:
        """Return the procedure with another harmonizer, as one that knows further sites."""
        return replace(self, pipeline=_with_harmonizer(self.pipeline, harmonizer))

    def before_harmonizer(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return the frame that the harmonizer is given: extracted where the extractor is learnt."""
        return _extracted(self.pipeline, arm_frame(X, self.roles, self.arm))

    def before_normalizer(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return the frame that the normalizer is given: extracted, harmonized."""
        frame = arm_frame(X, self.roles, self.arm)
        steps = [step for step in self.pipeline.steps if step[0] in ("extract", "harmonize")]
        return pd.DataFrame(Pipeline(steps).transform(frame)) if steps else frame


def _extracted(pipeline: Pipeline, frame: pd.DataFrame) -> pd.DataFrame:
    """Return what the pipeline's learnt extractor makes of a frame; the frame where there is none."""
    step = pipeline.named_steps.get("extract")
    return frame if step is None else pd.DataFrame(step.transform(frame))


def _with_harmonizer(pipeline: Pipeline, harmonizer: SiteHarmonizer) -> Pipeline:
    return Pipeline([(title, harmonizer if title == "harmonize" else step) for title, step in pipeline.steps])


def adapt_pipeline(pipeline: Pipeline, frame: pd.DataFrame, labels: Names, groups: Names | None) -> Pipeline:
    """Return a pipeline that knows new sites by their normals, where the study asks for it; else the same."""
    harmonizer = pipeline.named_steps.get("harmonize")
    if harmonizer is None or harmonizer.unseen != "own_normals":
        return pipeline
    adapted = harmonizer.adapt_to_sites(_extracted(pipeline, frame), labels, groups)
    return _with_harmonizer(pipeline, adapted)
