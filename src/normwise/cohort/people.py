"""Scans and people: what one scan is called, whose it is, and which of a person's sessions is used."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from normwise.cohort.labels import natural_key
from normwise.cohort.rows import Rows, where
from normwise.cohort.values import (
    Problem,
    is_missing,
    read_numbers,
)
from normwise.errors import CohortError

__all__ = ["keep_first_sessions", "name_people", "name_scans", "refuse_duplicates"]

_DAY_OR_MONTH_FIRST = re.compile(r"[0-9]{1,2}[./-][0-9]{1,2}[./-](?:[0-9]{2}){1,2}")


def name_scans(rows: Rows) -> None:
    """Name each scan: the id, followed by the session where an id stands in several rows or folders.

    Parameters
    ----------
    rows : Rows
        Rows without a usable id are left out (COH-201).
    """
    column, session = rows.section.id, rows.scans.session
    ids = rows.table.frame[column]
    unnamed = is_missing(ids)
    absent = Problem("COH-201", f"{column} is missing", "give the row an id")
    broken = Problem("COH-201", f"{column} holds a tab or a line break", "give the row another id")
    rows.leave_out(dict.fromkeys(where(unnamed), absent))
    rows.leave_out(dict.fromkeys(where(ids.str.contains(r"[\r\n\t]").to_numpy(dtype=bool)), broken))
    rows.ids[unnamed] = [f"line {line}" for line in rows.table.lines[unnamed]]
    if session is None or not (rows.scans.in_sessions or ids[~unnamed].duplicated().any()):
        return
    sessions = rows.table.frame[session]
    told = ~is_missing(sessions) & ~unnamed
    if told.any():
        rows.ids[told] = (ids[told] + "_" + sessions[told]).to_numpy(dtype=object)
        rows.readings.append(f"a scan is named by {column} and {session}, with _ between them")


def refuse_duplicates(rows: Rows) -> None:
    """Leave out every row of an id that several remaining rows have: nothing says which one is right.

    Parameters
    ----------
    rows : Rows
        All rows of such an id are left out (COH-210).
    """
    ids = pd.Series(rows.ids, dtype=object).where(rows.remain)
    repeated = where(ids.duplicated(keep=False).to_numpy(dtype=bool) & rows.remain)
    if not repeated:
        return
    lines: dict[str, list[str]] = {}
    for row in repeated:
        lines.setdefault(str(rows.ids[row]), []).append(str(rows.table.lines[row]))
    advice = (
        "keep one row, or choose one with cohort.include"
        if rows.scans.session is not None
        else "keep one row, or name the column that tells sessions apart in cohort.session"
    )
    rows.leave_out(
        {
            row: Problem(
                "COH-210",
                f"the id stands in several rows: lines {', '.join(lines[str(rows.ids[row])])}",
                advice,
            )
            for row in repeated
        }
    )


def name_people(rows: Rows) -> None:
    """Tell whose each scan is: a column, or what a pattern takes out of it.

    Parameters
    ----------
    rows : Rows
        Rows whose person can't be told are left out (COH-212).
    """
    source = rows.section.group or rows.section.id
    text = rows.table.column(source, "cohort.group")
    absent = Problem("COH-212", f"the person can't be told: {source} is missing", "fill it in")
    rows.leave_out(dict.fromkeys(where(is_missing(text)), absent))
    rows.groups = text.to_numpy(dtype=object, copy=True)
    if rows.section.group_pattern is None:
        return
    pattern = re.compile(rows.section.group_pattern)
    unfit: dict[int, Problem] = {}
    for row, cell in enumerate(text):
        found = pattern.search(cell)
        if found and found[1]:
            rows.groups[row] = found[1]
        else:
            unfit[row] = Problem(
                "COH-212",
                f"the person can't be told: group_pattern does not fit {source} {cell!r}",
                "correct cohort.group_pattern",
            )
    rows.leave_out(unfit)
    people = len({rows.groups[row] for row in range(len(text)) if row not in unfit})
    rows.readings.append(f"{source}: group_pattern tells {people} people in {len(text) - len(unfit)} rows")


def keep_first_sessions(rows: Rows) -> None:
    """Keep each person's first session among those that can be used; the others are left out (COH-211).

    Sessions are ordered as numbers where all are numbers, or else as text in which numbers count as numbers
    (``ses-2`` before ``ses-10``; ISO dates).

    Parameters
    ----------
    rows : Rows
        Rows without a session are left out where the person has several (COH-213).

    Raises
    ------
    CohortError
        COH-111 for dates that begin with a day or month, which no order of text puts right.
    """
    column = rows.section.session or rows.scans.session or rows.section.id
    remaining = where(rows.remain)
    people = pd.Series(rows.groups[remaining], index=remaining, dtype=object)
    several = people.index[people.duplicated(keep=False)]
    text = rows.table.frame[column].loc[several]
    unordered = is_missing(text)
    absent = Problem("COH-213", f"{column} is missing, and the person has several sessions", "fill it in")
    rows.leave_out(dict.fromkeys(several[unordered].tolist(), absent))
    text = text[~unordered]
    if text.empty:
        return
    for cell in text:
        if _DAY_OR_MONTH_FIRST.fullmatch(cell):
            raise CohortError(
                "COH-111",
                f"the sessions in {column} can't be put in order.",
                subject=column,
                seen=repr(cell),
                expected="numbers, names with numbers, or dates as 2026-11-23",
                advice='write the dates as year-month-day, or use every session with cohort.sessions = "all"',
            )
    numbers = read_numbers(column, text)
    order: list[Any] = [natural_key(cell) for cell in text] if numbers.problems else numbers.values.tolist()
    keys = dict(zip(text.index.tolist(), order, strict=True))
    first: dict[str, int] = {}
    later: dict[int, Problem] = {}
    for row in sorted(keys, key=keys.__getitem__):
        person = str(rows.groups[row])
        used = first.setdefault(person, row)
        if used != row:
            what = f"a later session of the same person: {text[row]}, used is {text[used]}"
            later[row] = Problem("COH-211", what, "")
    rows.leave_out(later)
    rows.readings.append(f"people with several usable sessions: {len(first)}; the first is used, by {column}")
