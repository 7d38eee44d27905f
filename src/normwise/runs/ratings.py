"""Ratings of scans by a person who looked at them: ``RUN/ratings.tsv``, which the next run honours."""

from __future__ import annotations

import csv
import io
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, cast, get_args

from normwise.cohort import Cohort
from normwise.errors import NormwiseWarning, RunError
from normwise.files import quote_formula, unquote_formula, write_text
from normwise.run_folder import RunFolder
from normwise.schema import listed

__all__ = ["RATED_OUT", "Rating", "Verdict", "apply_ratings", "read_ratings", "write_ratings"]

RATED_OUT = "COH-220"
"""Code of scans that a rating leaves out."""

Verdict = Literal["keep", "exclude"]

_HEADER = ("id", "rating", "note")
_LARGEST = 10_000_000  # bytes; a cohort of 100,000 with long notes
_LONGEST = 1000  # characters of a note


@dataclass(frozen=True)
class Rating:
    """What a person says of one scan.

    Attributes
    ----------
    verdict : {"keep", "exclude"}
        Whether the scan takes part in the next run.
    note : str
        Why, in one line.
    """

    verdict: Verdict
    note: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "note", re.sub(r"\s+", " ", self.note).strip()[:_LONGEST])


def read_ratings(run: RunFolder) -> dict[str, Rating]:
    """Read the ratings of a run.

    Parameters
    ----------
    run : RunFolder
        The run; without ``ratings.tsv`` nobody is rated.

    Returns
    -------
    dict of str to Rating
        By scan.

    Raises
    ------
    RunError
        RUN-105, the file holds something else.
    """
    path = run / run.RATINGS
    try:
        if path.stat().st_size > _LARGEST:
            raise _unreadable(run, f"{path.stat().st_size / 1e6:.0f} MB")
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError as error:
        raise _unreadable(run, "text that is not UTF-8") from error
    reader = csv.reader(io.StringIO(text, newline=None), delimiter="\t", quoting=csv.QUOTE_NONE)
    rows = [[cell.strip() for cell in row] for row in reader if any(cell.strip() for cell in row)]
    if not rows or tuple(rows[0][:2]) != _HEADER[:2] or rows[0][2:] not in ([], ["note"]):
        raise _unreadable(run, f"columns {', '.join(rows[0]) if rows else 'none'}")
    ratings: dict[str, Rating] = {}
    for number, row in enumerate(rows[1:], 2):
        scan, verdict, *note = row + [""] * (2 - len(row))
        if verdict not in get_args(Verdict):
            raise _unreadable(run, f"{verdict!r} as the rating of {scan!r} (row {number})")
        if scan in ratings:
            raise _unreadable(run, f"{scan!r} twice (row {number})")
        ratings[unquote_formula(scan)] = Rating(
            cast("Verdict", verdict), "" if note[:1] == ["n/a"] else unquote_formula(" ".join(note))
        )
    return ratings


def write_ratings(run: RunFolder, ratings: Mapping[str, Rating]) -> None:
    """Write ``ratings.tsv`` whole or not at all; without ratings it is removed.

    Parameters
    ----------
    run : RunFolder
        The run.
    ratings : mapping of str to Rating
        By scan.

    Examples
    --------
    >>> import tempfile
    >>> run = RunFolder(tempfile.mkdtemp())
    >>> write_ratings(run, {"sub-01": Rating("exclude", "moved")})
    >>> read_ratings(run)
    {'sub-01': Rating(verdict='exclude', note='moved')}
    """
    path = run / run.RATINGS
    if not ratings:
        path.unlink(missing_ok=True)
        return
    rows = [_HEADER, *((scan, row.verdict, row.note or "n/a") for scan, row in sorted(ratings.items()))]
    write_text(path, "".join("\t".join(map(quote_formula, row)) + "\n" for row in rows))


def apply_ratings(cohort: Cohort, run: RunFolder) -> Cohort:
    """Return the cohort without the scans that were rated out; its ledger and readings say so.

    Parameters
    ----------
    cohort : Cohort
        Who would take part.
    run : RunFolder
        The run whose ratings are honoured.

    Warns
    -----
    NormwiseWarning
        RUN-106, a rated scan is not in the table.

    Raises
    ------
    RunError
        As `read_ratings`.
    """
    out = {scan: row.note for scan, row in read_ratings(run).items() if row.verdict == "exclude"}
    unknown = sorted(set(out) - {str(scan) for scan in cohort.ledger["id"]})
    if unknown:
        text = f"ratings.tsv excludes {len(unknown)} that the table does not hold: {listed(unknown, most=3)}"
        warnings.warn(
            NormwiseWarning("RUN-106", text, subject=unknown[0], value=float(len(unknown))), stacklevel=2
        )
    notes = {scan: note for scan, note in out.items() if scan in cohort.frame.index}
    if not notes:
        return cohort
    general = "excluded when the scan was looked at (ratings.tsv)"
    reading = f"ratings.tsv: {len(notes)} excluded by who looked at {'it' if len(notes) == 1 else 'them'}"
    return replace(
        cohort.exclude(notes, RATED_OUT, general),
        readings=[*cohort.readings, f"{reading} ({listed(notes, most=3)})"],
    )


def _unreadable(run: RunFolder, seen: str) -> RunError:
    return RunError(
        "RUN-105",
        "the ratings can't be read.",
        subject=str(run / run.RATINGS),
        seen=seen,
        expected="a TSV file with the columns id, rating (keep or exclude) and note, each scan once",
        advice="correct the file, or remove it and rate the scans again with normwise view",
    )
