"""``sub-<label>_sessions.tsv``: what is known of each session of a participant, and the age at it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from normwise.cohort.dictionary import describe_table
from normwise.cohort.tables import Table, read_table
from normwise.cohort.values import Problem, age_at_session, names_an_age
from normwise.errors import CohortError

__all__ = ["SESSION", "SessionTables", "read_sessions", "session_name"]

SESSION = "session_id"
"""Column of a BIDS session; added to a participants table that has one row a person."""


@dataclass(frozen=True)
class SessionTables:
    """What the sessions tables of a dataset say.

    Attributes
    ----------
    cells : dict of str to dict of str to dict of str to str
        By participant, then session: the filled cells.
    problems : dict of str to Problem
        Participants whose table can't be used.
    levels : list of dict
        What codes stand for, as `Table.levels`, of each table.
    ages : dict of str to str
        Demographics that are ages, with the column of another name that gave the age at the session.
    """

    cells: dict[str, dict[str, dict[str, str]]] = field(default_factory=dict)
    problems: dict[str, Problem] = field(default_factory=dict)
    levels: list[dict[str, dict[str, str]]] = field(default_factory=list)
    ages: dict[str, str] = field(default_factory=dict)


def session_name(text: str) -> str:
    """Return a session's folder name, whether a table writes ``1`` or ``ses-1``; empty for none."""
    if text.casefold() in {"", "n/a"}:
        return ""
    return text if text.startswith("ses-") else f"ses-{text}"


def read_sessions(
    folders: tuple[Path, ...], subjects: Iterable[str], demographics: Sequence[str]
) -> SessionTables:
    """Read the sessions table of each participant who has one.

    Where a demographic is an age, such as ``age``, and the table has it under another name, such as
    ``age_at_session``, its cell is that age at that session.

    Parameters
    ----------
    folders : tuple of Path
        Where the participants' folders may lie; the first that has a table counts.
    subjects : iterable of str
        The participants, as ``sub-01``.
    demographics : sequence of str
        Columns the features are regressed on.
    """
    found = SessionTables()
    for subject in subjects:
        paths = [folder / subject / f"{subject}_sessions.tsv" for folder in folders]
        path = next((path for path in paths if path.is_file()), None)
        if path is None:
            continue
        try:  # one participant's bad file costs that participant
            table = describe_table(read_table(path), *(folder / "sessions.json" for folder in folders))
            names = [session_name(str(name)) for name in table.column(SESSION, "BIDS")]
            ages = _ages_of(table, demographics)
        except CohortError as error:
            what = "the sessions of the participant can't be read"
            found.problems[subject] = Problem(error.code, what, error.advice or "", error.problem.rstrip("."))
            continue
        found.levels.append(table.levels)
        found.ages.update({name: column for name, (column, _) in ages.items()})
        rows = found.cells.setdefault(subject, {})
        for session, cells in zip(names, table.records(), strict=True):
            filled = {key: cell for key, cell in cells.items() if cell.casefold() not in {"", "n/a"}}
            for name, (column, unit) in ages.items():
                if column in filled:
                    filled[name] = f"{filled[column]} {unit}".strip()
            if session:
                rows[session] = filled
    return found


def _ages_of(table: Table, demographics: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return, by demographic, the column that gives the age at the session, with a unit that is not years."""
    units = {
        str(name): unit for name in table.frame.columns if (unit := age_at_session(str(name))) is not None
    }
    wanted = [name for name in demographics if names_an_age(name) and name not in table.frame.columns]
    if wanted and len(units) > 1:
        raise CohortError(
            "COH-117",
            f"{' and '.join(units)} may each be the age at the session.",
            subject=str(table.path),
            advice="keep one of them, or name the one that is meant in cohort.demographics",
        )
    return {name: column for name in wanted for column in units.items()}
