"""Second tables, joined to the cohort by id."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from glob import glob
from pathlib import Path

import pandas as pd

from normwise.cohort import (
    Table,
    did_you_mean,
    read_table,
)
from normwise.errors import FeatureError, NormwiseError

__all__ = ["Joined", "join_tables", "table_paths"]

_MOST_CHARACTERS = 512  # of an id: a pattern must not be fed a novel


@dataclass(frozen=True, eq=False)
class Joined:
    """One second table, row for row beside the cohort.

    Attributes
    ----------
    text : DataFrame of str
        Every column but the id; index ``id``, those scans of the cohort that the table lists once.
    failures : dict of str to NormwiseError
        FEA-206 scans the table doesn't list, FEA-207 those it lists twice.
    id_column : str
        The column by which it was joined.
    path : Path
        The table.
    """

    text: pd.DataFrame
    failures: dict[str, NormwiseError]
    id_column: str
    path: Path


def table_paths(root: Path, tables: str | Sequence[str]) -> list[Path]:
    """Return the files that ``features.table`` names, patterns resolved.

    Parameters
    ----------
    root : Path
        Folder that relative paths start from.
    tables : str or sequence of str
        Paths or patterns, as ``stats/*.tsv``.

    Raises
    ------
    FeatureError
        FEA-208, no such file.
    """
    found: list[Path] = []
    for name in [tables] if isinstance(tables, str) else tables:
        path = root / name
        matches = [path] if path.is_file() else sorted(Path(each) for each in glob(str(path)))  # noqa: PTH207 - the pattern may be absolute
        if not matches:
            raise FeatureError(
                "FEA-208",
                "the table of features is not there.",
                subject=name,
                seen=f"nothing at {path}",
                advice="correct features.table; relative paths start at the study file's folder",
            )
        found += [each for each in matches if each not in found]
    return found


def join_tables(
    ids: Sequence[str], paths: Sequence[Path], table_id: str | None, default: str | None
) -> list[Joined]:
    r"""Join each table to the cohort.

    Parameters
    ----------
    ids : sequence of str
        The cohort's scans.
    paths : sequence of Path
        Tables, read strictly as text.
    table_id : str or None
        The tables' id column, or ``COLUMN ~ PATTERN``: a regular expression that is searched in each cell,
        and whose first group is the id, as ``subject ~ _0*(\d+)$``. Without COLUMN the first column is meant.
    default : str or None
        The id column where ``table_id`` is None; None stands for the first column.

    Returns
    -------
    list of Joined
        One a table.

    Raises
    ------
    FeatureError
        FEA-209 no such column, or no pattern; FEA-210 not one scan is in a table.
    CohortError
        The table can't be read.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "volumes.tsv"
    >>> _ = path.write_text("subject\tinsula\nYale_0050551\t7.1\nYale_0050552\t6.8\n")
    >>> [joined] = join_tables(["50552", "50999"], [path], r"subject ~ _0*(\d+)$", None)
    >>> joined.text.to_dict("index"), joined.failures["50999"].code
    ({'50552': {'insula': '6.8'}}, 'FEA-206')
    """
    return [_join(list(ids), read_table(path), table_id, default) for path in paths]


def _join(ids: list[str], table: Table, table_id: str | None, default: str | None) -> Joined:
    column, pattern = _split(table_id, table)
    column = column or (default if table_id is None and default is not None else str(table.frame.columns[0]))
    if column not in table.frame.columns:
        raise FeatureError(
            "FEA-209",
            f"the table of features has no id column {column!r}.",
            subject=str(table.path),
            advice=f"{did_you_mean(column, table.frame.columns)} Give it as features.table_id",
        )
    keys = table.frame[column]
    if pattern is not None:
        keys = keys.map(lambda cell: match[1] if (match := pattern.search(cell[:_MOST_CHARACTERS])) else None)
    wanted = keys.isin(ids)
    if not wanted.any() and ids:
        raise FeatureError(
            "FEA-210",
            "the table of features lists nobody of the cohort.",
            subject=str(table.path),
            seen=f"{column}: {list(keys[:3])}; cohort: {ids[:3]}",
            advice="give features.table_id as COLUMN ~ PATTERN, whose first group is the cohort's id",
        )
    twice = set(keys[wanted & keys.duplicated(keep=False)])
    listed = table.frame[wanted & ~keys.isin(twice)].drop(columns=column)
    text = listed.set_axis(pd.Index(keys[listed.index], name="id"), axis=0)
    text = text.reindex([scan for scan in ids if scan in text.index])
    failures: dict[str, NormwiseError] = {}
    for scan in ids:
        if scan in twice:
            failures[scan] = FeatureError(
                "FEA-207",
                f"{table.path.name} lists this scan more than once.",
                subject=scan,
                seen=f"{int((keys == scan).sum())} rows",
                advice="keep one row a scan, or make the pattern of features.table_id tell them apart",
            )
        elif scan not in text.index:
            failures[scan] = FeatureError(
                "FEA-206",
                f"{table.path.name} has no row for this scan.",
                subject=scan,
                seen=f"its {column} was looked for among {len(keys)} rows",
                advice="add it, or check features.table_id",
            )
    return Joined(text, failures, column, table.path)


def _split(table_id: str | None, table: Table) -> tuple[str, re.Pattern[str] | None]:
    """Part ``COLUMN ~ PATTERN``; a column of exactly that name comes first."""
    if table_id is None or table_id in table.frame.columns or "~" not in table_id:
        return table_id or "", None
    column, _, text = table_id.partition("~")
    try:
        pattern = re.compile(text.strip())
    except re.error as error:
        raise FeatureError(
            "FEA-209",
            "the pattern of features.table_id is no regular expression.",
            seen=f"{text.strip()!r}: {error}",
            advice=r"write it as subject ~ _0*(\d+)$",
        ) from None
    if pattern.groups < 1:
        raise FeatureError(
            "FEA-209",
            "the pattern of features.table_id has no group.",
            seen=repr(text.strip()),
            advice=r"put the id in parentheses, as _0*(\d+)$",
        )
    return column.strip(), pattern
