"""What the engine runs: tasks and their outcomes, and the protocol of where child processes run."""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable, Generator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from normwise.errors import EngineError, NormwiseError, NormwiseWarning

__all__ = [
    "CURRENT",
    "DEFAULT_LIMITS",
    "GRACE_SECONDS",
    "MARK",
    "SHARED",
    "TASKS",
    "Executor",
    "Finished",
    "FunctionName",
    "Limits",
    "Outcome",
    "Task",
    "Value",
    "Work",
    "count_cpus",
    "name_function",
    "worker_count",
]

Value = dict[str, npt.NDArray[np.generic] | float | int | str | list[Any]]
"""What a function returns: arrays, and whatever JSON can hold."""


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
        Further arguments that can't change the result, as a folder for unfinished work; not part of the key.
    """

    subject: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[Path, ...] = ()
    aside: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Limits:
    """What one call may take in its child process.

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

SHARED = "shared.pickle"
"""The file of ``Work.shared`` in the folder of the work."""

TASKS = "tasks.fifo"
"""The named pipe by which a fork server is given calls while it runs."""

MARK = "NORMWISE_WORK"
"""Environment variable that names the folder of the work, by which whatever descends from it is found."""

GRACE_SECONDS = 5.0
"""How long a fork server may take to end."""


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
    warnings : tuple of NormwiseWarning
        What the function warned of.
    key, digest : str
        Name of the value in the cache, and the SHA-256 that it bears there; empty where nothing is kept.
    """

    subject: str
    value: Value | None
    error: NormwiseError | None = None
    cached: bool = False
    seconds: float = 0.0
    peak_bytes: int = 0
    warnings: tuple[NormwiseWarning, ...] = ()
    key: str = ""
    digest: str = ""


@dataclass(frozen=True)
class FunctionName:
    """A function by name, so that another process can import it.

    Attributes
    ----------
    module : str
        Importable module.
    qualname : str
        Name in the module.
    file : str or None
        The module's file, for a module that isn't on the path.
    """

    module: str
    qualname: str
    file: str | None = None

    def __str__(self) -> str:
        return f"{self.module}:{self.qualname}"


@dataclass(frozen=True)
class Work:
    """One function over many arguments.

    Attributes
    ----------
    function : FunctionName
        What is called.
    arguments : mapping of int to mapping
        Keyword arguments by position, as JSON can hold them.
    limits : Limits
        Of each call.
    jobs : int
        Children at once.
    preload : tuple of str
        Modules that are imported once, before the first child.
    shared : object, optional
        What every call is given besides: pickled once, and called ``shared``, the path of the file.
    folders : tuple of str
        What another machine must see under the same names to do the work.
    reuse_children : bool
        A child that was forked makes one call after another: for short calls, which find what earlier ones
        imported and kept, as in one process. By default each call has a child of its own.
    """

    function: FunctionName
    arguments: Mapping[int, Mapping[str, Any]]
    limits: Limits
    jobs: int
    preload: tuple[str, ...] = ()
    shared: Any = None
    folders: tuple[str, ...] = ()
    reuse_children: bool = False

    def arguments_in(self, folder: Path) -> dict[int, dict[str, Any]]:
        """Return the arguments of every call; what they share is written into the folder of the work."""
        own: dict[str, Any] = {}
        if self.shared is not None:
            own = {"shared": str(folder / SHARED)}
            with (folder / SHARED).open("wb") as handle:
                pickle.dump(self.shared, handle, protocol=pickle.HIGHEST_PROTOCOL)
        return {position: {**arguments, **own} for position, arguments in self.arguments.items()}


@dataclass(frozen=True)
class Finished:
    """How one call ended.

    Attributes
    ----------
    position : int
        Key in ``Work.arguments``.
    content : bytes or None
        The result as `normwise.engine.serialization` writes it, if the child wrote one.
    error : EngineError or None
        What ended the child without a result.
    seconds : float
        Wall clock.
    peak_bytes : int
        Largest resident memory of the child so far.
    """

    position: int
    content: bytes | None
    error: EngineError | None
    seconds: float
    peak_bytes: int


class Executor(Protocol):
    """Runs each call in a supervised child, somewhere.

    A cluster's executor sends ``work`` to machines on which `LocalExecutor` runs each call; callers of
    `run_subjects` don't change.
    """

    def execute(self, work: Work) -> Generator[Finished, None, None]:
        """Yield how each call ended, in any order, every position exactly once.

        Closing the generator early ends every child.
        """


CURRENT: ContextVar[Executor | None] = ContextVar("executor", default=None)
"""Where children run inside `normwise.engine.use_engine`; None is this machine."""


def name_function(function: Callable[..., object]) -> FunctionName:
    """Return the name by which another process can import a function.

    Parameters
    ----------
    function : callable
        Defined at the top of a module.

    Raises
    ------
    EngineError
        ENG-101, it is a lambda, nested, bound, or part of a script or notebook.

    Examples
    --------
    >>> str(name_function(name_function))
    'normwise.engine.executor:name_function'
    """
    module, qualname = getattr(function, "__module__", ""), getattr(function, "__qualname__", "")
    imported: Any = sys.modules.get(module)
    for part in qualname.split("."):
        imported = getattr(imported, part, None)
    if module == "__main__" or imported is not function:
        raise EngineError(
            "ENG-101",
            "a child process can't import this function.",
            seen=f"{module}:{qualname}" if qualname else repr(type(function).__name__),
            expected="a function defined at the top of an importable module",
            advice="move the function from the script or notebook into a module of its own",
        )
    return FunctionName(module, qualname, getattr(sys.modules[module], "__file__", None))


def count_cpus() -> int:
    """Return how many CPUs this process may use, which a cluster may make fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def worker_count(jobs: int | None) -> int:
    """Return how many work at the same time: ``jobs``, or by default one a CPU that this process may use."""
    return count_cpus() if jobs is None else jobs
