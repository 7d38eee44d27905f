"""A fork server that is given one call after another, by the threads of a worker."""

from __future__ import annotations

import json
import os
import pickle
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import closing, suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

from normwise.engine.executor import SHARED, TASKS, Finished, Work
from normwise.engine.local import LocalExecutor, finished_of, start_server

__all__ = ["CallServer", "NotWantedError"]

_MANY = 1_000_000  # the threads of the worker bound how many run at once
_LOST_SERVERS = 2  # so many may die while a call runs, until it is given one of its own
_POLL_SECONDS = 0.25
_IDLE_SECONDS = 10.0


class NotWantedError(Exception):
    """Nobody waits for the call any more."""


class CallServer:
    """Runs calls of one function in supervised children; started by the first, ended when there are none.

    Parameters
    ----------
    work : Work
        The function and its limits; its arguments come with each call.
    shared : bytes, optional
        What all calls are given besides, pickled.
    """

    def __init__(self, work: Work, shared: bytes | None) -> None:
        self._work = replace(work, arguments={}, jobs=_MANY, shared=None)
        self._shared = shared
        self._lock = threading.Lock()
        self._numbers = count()
        self._folder: Path | None = None
        self._pipe = -1
        self._running: dict[int, Future[Finished | None]] = {}
        self._idle: threading.Timer | None = None

    def call(self, arguments: Mapping[str, Any], is_wanted: Callable[[], bool]) -> Finished:
        """Run one call to its end.

        Parameters
        ----------
        arguments : mapping
            Keyword arguments, as JSON can hold them.
        is_wanted : callable
            Asked some times a second: where it returns False, the child that makes the call is killed.

        Raises
        ------
        NotWantedError
            It was not wanted.
        EngineError
            ENG-104 or ENG-105, nothing can be started.
        """
        for _ in range(_LOST_SERVERS):
            number, ended = self._send(arguments)
            while not ended.done():
                with suppress(TimeoutError):
                    ended.exception(_POLL_SECONDS)
                if not ended.done() and not is_wanted():
                    with self._lock:
                        self._write({"unwanted": number})
                    raise NotWantedError
            if (finished := ended.result()) is not None:
                return finished
        return self._alone(arguments)

    def _alone(self, arguments: Mapping[str, Any]) -> Finished:
        """Run a call where only it can end the fork server."""
        shared = None if self._shared is None else pickle.loads(self._shared)  # noqa: S301 - from the client
        work = replace(self._work, arguments={0: arguments}, jobs=1, shared=shared)
        with closing(LocalExecutor().execute(work)) as ends:
            return next(ends)

    def _send(self, arguments: Mapping[str, Any]) -> tuple[int, Future[Finished | None]]:
        with self._lock:
            if self._idle is not None:
                self._idle.cancel()
                self._idle = None
            if self._folder is None:
                started: Future[None] = Future()
                # A thread that lives as long as the server: the kernel ends it with the thread that began it.
                threading.Thread(target=self._serve, args=(started,), daemon=True).start()
                started.result()
            assert self._folder is not None
            number = next(self._numbers)
            own = {} if self._shared is None else {"shared": str(self._folder / SHARED)}
            ended = self._running[number] = Future()
            self._write({"position": number, "arguments": {**arguments, **own}})
        return number, ended

    def _write(self, said: Mapping[str, Any]) -> None:
        with suppress(OSError):  # a server that has died is noticed by its events
            line = (json.dumps(said) + "\n").encode()
            while line:
                line = line[os.write(self._pipe, line) :]

    def _serve(self, started: Future[None]) -> None:
        """Hold a server until it ends, and hand out how its calls have ended."""
        try:
            with start_server(self._work, fed=True, shared=self._shared) as (folder, events):
                self._folder, self._pipe = folder, os.open(folder / TASKS, os.O_WRONLY)
                started.set_result(None)
                for line in events:
                    finished = finished_of(json.loads(line), folder, self._work)
                    with self._lock:
                        self._running.pop(finished.position).set_result(replace(finished, position=0))
                        if not self._running:
                            self._idle = threading.Timer(_IDLE_SECONDS, self._end)
                            self._idle.daemon = True
                            self._idle.start()
                with self._lock:
                    self._close()
        except BaseException as error:  # noqa: BLE001 - whoever waits is to know
            if not started.done():
                started.set_exception(error)
                return
            with self._lock:
                self._close()

    def _close(self) -> None:
        """Forget a server that has ended, with what it was running."""
        if self._folder is not None:
            os.close(self._pipe)
        self._folder, self._pipe = None, -1
        lost, self._running = self._running, {}
        for ended in lost.values():
            ended.set_result(None)

    def _end(self) -> None:
        with self._lock:
            if not self._running and self._folder is not None:
                self._write({"end": True})
