"""Flags of every command that works on a study: jobs, limits, and how much is printed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

from normwise.errors import CommandError

__all__ = [
    "PLAIN",
    "RUNNING",
    "USUAL",
    "OutputFlags",
    "OverwriteFlag",
    "PeopleFlag",
    "RunFlags",
    "memory_bytes",
    "read_bytes",
]

RUNNING = Group("[running]", sort_key=90)
_UNITS = {"": 1024**3, "M": 1024**2, "G": 1024**3, "T": 1024**4}
_LEAST_MEMORY = 256 * 1024**2  # a child that imports numpy and reads one image needs about this much

OverwriteFlag = Annotated[
    bool,
    Parameter(
        name="--overwrite", negative=(), group=RUNNING, help="replace the results of another study in RUN"
    ),
]

PeopleFlag = Annotated[
    bool | None,
    Parameter(
        name="--people",
        negative="--no-people",
        group=RUNNING,
        show_default=False,
        help="write a page of everybody, or nobody, in RUN/people (of those the report names)",
    ),
]


@Parameter(name="*")
@dataclass(frozen=True)
class OutputFlags:
    """How a command prints.

    Attributes
    ----------
    quiet : bool
        Print nothing but errors.
    json_log : bool
        One JSON object a line, for other programs.
    debug : bool
        Show the traceback of an error.
    strict : bool
        End with exit code 1 where anything was warned of, or an alarm is severe.
    """

    quiet: Annotated[
        bool, Parameter(name=("--quiet", "-q"), negative=(), group=RUNNING, help="say nothing but errors")
    ] = False
    json_log: Annotated[
        bool,
        Parameter(name="--json-log", negative=(), group=RUNNING, help="one JSON object a line, for programs"),
    ] = False
    debug: Annotated[
        bool, Parameter(name="--debug", negative=(), group=RUNNING, help="show the traceback of an error")
    ] = False
    strict: Annotated[
        bool,
        Parameter(name="--strict", negative=(), group=RUNNING, help="exit 1 on any warning or severe alarm"),
    ] = False


@Parameter(name="*")
@dataclass(frozen=True)
class RunFlags(OutputFlags):
    """How a command runs and prints.

    Attributes
    ----------
    jobs : int or None
        Subjects, or folds, worked on at the same time; None takes every CPU this process may use.
    memory : str or None
        What one subject may take, as ``4G`` or ``500M``; a bare number is GiB.
    timeout : float or None
        Seconds that one subject may take.
    cache : Path or None
        Where finished work is kept for all runs; None takes the environment's, or the user's own.
    """

    jobs: Annotated[
        int | None,
        Parameter(
            name=("--jobs", "-j"), group=RUNNING, metavar="N", help="work on N at the same time (every CPU)"
        ),
    ] = None
    memory: Annotated[
        str | None,
        Parameter(name="--memory", group=RUNNING, metavar="X", help="what one subject may take, as 4G (4G)"),
    ] = None
    timeout: Annotated[
        float | None,
        Parameter(name="--timeout", group=RUNNING, metavar="X", help="seconds one subject may take (600)"),
    ] = None
    cache: Annotated[
        Path | None,
        Parameter(
            name="--cache", group=RUNNING, metavar="DIR", help="where finished work is kept, for all runs"
        ),
    ] = None

    def __post_init__(self) -> None:
        if self.jobs is not None and self.jobs < 1:
            raise CommandError(
                "CLI-104",
                "at least one job is needed.",
                subject="--jobs",
                seen=f"{self.jobs}",
                expected="1 or more",
            )
        if self.timeout is not None and not self.timeout > 0:
            raise CommandError(
                "CLI-104",
                "a subject needs some time.",
                subject="--timeout",
                seen=f"{self.timeout:g} s",
                expected="more than 0 s",
            )
        if self.memory is not None:
            memory_bytes(self.memory)

    @property
    def workers(self) -> int:
        """Subjects at the same time."""
        from normwise.engine import count_cpus

        return count_cpus() if self.jobs is None else self.jobs


PLAIN = OutputFlags()
USUAL = RunFlags()
"""Nothing was asked for."""


def memory_bytes(text: str) -> int:
    """Read an amount of memory.

    Parameters
    ----------
    text : str
        A number with M, G or T (powers of 1024), or a bare number of GiB.

    Returns
    -------
    int
        Bytes.

    Raises
    ------
    CommandError
        CLI-104: not an amount, or less than a child needs.

    Examples
    --------
    >>> memory_bytes("4G") == memory_bytes("4") == memory_bytes("4096MiB") == 4 * 1024**3
    True
    """
    amount = read_bytes(text)
    if amount is None or amount < _LEAST_MEMORY:
        raise CommandError(
            "CLI-104",
            "that is not an amount of memory that a subject can work with.",
            subject="--memory",
            seen=text,
            expected="256M or more, as 4G",
        )
    return amount


def read_bytes(text: str) -> int | None:
    """Read an amount of bytes as `memory_bytes`; None where the text is none.

    Examples
    --------
    >>> read_bytes("500M"), read_bytes("0"), read_bytes("much")
    (524288000, 0, None)
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([MGT]?)(?:i?B)?", text.strip(), flags=re.IGNORECASE)
    return int(float(match[1]) * _UNITS[match[2].upper()]) if match else None
