"""The study: the whole resolved content of ``study.toml``; every command-line flag equals one of its keys.

Reading a file or a BIDS folder into one is `normwise.read_study`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, TypeVar

from pydantic import Field, SerializeAsAny, ValidationInfo, field_validator, model_validator

from normwise.reprs import ShortRepr
from normwise.schema.cohort import CohortSection
from normwise.schema.features import FeaturesSection, RegionsSection, features_section
from normwise.schema.sections import (
    ClassifierSection,
    DecisionSection,
    EngineSection,
    EvaluationSection,
    NormalizerSection,
    Section,
    SelectionSection,
    SitesSection,
)

__all__ = ["SAVED", "Study"]

SAVED = {"saved": True}
"""Validation context of a study that Normwise wrote: see `normwise.schema.features_section`."""

SomeFeatures = TypeVar("SomeFeatures", bound=FeaturesSection)


class Study(ShortRepr, Section):
    """The whole study file, resolved.

    Examples
    --------
    >>> study = Study.model_validate({"cohort": {"label": "CDR", "demographics": ["Age", "M/F"]}})
    >>> study.cohort.demographics, study.evaluation.folds
    (['Age', 'M/F'], 5)
    """

    title: str = Field("", description="a line for the report")
    cohort: CohortSection = Field(default_factory=CohortSection)
    features: SerializeAsAny[FeaturesSection] = Field(default_factory=RegionsSection)
    normalizer: NormalizerSection = Field(default_factory=NormalizerSection)
    sites: SitesSection = Field(default_factory=SitesSection)
    selection: SelectionSection = Field(default_factory=SelectionSection)
    classifier: ClassifierSection = Field(default_factory=ClassifierSection)
    decision: DecisionSection = Field(default_factory=DecisionSection)
    evaluation: EvaluationSection = Field(default_factory=EvaluationSection)
    engine: EngineSection = Field(default_factory=EngineSection, exclude=True)  # a run is the same anywhere

    @field_validator("features", mode="before")
    @classmethod
    def _of_its_extractor(cls, keys: Any, info: ValidationInfo) -> Any:
        if not isinstance(keys, Mapping):
            return keys
        return features_section(keys, saved=bool((info.context or {}).get("saved")))

    @model_validator(mode="before")
    @classmethod
    def _regressor_of_a_number(cls, keys: Any) -> Any:
        """Take the regressor that is the default where a number is predicted and none is named."""
        if not isinstance(keys, Mapping):
            return keys
        cohort, classifier = keys.get("cohort"), keys.get("classifier", {})
        target = cohort.get("target") if isinstance(cohort, Mapping) else getattr(cohort, "target", None)
        if target is not None and isinstance(classifier, Mapping):
            return {**keys, "classifier": {"name": "ridge", **classifier}}
        return keys

    def facts(self) -> dict[str, str]:
        """Return the keys that a reader looks for first."""
        cohort = self.cohort
        return {
            "title": self.title or "none",
            "table": cohort.table,
            "label" if cohort.target is None else "target": f"{cohort.target or cohort.label}, normal is "
            f"{cohort.normal}",
            "demographics": ", ".join(cohort.demographics) or "none",
            "extractor": self.features.extractor,
            "classifier": ", ".join(self.classifier.choices) or self.classifier.name,
            "test": f"{self.evaluation.repeats} × {self.evaluation.folds} folds",
        }

    def _repr_html_(self) -> str:
        from normwise.reprs import block, facts_table, table

        chosen = [
            (f"{section}.{key}", value)
            for section, keys in self.model_dump(exclude_defaults=True).items()
            if isinstance(keys, Mapping)
            for key, value in keys.items()
        ]
        rest = table("Keys that are not at their defaults", ("key", "value"), chosen) if chosen else ""
        return block("Study", facts_table(self.facts()), rest)

    def features_of(self, section: type[SomeFeatures]) -> SomeFeatures:
        """Return ``features`` as the section of one extractor.

        Parameters
        ----------
        section : type
            The class of the extractor's section, or a base of it.

        Examples
        --------
        >>> Study().features_of(RegionsSection).atlas
        'neuromorphometrics'
        """
        assert isinstance(self.features, section), "an extractor is called for its own studies"
        return self.features

    def without_places(self) -> Study:
        """Return the study as others may see it: without its root, and of absolute paths the last name.

        Folders of a machine name its users, and often its patients.

        Examples
        --------
        >>> study = Study.model_validate({"cohort": {"root": "/home/ann", "images": "/data/{ID}.nii.gz"}})
        >>> study.without_places().cohort.root, study.without_places().cohort.images
        (None, '{ID}.nii.gz')
        """
        cohort = {
            "root": None,
            "table": _last_name(self.cohort.table),
            "images": _last_name(self.cohort.images),
        }
        return self.model_copy(
            update={
                "cohort": self.cohort.model_copy(update=cohort),
                "features": self.features.model_copy(update=_last_name(dict(self.features))),
                "normalizer": self.normalizer.model_copy(
                    update={"prior": _last_name(self.normalizer.prior or "") or None}
                ),
                "classifier": self.classifier.model_copy(update=_last_name(dict(self.classifier))),
            }
        )


def _last_name(value: Any) -> Any:
    """Return a value in which every absolute path, of POSIX or of Windows, is its last name."""
    if isinstance(value, str):
        paths = (PurePosixPath(value), PureWindowsPath(value))
        absolute = value.startswith("~") or any(path.is_absolute() for path in paths)
        return paths[1].name if absolute else value
    if isinstance(value, Mapping):
        return {name: _last_name(each) for name, each in value.items()}
    return [_last_name(each) for each in value] if isinstance(value, list) else value
