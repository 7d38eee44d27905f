"""People held against a norm without a classifier: W-scores by a reference or by a trained model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from normwise.cohort import likely_id
from normwise.errors import NormalizerError
from normwise.features import LARGEST_VALUE
from normwise.model.bundle import load_model
from normwise.model.model import TrainedModel
from normwise.normalize import FeatureNormalizer, Reference, read_reference
from normwise.procedure import FittedSteps
from normwise.reprs import ShortRepr
from normwise.schema import Roles, Study

__all__ = ["Norm", "Score", "open_norm"]

Score = Literal["w", "centile", "expected", "residual", "value"]
"""What is given of each feature."""


@dataclass(frozen=True, repr=False)
class Norm(ShortRepr):
    """A fitted normalizer with all that is needed to apply it to new people.

    Attributes
    ----------
    normalizer : FeatureNormalizer
        Fitted on normal people.
    study : Study
        How new people are measured.
    roles : Roles
        The role of each column.
    feature_names : tuple of str
        The features that are read, in order.
    feature_hash : str
        What they were made with.
    units : mapping of str to str
        Of the features, where they are known.
    procedure : FittedSteps or None
        The model's, whose steps come before the normalizer, or a reference's that knows sites.
    """

    normalizer: FeatureNormalizer
    study: Study
    roles: Roles
    feature_names: tuple[str, ...]
    feature_hash: str
    units: Mapping[str, str]
    procedure: FittedSteps | None = None

    @property
    def site(self) -> str | None:
        """The column of the site, where features are harmonized."""
        return None if self.procedure is None else self.procedure.site

    @classmethod
    def of_reference(cls, reference: Reference) -> Norm:
        """Return the norm of a reference."""
        measured = reference.measurement
        sites = reference.sites
        by_site = {} if sites is None else {"site": sites.column}
        study = Study.model_validate(
            {
                "cohort": {
                    "demographics": list(reference.demographics),
                    "categorical": list(reference.categorical),
                    **by_site,
                },
                "features": {**measured.settings, "extractor": measured.extractor},
                "sites": {} if sites is None else {"harmonize": "hierarchical", "unseen": sites.unseen},
            }
        )
        units = dict(zip(reference.features, reference.units, strict=True))
        normalizer, harmonizer, steps = reference.normalizer(), reference.harmonizer(), None
        if harmonizer is not None:
            pipeline = Pipeline([("harmonize", harmonizer), ("normalize", normalizer)])
            steps = FittedSteps(pipeline, reference.roles, "normalized")
        return cls(normalizer, study, reference.roles, reference.features, measured.hash, units, steps)

    @classmethod
    def of_model(cls, model: TrainedModel) -> Norm:
        """Return the norm of a trained model.

        Raises
        ------
        NormalizerError
            NRM-117 for a model that does not regress its features on anything.
        """
        normalizer = model.procedure.pipeline.named_steps["normalize"]
        if not isinstance(normalizer, FeatureNormalizer) or normalizer.regression_ is None:
            raise NormalizerError(
                "NRM-117",
                "the model does not regress its features on anything, so that nobody has a W-score.",
                seen=f"arm {model.procedure.arm!r}",
                advice="train with demographics and normalizer.mode = 'replace'",
            )
        units = {name: note.unit for name, note in model.notes.items()}
        return cls(
            normalizer, model.study, model.roles, model.feature_names, model.feature_hash, units,
            model.procedure,
        )  # fmt: skip

    def for_table(self, columns: Sequence[str]) -> Norm:
        """Return the norm for a table of new people: a reference knows no name of an id's column."""
        of_reference = self.procedure is None or type(self.procedure) is FittedSteps
        if self.study.cohort.id in columns or not of_reference:
            return self
        used = {*self.feature_names, *self.roles.demographics, self.roles.site}
        unused = [name for name in columns if name not in used]
        if not unused:
            return self  # no measurement is a name: who reads the table says that the id is not there
        cohort = self.study.cohort.model_copy(update={"id": likely_id(unused)})
        return replace(self, study=self.study.model_copy(update={"cohort": cohort}))

    def score(self, frame: pd.DataFrame, what: Score = "w") -> tuple[pd.DataFrame, pd.Series[str]]:
        """Hold people against the norm.

        Parameters
        ----------
        frame : DataFrame of shape (n_people, n_columns)
            Features beside demographics, and the site where features are harmonized; the index names the
            people.
        what : {"w", "centile", "expected", "residual", "value"}
            What is given of each feature.

        Returns
        -------
        DataFrame of shape (n_people, n_features)
            NaN for people of whom nothing can be computed.
        Series of str
            Why a person lies outside the normal group, or can't be computed; empty for the others.
        """
        features = frame[list(self.feature_names)].astype(np.float64)
        usable, reasons = _usable(features)
        names = [str(name) for name in self.normalizer.get_feature_names_out()]
        held = [name for name in (*self.roles.demographics, self.site) if name is not None]
        filled = features.copy()
        filled.loc[~usable] = 0.0  # what is missing is said once
        X = pd.concat([filled, frame[list(dict.fromkeys(held))]], axis=1)
        support = (
            self.normalizer.in_support(X[list(self.roles.demographics)])
            if self.procedure is None
            else self.procedure.support(X)
        )
        computed = usable & support["encodable"].to_numpy(dtype=bool)
        values = np.full((len(X), len(names)), np.nan)
        if computed.any():
            inputs: Any = X[computed]
            if self.procedure is not None:
                inputs = self.procedure.before_normalizer(inputs)
            table = self.normalizer.explain(inputs)
            values[computed] = table[what].to_numpy().reshape(-1, len(names))
        outside = ["; ".join(filter(None, texts)) for texts in zip(reasons, support["reason"], strict=True)]
        return (
            pd.DataFrame(values, index=frame.index, columns=names),
            pd.Series(outside, index=frame.index, dtype=object),
        )


def _usable(features: pd.DataFrame) -> tuple[NDArray[np.bool_], list[str]]:
    """Return whose features can be computed with, and of the others which feature can't."""
    values = features.to_numpy()
    finite = np.isfinite(values)
    fits = finite & (np.abs(values) <= LARGEST_VALUE)
    reasons = [""] * len(values)
    for row in np.flatnonzero(~fits.all(axis=1)):
        place = int(np.argmin(fits[row]))
        problem = "larger than any measurement can be" if finite[row, place] else "missing"
        reasons[row] = f"feature {features.columns[place]} is {problem}"
    return fits.all(axis=1), reasons


def open_norm(path: str | Path) -> Norm:
    """Open a reference, a saved model, or the run of one.

    Parameters
    ----------
    path : path
        A file that `normwise reference` or `normwise merge` wrote, or a folder with a model.

    Raises
    ------
    NormalizerError
        NRM-401 and NRM-402 for a file that is no reference, NRM-106 for sums of too few people.
    ModelError
        MDL-101 to MDL-109 for a folder without a model that can be opened.
    """
    place = Path(path)
    return Norm.of_model(load_model(place)) if place.is_dir() else Norm.of_reference(read_reference(place))
