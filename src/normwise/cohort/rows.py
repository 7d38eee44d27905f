"""The table's rows while they are being judged; the first reason that a row is given stays."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from normwise.cohort.roster import (
    INCLUDED,
    LEDGER_COLUMNS,
    LEFT_OUT,
    Cohort,
)
from normwise.cohort.scans import ScanList
from normwise.cohort.values import Problem
from normwise.schema import CohortSection, Roles

__all__ = ["Rows", "where"]

Objects = NDArray[np.object_]
Columns = dict[str, NDArray[np.float64] | Objects]


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

    def cohort(self, columns: Columns, sites: Objects | None, roles: Roles, *, labelled: bool) -> Cohort:
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
            raw=self.table.frame.loc[self.remain].set_axis(index, axis=0),
        )

    def _ledger(self) -> pd.DataFrame:
        nothing = Problem("", "", "")
        reasons = [self.reasons.get(row, nothing) for row in range(len(self.remain))]
        columns = {
            "id": self.ids,
            "group": self.groups,
            "label": ["" if label is None else label for label in self.labels],
            "status": np.where(self.remain, INCLUDED, LEFT_OUT).astype(object),
            "code": [problem.code for problem in reasons],
            "reason": [_one_line(problem) for problem in reasons],
        }
        return pd.DataFrame({name: pd.Series(columns[name], dtype=object) for name in LEDGER_COLUMNS})


def _one_line(problem: Problem) -> str:
    text = f"{problem.problem}; {problem.advice}" if problem.advice else problem.problem
    return re.sub(r"\s+", " ", text)
