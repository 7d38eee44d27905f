"""From a cohort to its features, by the study's extractor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from normwise.cohort import Cohort
from normwise.engine import Limits, Progress, worker_count
from normwise.errors import FeatureError, NormwiseError
from normwise.features.columns import refuse_roles
from normwise.features.extractor import ExtractionContext, Extractor
from normwise.features.feature_table import FeatureTable
from normwise.features.registry import EXTRACTORS
from normwise.schema import Study, did_you_mean

__all__ = ["check_extractor", "extract_features", "extract_part", "find_extractor", "learnt_extractor"]


def extract_features(
    cohort: Cohort,
    study: Study,
    *,
    cache_dir: Path | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
    limits: Limits | None = None,
    wanted: Sequence[str] | None = None,
    run: Path | None = None,
    also: Path | None = None,
) -> FeatureTable:
    """Measure every scan of a cohort.

    Parameters
    ----------
    cohort : Cohort
        Who takes part.
    study : Study
        Its ``[features]`` say what is measured.
    cache_dir : Path, optional
        Where finished work is cached by content, so that a run resumes.
    jobs : int, optional
        Scans at the same time; default: one a CPU that this process may use.
    progress : Progress, optional
        Where it is shown.
    limits : Limits, optional
        What one scan may take; default: the engine's.
    wanted : sequence of str, optional
        The features that a trained model needs. Without it a column that most scans lack is dropped; with it
        these columns are selected, and a scan that lacks one of them fails.
    run : Path, optional
        The run folder, for images that are written beside the features.
    also : Path, optional
        A second cache, which is read where the first has nothing.

    Returns
    -------
    FeatureTable
        One row for each scan that could be measured, in the cohort's order; the others are in ``failures``.

    Raises
    ------
    FeatureError
        FEA-100 an unknown extractor; FEA-1xx and FEA-2xx what is wrong with the study or a table as a whole;
        FEA-202 a feature has the name of a demographic or of the label; FEA-217 a column of the participants
        table is measured as well.
    """
    context = ExtractionContext(
        cache_dir, worker_count(jobs), progress, limits or Limits(), wanted, run, also
    )
    table = _extract(cohort, study, context)
    taken = {*cohort.frame.columns, cohort.roles.label} & set(table.values.columns)
    if taken:
        raise FeatureError(
            "FEA-202",
            f"{min(taken)!r} is a demographic or the label, and can't be a feature as well.",
            advice="take it out of features.columns: demographics enter by the normalizer alone",
        )
    scans = set(table.values.index)
    order = [scan for scan in cohort.frame.index if scan in scans]
    assert len(order) + len(table.failures) == len(cohort.frame), "every scan has features or a reason"
    assert order == list(table.values.index), "features keep the cohort's order"
    rows = cohort.frame.index[cohort.frame.index.isin(order)].rename("id")
    failures = {scan: table.failures[scan] for scan in cohort.frame.index if scan in table.failures}
    return replace(table, values=table.values.set_axis(rows, axis=0), failures=failures, kept=context.kept)


def extract_part(
    cohort: Cohort, study: Study, part: Sequence[str], context: ExtractionContext
) -> dict[str, NormwiseError | None]:
    """Measure some scans of a cohort, so that another process finds their results.

    Parameters
    ----------
    cohort : Cohort
        Everybody who takes part: what is measured on the images as a whole is theirs.
    study : Study
        Its ``[features]`` say what is measured.
    part : sequence of str
        The scans to measure.
    context : ExtractionContext
        What may be used.

    Returns
    -------
    dict of str to NormwiseError or None
        By scan, in the order of ``part``, why it has no result; None where it has one.

    Raises
    ------
    FeatureError
        As `extract_features`, of what is wrong before a scan is measured.
    """
    context = replace(context, part=frozenset(part), outcomes={})
    failures: dict[str, NormwiseError] = {}
    try:
        failures = _extract(cohort, study, context).failures
    except NormwiseError as error:
        # Of the cohort as a whole a part can't judge: who gathers will say it of everybody.
        if not context.outcomes:
            raise
        failures = dict.fromkeys(part, error)  # of those who were not measured
    return {scan: context.outcomes.get(scan, failures.get(scan)) for scan in part}


def _extract(cohort: Cohort, study: Study, context: ExtractionContext) -> FeatureTable:
    """Run the extractor, and put the columns that ``features.also`` names beside its features."""
    extractor, names = find_extractor(study), study.features.participant_columns
    if not names:
        return extractor.extract(cohort, study, context)
    from normwise.features.participant_columns import put_beside, read_participant_columns  # few studies do

    columns = read_participant_columns(cohort, study)
    # Who lacks a column need not be measured; where that is everybody, the hash has still to be made.
    rest = cohort.leave_out(columns.failures) if len(columns.values) else cohort
    if context.wanted is not None:
        context = replace(context, wanted=[name for name in context.wanted if name not in names])
    return put_beside(extractor.extract(rest, study, context), columns)


def learnt_extractor(study: Study, seed: int, *, joined: bool = True) -> Any:
    """Return the transformer that learns features inside each training fold, or None.

    Parameters
    ----------
    study : Study
        Its ``[features]`` say which extractor.
    seed : int
        Seed of the learning.
    joined : bool
        Whether a network may learn with the demographics beside the image.

    Returns
    -------
    scikit-learn transformer or None
        It takes a frame of features and demographics, and has a parameter ``demographics``: the columns that
        pass through.

    Raises
    ------
    ClassifierError
        CLS-102 no such setting of a network, CLS-103 a value that it can't have.

    Examples
    --------
    >>> study = Study.model_validate({"features": {"extractor": "voxels", "components": 10}})
    >>> learnt_extractor(study, seed=0)
    VoxelComponents(n_components=10)
    """
    name = find_extractor(study).learnt
    if name is None:
        return None
    from normwise.learnt import LEARNT  # it enters scikit-learn and the networks, which most studies need not

    return LEARNT[name].make(study, seed, joined=joined)


def check_extractor(study: Study, cohort: Cohort | None = None) -> None:
    """Refuse an extractor, or settings of it, that can't measure anybody; no scan is read.

    Parameters
    ----------
    study : Study
        Its ``[features]``.
    cohort : Cohort, optional
        Who takes part: a column that has another role there is no feature.

    Raises
    ------
    FeatureError
        FEA-1xx, what is wrong with the study; FEA-202, a feature has another role.
    """
    extractor = find_extractor(study)
    if cohort is not None:
        refuse_roles(cohort, study)
    extractor.check(study)


def find_extractor(study: Study) -> Extractor:
    """Return the entry of the study's extractor.

    Raises
    ------
    FeatureError
        FEA-100, there is none of that name.
    """
    name = study.features.extractor
    if name not in EXTRACTORS:
        raise FeatureError(
            "FEA-100",
            f"there is no extractor called {name!r}.",
            expected=", ".join(EXTRACTORS),
            advice=did_you_mean(name, EXTRACTORS),
        )
    return EXTRACTORS[name]
