"""Everybody held against the normals of their own cohort: expected values, residuals, W-scores, centiles."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from normwise.engine import Limits, Progress
from normwise.errors import ProcedureError
from normwise.normalize import FeatureNormalizer
from normwise.procedure import encodable_rows, make_preprocessing
from normwise.reprs import ShortRepr
from normwise.results import notes_of
from normwise.runs.prepare import PreparedRun, prepare_run, record_run
from normwise.runs.reference import prior_hash
from normwise.runs.score_tables import SCORES, describe_norm, score_dictionary, score_text
from normwise.schema import Study

__all__ = ["Departures", "departures_of", "normalize_study"]


@dataclass(frozen=True, repr=False)
class Departures(ShortRepr):
    """How everybody compares with what is normal for them.

    Attributes
    ----------
    tables : dict of str to DataFrame of shape (n_scans, n_features)
        By the keys of `normwise.runs.SCORES`; NaN for people of whom nothing can be computed.
    outside : Series of str
        Why a person lies outside the normal group, or can't be computed; empty for the others.
    normalizer : FeatureNormalizer
        Fitted on the normals.
    """

    tables: dict[str, pd.DataFrame]
    outside: pd.Series[str]
    normalizer: FeatureNormalizer


def normalize_study(
    study: Study | str | Path,
    run: str | Path,
    *,
    jobs: int | None = None,
    progress: Progress | None = None,
    limits: Limits | None = None,
    cache_dir: Path | None = None,
) -> Departures:
    """Hold everybody in a study against its normals, and write a table of each score.

    Nobody is classified and no fold is drawn, so that the normals need only suffice for the regression.

    Parameters
    ----------
    study : Study or path
        A study, a study file or a BIDS folder.
    run : path
        The run folder; ``normalized/`` in it gets ``w.tsv``, ``centile.tsv``, ``expected.tsv``,
        ``residual.tsv`` and ``value.tsv``, each with its data dictionary.
    jobs : int, optional
        Subjects extracted at the same time; default: one a CPU that this process may use.
    progress : Progress, optional
        Where progress is shown.
    limits : Limits, optional
        What one subject may take; default: the engine's.
    cache_dir : Path, optional
        Where finished work is kept for all runs; default: as `normwise.engine.cache_place`.

    Returns
    -------
    Departures
        As written.

    Raises
    ------
    ProcedureError
        PRC-116 where the study names no demographics.
    NormalizerError
        Where the normals are no sound basis of the regression.
    """
    prepared = prepare_run(study, run, jobs=jobs, progress=progress, limits=limits, cache_dir=cache_dir)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = departures_of(prepared)
    for item in caught:
        warnings.warn(item.message, stacklevel=2)
    folder, ledger = prepared.folder, prepared.cohort.ledger
    (folder / folder.NORMALIZED).mkdir(exist_ok=True)
    units = {name: note.unit for name, note in prepared.features.notes.items()}
    study, demographics = prepared.study, prepared.cohort.roles.demographics
    reference = None if study.normalizer.prior is None else prior_hash(study)
    generated = describe_norm(found.normalizer, demographics, prepared.features.hash, reference)
    left_out = [
        (str(row.id), f"{row.code} {row.reason}")
        for row in ledger[ledger["status"] != "included"].itertuples()
    ]
    for what, table in found.tables.items():
        names = [str(name) for name in table.columns]
        rows = [
            (str(scan), numbers, reason)
            for scan, numbers, reason in zip(table.index, table.to_numpy(), found.outside, strict=True)
        ]
        rows += [(scan, np.empty(0), reason) for scan, reason in left_out]
        folder.write(f"{folder.NORMALIZED}/{what}.tsv", score_text(names, rows))
        folder.write(f"{folder.NORMALIZED}/{what}.json", score_dictionary(names, what, units, generated))
    record_run(prepared, "normalize", list(notes_of(caught)))
    return found


def departures_of(prepared: PreparedRun) -> Departures:
    """Fit the study's normalizer on the normals of a prepared run, and hold everybody against it.

    Parameters
    ----------
    prepared : PreparedRun
        Cohort and features.

    Raises
    ------
    ProcedureError
        PRC-116.
    """
    study, roles, frame = prepared.study, prepared.cohort.roles, prepared.frame
    if not roles.demographics:
        raise ProcedureError(
            "PRC-116",
            "the study names no demographics, so that nothing is expected of anybody.",
            subject="cohort.demographics",
            seen="an empty list",
            advice='name them, as cohort.demographics = ["age", "sex"]',
        )
    arm = "normalized" if study.normalizer.reference == "normal" else "normalized_all"
    pipeline = make_preprocessing(study, roles, arm, study.evaluation.seed).fit(frame, prepared.labels)
    normalizer: FeatureNormalizer = pipeline.named_steps["normalize"]
    before = [step for step in pipeline.steps if step[0] in ("extract", "harmonize")]
    known = encodable_rows(pipeline, frame)
    inputs = pd.DataFrame(Pipeline(before).transform(frame[known]) if before else frame[known])
    names = [str(name) for name in normalizer.get_feature_names_out()]
    long = normalizer.explain(inputs)
    tables = {}
    for what in SCORES:
        values = np.full((len(frame), len(names)), np.nan)
        values[known] = long[what].to_numpy(dtype=float).reshape(-1, len(names))
        tables[what] = pd.DataFrame(values, index=frame.index, columns=names)
    reasons = pd.Series("", index=frame.index, dtype=object)
    for _, step in pipeline.steps:
        if hasattr(step, "in_support"):
            own = step.in_support(frame)["reason"]
            reasons += np.where((reasons != "") & (own != ""), "; ", "") + own
    return Departures(tables, reasons, normalizer)
