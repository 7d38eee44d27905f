"""``table``: features that somebody has measured already, in columns."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from glob import glob
from pathlib import Path

import numpy as np
import pandas as pd

from normwise.cohort import Cohort, Table, counts_rows, is_missing, names_an_index, read_table
from normwise.errors import FeatureError, NormwiseError, NormwiseWarning
from normwise.features.columns import (
    choose_columns,
    drop_incomplete,
    read_columns,
    reserved_columns,
    warn_of_placeholders,
)
from normwise.features.extractor import ExtractionContext, hash_settings
from normwise.features.feature_table import FeatureTable
from normwise.results import FeatureNote
from normwise.schema import Study, TableSection, did_you_mean, listed

__all__ = [
    "JoinedTable",
    "differ",
    "extract",
    "join_tables",
    "merge",
    "refuse_conflicts",
    "table_paths",
    "tabulate",
]

_ROUNDING = 1e-5  # relative: tables print at least six digits


def merge(
    tables: Sequence[JoinedTable],
) -> tuple[pd.DataFrame, dict[str, NormwiseError], dict[str, FeatureError]]:
    """Put tables side by side.

    A column that two of them have is taken once; where one has no value, the other's counts.

    Returns
    -------
    text : DataFrame of str
        Scans that every table lists.
    failures : dict of str to NormwiseError
        The others.
    conflicts : dict of str to FeatureError
        FEA-211, by column: two tables have different values of it. Only who needs the column raises it.
    """
    failures = {scan: error for table in reversed(tables) for scan, error in table.failures.items()}
    conflicts: dict[str, FeatureError] = {}
    merged = tables[0].text
    source = dict.fromkeys(merged.columns, tables[0])
    for table in tables[1:]:
        rows = merged.index.intersection(table.text.index, sort=False)
        merged, added = merged.loc[rows].copy(), table.text.loc[rows]
        for name in merged.columns.intersection(added.columns):
            unlike = differ(merged[name], added[name])
            if unlike.any():
                conflicts.setdefault(
                    str(name), _conflict(str(name), source[name], table, merged.index[unlike], len(rows))
                )
            merged[name] = merged[name].where(~is_missing(merged[name]), added[name])
        fresh = added.drop(columns=merged.columns, errors="ignore")
        source |= dict.fromkeys(fresh.columns, table)
        merged = pd.concat([merged, fresh], axis=1)
    return merged, failures, conflicts


def differ(first: pd.Series, second: pd.Series) -> pd.Series:
    """Return where two columns of text hold different values.

    Numbers are compared as numbers, up to the rounding of a printed table; a missing value contradicts none.

    Examples
    --------
    >>> first = pd.Series(["1525462.6", "3.10", "n/a", "4"])
    >>> differ(first, pd.Series(["1525462.625", "3.1", "2", "5"])).tolist()
    [False, False, False, True]
    """
    a, b = (pd.to_numeric(each, errors="coerce").to_numpy(dtype=np.float64) for each in (first, second))
    alike = (first == second).to_numpy() | np.isclose(a, b, rtol=_ROUNDING, atol=0.0)
    return pd.Series(~alike & ~is_missing(first) & ~is_missing(second), index=first.index)


def _conflict(name: str, first: JoinedTable, second: JoinedTable, scans: pd.Index, of: int) -> FeatureError:
    cells = [f"{table.text.loc[scans[0], name]!r} in {table.path.name}" for table in (first, second)]
    return FeatureError(
        "FEA-211",
        f"two tables have a column {name!r} with different values.",
        subject=f"{first.path.name} ({first.id_column}), {second.path.name} ({second.id_column})",
        seen=f"{' and '.join(cells)} for {scans[0]}; {len(scans)} of {of} scans differ",
        advice=f"they measure different things, or other visits or runs: rename one, leave it out with "
        f'features.columns = ["*", "!{name}"], or give the tables apart',
    )


def extract(cohort: Cohort, study: Study, context: ExtractionContext) -> FeatureTable:
    """Take features from columns of the participants table, or of tables joined to it by id."""
    section = study.features_of(TableSection)
    reserved = reserved_columns(cohort, study)
    failures: dict[str, NormwiseError] = {}
    conflicts: dict[str, FeatureError] = {}
    if section.table is None:
        text, source = cohort.raw, study.cohort.table
        if not section.columns:
            raise FeatureError(
                "FEA-212",
                "the features of the participants table are not named.",
                seen=f"columns {', '.join(map(str, text.columns[:8]))} …",
                advice="name them, as --columns 'lh_*' 'rh_*' or features.columns, or give a second table",
            )
    else:
        root = study.cohort.root or Path()
        paths = table_paths(root, section.table)
        joined = join_tables(
            list(cohort.raw.index), paths, section.table_id, study.cohort.id, numbers=len(paths) == 1
        )
        text, failures, conflicts = merge(joined)
        source = ", ".join(path.name for path in paths)
    chosen = choose_columns(section.columns, map(str, text.columns.tolist()), reserved, source)
    unnamed = []
    if not section.columns and context.wanted is None:
        called = [name for name in chosen if names_an_index(name)]
        numbers = text[called].apply(pd.to_numeric, errors="coerce")
        unnamed = [name for name in called if counts_rows(name, numbers[name].to_numpy(np.float64))]
    if unnamed:
        chosen = [name for name in chosen if name not in unnamed]
        said = (
            f"{listed(unnamed)} in {source}: an index, by its name; left out unless "
            "features.columns names it."
        )
        warnings.warn(NormwiseWarning("FEA-901", said, subject=source, value=len(unnamed)), stacklevel=2)
    refuse_conflicts(chosen, conflicts)
    return tabulate(
        cohort,
        text[chosen],
        failures,
        source,
        lambda name: FeatureNote("", f"{name}, as in {source}"),
        hash_settings(extractor="table", columns=section.columns),
        context.wanted,
    )


def refuse_conflicts(chosen: Iterable[str], conflicts: Mapping[str, FeatureError]) -> None:
    """Raise the conflict of the first chosen column that has one."""
    for name in chosen:
        if name in conflicts:
            raise conflicts[name]


def tabulate(
    cohort: Cohort,
    text: pd.DataFrame,
    failures: dict[str, NormwiseError],
    source: str,
    note: Callable[[str], FeatureNote],
    made: str,
    wanted: Sequence[str] | None,
    sizes: Sequence[str] = (),
) -> FeatureTable:
    """Read text as numbers, drop what is incomplete, and put scans in the cohort's order.

    In the columns of ``sizes``, those of regions that everybody has, 0 says that the region is absent.
    """
    values, unread = read_columns(text, source)
    values = values.reindex(cohort.frame.index)  # scans that failed have NaN and do not count
    absent = None
    if sizes:
        absent = (values == 0) & values.columns.isin(sizes)
        values = values.mask(absent)
    values, failed = drop_incomplete(values, {**unread, **failures}, source, wanted, absent)
    warn_of_placeholders(values, source)
    notes = {name: note(name) for name in values.columns.tolist()}
    return FeatureTable(values.rename_axis("id"), notes, failed, made)


_MOST_CHARACTERS = 512  # of an id that a pattern searches: regular expressions can take exponential time


@dataclass(frozen=True, eq=False)
class JoinedTable:
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
    files: list[Path] = []
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
        files += [each for each in matches if each not in files]
    return files


def join_tables(
    ids: Sequence[str],
    paths: Sequence[Path],
    table_id: str | None,
    default: str | None,
    *,
    numbers: bool = False,
) -> list[JoinedTable]:
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
    numbers : bool
        Whether all columns but the id are numbers, which a long table may hold as such.

    Returns
    -------
    list of JoinedTable
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

    def measured(names: Sequence[str]) -> list[str]:
        return [name for name in names[1:] if name != default and name not in (table_id or "")]

    known = measured if numbers else None
    return [_join(list(ids), read_table(path, numbers=known), table_id, default) for path in paths]


def _join(ids: list[str], table: Table, table_id: str | None, default: str | None) -> JoinedTable:
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
        from normwise.features.tables.unmatched_ids import nobody_listed  # which few studies need

        raise nobody_listed(ids, table.frame, column, pattern, keys, str(table.path))
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
    return JoinedTable(text, failures, column, table.path)


def _split(table_id: str | None, table: Table) -> tuple[str, re.Pattern[str] | None]:
    """Split ``COLUMN ~ PATTERN``; a column of exactly that name takes precedence."""
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
