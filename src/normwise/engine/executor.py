"""Where children run: the protocol that local processes satisfy, and that a cluster's client can."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from normwise.engine.task import Limits
from normwise.errors import EngineError

__all__ = ["Executor", "Finished", "FunctionName", "Work", "name_function"]


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
        Keyword arguments by position; JSON can say them.
    limits : Limits
        Of each child.
    jobs : int
        Children at once.
    preload : tuple of str
        Modules that are imported once, before the first child.
    """

    function: FunctionName
    arguments: Mapping[int, Mapping[str, Any]]
    limits: Limits
    jobs: int
    preload: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finished:
    """One child's end.

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
        Largest resident memory.
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
        """Give each call's end as it comes, in any order, every position exactly once.

        Closing the generator early ends every child.
        """


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
    found: Any = sys.modules.get(module)
    for part in qualname.split("."):
        found = getattr(found, part, None)
    if module == "__main__" or found is not function:
        raise EngineError(
            "ENG-101",
            "a child process can't import this function.",
            seen=f"{module}:{qualname}" if qualname else repr(type(function).__name__),
            expected="a function defined at the top of an importable module",
            advice="move the function from the script or notebook into a module of its own",
        )
    return FunctionName(module, qualname, getattr(sys.modules[module], "__file__", None))
