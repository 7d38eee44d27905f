"""Columns of the participants table as features beside those that an extractor measures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from normwise.cohort import Cohort
from normwise.errors import FeatureError
from normwise.features.columns import drop_incomplete, read_columns, refuse_roles, warn_of_placeholders
from normwise.features.extractor import hash_settings
from normwise.features.feature_table import FeatureTable
from normwise.results import FeatureNote
from normwise.schema import Study, did_you_mean

__all__ = ["put_beside", "read_participant_columns"]

_KEY = "features.also"


def read_participant_columns(cohort: Cohort, study: Study) -> FeatureTable:
    """Read the columns that ``features.also`` names; no image is looked at.

    Parameters
    ----------
    cohort : Cohort
        Who takes part.
    study : Study
        Its ``[features]`` name one column or more.

    Returns
    -------
    FeatureTable
        Without a hash. A scan without a number in one of the columns is in its failures: since they were
        asked for by name, none is dropped.

    Raises
    ------
    FeatureError
        FEA-201 a column that is not there, FEA-202 one with another role.
    """
    names, table = list(study.features.participant_columns), study.cohort.table
    refuse_roles(cohort, study)
    for name in names:
        if name not in cohort.raw.columns:
            raise FeatureError(
                "FEA-201",
                f"no column is called {name!r}, which {_KEY} names.",
                subject=table,
                advice=did_you_mean(name, cohort.raw.columns),
            )
    text = cohort.raw[names]
    values, unread = read_columns(text, table, _KEY)
    values, failures = drop_incomplete(values, unread, table, names, key=_KEY)
    warn_of_placeholders(values, table)
    notes = {name: FeatureNote("", f"{name}, as in the participants table") for name in names}
    return FeatureTable(values, notes, failures)


def put_beside(measured: FeatureTable, columns: FeatureTable) -> FeatureTable:
    """Put the columns of the participants table behind the measured ones.

    Parameters
    ----------
    measured : FeatureTable
        As the extractor returned it.
    columns : FeatureTable
        From `read_participant_columns`, of the same cohort.

    Raises
    ------
    FeatureError
        FEA-217, a column has the name of a measured feature.
    """
    names = list(columns.values.columns)
    twice = [name for name in names if name in measured.values.columns]
    if twice:
        raise FeatureError(
            "FEA-217",
            f"{twice[0]!r} is a feature already, and can't be added as another.",
            subject=_KEY,
            advice=f"take it out of {_KEY}, or out of features.columns",
        )
    values = measured.values
    kept = values.index[values.index.isin(columns.values.index)]
    # One type for all, as they are saved in one matrix; and side by side, so that a memory map stays one.
    single = values.shape[1] > 0 and (values.dtypes == np.float32).all()
    beside = columns.values.loc[kept].astype(np.float32 if single else np.float64)
    values = pd.concat([values if len(kept) == len(values) else values.loc[kept], beside], axis=1)
    return replace(
        measured,
        values=values,
        notes={**measured.notes, **columns.notes},
        failures={**measured.failures, **columns.failures},
        hash=hash_settings(measured=measured.hash, also=names),
    )
