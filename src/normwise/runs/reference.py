"""A study beside a reference: what was measured and how, and whether the two belong together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from normwise.cohort import Cohort
from normwise.features import FeatureTable, learnt_extractor
from normwise.files import sha256_file
from normwise.normalize import BEYOND_SUMS, Measurement, Reference, refuse_beyond_sums
from normwise.procedure import prior_of
from normwise.schema import Study

__all__ = [
    "check_prior_features",
    "describe_prior",
    "measurement_of",
    "prior_hash",
    "refuse_settings_beyond_sums",
    "units_of",
    "with_prior",
]

_INCIDENTAL = {"extractor", "keep_derivatives", "keep_implausible", "export", "labels"}
"""Keys of ``[features]`` that no number depends on, or that name files of one machine."""


def measurement_of(study: Study, features: FeatureTable) -> Measurement:
    """Return how features were measured, without a path.

    Parameters
    ----------
    study : Study
        Its ``[features]``.
    features : FeatureTable
        What was measured.
    """
    section = study.features
    settings: dict[str, Any] = {}
    if section.reads_images:
        unused = set() if section.participant_columns else {"also"}  # as before there was the key
        given = section.model_dump(mode="json", exclude=_INCIDENTAL | unused)
        settings = {key: _last_name(value) for key, value in given.items() if value is not None}
    return Measurement(section.extractor, features.hash, settings)


def _last_name(value: Any) -> Any:
    if isinstance(value, str):
        return PureWindowsPath(PurePosixPath(value).name).name
    if isinstance(value, Mapping):
        return {name: _last_name(each) for name, each in value.items()}
    return [_last_name(each) for each in value] if isinstance(value, list) else value


def units_of(features: FeatureTable) -> dict[str, str]:
    """Return the unit of every feature; empty where nobody has said it."""
    common = next((note.unit for name, note in features.notes.items() if name.endswith("*")), "")
    names = map(str, features.values.columns)
    return {name: features.notes[name].unit if name in features.notes else common for name in names}


def refuse_settings_beyond_sums(study: Study, *, sites: bool = False) -> None:
    """Refuse what a norm of sums can't have.

    Parameters
    ----------
    study : Study
        As it is planned.
    sites : bool
        Whether it may be known how sites differ.

    Raises
    ------
    NormalizerError
        NRM-410.
    """
    for name, plain in BEYOND_SUMS.items():
        value = getattr(study.normalizer, name)
        if value != plain:
            raise refuse_beyond_sums(f"normalizer.{name}", repr(value), repr(plain))
    known = ("none", "hierarchical") if sites else ("none",)
    if study.sites.harmonize not in known:
        expected = " or ".join(map(repr, known))
        raise refuse_beyond_sums("sites.harmonize", repr(study.sites.harmonize), expected)
    if learnt_extractor(study, 0) is not None:
        raise refuse_beyond_sums(
            "features.extractor",
            f"{study.features.extractor!r}, which learns from the cohort",
            "a measured one",
        )


def with_prior(study: Study, cohort: Cohort) -> Study:
    """Return the study with the design of its reference, or refuse what does not belong together.

    Parameters
    ----------
    study : Study
        With ``normalizer.from``.
    cohort : Cohort
        Who takes part.

    Raises
    ------
    NormalizerError
        NRM-401 and NRM-402 for a file that is no reference, NRM-406 and NRM-407 for other demographics or
        levels than its, NRM-410 for settings that it can't have.
    """
    reference = _prior_of(study)
    refuse_settings_beyond_sums(study)
    section, roles = study.normalizer, cohort.roles
    own = {
        "design": "spline" if reference.knots else "linear",
        "knots": reference.knots,
        "interactions": [list(pair) for pair in reference.interactions],
        "tails": reference.tail_form,
    }
    section = section.model_copy(
        update={key: value for key, value in own.items() if key not in section.model_fields_set}
    )
    rows = slice(None) if cohort.labels is None else (cohort.labels == roles.normal).to_numpy()
    reference.check_people(
        cohort.frame[rows], roles.demographics, roles.categorical, {key: getattr(section, key) for key in own}
    )
    return study.model_copy(update={"normalizer": section})


def check_prior_features(study: Study, features: FeatureTable) -> None:
    """Refuse features that are not those of the study's reference.

    Raises
    ------
    NormalizerError
        NRM-403 for other features, NRM-404 for another way of measuring them, NRM-405 for other units.
    """
    units = units_of(features)
    _prior_of(study).check_measured(list(units), list(units.values()), measurement_of(study, features))


def describe_prior(study: Study, n_normals: int) -> str:
    """Return in words on whom the regression is."""
    reference = _prior_of(study)
    return (
        f"normal people: {n_normals} of this study, beside {reference.n_normals} of the reference "
        f"{_last_name(study.normalizer.prior)}"
    )


def prior_hash(study: Study) -> str:
    """Return the SHA-256 of the study's reference."""
    return sha256_file((study.cohort.root or Path()) / str(study.normalizer.prior))


def _prior_of(study: Study) -> Reference:
    reference = prior_of(study)
    assert reference is not None, "called for studies with a reference"
    return reference
