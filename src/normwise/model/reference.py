"""A reference from a study's normal people, and from references of other hospitals."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypedDict, Unpack

from normwise.cohort import Cohort, read_study, read_table
from normwise.engine import Limits, Progress
from normwise.errors import NormalizerError, NormwiseWarning
from normwise.features import FeatureTable, extract_features
from normwise.normalize import (
    NormalCounts,
    Reference,
    count_normals,
    digest_of,
    digest_of_sums,
    too_few_of_site,
    with_counts,
)
from normwise.procedure import site_column
from normwise.runs import assemble_frame, measurement_of, read_plan, refuse_settings_beyond_sums, units_of
from normwise.schema import Study

__all__ = ["FEWEST_NORMALS", "count_study", "make_reference", "merge_references"]

FEWEST_NORMALS = 5
"""Normal people whose sums may leave a hospital, unless another number is asked for."""


class _Resources(TypedDict, total=False):
    jobs: int | None
    progress: Progress | None
    limits: Limits | None


def make_reference(
    study: Study | str | Path,
    *,
    fewest: int | None = None,
    cache_dir: Path | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
    limits: Limits | None = None,
) -> tuple[Reference, Cohort]:
    """Sum over the normal people of a study; nobody else is measured.

    A reference of its own has the tails of the study; sums that are added to others have none, see
    `count_study`.

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
    jobs : int, optional
        Subjects extracted at the same time; default: one a CPU that this process may use.
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
        NRM-409 for too few normal people, of one site too; NRM-410 for settings that sums can't have, NRM-412
        for a spline without knots; NRM-106 and NRM-107 for a reference of its own; NRM-118 where nobody is
        normal.
    """
    study, cohort = _plan_normals(study, fewest)
    cohort, features = _measure(study, cohort, fewest, cache_dir, jobs=jobs, progress=progress, limits=limits)
    site = site_column(study, cohort.roles)
    section, frame = study.normalizer, assemble_frame(features.values, cohort, site)
    reference = Reference.of_frame(
        frame,
        cohort.roles.demographics,
        categorical=cohort.roles.categorical,
        design=section.design,
        knots=section.knots,
        interactions=section.interactions,
        units=units_of(features),
        measurement=measurement_of(study, features),
        choose=fewest is None,
        site=site,
        unseen=study.sites.unseen,
    )
    if fewest is None:
        reference.normalizer()
        if section.tails != "gaussian":
            reference = with_counts(reference, count_normals(reference, frame, section.tails))
    return reference, cohort


def count_study(
    study: Study | str | Path,
    reference: Reference,
    *,
    fewest: int = FEWEST_NORMALS,
    cache_dir: Path | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
    limits: Limits | None = None,
) -> tuple[NormalCounts, Cohort]:
    """Count the normal people of a study by their W: the second round, for the study's tails.

    Parameters
    ----------
    study, fewest, cache_dir, jobs, progress, limits
        As of `make_reference`: the study whose sums were merged.
    reference : Reference
        Merged of these people's sums and of others'.

    Returns
    -------
    NormalCounts
        Without anybody's name, path or time.
    Cohort
        Who was counted; its ledger names everybody else.

    Raises
    ------
    NormalizerError
        NRM-403 to NRM-407 for people who were measured or described in another way, NRM-413 for a study
        without tails, NRM-415 for people who are not in the reference; NRM-409, NRM-410 and NRM-118 as of
        `make_reference`.
    """
    reference = replace(reference, tails=None)
    study, cohort = _plan_normals(study, fewest)
    section, roles = study.normalizer, cohort.roles
    if section.tails == "gaussian":
        raise NormalizerError(
            "NRM-413",
            "the study asks for no tails, so that nobody's W is counted.",
            subject="normalizer.tails",
            seen="'gaussian'",
            expected="'auto' or 'sinh_arcsinh'",
            advice='write tails = "auto" into the study of every hospital, or give --tails auto',
        )
    design = {
        "design": section.design,
        "knots": section.knots if section.design == "spline" and section.knots else reference.knots,
        "interactions": section.interactions,
    }
    site = site_column(study, roles)
    reference.check_sites(site)
    without_sites = replace(reference, sites=None)
    without_sites.check_people(cohort.frame, roles.demographics, roles.categorical, design)
    cohort, features = _measure(study, cohort, fewest, cache_dir, jobs=jobs, progress=progress, limits=limits)
    units = units_of(features)
    reference.check_measured(list(units), list(units.values()), measurement_of(study, features))
    return count_normals(reference, assemble_frame(features.values, cohort, site), section.tails), cohort


def merge_references(parts: Sequence[tuple[str, Reference | NormalCounts]]) -> Reference | NormalCounts:
    """Add the sums of several references, and counts by the reference of all of them.

    In every order and grouping the result is the same.

    Parameters
    ----------
    parts : sequence of pairs of str and Reference or NormalCounts
        One at least, each with what messages call it. A merged one counts for those that it was merged of.

    Returns
    -------
    Reference or NormalCounts
        Counts where no sums are given.

    Raises
    ------
    NormalizerError
        NRM-403 to NRM-407 where they do not belong together, NRM-411 where one is given twice, NRM-414 for
        counts by another reference than the sums', NRM-415 for counts that its people can't have.
    """
    seen: dict[str, str] = {}
    with_tails: set[str] = set()
    merged: Reference | None = None
    counts: NormalCounts | None = None
    for name, part in parts:
        try:
            own = part if isinstance(part, NormalCounts) else part.tails
            if isinstance(part, Reference):
                digest = digest_of_sums(part)
                # One reference with the counts of some hospitals, and with those of others, is one reference.
                if digest not in seen or not (own or digest in with_tails):
                    _refuse_again(digest, name, part.n_normals, seen)
                    plain = replace(part, tails=None)
                    merged = plain if merged is None else merged.merge(plain)
                if own:
                    with_tails.add(digest)
            if own:
                _refuse_again(digest_of(own), name, own.n_normals, seen)
                counts = own if counts is None else counts + own
        except NormalizerError as error:
            subject = error.subject
            raise error.for_subject(name if subject in (None, "", name) else f"{name}, {subject}") from None
    if merged is not None and counts is not None:
        return with_counts(merged, counts)
    whole = merged or counts
    assert whole is not None, "one file at least"
    return whole


def _refuse_again(digest: str, name: str, n_people: int, seen: dict[str, str]) -> None:
    if digest in seen:
        raise NormalizerError(
            "NRM-411",
            "the same sums or counts are given twice, so that their people would count twice.",
            subject=name,
            seen=f"the content of {seen[digest]}: {n_people} normal people",
            advice="give each file once",
        )
    seen[digest] = name


def _plan_normals(study: Study | str | Path, fewest: int | None) -> tuple[Study, Cohort]:
    """Return the study as it is planned, and its normal people."""
    study = study if isinstance(study, Study) else read_study(Path(study))
    labelled = _has_labels(study)
    study, cohort = read_plan(study, purpose="extract", labelled=labelled)
    refuse_settings_beyond_sums(study, sites=True)
    cohort = _normals_of(cohort)
    _refuse_few(cohort, fewest)
    return study, cohort


def _measure(
    study: Study, cohort: Cohort, fewest: int | None, cache_dir: Path | None, **resources: Unpack[_Resources]
) -> tuple[Cohort, FeatureTable]:
    """Return whoever could be measured, and their features."""
    features = extract_features(cohort, study, cache_dir=cache_dir, **resources)
    cohort = cohort.leave_out(features.failures)
    _refuse_few(cohort, fewest)
    _refuse_few_of_site(study, cohort, FEWEST_NORMALS if fewest is None else fewest)
    return cohort, features


def _refuse_few_of_site(study: Study, cohort: Cohort, fewest: int) -> None:
    """Refuse sums over so few people of one site that they would be found in them."""
    if site_column(study, cohort.roles) is None or cohort.sites is None:
        return
    groups = cohort.groups.groupby(cohort.sites.loc[cohort.groups.index]).nunique()
    for site, people in groups.items():
        if people < fewest:
            raise too_few_of_site(str(site), int(people), fewest)


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
