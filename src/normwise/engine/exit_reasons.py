"""How a child ended, in words: from its exit status, what it was killed for, and the log it left."""

from __future__ import annotations

import contextlib
import re
import signal
from pathlib import Path

from normwise.engine.executor import FunctionName, Limits
from normwise.engine.worker import memory_exceeded
from normwise.errors import EngineError

__all__ = ["explain_end", "import_failed", "result_of"]

_SIGKILL = 9  # where there are no signals, no status is negative
_CRASH_PLACE = re.compile(r'File "[^"]*?([^"/\\]+)", line (\d+) in (\S+)')


def result_of(path: Path) -> bytes | None:
    """Return the result a child left, and remove the file; None if it left none."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    with contextlib.suppress(OSError):
        path.unlink()
    return content


def import_failed(function: FunctionName, seen: str) -> EngineError:
    """Return the error of a function that no child can import."""
    return EngineError(
        "ENG-104",
        "a child process can't import the function.",
        seen=f"{function}: {seen}",
        advice="import the module in a fresh Python and see what is missing",
    )


def explain_end(status: int, killed_for: str | None, limits: Limits, log: Path) -> EngineError:
    """Return the error of a child that left no result.

    Parameters
    ----------
    status : int
        Exit status, or minus the signal that ended it.
    killed_for : {"time", "memory"} or None
        The limit it was killed for.
    limits : Limits
        The limits.
    log : Path
        What it wrote to stderr, where a crash leaves its place.

    Returns
    -------
    EngineError
        ENG-201 time, ENG-202 memory, ENG-203 crash, ENG-204 killed from outside, ENG-207 left early.
    """
    if killed_for == "time":
        return EngineError(
            "ENG-201",
            f"the child process was not done after {limits.seconds:g} s and was ended.",
            advice="raise the time limit if the work is really this long; otherwise look at the image",
        )
    if killed_for == "memory":
        return memory_exceeded(limits, "measured while it ran")
    if status == -_SIGKILL:
        return EngineError(
            "ENG-204",
            "the child process was killed from outside.",
            seen="SIGKILL, mostly sent by the system when memory runs out",
            advice="use fewer jobs at once, or a machine with more memory",
        )
    if status < 0:
        return EngineError(
            "ENG-203",
            f"the child process crashed ({_signal_name(-status)}).",
            seen=_crash_place(log),
            advice="a compiled library failed on this image: look at the image, then report the line",
        )
    return EngineError(
        "ENG-207",
        "the child process ended without a result.",
        seen=f"exit status {status}",
        advice="something in the function ends the process, or the temporary disk is full",
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _crash_place(log: Path) -> str | None:
    """Return the innermost line of Python that the fault handler named; the rest may be private."""
    with contextlib.suppress(OSError):
        text = log.read_text(encoding="utf-8", errors="replace")
        if match := _CRASH_PLACE.search(text, max(text.rfind("Current thread"), 0)):
            return f"{match[1]}:{match[2]} in {match[3]}"
    return None
