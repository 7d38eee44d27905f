"""One function over parts of one piece of work, as the folds of a cross-validation, in supervised children.

A pool of workers dies together: whoever kills one of them ends the run. Here a child that is killed costs the
part that it was at, which runs again, and all of them end with the run. A subject has a child of its own; of
parts, which are many and short, a child takes one after another (``Work.reuse_children``).
"""

from __future__ import annotations

import ctypes
import math
import pickle
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from functools import lru_cache, wraps
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from normwise.engine.executor import CURRENT, Executor, Finished, Limits, Value, Work, name_function
from normwise.engine.progress import usual_progress
from normwise.engine.serialization import decode
from normwise.engine.worker import import_function

__all__ = ["on_engine_of", "open_shared", "return_memory", "run_parts"]

SomeFunction = TypeVar("SomeFunction", bound=Callable[..., Any])
_TRIES = 3  # of a part whose child is killed: more is no accident
_LIMITS = Limits(seconds=math.inf, memory_bytes=2**62)


def return_memory() -> None:
    """Give the system back what was freed: glibc keeps it, in pieces that large matrices don't fit in."""
    with suppress(AttributeError, OSError, TypeError):  # other C libraries keep little, and have no such call
        ctypes.CDLL(None).malloc_trim(0)


@dataclass(frozen=True)
class _Failed:
    """What a part raised."""

    error: Exception


def run_parts(
    function: Callable[..., Any],
    parts: Sequence[tuple[Any, ...]],
    *,
    common: tuple[Any, ...] = (),
    jobs: int = 1,
) -> Iterator[Any]:
    """Yield ``function(*common, *part)`` of every part, in their order.

    Parameters
    ----------
    function : callable
        Defined at the top of a module.
    parts : sequence of tuple
        What differs.
    common : tuple
        What all parts are given: with several jobs it is copied once, not once a part; on a cluster once a
        worker. A part must leave it, and what else its process holds, as it was: others come after it.
    jobs : int
        Children at once; with one job everything is called here. On a cluster its workers decide.

    Yields
    ------
    object
        What the function returned.

    Raises
    ------
    Exception
        What the function raised for the first part, in their order, for which it raised.
    EngineError
        ENG-203, ENG-204, ENG-207: a child ended without a result, three times.

    Examples
    --------
    >>> list(run_parts(pow, [(2,), (3,)], common=(5,)))
    [25, 125]
    """
    executor = CURRENT.get()
    if len(parts) == 1 or (executor is None and jobs == 1):
        for part in parts:
            yield function(*common, *part)
        return
    work = Work(
        name_function(_run_part),
        {number: {"number": number} for number in range(len(parts))},
        _LIMITS,
        jobs,
        shared=(name_function(function), common, list(parts)),
        reuse_children=True,
    )
    ended: dict[int, Finished | None] = {}
    position = 0
    for attempt in range(1, _TRIES + 1):
        left = {number: each for number, each in work.arguments.items() if number not in ended}
        if not left:
            return
        # A child that the system killed may have had too many beside it.
        again = replace(work, arguments=left, jobs=jobs if attempt == 1 else 1)
        with closing((executor or _local()).execute(again)) as ends:
            for finished in ends:
                if finished.error is None or attempt == _TRIES:
                    ended[finished.position] = finished
                while result := ended.get(position):
                    yield _result_of(result, len(parts))
                    ended[position] = None
                    position += 1


def on_engine_of(read: Callable[[Path], Any]) -> Callable[[SomeFunction], SomeFunction]:
    """Let a function's first argument, a study, say by its ``[engine]`` where everything that is many runs.

    In a notebook its progress is shown, unless it is given another.

    Parameters
    ----------
    read : callable
        Reads a study's file: the function is given the study.
    """

    def decorate(function: SomeFunction) -> SomeFunction:
        @wraps(function)
        def call(study: Any, *args: Any, **kwargs: Any) -> Any:
            study = read(Path(study)) if isinstance(study, str | Path) else study
            if kwargs.get("progress") is None and (shown := usual_progress()) is not None:
                kwargs["progress"] = shown
            if study.engine.name == "local":
                return function(study, *args, **kwargs)
            from normwise.engine.cluster.connect import use_engine  # few studies need it

            with use_engine(study.engine):
                return function(study, *args, **kwargs)

        return cast("SomeFunction", call)

    return decorate


def _local() -> Executor:
    from normwise.engine.local import LocalExecutor  # one job alone needs none

    return LocalExecutor()


@lru_cache(maxsize=1)
def open_shared(path: str) -> Any:
    """Return what all calls of a work share; a fork server opens it once, and its children inherit it."""
    return pickle.loads(Path(path).read_bytes())  # noqa: S301 - written by the caller into a private folder


def _run_part(number: int, shared: str) -> Value:
    name, common, parts = open_shared(shared)
    try:
        result = import_function(name)(*common, *parts[number])
    except Exception as error:  # noqa: BLE001 - it is raised again by the caller
        result = _Failed(_portable(error))
    return {"pickle": np.frombuffer(pickle.dumps(result, protocol=pickle.HIGHEST_PROTOCOL), dtype=np.uint8)}


def _portable(error: Exception) -> Exception:
    """Return the error, or one that says the same and can be pickled, with its traceback as a note."""
    text = "".join(traceback.format_exception(error))
    try:
        same: Exception = pickle.loads(pickle.dumps(error))  # noqa: S301 - just made here
    except Exception:  # noqa: BLE001 - an exception may have any constructor
        same = RuntimeError(f"{type(error).__name__}: {error}")
    same.add_note(text)
    return same


def _result_of(finished: Finished, count: int) -> Any:
    """Return what a part's function returned, or raise what it raised."""
    if finished.error is not None or finished.content is None:
        assert finished.error is not None
        raise finished.error.for_subject(f"part {finished.position + 1} of {count}")
    stored = decode(finished.content)
    for warning in stored.warnings:
        warnings.warn(warning, stacklevel=3)
    if stored.value is None:
        assert stored.error is not None
        raise stored.error
    result = pickle.loads(np.asarray(stored.value["pickle"]).tobytes())  # noqa: S301 - from an own child
    if isinstance(result, _Failed):
        raise result.error
    return result
