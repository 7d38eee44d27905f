"""Sends calls to the workers of a Dask cluster, and again to others where a worker is lost."""

from __future__ import annotations

import logging
import pickle
import time
import uuid
import warnings
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from normwise.engine.cluster.remote_call import (
    RemoteWork,
    UnfitWorkerError,
    differences,
    folders_missing,
    run_call,
    versions_here,
)
from normwise.engine.executor import Finished, Work
from normwise.errors import EngineError, NormwiseWarning

__all__ = ["DaskExecutor"]

_LOST_WORKERS = 4  # of one call, each after Dask's own tries: more are no accident
_LOST_SCHEDULERS = 3
_PATIENCE_SECONDS = 20.0  # without a worker before that is said
_POLL_SECONDS = 0.5
_NAMED = 4


class DaskExecutor:
    """Runs each call in a supervised child of some worker of a cluster.

    Parameters
    ----------
    client : distributed.Client
        Connected.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def execute(self, work: Work) -> Generator[Finished, None, None]:
        """Yield how each call ended.

        Raises
        ------
        EngineError
            ENG-402 or ENG-403, a worker that is there can't do the work; ENG-404, the scheduler is lost;
            ENG-104, ENG-105, a worker can't start children; ENG-406, it can't take calls.
        """
        check_workers(self._client, work.folders)
        calls = _Calls(self._client, work)
        try:
            calls.submit(work.arguments)
            yield from calls.results()
        except OSError as fault:  # as the client says that it can't reach the scheduler
            raise calls.scheduler_lost() from fault
        finally:
            calls.cancel()


class _Calls:
    """The calls of one work that have not ended."""

    def __init__(self, client: Any, work: Work) -> None:
        self._client = client
        self._work = work
        self._name = uuid.uuid4().hex[:12]
        self._payload = None if work.shared is None else pickle.dumps(work.shared, pickle.HIGHEST_PROTOCOL)
        self._call = RemoteWork(
            self._name, replace(work, arguments={}, shared=None, folders=()), versions_here()
        )
        self._shared: Any = None
        self._waiting: dict[int, Any] = {}
        self._done: SimpleQueue[tuple[int, Any]] = SimpleQueue()
        self._submitted: Counter[int] = Counter()
        self._lost: Counter[int] = Counter()
        self._schedulers_lost = 0
        self._without_worker = 0.0

    def submit(self, positions: Iterable[int]) -> None:
        """Send calls to the scheduler."""
        positions = list(positions)
        if not positions:
            return
        import dask

        # What all calls share is a task of its own: the scheduler knows how to make it again where the
        # worker that held it is lost, and hands it to each worker once.
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1TB"}):
            if self._payload is not None and (self._shared is None or self._shared.cancelled()):
                key = f"normwise-shared-{uuid.uuid4().hex}"
                self._shared = self._client.submit(bytes, self._payload, key=key, pure=False)
            self._submitted.update(positions)
            futures = self._client.map(
                run_call,
                [self._work.arguments[position] for position in positions],
                key=[f"normwise-{self._name}-{each}-{self._submitted[each]}" for each in positions],
                pure=False,
                call=self._call,
                shared=self._shared,
            )
        for position, future in zip(positions, futures, strict=True):
            self._waiting[position] = future
            future.add_done_callback(self._noting(position))

    def _noting(self, position: int) -> Callable[[Any], None]:
        return lambda future: self._done.put((position, future))

    def results(self) -> Iterator[Finished]:
        """Yield how each call ended; those that were lost are sent again."""
        from distributed import CancelledError

        while self._waiting:
            ended = self._next()
            finished = {position: each for position, each in ended.items() if each.status == "finished"}
            found: list[Finished] = []
            with suppress(CancelledError):  # the scheduler was lost meanwhile: their status says so
                found = self._client.gather(list(finished.values()))
            for position, result in zip(finished, found, strict=False):
                del self._waiting[position]
                yield replace(result, position=position)
            again = []
            for position, future in ended.items():
                if future.status == "error":
                    del self._waiting[position]
                    gone = self._after(future.exception(), position)
                    if gone is None:
                        again.append(position)
                    else:
                        yield gone
            cancelled = [
                each for each in ended if each in self._waiting and ended[each].status == "cancelled"
            ]
            if cancelled:
                self._wait_for_scheduler()
            self.submit([*again, *cancelled])

    def _next(self) -> dict[int, Any]:
        """Return the calls that have ended, at least after a moment."""
        ended: dict[int, Any] = {}
        with suppress(Empty):
            position, future = self._done.get(timeout=_POLL_SECONDS)
            while True:
                if self._waiting.get(position) is future:
                    ended[position] = future
                position, future = self._done.get_nowait()
        if ended:
            self._without_worker = 0.0
        else:
            self._look_for_workers()
        return ended

    def _look_for_workers(self) -> None:
        """Say it once where there is nobody who could work."""
        if self._client.status != "running" or self._client.scheduler_info().get("workers"):
            self._without_worker = 0.0
            return
        before = self._without_worker
        self._without_worker += _POLL_SECONDS
        if before < _PATIENCE_SECONDS <= self._without_worker:
            text = f"the cluster has had no worker for {_PATIENCE_SECONDS:.0f} s; the run waits for one"
            warnings.warn(NormwiseWarning("ENG-407", text), stacklevel=6)

    def _after(self, error: BaseException, position: int) -> Finished | None:
        """Return how a call ended that no worker has finished, or None where it is to be sent again."""
        from distributed import KilledWorker

        if isinstance(error, EngineError):
            raise error
        if isinstance(error, UnfitWorkerError):
            self._retire(error)
            return None
        if isinstance(error, KilledWorker):
            self._lost[position] += 1
            if self._lost[position] < _LOST_WORKERS:
                return None
            refused = EngineError(
                "ENG-405",
                "the worker was lost each time that this was given to one.",
                seen=str(error).splitlines()[0],
                advice="look into the logs of the workers; give their jobs more memory",
            )
            return Finished(position, None, refused, 0.0, 0)
        raise EngineError(
            "ENG-406",
            "a worker can't take calls of Normwise.",
            seen=f"{type(error).__name__}: {error}".splitlines()[0],
            advice="give the workers the environment of this run: the same Python with the same packages",
        ) from error

    def _retire(self, unfit: UnfitWorkerError) -> None:
        """Take a worker out of the cluster that can't do what it is given."""
        workers = self._client.nthreads()
        if set(workers) <= {unfit.address}:
            raise _refusal([f"{unfit.address}: {unfit.why}"])
        if unfit.address in workers:
            text = f"the worker at {unfit.address} was retired, and others do its part: {unfit.why}"
            warnings.warn(NormwiseWarning("ENG-408", text), stacklevel=6)
            self._client.retire_workers([unfit.address])

    def _wait_for_scheduler(self) -> None:
        """Go on where the scheduler is back, or say that it is lost."""
        while self._client.status == "connecting":
            time.sleep(_POLL_SECONDS)
        self._schedulers_lost += 1
        if self._client.status != "running" or self._schedulers_lost > _LOST_SCHEDULERS:
            raise self.scheduler_lost()
        text = f"the scheduler at {_address(self._client)} was lost and is back; its parts are sent again"
        warnings.warn(NormwiseWarning("ENG-409", text), stacklevel=6)

    def scheduler_lost(self) -> EngineError:
        """Return the error of a scheduler that can't be reached any more."""
        return EngineError(
            "ENG-404",
            "the scheduler of the cluster was lost.",
            subject=_address(self._client),
            seen=f"{len(self._waiting)} of {len(self._work.arguments)} parts were not finished",
            advice="give the same command again when the cluster is back: it goes on",
        )

    def cancel(self) -> None:
        """Take back what has not ended; workers then end its children."""
        with suppress(Exception):  # a cluster that is lost has nothing to take back
            if self._client.status == "running" and self._waiting:
                self._client.cancel(list(self._waiting.values()), force=True)
        self._waiting.clear()
        self._shared = None


def check_workers(client: Any, folders: Iterable[str]) -> None:
    """Refuse workers that can't do the work, by their names; who comes later is asked later.

    Parameters
    ----------
    client : distributed.Client
        Connected.
    folders : iterable of str
        What they must see.

    Raises
    ------
    EngineError
        ENG-402, other versions; ENG-403, a folder that can't be seen.
    """
    own = versions_here()["normwise"]
    found = _ask(client, version, "normwise")
    wrong = {
        worker: f"normwise {text if isinstance(text, str) else 'is not installed'}, not {own}"
        for worker, text in found.items()
        if text != own
    }
    if not wrong:
        apart = _ask(client, differences, versions_here())
        wrong = {
            worker: "; ".join(each) if isinstance(each, list) else f"{type(each).__name__}: {each}"
            for worker, each in apart.items()
            if each != []
        }
    if wrong:
        raise _refusal([f"{worker}: {text}" for worker, text in wrong.items()])
    with _probes(folders) as paths:
        unseen = {worker: each for worker, each in _ask(client, folders_missing, paths).items() if each}
    if unseen:
        lines = [f"{worker}: {', '.join(map(_folder_of, each))}" for worker, each in unseen.items()]
        raise EngineError(
            "ENG-403",
            "a worker can't see a folder of this run.",
            seen=_some(lines),
            expected="run, cache and images under the same names on every machine",
            advice="move them to a file system that all machines share; --cache DIR names another cache",
        )


def _ask(client: Any, function: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
    """Return what every worker answers, or the error why it can't."""
    with _quiet():
        answers: dict[str, Any] = client.run(function, *arguments, on_error="return")
    return {worker: answer for worker, answer in answers.items() if not isinstance(answer, OSError)}


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep to itself what the client logs of answers that are errors."""
    logger = logging.getLogger("distributed")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


_PROBE = ".normwise-seen-"


@contextmanager
def _probes(folders: Iterable[str]) -> Iterator[list[str]]:
    """Give paths that exist here, for the block; a new file in each folder that can be written to.

    A folder of the same name may be another on each machine.
    """
    name = f"{_PROBE}{uuid.uuid4().hex}"
    paths = [Path(folder) / name for folder in folders]
    try:
        for path in paths:
            with suppress(OSError):
                path.touch()
        yield [str(path if path.exists() else path.parent) for path in paths if path.parent.exists()]
    finally:
        for path in paths:
            with suppress(OSError):
                path.unlink()


def _folder_of(path: str) -> str:
    return str(Path(path).parent) if Path(path).name.startswith(_PROBE) else path


def _refusal(lines: list[str]) -> EngineError:
    return EngineError(
        "ENG-402",
        "a worker is not fit for this run.",
        seen=_some(lines),
        expected="the versions of this run, and room on the disk",
        advice="give all machines the same environment, or take that worker out of the cluster",
    )


def _some(lines: list[str]) -> str:
    more = [f"and {len(lines) - _NAMED} more"] if len(lines) > _NAMED else []
    return "\n".join([*lines[:_NAMED], *more])


def _address(client: Any) -> str:
    return str(getattr(client.scheduler, "address", ""))
