"""What goes into the engine and what comes out: tasks, limits and outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from normwise.errors import NormwiseError

__all__ = ["DEFAULT_LIMITS", "Limits", "Outcome", "Task", "Value"]

Value = dict[str, npt.NDArray[np.generic] | float | int | str | list[Any]]
"""What a function hands back: arrays, and whatever JSON can say."""


@dataclass(frozen=True)
class Task:
    """One subject's piece of work.

    Attributes
    ----------
    subject : str
        The id that progress and errors name.
    arguments : mapping of str to JSON-able
        What the function is called with.
    inputs : tuple of Path
        The files whose bytes decide the result: they key the cache.
    aside : mapping of str to JSON-able
        Further arguments that can't change the result, as a folder for unfinished work: they key nothing.
    """

    subject: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[Path, ...] = ()
    aside: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Limits:
    """What one child process may take.

    Attributes
    ----------
    seconds : float
        Wall clock.
    memory_bytes : int
        Memory that the child writes to, and memory it holds.
    threads : int
        Threads of BLAS, OpenMP and torch.
    """

    seconds: float = 600
    memory_bytes: int = 4 * 1024**3
    threads: int = 1


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, eq=False)
class Outcome:
    """How one subject ended: with a value or with an error, never with both.

    Attributes
    ----------
    subject : str
        The id.
    value : dict or None
        What the function returned.
    error : NormwiseError or None
        Why there is no value.
    cached : bool
        The value was taken from the cache.
    seconds : float
        Wall clock of the child; 0 from the cache.
    peak_bytes : int
        Largest resident memory of the child; 0 from the cache.
    warnings : tuple of str
        What the function warned of, each beginning with a code.
    """

    subject: str
    value: Value | None
    error: NormwiseError | None = None
    cached: bool = False
    seconds: float = 0.0
    peak_bytes: int = 0
    warnings: tuple[str, ...] = ()
