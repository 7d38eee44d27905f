"""What was run on whom, what was found on the way, and results to and from JSON."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, TypeAdapter

from normwise.errors import NormwiseWarning, without_folders
from normwise.files import write_bytes
from normwise.reprs import ShortRepr

__all__ = [
    "FlowStep",
    "Note",
    "Notes",
    "RunRecord",
    "notes_of",
    "read_result",
    "write_result",
]  # fmt: skip


ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class Note:
    """A finding that stopped nothing, or a reason of no decision; a page or the terminal words it.

    Attributes
    ----------
    code : str
        As in ``docs/errors.md``.
    text : str
        What was found.
    subject : str or None
        The person, scan, column or file concerned.
    value : float or None
        The measured quantity.

    Examples
    --------
    >>> str(Note("EVA-102", "3 of 20 scans were trained on", value=3))
    'EVA-102  3 of 20 scans were trained on'
    """

    code: str
    text: str
    subject: str | None = None
    value: float | None = None

    @classmethod
    def of(cls, warning: NormwiseWarning) -> Note:
        """Keep what a warning says, without the folders that it may name."""
        subject = None if warning.subject is None else without_folders(warning.subject)
        return cls(warning.code, without_folders(warning.text), subject, warning.value)

    def __str__(self) -> str:
        return f"{self.code}  {self.text}" if self.code else self.text


def notes_of(caught: Iterable[warnings.WarningMessage]) -> tuple[Note, ...]:
    """Return what warnings say, each once; those of libraries have no code."""
    messages = (item.message for item in caught)
    notes = (
        Note.of(one if isinstance(one, NormwiseWarning) else NormwiseWarning("", str(one)))
        for one in messages
    )
    return tuple(dict.fromkeys(notes))


def _as_notes(value: Any) -> Any:
    """Read what runs of 0.1.0 hold, sentences, as notes of which nothing but the text is known."""
    if not isinstance(value, list):
        return value
    return [{"code": "", "text": each} if isinstance(each, str) else each for each in value]


Notes = Annotated[list[Note], BeforeValidator(_as_notes)]


@dataclass(frozen=True)
class FlowStep:
    """People and scans that a step left out, with the code and the reason; the numbers add up."""

    step: str
    code: str
    reason: str
    scans: int


@dataclass(frozen=True, repr=False)
class RunRecord(ShortRepr):
    """``run.json``: what was run on whom with which versions.

    ``composition`` has one row a class, ``sites`` one a site; ``missing["Age"]["AD"]`` counts the rows of a
    class that were left out for a value that is not there. ``digests`` has the SHA-256 of each result, from
    schema version 2 on; `normwise.run_folder.RunFolder` writes and compares them.
    """

    title: str
    command: str
    versions: dict[str, str]
    seed: int
    classes: list[str]
    normal: str
    demographics: list[str]
    extractor: str
    n_features: int
    n_listed: int
    n_included: int
    flow: list[FlowStep]
    composition: list[dict[str, Any]]
    readings: list[str]
    warnings: Notes
    hashes: dict[str, str]
    settings: dict[str, Any]
    sites: list[dict[str, Any]] = field(default_factory=list)
    missing: dict[str, dict[str, int]] = field(default_factory=dict)
    schema_version: int = 1
    digests: dict[str, str] = field(default_factory=dict)

    def facts(self) -> dict[str, str]:
        """Return what was run on whom."""
        return {
            "title": self.title or "none",
            "command": self.command,
            "version": self.versions.get("normwise", "unknown"),
            "scans": f"{self.n_included} of {self.n_listed}",
            "classes": ", ".join(self.classes),
            "demographics": ", ".join(self.demographics) or "none",
            "features": f"{self.n_features} of extractor {self.extractor}",
            "warnings": str(len(self.warnings)),
        }


def write_result(result: object, path: Path) -> None:
    """Write a result as JSON, whole or not at all.

    Parameters
    ----------
    result : object
        One of the dataclasses above.
    path : Path
        The file; its folder exists.
    """
    write_bytes(path, TypeAdapter(type(result)).dump_json(result, indent=2) + b"\n")


def read_result(kind: type[ResultT], path: Path) -> ResultT:
    """Read a result back.

    Parameters
    ----------
    kind : type
        The dataclass that is expected.
    path : Path
        A file that `write_result` wrote.

    Raises
    ------
    OSError
        The file can't be read.
    pydantic.ValidationError
        The file is not such a result.
    """
    return TypeAdapter(kind).validate_json(path.read_bytes())
