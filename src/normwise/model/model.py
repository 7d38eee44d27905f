"""The trained model: from a frame of features and demographics to probabilities, decisions and reasons.

`TrainedModel` has what a model of a number shares with one of classes: columns, and which rows can be
computed with.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from normwise.errors import ProcedureError
from normwise.features import LARGEST_VALUE
from normwise.model.explain import contributions_of
from normwise.normalize import FeatureNormalizer
from normwise.procedure import FittedProcedure, FittedSteps, arm_frame, looks_at_images
from normwise.reprs import ShortRepr
from normwise.results import Contribution, FeatureNote, Note, Prediction, Predictions
from normwise.runs import hash_scans
from normwise.schema import ImagesSection, Roles, Study

__all__ = ["FAR", "LARGEST_DEPARTURE", "Departure", "Model", "TrainedModel", "full_block"]

FAR = 15.0
"""Standard deviations beyond which a feature is named, and decided with.

Mostly that is another unit. Severe atrophy comes so far as well, and so does what normal people hardly have,
as lesions.
"""

LARGEST_DEPARTURE = 100.0
"""Standard deviations beyond which a feature is a mistake, mostly of its unit, and nothing is decided.

Even severe atrophy, or ventricles many times their size, stay within some tens of them. One such feature
would outweigh all the others and drive the probability to 0 or 1.
"""


class Departure(NamedTuple):
    """How far a person's farthest feature lies from what is normal."""

    feature: str
    size: float
    unit: str

    def __str__(self) -> str:
        return f"feature {self.feature} lies {self.size:.3g} {self.unit}"


@dataclass(frozen=True, repr=False)
class TrainedModel(ShortRepr):
    """Fitted steps with everything that is needed to apply them to new people.

    Attributes
    ----------
    procedure : FittedSteps
        What was fitted.
    study : Study
        The resolved study it was trained on.
    feature_names : tuple of str
        The features, in order.
    notes : dict of str to FeatureNote
        Unit and meaning of each feature.
    feature_hash : str
        What the features were made with.
    training : dict
        Counts a class and hashes of the training data.
    """

    procedure: FittedSteps
    study: Study
    feature_names: tuple[str, ...]
    notes: dict[str, FeatureNote]
    feature_hash: str
    training: dict[str, Any]

    @property
    def roles(self) -> Roles:
        """The role of each column."""
        return self.procedure.roles

    @property
    def site(self) -> str | None:
        """The column of the site, where features are harmonized."""
        return self.procedure.site

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that a frame must hold: features, demographics, and the site where it matters."""
        held = [*self.feature_names, *self.roles.demographics]
        site = self.procedure.site
        return tuple(held if site is None or site in held else [*held, site])

    def _card(
        self, title: str, words: tuple[str, str, str], setting: dict[str, Any], notes: Sequence[Note]
    ) -> str:
        """Return the page of a model: what it is, on whom it was trained, for whom it is and for whom not.

        The words are what a group of people is called, whom the model is not for, and what becomes of them.
        """
        from normwise.reprs import block, facts_table, table

        group, unlike, nothing = words
        per_class = self.training.get("scans_per_class", {})
        chosen = ", ".join(f"{name} {value}" for name, value in setting.items())
        demographics = ", ".join(self.roles.demographics) or "demographics"
        limits = [
            ("for", "research: a result is no diagnosis and must not decide about a person's care"),
            ("not for", f"{unlike} {demographics}, {nothing}"),
            ("not for", "images or measurements made in another way than those it was trained on"),
        ]
        found = [(note.code, note.text) for note in notes]
        return block(
            title,
            facts_table({**self.facts(), "chosen": chosen or "none"}),
            table("Trained on", (group, "scans"), list(per_class.items())) if per_class else "",
            table("Use", (), limits),
            table("Found while it was trained", ("code", "what"), found) if found else "",
        )

    def adapt_to_sites(
        self, frame: pd.DataFrame, labels: NDArray[np.object_], groups: NDArray[np.object_] | None = None
    ) -> Self:
        """Return the model with effects of new sites estimated from their normals.

        See `FittedSteps.adapt_to_sites`.

        Parameters
        ----------
        frame : DataFrame of shape (n_scans, n_columns)
            As for `predictions`; a row that can't be computed with is left out.
        labels : ndarray of shape (n_scans,)
            Labels; only who is normal matters.
        groups : ndarray of shape (n_scans,), optional
            Person of each scan; default: each scan is a person.
        """
        X = self._columns_of(frame)
        usable = np.array([not text for text in self._unusable(X)], dtype=bool)
        people = None if groups is None else groups[usable]
        return replace(self, procedure=self.procedure.adapt_to_sites(X[usable], labels[usable], people))

    def trained_on(self, frame: pd.DataFrame) -> list[str]:
        """Name the scans that the model has learnt from; it keeps no more of them than hashes of features.

        Parameters
        ----------
        frame : DataFrame of shape (n_scans, n_columns)
            Holds the features; the index names the scans.
        """
        seen = set(self.training.get("scan_hashes", []))
        values = frame[list(self.feature_names)]
        # Features of a table are read in double precision, whatever they were measured in.
        kinds = (np.float64, np.float32) if seen else ()
        found = [[name in seen for name in hash_scans(values.to_numpy(kind))] for kind in kinds]
        hits = zip(frame.index, *found, strict=True) if found else ()
        return [str(scan) for scan, *hit in hits if any(hit)]

    def far_values(self, frame: pd.DataFrame) -> dict[str, Departure]:
        """Return the farthest feature of scans that have one beyond ``FAR``, as where the unit is another.

        Parameters
        ----------
        frame : DataFrame of shape (n_scans, n_columns)
            Features beside demographics; the index names the scans.

        Returns
        -------
        dict of str to Departure
            By scan, the farthest first. Of people outside the normal group's demographics nothing is said.
        """
        X = self._columns_of(frame)
        rows = np.array([not text for text in self._unusable(X)], dtype=bool)
        rows &= self.procedure.support(X)["supported"].to_numpy(dtype=bool)
        far = self._departures(X, rows, FAR)
        return {str(X.index[row]): far[row] for row in sorted(far, key=lambda row: -far[row].size)}

    def _check_rows(self, X: pd.DataFrame) -> tuple[list[str], pd.DataFrame]:
        """Return what is wrong with each row, and the support with ``usable`` rows."""
        wrong = self._unusable(X)
        usable = np.array([not text for text in wrong], dtype=bool)
        support = self.procedure.support(X)
        rows = usable & support["encodable"].to_numpy(dtype=bool)
        for row, found in self._departures(X, rows, LARGEST_DEPARTURE).items():
            usable[row] = False
            # Where the demographics are out of range, they are why the feature is.
            wrong[row] = "" if support["reason"].iloc[row] else f"{found}: check its unit"
        return wrong, support.assign(usable=usable)

    def _columns_of(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the training's columns in the training's order."""
        wanted = list(self.columns)
        if not isinstance(frame, pd.DataFrame):
            raise ProcedureError(
                "PRC-401",
                "columns can't be found by name.",
                seen=type(frame).__name__,
                expected="a pandas DataFrame of features beside demographics",
            )
        present = set(frame.columns)
        missing = [name for name in wanted if name not in present]
        if missing:
            unused = [str(name) for name in frame.columns if name not in set(wanted)]
            close = {name: get_close_matches(name, unused, n=1) for name in missing[:3]}
            hints = [f"{name} (did you mean {match[0]}?)" if match else name for name, match in close.items()]
            raise ProcedureError(
                "PRC-401",
                f"{len(missing)} of the {len(wanted)} columns the model was trained on are missing.",
                seen=f"missing: {', '.join(hints)}{' …' if len(missing) > len(hints) else ''}",
                expected=f"the features of extractor {self.study.features.extractor!r}"
                + (f" and {', '.join(self.roles.demographics)}" if self.roles.demographics else ""),
                advice="extract the features with the model's own study file",
            )
        features, others = list(self.feature_names), wanted[len(self.feature_names) :]
        kinds = list(frame[features].dtypes)
        if all(isinstance(kind, np.dtype) and kind.kind in "fiub" for kind in kinds):
            values = frame[features].to_numpy(np.result_type(*kinds))
        else:
            numbers = (pd.to_numeric(frame[name], errors="coerce") for name in features)
            values = np.column_stack([column.to_numpy(float, na_value=np.nan) for column in numbers])
        # One block, whatever the frame was put together from: BLAS rounds by how a matrix lies in memory.
        table = pd.DataFrame(np.ascontiguousarray(values), index=frame.index, columns=features)
        return pd.concat([table, frame[others]], axis=1)

    def _unusable(self, X: pd.DataFrame) -> list[str]:
        """Return a text a row that names its first feature that can't be computed with; empty without one."""
        values = X[list(self.feature_names)].to_numpy(dtype=float)
        finite = np.isfinite(values)
        fits = finite & (np.abs(values) <= LARGEST_VALUE)
        wrong = [""] * len(X)
        for row in np.flatnonzero(~fits.all(axis=1)):
            first = int(np.argmin(fits[row]))
            name, value = self.feature_names[first], values[row, first]
            wrong[row] = (
                f"feature {name} is {value:.3g}, larger than any measurement can be: check its unit"
                if finite[row, first]
                else f"feature {name} is missing"
            )
        return wrong

    def _departures(self, X: pd.DataFrame, rows: NDArray[np.bool_], limit: float) -> dict[int, Departure]:
        """Return, by row, the feature farthest beyond a limit."""
        if not rows.any() or looks_at_images(self.study):
            return {}  # a voxel beside the head may depart by any number of its tiny deviations
        # In double precision no square of a value up to LARGEST_VALUE overflows.
        frame = X[rows].astype(dict.fromkeys(self.feature_names, np.float64))
        inputs: Any = arm_frame(frame, self.procedure.roles, self.procedure.arm)
        found: dict[int, Departure] = {}
        names: NDArray[np.object_] = np.empty(0, dtype=object)
        for title, step in self.procedure.pipeline.steps[:-1]:
            sizes, unit = None, ""
            if title == "normalize":
                names = step.get_feature_names_out()
                if isinstance(step, FeatureNormalizer) and step.mode == "replace":
                    # Residuals have the feature's own unit: the limit is one of W-scores.
                    scores = step if step.scale == "w" else copy(step).set_params(scale="w")
                    sizes = np.abs(scores.transform(inputs))
                    unit = "normal standard deviations from what is expected"
                elif isinstance(step, FeatureNormalizer):
                    names = names[: int(step.is_feature_.sum())]  # demographics, behind them, have a range
            inputs = step.transform(inputs)
            if title == "scale":
                # The scaler leaves a feature that did not vary in training as it is, in its own unit.
                varied = np.isclose(step.scale_, np.sqrt(step.var_), rtol=1e-6)
                sizes = np.abs(np.where(varied, inputs, 0.0))[:, : len(names)]
                unit = "standard deviations from the training's mean"
            if sizes is None or not sizes.shape[1]:
                continue
            farthest = np.argmax(sizes, axis=1)
            size = sizes[np.arange(len(sizes)), farthest]
            for place in np.flatnonzero(size > limit):
                one = Departure(str(names[farthest[place]]), float(size[place]), unit)
                found.setdefault(int(np.flatnonzero(rows)[place]), one)
        return found


@dataclass(frozen=True, repr=False)
class Model(TrainedModel):
    """A fitted procedure with everything that is needed to apply it to new people.

    Attributes
    ----------
    procedure : FittedProcedure
        Pipeline and decision rule.
    study, feature_names, notes, feature_hash, training
        As of `TrainedModel`.
    """

    procedure: FittedProcedure

    def facts(self) -> dict[str, str]:
        """Return what it tells apart, by what, and on whom it was trained."""
        rule = self.procedure.rule
        chosen = self.procedure.setting.get("classifier", self.study.classifier.name)
        return {
            "classes": ", ".join(self.classes),
            "classifier": str(chosen),
            "features": f"{len(self.feature_names)} of extractor {self.study.features.extractor}",
            "demographics": ", ".join(self.roles.demographics) or "none",
            "rule": rule.text,
            "trained on": f"{self.training.get('scans', 'unknown')} scans",
        }

    def _repr_html_(self) -> str:
        unlike = f"people unlike the {self.roles.normal} group in"
        fitted = self.procedure
        return self._card(
            "Model", ("class", unlike, "about whom it decides nothing"), fitted.setting, fitted.notes
        )

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that are distinguished, in the study's order."""
        return self.procedure.rule.classes

    @property
    def classes_(self) -> NDArray[np.object_]:
        """The classes, of shape (n_classes,): the order of the columns of `predict_proba`."""
        return np.array(self.classes, dtype=object)

    def predict_proba(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """Return the probability of each class for people the model has never seen.

        Parameters
        ----------
        X : DataFrame of shape (n_scans, n_columns)
            As for `predictions`.

        Returns
        -------
        ndarray of shape (n_scans, n_classes)
            Columns in the order of ``classes_``. A row that can't be computed with is NaN; one outside the
            normal group's demographics has the classifier's probabilities, although nothing is decided.

        See Also
        --------
        predict : The decided class of each row.
        predictions : Reasons and contributions of features too.
        """
        return self._probabilities(self._columns_of(X))[0]

    def predict(self, X: pd.DataFrame) -> NDArray[np.object_]:
        """Return the decided class of each row by the model's decision rule.

        Parameters
        ----------
        X : DataFrame of shape (n_scans, n_columns)
            As for `predictions`.

        Returns
        -------
        ndarray of shape (n_scans,)
            Class names; None where nothing is decided, for which `predictions` gives the reason.

        See Also
        --------
        predict_proba : The probability of each class.
        predictions : Reasons and contributions of features too.
        """
        return np.array([prediction.decision for prediction in self.predictions(X, top=0)], dtype=object)

    def predictions(self, frame: pd.DataFrame, *, top: int = 10) -> Predictions:
        """Decide for people the model has never seen, with reasons.

        Parameters
        ----------
        frame : DataFrame of shape (n_scans, n_columns)
            One row a scan with the training's features and demographics as named columns, in any order; the
            index names the scans. Further columns are ignored; a feature that is no number is missing.
        top : int
            Features listed a person, those that contribute most first.

        Returns
        -------
        Predictions
            One of each row, in the frame's order. A row with a missing or infinite feature, with one that
            departs by more than ``LARGEST_DEPARTURE``, or a person outside the normal group's demographics,
            gets ``decision=None`` and the reason; the first two get no probabilities either, for they would
            mean nothing. Nothing is decided for a person who is referred to a specialist either. ``outcome``
            says which it was.

        Raises
        ------
        ProcedureError
            PRC-401 where a column is missing, or the people do not come in a frame.
        """
        X = self._columns_of(frame)
        table, wrong, support = self._probabilities(X)
        usable = np.flatnonzero(support["usable"])
        rule = self.procedure.rule
        decided, referrals = rule.decide(table), rule.referrals(table)
        # By place, since a frame's index may name two rows alike.
        contributions = self._contributions(X.set_axis(range(len(X)), axis=0), usable, top)
        predictions, shares = Predictions(), self.procedure.shares(X, table)
        for row, name in enumerate(X.index):
            outside = str(support["reason"].iloc[row])
            reason = wrong[row] or outside or str(referrals[row])
            outcome = (
                "failed" if wrong[row] else "unsupported" if outside else "referred" if reason else "decided"
            )
            predictions.append(
                Prediction(
                    subject=str(name),
                    probabilities={
                        label: float(value)
                        for label, value in zip(self.classes, table[row], strict=True)
                        if np.isfinite(value)
                    },
                    decision=None if reason or decided[row] is None else str(decided[row]),
                    reason=reason,
                    threshold=rule.threshold,
                    contributions=contributions.get(row, []),
                    outcome=outcome,
                    scores=shares[row],
                )
            )
        return predictions

    def _contributions(
        self, X: pd.DataFrame, usable: NDArray[np.intp], top: int
    ) -> dict[Hashable, list[Contribution]]:
        """Return what contributes most to each usable row's score: features, or places of an image."""
        if not top or not len(usable):
            return {}
        if isinstance(self.study.features, ImagesSection):
            from normwise.model.saliency import has_image_network, place_contributions

            if has_image_network(self.procedure):
                return place_contributions(self.procedure, X.iloc[usable], self.study.features, top=top)
        return contributions_of(self.procedure, X.iloc[full_block(usable)], top=top)

    def _probabilities(self, X: pd.DataFrame) -> tuple[NDArray[np.float64], list[str], pd.DataFrame]:
        """Return probabilities, what is wrong with each row, and the support with ``usable`` rows."""
        wrong, support = self._check_rows(X)
        usable = support["usable"].to_numpy(dtype=bool, copy=True)
        table = np.full((len(X), len(self.classes)), np.nan)
        rows = np.flatnonzero(usable)
        if len(rows):
            table[rows] = self.procedure.probabilities(X.iloc[full_block(rows)])[: len(rows)]
        unknown = usable & support["encodable"].to_numpy(dtype=bool) & ~np.isfinite(table).all(axis=1)
        for row in np.flatnonzero(unknown):
            usable[row], wrong[row] = False, "the model gives no finite probability"
        return table, wrong, support.assign(usable=usable)


def full_block(rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return a single row eight times: BLAS rounds the last rows, outside full blocks, differently."""
    return np.repeat(rows, 8) if len(rows) == 1 else rows
