"""Why a second table lists nobody of a cohort: how the ids of the two are written, and what joins them."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from itertools import product

import pandas as pd

from normwise.errors import FeatureError

__all__ = ["nobody_listed"]

_MOST_COLUMNS = 50  # that are searched for ids
_MOST_CHARACTERS = 512  # of an id

_FORMS = {
    "a prefix sub-": r"^sub-(.+)$",
    "zeros in front": r"^0+(.+)$",
    "a prefix sub- and zeros": r"^sub-0+(.+)$",
    "a decimal point": r"^(\d+)\.0*$",
    "folders in front": r"([^/\\]+)[/\\]*$",
    "a session behind": r"^(.+?)_ses-",
    "a prefix sub- and a session behind": r"^sub-(.+?)_ses-",
    "a file's ending": r"^([^.]+)\.",
    "more text around the number": r"(?<!\d)0*(\d+)\D*$",
}
"""What an id may carry beside the other table's id, and the pattern whose group leaves it out."""


def nobody_listed(
    ids: Sequence[str],
    frame: pd.DataFrame,
    column: str,
    pattern: re.Pattern[str] | None,
    keys: pd.Series,
    path: str,
) -> FeatureError:
    """Return the error of a table that lists nobody, with its cause and what to type.

    Parameters
    ----------
    ids : sequence of str
        The cohort's scans.
    frame : DataFrame of str
        The table.
    column : str
        Its id column.
    pattern : re.Pattern or None
        The pattern of ``features.table_id``.
    keys : Series
        The ids that were read in the table, None where the pattern fits nothing.
    path : str
        The table, for the error.

    Returns
    -------
    FeatureError
        FEA-210.
    """
    cause, advice = _cause(ids, frame, column, pattern, keys)
    cells = list(frame[column][:3])
    seen = f"{column}: {cells}" + (f", read as {list(keys[:3])}" if pattern is not None else "")
    return FeatureError(
        "FEA-210",
        f"the table of features lists nobody of the cohort: {cause}.",
        subject=path,
        seen=f"{seen}; cohort: {list(ids[:3])}",
        advice=advice,
    )


def _cause(
    ids: Sequence[str], frame: pd.DataFrame, column: str, pattern: re.Pattern[str] | None, keys: pd.Series
) -> tuple[str, str]:
    if pattern is not None and keys.isna().all():
        return (
            f"the pattern {pattern.pattern!r} fits no cell of {column!r}",
            "correct the pattern of features.table_id; its first group is the cohort's id",
        )
    wanted = set(ids)
    columns = [column, *(str(name) for name in frame.columns if name != column)][:_MOST_COLUMNS]

    def many(read: Collection[str], sought: Collection[str]) -> int:
        """Return how many ids are found, 0 where they are so few that they may be other numbers."""
        found = len({*read} & {*sought})
        return found if 2 * found >= min(len(wanted), len(frame)) else 0

    for name in columns:
        if found := many(frame[name], wanted):
            where = f"its ids are in the column {name!r}" if name != column else "the pattern cuts its ids"
            return where, f"give features.table_id = {name!r}, which finds {found} of {len(wanted)} scans"
    for name, (form, text) in product(columns, _FORMS.items()):
        if found := many(_read(frame[name], text), wanted):
            return (
                f"its ids in {name!r} have {form}",
                f"give features.table_id = '{name} ~ {text}', which finds {found} of {len(wanted)} scans",
            )
    alike = "write the ids of one of the two tables as the other's"
    small = {each.casefold() for each in ids}
    for name in columns:
        if many(frame[name].str.casefold(), small):
            return f"its ids in {name!r} differ in capital and small letters", alike
    for name, (form, text) in product(columns, _FORMS.items()):
        if many(_read(pd.Series(list(ids), dtype=object), text), frame[name]):
            return f"the cohort's ids have {form}, which those in {name!r} lack", alike
    otherwise = (
        "name the right table; ids written otherwise are read by features.table_id as COLUMN ~ PATTERN, "
        "whose first group is the cohort's id"
    )
    return "none of its columns holds the cohort's ids in any usual form", otherwise


def _read(cells: pd.Series, pattern: str) -> list[str]:
    """Return the ids that a pattern reads, without those of several cells."""
    found = cells.str.slice(0, _MOST_CHARACTERS).str.extract(pattern, expand=False).dropna()
    return found[~found.duplicated(keep=False)].tolist()
