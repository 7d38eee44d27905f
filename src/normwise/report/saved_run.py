"""What a run left behind, read once: the only thing that a section may look at; pictures included."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from pydantic import ValidationError

from normwise.errors import ReportError
from normwise.reprs import ShortRepr
from normwise.results import (
    Arm,
    Evaluation,
    Explanation,
    FeatureNote,
    People,
    Picture,
    Pictures,
    Quality,
    RunRecord,
)
from normwise.run_folder import RunFolder

__all__ = [
    "Album",
    "SavedRun",
    "Scored",
    "as_uri",
    "count_reasons",
    "page_names",
    "read_optional",
    "read_run",
    "read_scored",
]

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, repr=False)
class SavedRun(ShortRepr):
    """One run folder as plain data.

    Attributes
    ----------
    record : RunRecord
        What was run on whom.
    evaluation : Evaluation or None
        None where nothing was tested.
    explanation : Explanation or None
        None where nothing was trained.
    no_decision : dict of str to int
        Reasons of the main arm's predictions without a decision, with how many predictions.
    notes : dict of str to FeatureNote
        Unit, meaning and region of each feature, where the run says them.
    scored : list of Scored
        The main arm's predictions of each scan, put together over the repeats.
    quality : dict of str to list of Quality
        Checks of each scan, where its features were measured here.
    pictures : list of Picture
        Pictures of scans below ``folder``.
    pages : dict of str to str
        The page of each person who has one, from the report's own place.
    folder : Path or None
        Where the pictures lie; None where a run is only in memory.
    """

    record: RunRecord
    evaluation: Evaluation | None = None
    explanation: Explanation | None = None
    no_decision: dict[str, int] = field(default_factory=dict)
    notes: dict[str, FeatureNote] = field(default_factory=dict)
    scored: list[Scored] = field(default_factory=list)
    quality: dict[str, list[Quality]] = field(default_factory=dict)
    pictures: list[Picture] = field(default_factory=list)
    pages: dict[str, str] = field(default_factory=dict)
    folder: Path | None = None

    def facts(self) -> dict[str, str]:
        """Return what was run, and what came out."""
        record = self.record
        found = {} if self.evaluation is None else self.evaluation.facts()
        scans = f"{record.n_included} of {record.n_listed}"
        return {"command": record.command, "scans": scans, "extractor": record.extractor, **found}

    @property
    def main(self) -> Arm | None:
        """The arm that the study describes, where it was tested."""
        if self.evaluation is None:
            return None
        return self.evaluation.arms.get(self.evaluation.main_arm)

    @property
    def target(self) -> str | None:
        """The number that is predicted; None where classes are."""
        section = self.record.settings.get("cohort")
        target = section.get("target") if isinstance(section, dict) else None
        return None if target is None else str(target)

    @property
    def tested_elsewhere(self) -> bool:
        """Whether a saved model was tested on another cohort, rather than by cross-validation."""
        return self.evaluation is not None and self.evaluation.kind == "test"


def read_run(folder: str | Path) -> SavedRun:
    """Read a run's results.

    Parameters
    ----------
    folder : path
        The run folder; ``run.json`` is needed, the other files are not.

    Returns
    -------
    SavedRun
        Everything a page is made of.

    Raises
    ------
    ReportError
        REP-101 without ``run.json``, REP-102 where a result is damaged, REP-103 where the flow of
        participants does not add up, REP-104 where the evaluation lacks its main arm.
    RunError
        RUN-101 where any result, read here or not, is not what was written; RUN-102 where one is gone.
    """
    run = RunFolder(folder)
    record = read_optional(RunRecord, run, run.RECORD)
    if record is None:
        raise ReportError(
            "REP-101",
            "the folder holds no run.json, so nothing tells what was run.",
            subject=str(run),
            advice="name the folder that extract, train, evaluate or test wrote",
        )
    run.check()
    _assert_adds_up(record, run)
    evaluation = read_optional(Evaluation, run, run.EVALUATION)
    if evaluation is not None and evaluation.main_arm not in evaluation.arms:
        raise ReportError(
            "REP-104",
            "the evaluation names a main arm that it does not hold.",
            subject=str(run / run.EVALUATION),
            seen=evaluation.main_arm,
            expected=f"one of {', '.join(evaluation.arms)}",
            advice="run normwise evaluate again",
        )
    explanation = read_optional(Explanation, run, run.EXPLANATION)
    scored = _read_predictions(run, evaluation.main_arm) if evaluation else []
    notes, quality = _read_features(run)
    pictures = read_optional(Pictures, run, run.PICTURES)
    return SavedRun(
        record,
        evaluation,
        explanation,
        count_reasons(scored),
        notes,
        scored,
        quality,
        pictures.pictures if pictures else [],
        _find_pages(run),
        run.path,
    )


def _find_pages(run: RunFolder) -> dict[str, str]:
    """Return where the people's pages lie, as links from the report."""
    people = read_optional(People, run, run.PEOPLE)
    if people is None:
        return {}
    files = page_names([person.prediction.subject for person in people.people])
    return {
        subject: f"{run.PAGES}/{quote(name)}"
        for subject, name in files.items()
        if (run / run.PAGES / name).is_file()
    }


def _read_predictions(run: RunFolder, arm: str) -> list[Scored]:
    try:
        return read_scored(run, arm)
    except (OSError, ValueError, KeyError) as error:
        raise _damaged(
            run / run.PREDICTIONS, str(error), "predictions with a probability of each class"
        ) from error


def read_optional(kind: type[ResultT], run: RunFolder, name: str) -> ResultT | None:
    """Read a result, or None where the file is not there.

    Parameters
    ----------
    kind : type
        The dataclass that is expected.
    run : RunFolder
        Where the file lies.
    name : str
        The file.

    Raises
    ------
    ReportError
        REP-102 where the file is no such result.
    RunError
        RUN-101 where it is not what was written; RUN-102 where it is gone.
    """
    try:
        return run.read_result(kind, name)
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else None
        seen = f"{'.'.join(map(str, first['loc'])) or 'file'}: {first['msg']}" if first else str(error)
        raise _damaged(run / name, seen, f"{kind.__name__} as JSON") from error


def _read_features(run: RunFolder) -> tuple[dict[str, FeatureNote], dict[str, list[Quality]]]:
    """Read unit, meaning and region of every column, and each scan's checks, from the BIDS sidecar."""
    try:
        columns = json.loads(run.read(run.FEATURE_NOTES))
        made = columns.get("GeneratedBy", {})
        notes = {
            name: FeatureNote(
                str(column.get("Units", "")),
                str(column.get("Description", "")),
                str(column.get("Place", "")),
                column.get("Label"),
            )
            for name, column in columns.items()
        }
        quality = {
            scan: [Quality(**check) for check in checks]
            for scan, checks in made.get("Quality", {}).items()
            if checks
        }
    except FileNotFoundError:
        return {}, {}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise _damaged(
            run / run.FEATURE_NOTES, str(error), "a BIDS sidecar: a description and a unit by column"
        ) from error
    return notes, quality


def _damaged(path: Path, seen: str, expected: str) -> ReportError:
    return ReportError(
        "REP-102",
        "the file is not a result of this version.",
        subject=str(path),
        seen=seen,
        expected=expected,
        advice="run the command that wrote it again",
    )


def _assert_adds_up(record: RunRecord, run: RunFolder) -> None:
    """Refuse a flow of participants whose numbers contradict each other."""
    left_out = sum(step.scans for step in record.flow)
    if record.n_listed - left_out != record.n_included:
        raise ReportError(
            "REP-103",
            "the flow of participants does not add up.",
            subject=str(run / run.RECORD),
            seen=f"{record.n_listed} listed − {left_out} left out ≠ {record.n_included} included",
            advice="run the command that wrote it again; if it stays, report it as a defect",
        )


def page_names(subjects: Sequence[str]) -> dict[str, str]:
    """Return one file name a scan, safe on every system and never the same for two.

    Parameters
    ----------
    subjects : sequence of str
        Scans.

    Examples
    --------
    >>> page_names(["sub-01", "a/b", "a b"])
    {'sub-01': 'sub-01.html', 'a/b': 'a-b.html', 'a b': 'a-b-2.html'}
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    for subject in subjects:
        stem = re.sub(r"[^A-Za-z0-9._-]", "-", subject).lstrip(".")[:100] or "person"
        name, number = stem, 1
        # Some systems do not tell upper from lower case.
        while name.lower() in taken:
            number += 1
            name = f"{stem}-{number}"
        taken.add(name.lower())
        names[subject] = f"{name}.html"
    return names


_MISSING = ("", "n/a")
_PREFIX = "probability_"


@dataclass(frozen=True, repr=False)
class Scored(ShortRepr):
    """What one arm said about one scan.

    Attributes
    ----------
    subject : str
        The scan.
    label : str
        Its true class.
    probabilities : dict of str to float
        Mean over the repeats in which there was one, by class.
    decisions : dict of str to int
        How often each class was decided; an empty name is no decision.
    reasons : dict of str to int
        Why nothing was decided.
    """

    subject: str
    label: str
    probabilities: dict[str, float]
    decisions: dict[str, int]
    reasons: dict[str, int]

    @property
    def tests(self) -> int:
        """How often the scan was tested."""
        return sum(self.decisions.values())


def read_scored(run: RunFolder, arm: str) -> list[Scored]:
    """Read one arm's rows of ``predictions.tsv``.

    Parameters
    ----------
    run : RunFolder
        The run; nothing is read where it holds no predictions.
    arm : str
        The arm.

    Returns
    -------
    list of Scored
        In the file's order.
    """
    try:
        text = run.read(run.PREDICTIONS).decode("utf-8")
    except FileNotFoundError:
        return []
    rows: dict[str, list[dict[str, str]]] = {}
    for row in csv.DictReader(io.StringIO(text, newline=""), delimiter="\t"):
        if row.get("arm") == arm:
            rows.setdefault(row.get("id") or "", []).append(row)
    return [_together(subject, each) for subject, each in rows.items()]


def _together(subject: str, rows: list[dict[str, str]]) -> Scored:
    names = [name for name in rows[0] if name and name.startswith(_PREFIX)]
    known = {
        name.removeprefix(_PREFIX): [float(row[name]) for row in rows if (row[name] or "n/a") not in _MISSING]
        for name in names
    }
    decided = ["" if (row.get("decision") or "") in _MISSING else row["decision"] for row in rows]
    return Scored(
        subject=subject,
        label=rows[0].get("label") or "",
        probabilities={name: sum(values) / len(values) for name, values in known.items() if values},
        decisions=dict(Counter(decided)),
        reasons=dict(
            Counter(row.get("reason") or "n/a" for row, one in zip(rows, decided, strict=True) if not one)
        ),
    )


def count_reasons(scored: list[Scored]) -> dict[str, int]:
    """Count the reasons of missing decisions, the most frequent first.

    Examples
    --------
    >>> count_reasons([Scored("a", "AD", {}, {"": 2}, {"too old": 2}), Scored("b", "AD", {}, {"AD": 2}, {})])
    {'too old': 2}
    """
    found: Counter[str] = Counter()
    for row in scored:
        found.update(row.reasons)
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


_LARGEST = 600_000  # bytes of one picture; a larger one stays beside the page
_KINDS = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}


def as_uri(png: bytes, kind: str = "image/png") -> str:
    """Return a picture as a ``data:`` address, the only kind that the page's policy lets in."""
    return f"data:{kind};base64,{base64.b64encode(png).decode('ascii')}"


class Album:
    """Hands out pictures of a run until the page has enough of them.

    Parameters
    ----------
    run : RunFolder or None
        The run.
    pictures : list of Picture
        What ``pictures.json`` lists.
    room : int
        Bytes of pictures that may go into the page.
    """

    def __init__(self, run: RunFolder | None, pictures: list[Picture], room: int = 3_000_000) -> None:
        self.run = run
        self.room = room
        self.of: dict[str, list[Picture]] = {}
        for picture in pictures:
            self.of.setdefault(picture.subject, []).append(picture)

    @classmethod
    def of_run(cls, run: SavedRun, room: int = 3_000_000) -> Album:
        """Open the album of a run."""
        return cls(RunFolder(run.folder) if run.folder else None, run.pictures, room)

    def show(self, subject: str, most: int = 1) -> list[tuple[Picture, str]]:
        """Return up to ``most`` pictures of a scan as ``data:`` addresses.

        Parameters
        ----------
        subject : str
            The scan.
        most : int
            How many.

        Returns
        -------
        list of (Picture, str)
            Fewer where they are not there, are no pictures, lie outside the run, or the room is used up.
        """
        found: list[tuple[Picture, str]] = []
        for picture in self.of.get(subject, []):
            if len(found) == most:
                break
            uri = self._read(picture)
            if uri is not None:
                found.append((picture, uri))
        return found

    def _read(self, picture: Picture) -> str | None:
        if self.run is None:
            return None
        path = self.run / picture.path
        try:
            # pictures.json may come from anywhere: nothing outside the run goes into a page.
            inside = path.resolve().is_relative_to(self.run.path.resolve())
            if not inside or path.stat().st_size > min(_LARGEST, self.room):
                return None
            content = self.run.read(picture.path)
        except OSError:
            return None
        kind = next((kind for magic, kind in _KINDS.items() if content.startswith(magic)), None)
        if kind is None:
            return None
        self.room -= len(content)
        return as_uri(content, kind)
