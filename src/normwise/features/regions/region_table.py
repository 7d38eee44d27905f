"""Every scan's arrays brought into one table, region by region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from normwise.engine import Outcome
from normwise.errors import NormwiseError
from normwise.features.feature_table import FeatureTable
from normwise.features.regions.statistics import STATISTICS
from normwise.features.tables.columns import choose_columns, settle
from normwise.results import FeatureNote
from normwise.schema import FeaturesSection

__all__ = ["region_table"]


def region_table(
    outcomes: list[Outcome],
    names: dict[int, str],
    statistics: list[str],
    section: FeaturesSection,
    made: str,
    wanted: Sequence[str] | None,
) -> FeatureTable:
    """Bring what the children measured into one table.

    Parameters
    ----------
    outcomes : list of Outcome
        One a scan, with arrays from `normwise.features.regions.measure.measure_regions`.
    names : dict of int to str
        Region of each label, in the order of the columns; labels without a name are left out.
    statistics : list of str
        What was measured.
    section : FeaturesSection
        Its ``columns`` choose among the features; its ``atlas`` is named in messages.
    made : str
        The hash of how it was measured.
    wanted : sequence of str or None
        The features that a trained model needs.

    Returns
    -------
    FeatureTable
        Columns ``region.statistic``.
    """
    measured = {each.subject: _rows(each.value, names, statistics) for each in outcomes if each.value}
    failures: dict[str, NormwiseError] = {each.subject: each.error for each in outcomes if each.error}
    notes = {
        f"{name}.{statistic}": FeatureNote(
            STATISTICS[statistic].unit, f"{STATISTICS[statistic].description}: {name}", name, label
        )
        for label, name in names.items()
        for statistic in statistics
    }
    values = pd.DataFrame(
        np.array([rows.ravel() for rows in measured.values()]).reshape(len(measured), len(notes)),
        index=pd.Index(list(measured), name="id", dtype=object),
        columns=list(notes),
    )
    values = values[choose_columns(section.columns, notes, (), section.atlas)]
    if len(values):
        values, failures = settle(values, failures, section.atlas, wanted)
    return FeatureTable(
        values, {name: notes[name] for name in values.columns if name in notes}, failures, made
    )


def _rows(value: Mapping[str, object], names: dict[int, str], statistics: list[str]) -> NDArray[np.float64]:
    """Return one row a region and one column a statistic; a label that the scan lacks has no volume."""
    place = {int(label): row for row, label in enumerate(np.asarray(value["labels"]))}
    found = np.column_stack([np.asarray(value[name], dtype=np.float64) for name in statistics])
    absent = np.array([[0.0 if name == "volume_mm3" else np.nan for name in statistics]])
    rows: NDArray[np.float64] = np.concatenate([found, absent])
    return rows[[place.get(label, len(found)) for label in names]]
