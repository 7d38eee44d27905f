"""The cohort: who takes part with which values, and a ledger of every row of the table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from normwise.errors import CohortError, NormwiseError, without_folders
from normwise.files import quote_formula, write_text
from normwise.reprs import ShortRepr, counts
from normwise.schema import Roles, did_you_mean

__all__ = ["FAILED", "INCLUDED", "LEDGER_COLUMNS", "LEFT_OUT", "Cohort", "one_line"]

INCLUDED, LEFT_OUT, FAILED = "included", "excluded", "failed"
LEDGER_COLUMNS = ("id", "group", "label", "status", "code", "reason")


@dataclass(frozen=True, repr=False)
class Cohort(ShortRepr):
    """Those who take part, row for row, and a ledger that accounts for every row of the table.

    Attributes
    ----------
    frame : DataFrame of shape (n_scans, n_demographics)
        The demographics alone: float64 for numbers, objects for categories; index ``id``.
    labels : Series of str or None
        Class names; None where the table was read without labels.
    groups : Series of str
        The person of each scan.
    sites : Series of str or None
        The acquisition site.
    images : Series of str or None
        Absolute path of each scan's image.
    roles : Roles
        What each column is for, with the categories resolved.
    ledger : DataFrame
        Columns id, group, label, status (included; excluded by the table or the study; or failed, as an image
        or its measurement), code, reason, general (the reason without the row's own value), missing (the
        value that is not there) and image (whether no single image was found); one row a row of the table.
    readings : list of str
        How columns and values were read, for people.
    raw : DataFrame of str
        The table's own text for those who take part; index ``id``.
    target : Series of float or None
        The number that is predicted; None where classes are. The labels then say who is normal.
    """

    frame: pd.DataFrame
    labels: pd.Series[str] | None
    groups: pd.Series[str]
    sites: pd.Series[str] | None
    images: pd.Series[str] | None
    roles: Roles
    ledger: pd.DataFrame
    readings: list[str]
    raw: pd.DataFrame
    target: pd.Series[float] | None = None

    def __post_init__(self) -> None:
        status = self.ledger["status"]
        assert status.isin([INCLUDED, LEFT_OUT, FAILED]).all(), "the ledger must account for every row"
        ids = self.frame.index
        assert self.ledger.loc[status == INCLUDED, "id"].tolist() == ids.tolist(), (
            "ledger and frame must agree"
        )
        assert ids.is_unique, "an id must name one scan"
        columns = (self.labels, self.groups, self.sites, self.images, self.raw, self.target)
        assert all(ids.equals(each.index) for each in columns if each is not None), (
            "columns must have one index"
        )

    def facts(self) -> dict[str, str]:
        """Return who takes part, and how many do not."""
        out = self.ledger["code"][self.ledger["status"] != INCLUDED].value_counts()
        of_class = {} if self.labels is None else self.labels.value_counts().to_dict()
        return {
            "scans": f"{len(self.frame)} of {len(self.ledger)}",
            "people": str(self.groups.nunique()),
            "classes": counts({name: int(of_class.get(name, 0)) for name in self.roles.classes}),
            "demographics": ", ".join(self.roles.demographics) or "none",
            "left out": counts({str(code): int(amount) for code, amount in out.items()}),
        }

    def _repr_html_(self) -> str:
        from normwise.reprs import block, facts_table, table

        facts = {name: text for name, text in self.facts().items() if name != "left out"}
        flow = [("listed", len(self.ledger), "")]
        out = self.ledger[self.ledger["status"] != INCLUDED]
        for (status, code), rows in out.groupby(["status", "code"], sort=False):
            reasons = dict.fromkeys(str(text) for text in rows["general"])
            flow.append((f"{status} {code}".strip(), -len(rows), next(iter(reasons), "")))
        flow.append(("taking part", len(self.frame), ""))
        shown = [(step, f"{number:+d}".replace("+", "").replace("-", "−"), why) for step, number, why in flow]
        return block(
            "Cohort",
            facts_table(facts),
            table("From the table to those who take part", ("step", "scans", "reason"), shown),
            table("Demographics", ("", "mean (from to) or counts"), self._demographics()),
        )

    def _demographics(self) -> list[tuple[str, str]]:
        found = []
        for name in map(str, self.frame.columns):
            column = self.frame[name]
            if name in self.roles.categorical:
                levels = column.value_counts()
                found.append((name, counts({str(level): int(n) for level, n in levels.items()})))
            elif len(column):
                found.append((name, f"{column.mean():.3g} ({column.min():.4g} to {column.max():.4g})"))
        return found

    def to_frame(self) -> pd.DataFrame:
        """Return everybody who takes part: a row a scan.

        Returns
        -------
        DataFrame
            ``person``, and where they are known ``class``, ``site`` and ``image``, before the demographics;
            index ``id``. A demographic of one of these names keeps it, and the column before is left out.
        """
        found = {"person": self.groups, "class": self.labels, "site": self.sites, "image": self.images}
        known = {
            name: column
            for name, column in found.items()
            if column is not None and name not in self.frame.columns
        }
        return pd.concat([pd.DataFrame(known, index=self.frame.index), self.frame], axis=1)

    def leave_out(self, errors: Mapping[str, NormwiseError]) -> Cohort:
        """Return the cohort without the scans that failed; the ledger keeps them with code and reason.

        Parameters
        ----------
        errors : mapping of str to NormwiseError
            By scan id, what went wrong.

        Raises
        ------
        CohortError
            COH-114 for an id that takes no part.
        """
        rows = {
            name: {
                "code": error.code,
                "reason": one_line(
                    error.problem.rstrip("."), f"seen {error.seen}" if error.seen else "", error.advice or ""
                ),
                "general": one_line(self._without_file(name, error.problem).rstrip(".")),
            }
            for name, error in errors.items()
        }
        return self._without(rows, FAILED)

    def _without_file(self, name: str, problem: str) -> str:
        """Return a problem without the file that it begins with, so that the same one is counted."""
        file, found, rest = problem.partition(": ")
        image = None if self.images is None else Path(str(self.images.get(name, ""))).name
        named = file == image or (name in file and "." in file and " " not in file)
        return rest if found and named else problem

    def keep(self, ids: Iterable[str]) -> Cohort:
        """Return the cohort with these scans alone, in the table's order; the ledger keeps the others.

        Parameters
        ----------
        ids : iterable of str
            Scan ids.

        Raises
        ------
        CohortError
            COH-114 for an id that takes no part.
        """
        wanted = set(ids)
        self._check(wanted)
        text = "not among the scans that were asked for"
        reason = {"code": "COH-218", "reason": text, "general": text}
        return self._without({name: reason for name in self.frame.index if name not in wanted}, LEFT_OUT)

    def exclude(self, notes: Mapping[str, str], code: str, general: str) -> Cohort:
        """Return the cohort without scans that a person has excluded; the ledger keeps them with the reason.

        Parameters
        ----------
        notes : mapping of str to str
            By scan id, what was said of it; may be empty.
        code, general : str
            Code and reason of them all.

        Raises
        ------
        CohortError
            COH-114 for an id that takes no part.
        """
        reasons = {
            name: {"code": code, "reason": one_line(general, note), "general": general}
            for name, note in notes.items()
        }
        return self._without(reasons, LEFT_OUT)

    def write_ledger(self, path: Path) -> None:
        """Write the ledger as TSV, whole or not at all; empty cells are ``n/a``, as in BIDS.

        A column ``quality`` is written where images were checked. A cell that a spreadsheet would take for a
        formula, as the id of a row that was left out for it, has an apostrophe before it.

        Parameters
        ----------
        path : Path
            The file, ``RUN/cohort.tsv``.
        """
        columns = [*LEDGER_COLUMNS, *(["quality"] if "quality" in self.ledger else [])]
        rows = [columns, *self.ledger[columns].itertuples(index=False, name=None)]
        write_text(path, "".join("\t".join(_cell(value) for value in row) + "\n" for row in rows))

    def share_numbers(self, values: pd.DataFrame) -> Cohort:
        """Return the cohort with numbers of its table held once, where they are features as well.

        Parameters
        ----------
        values : DataFrame of shape (n_scans, n_features)
            Features of everybody who takes part, in the cohort's order.
        """
        held = {"number_text"} & {kind.name for kind in set(self.raw.dtypes)}
        if not held or not self.raw.index.equals(values.index):
            return self
        from normwise.cohort.number_text import share_numbers  # of long tables alone

        return replace(self, raw=share_numbers(self.raw, values))

    def _without(self, reasons: dict[str, dict[str, str]], status: str) -> Cohort:
        self._check(reasons)
        if not reasons:
            return self
        ledger = self.ledger.copy()
        gone = (ledger["status"] == INCLUDED) & ledger["id"].isin(list(reasons))
        ledger.loc[gone, "status"] = status
        for column in ("code", "reason", "general"):
            ledger.loc[gone, column] = [reasons[name][column] for name in ledger.loc[gone, "id"]]
        stay = ~self.frame.index.isin(list(reasons))
        return replace(
            self,
            frame=self.frame.loc[stay],
            labels=None if self.labels is None else self.labels.loc[stay],
            groups=self.groups.loc[stay],
            sites=None if self.sites is None else self.sites.loc[stay],
            images=None if self.images is None else self.images.loc[stay],
            ledger=ledger,
            raw=self.raw.loc[stay],
            target=None if self.target is None else self.target.loc[stay],
        )

    def _check(self, ids: Iterable[str]) -> None:
        for name in ids:
            if name not in self.frame.index:
                raise CohortError(
                    "COH-114",
                    f"no scan that takes part is called {name!r}.",
                    subject=name,
                    advice=did_you_mean(name, self.frame.index),
                )


def one_line(*parts: str) -> str:
    """Return the parts that are not empty in one line for the ledger, without the folders that they name.

    Examples
    --------
    >>> one_line("Age is missing", "", "fill it in")
    'Age is missing; fill it in'
    """
    return re.sub(r"\s+", " ", without_folders("; ".join(part for part in parts if part)))


def _cell(value: object) -> str:
    text = "" if value is None or (isinstance(value, float) and np.isnan(value)) else str(value)
    text = re.sub(r"\s+", " ", text).strip() or "n/a"
    return quote_formula(text)
