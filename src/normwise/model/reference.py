"""A reference from a study's normal people, and from references of other hospitals."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

from normwise.cohort import Cohort, read_study, read_table
from normwise.engine import Limits, Progress
from normwise.errors import NormalizerError, NormwiseWarning
from normwise.features import extract_features
from normwise.normalize import Reference, digest_of_sums
from normwise.runs import assemble_frame, measurement_of, read_plan, refuse_settings_beyond_sums, units_of
from normwise.schema import Study

__all__ = ["FEWEST_NORMALS", "make_reference", "merge_references"]

FEWEST_NORMALS = 5
"""Normal people whose sums may leave a hospital, unless another number is asked for."""


def make_reference(
    study: Study | str | Path,
    *,
    fewest: int | None = None,
    cache_dir: Path | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
    limits: Limits | None = None,
) -> tuple[Reference, Cohort]:
    """Sum over the normal people of a study; nobody else is measured.

    Parameters
    ----------
    study : Study or path
        A study, a study file or a BIDS folder. Its label column may be absent if it names none: then
        everybody is normal.
    fewest : int, optional
        People who must be summed over, for sums that are added to those of others: knots of a spline must
        then be the study's own. None: a reference of its own, which must be one that people can be scored by.
    cache_dir : Path, optional
        Where finished extractions are kept.
    jobs : int
        Subjects extracted at the same time.
    progress : Progress, optional
        Where progress is shown.
    limits : Limits, optional
        What one subject may take; default: the engine's.

    Returns
    -------
    Reference
        Without anybody's name, path or time.
    Cohort
        Who was summed over; its ledger names everybody else.

    Raises
    ------
    NormalizerError
        NRM-409 for too few normal people, NRM-410 for settings that sums can't have, NRM-412 for a spline
        without knots; NRM-106 and NRM-107 for a reference of its own; NRM-118 where nobody is normal.
    """
    study = study if isinstance(study, Study) else read_study(Path(study))
    labelled = _has_labels(study)
    study, cohort = read_plan(study, purpose="extract", labelled=labelled)
    refuse_settings_beyond_sums(study)
    cohort = _normals_of(cohort)
    _refuse_few(cohort, fewest)
    features = extract_features(
        cohort, study, cache_dir=cache_dir, jobs=jobs, progress=progress, limits=limits
    )
    cohort = cohort.leave_out(features.failures)
    _refuse_few(cohort, fewest)
    section = study.normalizer
    reference = Reference.of_frame(
        assemble_frame(features.values, cohort, None),
        cohort.roles.demographics,
        categorical=cohort.roles.categorical,
        design=section.design,
        knots=section.knots,
        interactions=section.interactions,
        units=units_of(features),
        measurement=measurement_of(study, features),
        choose=fewest is None,
    )
    if fewest is None:
        reference.normalizer()
    return reference, cohort


def merge_references(references: Sequence[tuple[str, Reference]]) -> Reference:
    """Add the sums of several references; in every order and grouping the same.

    Parameters
    ----------
    references : sequence of pairs of str and Reference
        One at least, each with what messages call it. A merged one counts for those that it was merged of.

    Raises
    ------
    NormalizerError
        NRM-403 to NRM-407 where they do not belong together, NRM-411 where one is given twice.
    """
    seen: dict[str, str] = {}
    merged: Reference | None = None
    for name, reference in references:
        digest = digest_of_sums(reference)
        if digest in seen:
            raise NormalizerError(
                "NRM-411",
                "the same sums are given twice, so that their people would count twice.",
                subject=name,
                seen=f"the content of {seen[digest]}: {reference.n_normals} normal people",
                advice="give each file once",
            )
        seen[digest] = name
        try:
            merged = reference if merged is None else merged.merge(reference)
        except NormalizerError as error:
            raise error.for_subject(f"{name}, {error.subject}") from None
    assert merged is not None, "one reference at least"
    return merged


def _has_labels(study: Study) -> bool:
    """Return whether the table says who is normal; a table without a diagnosis is one of normal people."""
    section = study.cohort
    if "label" in section.model_fields_set:
        return True
    columns = read_table((section.root or Path()) / section.table).frame.columns
    if section.label in columns:
        return True
    text = (
        f"there is no column {section.label!r} and the study names no other: everybody in {section.table} "
        "counts as normal"
    )
    warnings.warn(NormwiseWarning("NRM-205", text, subject="cohort.label"), stacklevel=3)
    return False


def _normals_of(cohort: Cohort) -> Cohort:
    if cohort.labels is None:
        return cohort
    normal = cohort.labels.index[(cohort.labels == cohort.roles.normal).to_numpy()]
    return cohort.keep([str(name) for name in normal])


def _refuse_few(cohort: Cohort, fewest: int | None) -> None:
    people, least = int(cohort.groups.nunique()), fewest or 1
    if people >= least:
        return
    raise NormalizerError(
        "NRM-409",
        "too few normal people are left for sums that hide each of them."
        if people
        else "no normal person is left to sum over.",
        subject=cohort.roles.normal,
        seen=f"{people} normal people",
        expected=f"at least {least}",
        advice="add normal people; --fewest sets another number, if those who answer for the data agree"
        if fewest
        else "see to who is left out, and to cohort.normal; normwise check tells",
    )
