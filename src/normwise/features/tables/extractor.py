"""``table``: features that somebody has measured already, in columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from normwise.cohort import Cohort
from normwise.errors import FeatureError, NormwiseError
from normwise.features.extractor import (
    ExtractionContext,
    Extractor,
    hash_of,
)
from normwise.features.feature_table import FeatureTable
from normwise.features.tables.columns import (
    choose_columns,
    numbers_of,
    settle,
)
from normwise.features.tables.join import (
    Joined,
    join_tables,
    table_paths,
)
from normwise.results import FeatureNote
from normwise.schema import Study

__all__ = ["TABLE", "merge", "reserved_columns", "tabulate"]


def reserved_columns(cohort: Cohort, study: Study) -> set[str]:
    """Return the columns that have another role, and so are never features."""
    roles, section = cohort.roles, study.cohort
    others = (section.id, section.group, section.session, section.site, roles.label, roles.group)
    return {*roles.demographics, *(name for name in others if name)}


def merge(tables: Sequence[Joined]) -> tuple[pd.DataFrame, dict[str, NormwiseError]]:
    """Put tables side by side; the same column in two of them must say the same.

    Returns
    -------
    text : DataFrame of str
        Scans that every table lists.
    failures : dict of str to NormwiseError
        The others.

    Raises
    ------
    FeatureError
        FEA-211, two tables have a column of one name with different values.
    """
    failures = {scan: error for table in reversed(tables) for scan, error in table.failures.items()}
    merged = tables[0].text
    for table in tables[1:]:
        rows = merged.index.intersection(table.text.index, sort=False)
        merged, added = merged.loc[rows], table.text.loc[rows]
        both = merged.columns.intersection(added.columns)
        unlike = [name for name in both if (merged[name] != added[name]).any()]
        if unlike:
            raise FeatureError(
                "FEA-211",
                f"two tables have a column {unlike[0]!r} with different values.",
                subject=str(table.path),
                advice="rename one of them, or give the tables apart",
            )
        merged = pd.concat([merged, added.drop(columns=both)], axis=1)
    return merged, failures


def _extract(cohort: Cohort, study: Study, means: ExtractionContext) -> FeatureTable:
    section = study.features
    reserved = reserved_columns(cohort, study)
    failures: dict[str, NormwiseError] = {}
    if section.table is None:
        text, source = cohort.raw, study.cohort.table
        if not section.columns:
            raise FeatureError(
                "FEA-212",
                "the features of the participants table are not named.",
                seen=f"columns {', '.join(map(str, text.columns[:8]))} …",
                advice='name them as features.columns, as ["lh_*", "rh_*"], or give a second table',
            )
    else:
        root = study.cohort.root or Path()
        paths = table_paths(root, section.table)
        text, failures = merge(join_tables(list(cohort.raw.index), paths, section.table_id, study.cohort.id))
        source = ", ".join(path.name for path in paths)
    chosen = choose_columns(section.columns, map(str, text.columns), reserved, source)
    return tabulate(
        cohort,
        text[chosen],
        failures,
        source,
        lambda name: FeatureNote("", f"{name}, as in {source}"),
        hash_of(extractor="table", columns=section.columns),
        means.wanted,
    )


def tabulate(
    cohort: Cohort,
    text: pd.DataFrame,
    failures: dict[str, NormwiseError],
    source: str,
    note: Callable[[str], FeatureNote],
    made: str,
    wanted: Sequence[str] | None,
) -> FeatureTable:
    """Read text as numbers, settle the columns, and put scans in the cohort's order."""
    values, unread = numbers_of(text, source)
    rows = values.reindex(cohort.frame.index)  # scans that failed have NaN and no say
    kept, failed = settle(rows, {**unread, **failures}, source, wanted)
    return FeatureTable(kept.rename_axis("id"), {name: note(name) for name in kept.columns}, failed, made)


TABLE = Extractor("Features from the columns of a table", _extract)
