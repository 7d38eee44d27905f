"""The table's rows while a cohort is read, and the steps that name scans and people and choose sessions.

The first reason for which a row is left out stays.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from normwise.cohort.cohort import INCLUDED, LEFT_OUT, Cohort, one_line
from normwise.cohort.labels import natural_key
from normwise.cohort.look_alikes import join_look_alikes
from normwise.cohort.scans import ScanList
from normwise.cohort.values import Problem, is_missing, read_numbers
from normwise.errors import CohortError
from normwise.files import is_formula
from normwise.schema import CohortSection, Roles

__all__ = [
    "Columns",
    "Numbers",
    "Objects",
    "Rows",
    "keep_first_sessions",
    "name_people",
    "name_scans",
    "refuse_duplicates",
    "where",
]

Objects = NDArray[np.object_]
Numbers = NDArray[np.float64]
Columns = dict[str, NDArray[np.float64] | Objects]

_DAY_OR_MONTH_FIRST = re.compile(r"[0-9]{1,2}[./-][0-9]{1,2}[./-](?:[0-9]{2}){1,2}")


def where(mask: NDArray[np.bool_]) -> list[int]:
    """Return the places at which ``mask`` is true."""
    places: list[int] = np.flatnonzero(mask).tolist()
    return places


class Rows:
    """State of a reading, one entry a row of the table.

    Parameters
    ----------
    scans : ScanList
        The rows.
    section : CohortSection
        What each column is for.

    Attributes
    ----------
    remain : ndarray of bool of shape (n_rows,)
        Rows that no step has left out.
    reasons : dict of int to Problem
        Why the others are out.
    ids, groups, labels : ndarray of object of shape (n_rows,)
        Scan, person and class of each row, as far as they are known.
    readings : list of str
        How columns and values were read.
    """

    def __init__(self, scans: ScanList, section: CohortSection) -> None:
        self.scans, self.section, self.table = scans, section, scans.table
        self.remain: NDArray[np.bool_] = np.ones(len(self.table.frame), dtype=bool)
        self.reasons: dict[int, Problem] = {}
        self.ids: Objects = self.table.frame[section.id].to_numpy(dtype=object, copy=True)
        self.groups: Objects = self.ids.copy()
        self.labels: Objects = np.full(len(self.ids), None, dtype=object)
        self.readings: list[str] = list(scans.readings)
        self.leave_out(scans.problems)

    def leave_out(self, problems: Mapping[int, Problem]) -> None:
        """Leave rows out, by row; rows that are out already keep their reason."""
        for row, problem in problems.items():
            if self.remain[row]:
                self.remain[row] = False
                self.reasons[row] = problem

    def cohort(
        self,
        columns: Columns,
        sites: Objects | None,
        roles: Roles,
        *,
        labelled: bool,
        numbers: Numbers | None = None,
    ) -> Cohort:
        """Put together what remains, and account for the rest.

        Parameters
        ----------
        columns : dict of str to ndarray of shape (n_rows,)
            The demographics.
        sites : ndarray of object of shape (n_rows,) or None
            The acquisition sites.
        roles : Roles
            What each column is for.
        labelled : bool
            Whether labels were read.
        numbers : ndarray of shape (n_rows,), optional
            What is predicted, where that is a number.
        """
        index = pd.Index(self.ids[self.remain], dtype=object, name="id")

        def series(values: Objects, name: str) -> pd.Series[str]:
            return pd.Series(values[self.remain], index=index, dtype=object, name=name)

        frame = {
            name: pd.Series(values[self.remain], index=index, dtype=values.dtype)
            for name, values in columns.items()
        }
        images = None
        if self.scans.images is not None:
            images = series(np.array([str(image) for image in self.scans.images], dtype=object), "image")
        return Cohort(
            frame=pd.DataFrame(frame, index=index),
            labels=series(self.labels, "label") if labelled else None,
            groups=series(self.groups, "group"),
            sites=None if sites is None else series(sites, "site"),
            images=images,
            roles=roles,
            ledger=self._ledger(),
            readings=list(dict.fromkeys(self.readings)),
            raw=(self.table.frame if self.remain.all() else self.table.frame.loc[self.remain]).set_axis(
                index, axis=0
            ),
            target=None if numbers is None else pd.Series(numbers[self.remain], index=index, name="target"),
        )

    def _ledger(self) -> pd.DataFrame:
        nothing = Problem("", "")
        reasons = [self.reasons.get(row, nothing) for row in range(len(self.remain))]
        columns = {
            "id": self.ids,
            "group": self.groups,
            "label": ["" if label is None else label for label in self.labels],
            "status": np.where(self.remain, INCLUDED, LEFT_OUT).astype(object),
            "code": [problem.code for problem in reasons],
            "reason": [one_line(problem.text, problem.advice) for problem in reasons],
            "general": [problem.problem for problem in reasons],
            "missing": [problem.missing for problem in reasons],
            "image": [problem.image for problem in reasons],
        }
        return pd.DataFrame({name: pd.Series(columns[name], dtype=object) for name in columns})


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
    rows.leave_out(_formulas(column, ids, "COH-201", "give the row another id"))
    rows.ids[unnamed] = [f"line {line}" for line in rows.table.lines[unnamed]]
    if session is None or not (rows.scans.in_sessions or ids[~unnamed].duplicated().any()):
        return
    sessions = rows.table.frame[session]
    named = ~is_missing(sessions) & ~unnamed
    if named.any():
        rows.ids[named] = (ids[named] + "_" + sessions[named]).to_numpy(dtype=object)
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
                "the id stands in several rows",
                advice,
                f"lines {', '.join(lines[str(rows.ids[row])])}",
            )
            for row in repeated
        }
    )


def name_people(rows: Rows) -> None:
    """Find whose each scan is: a column, or what a pattern takes out of it.

    Parameters
    ----------
    rows : Rows
        Rows whose person is not named are left out (COH-212).
    """
    source = rows.section.group or rows.section.id
    text = rows.table.column(source, "cohort.group")
    absent = Problem("COH-212", "the person is not named", "fill it in", f"{source} is missing")
    rows.leave_out(dict.fromkeys(where(is_missing(text)), absent))
    rows.groups = text.to_numpy(dtype=object, copy=True)
    if rows.section.group_pattern is not None:
        _apply_pattern(rows, source, text)
    people = pd.Series(rows.groups, dtype=object)
    rows.leave_out(_formulas(source, people, "COH-212", "name the person in another way"))
    joined = join_look_alikes(rows.groups[rows.remain])
    rows.groups = np.array([joined.get(person, person) for person in rows.groups], dtype=object)


def _formulas(column: str, text: pd.Series[str], code: str, advice: str) -> dict[int, Problem]:
    """Return the rows whose name is a formula to a spreadsheet that opens a table of ours."""
    what = f"{column} begins as a formula of a spreadsheet does, with = + - or @"
    return {row: Problem(code, what, advice, repr(cell)) for row, cell in enumerate(text) if is_formula(cell)}


def _apply_pattern(rows: Rows, source: str, text: pd.Series[str]) -> None:
    from normwise.cohort.patterns import first_groups  # most studies have no pattern

    assert rows.section.group_pattern is not None, "there is a pattern to apply"
    unfit: dict[int, Problem] = {}
    found = first_groups(rows.section.group_pattern, text.tolist())
    for row, (cell, person) in enumerate(zip(text, found, strict=True)):
        if person:
            rows.groups[row] = person
        else:
            unfit[row] = Problem(
                "COH-212",
                "the person is not named",
                "correct cohort.group_pattern",
                f"group_pattern does not fit {source} {cell!r}",
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
            seen = f"{text[row]}, used is {text[used]}"
            later[row] = Problem("COH-211", "a later session of the same person", seen=seen)
    rows.leave_out(later)
    rows.readings.append(f"people with several usable sessions: {len(first)}; the first is used, by {column}")
