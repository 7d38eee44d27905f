"""What a run left behind, read once: the only thing that a section may look at."""

from __future__ import annotations

import csv
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from normwise.errors import ReportError
from normwise.results import Arm, Evaluation, Explanation, FeatureNote, RunRecord, read_result

__all__ = ["SavedRun", "read_run"]

ResultT = TypeVar("ResultT")

_MISSING = ("", "n/a")


@dataclass(frozen=True)
class SavedRun:
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
        Unit and meaning of each feature, where the run says them.
    """

    record: RunRecord
    evaluation: Evaluation | None = None
    explanation: Explanation | None = None
    no_decision: dict[str, int] = field(default_factory=dict)
    notes: dict[str, FeatureNote] = field(default_factory=dict)

    @property
    def main(self) -> Arm | None:
        """The arm that the study describes, where it was tested."""
        if self.evaluation is None:
            return None
        return self.evaluation.arms.get(self.evaluation.main_arm)

    @property
    def tested_elsewhere(self) -> bool:
        """Whether a saved model was tested on another cohort, rather than by cross-validation."""
        return self.evaluation is not None and self.evaluation.kind == "test"


def read_run(run: Path) -> SavedRun:
    """Read a run's results.

    Parameters
    ----------
    run : Path
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
    """
    record = _read(RunRecord, run / "run.json")
    if record is None:
        raise ReportError(
            "REP-101",
            "the folder holds no run.json, so nothing tells what was run.",
            subject=str(run),
            advice="name the folder that extract, train, evaluate or test wrote",
        )
    _assert_adds_up(record, run)
    evaluation = _read(Evaluation, run / "evaluation.json")
    if evaluation is not None and evaluation.main_arm not in evaluation.arms:
        raise ReportError(
            "REP-104",
            "the evaluation names a main arm that it does not hold.",
            subject=str(run / "evaluation.json"),
            seen=evaluation.main_arm,
            expected=f"one of {', '.join(evaluation.arms)}",
            advice="run normwise evaluate again",
        )
    explanation = _read(Explanation, run / "explanation.json")
    reasons = _count_reasons(run / "predictions.tsv", evaluation.main_arm) if evaluation else {}
    return SavedRun(record, evaluation, explanation, reasons, _read_notes(run / "features.json"))


def _read(kind: type[ResultT], path: Path) -> ResultT | None:
    """Read a result, or None where the file is not there."""
    try:
        return read_result(kind, path)
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else None
        seen = f"{'.'.join(map(str, first['loc'])) or 'file'}: {first['msg']}" if first else str(error)
        raise _damaged(path, seen, f"{kind.__name__} as JSON") from error


def _read_notes(path: Path) -> dict[str, FeatureNote]:
    """Read unit and description of every column from the features' BIDS sidecar."""
    try:
        columns = json.loads(path.read_bytes())
        return {
            name: FeatureNote(str(column.get("Units", "")), str(column.get("Description", "")))
            for name, column in columns.items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError) as error:
        raise _damaged(path, str(error), "a BIDS sidecar: a description and a unit by column") from error


def _damaged(path: Path, seen: str, expected: str) -> ReportError:
    return ReportError(
        "REP-102",
        "the file is not a result of this version.",
        subject=str(path),
        seen=seen,
        expected=expected,
        advice="run the command that wrote it again",
    )


def _assert_adds_up(record: RunRecord, run: Path) -> None:
    """Refuse a flow of participants whose numbers contradict each other."""
    left_out = sum(step.scans for step in record.flow)
    if record.n_listed - left_out != record.n_included:
        raise ReportError(
            "REP-103",
            "the flow of participants does not add up.",
            subject=str(run / "run.json"),
            seen=f"{record.n_listed} listed − {left_out} left out ≠ {record.n_included} included",
            advice="run the command that wrote it again; if it stays, report it as a defect",
        )


def _count_reasons(path: Path, arm: str) -> dict[str, int]:
    """Count the reasons of one arm's missing decisions, the most frequent first."""
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as handle:
        rows = csv.DictReader(handle, delimiter="\t")
        found = Counter(
            row.get("reason") or "n/a"
            for row in rows
            if row.get("arm") == arm and (row.get("decision") or "n/a") in _MISSING
        )
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))
