"""Children on this machine: forked by a fork server on Linux, started one by one elsewhere."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from normwise.engine.executor import GRACE_SECONDS, MARK, SHARED, TASKS, Finished, Work
from normwise.engine.exit_reasons import explain_end, import_failed, result_of
from normwise.engine.spawn import SpawnExecutor, start_python
from normwise.errors import EngineError

__all__ = ["ForkExecutor", "LocalExecutor", "finished_of", "start_server"]

_LOST_SERVERS = 4  # so many in a row may die before a call ends, until the call is given up
_LOG = "server.log"


class LocalExecutor:
    """Runs each call in a supervised child process of this machine.

    On Linux children are forked by a fork server (`ForkExecutor`). Elsewhere, where forking a process with
    numeric libraries in it isn't safe, each is a fresh interpreter (`SpawnExecutor`).
    """

    def execute(self, work: Work) -> Generator[Finished, None, None]:
        """Yield how each call ended."""
        executor = ForkExecutor() if sys.platform == "linux" else SpawnExecutor()
        return executor.execute(work)


class ForkExecutor:
    """Forks children from one process that has imported what the function needs; Linux only."""

    def execute(self, work: Work) -> Generator[Finished, None, None]:
        """Yield how each call ended.

        A fork server that dies is replaced. If it dies again before any call has ended, its successors make
        one call at a time, and a call during which the server dies twice more is given up.

        Raises
        ------
        EngineError
            ENG-104, the function's module can't be imported; ENG-105, the fork server can't start.
        """
        left = dict(work.arguments)
        lost = 0
        while left:
            before = len(left)
            jobs = work.jobs if lost < 2 else 1
            part = replace(work, jobs=jobs, arguments=dict(left))
            with contextlib.closing(_run_all(part)) as ends:
                for finished in ends:
                    left.pop(finished.position)
                    yield finished
            lost = lost + 1 if len(left) == before else 0
            if lost == _LOST_SERVERS:
                position = next(iter(left))
                left.pop(position)
                yield Finished(position, None, _server_lost(), 0.0, 0)
                lost = 2


def _run_all(work: Work) -> Generator[Finished, None, None]:
    """Run one fork server until every call has ended, or it dies."""
    with start_server(work) as (folder, events):
        for line in events:
            yield finished_of(json.loads(line), folder, work)


@contextlib.contextmanager
def start_server(
    work: Work, *, fed: bool = False, shared: bytes | None = None
) -> Iterator[tuple[Path, Iterator[bytes]]]:
    """Start a fork server and give its folder and its events; at the block's end all its children have ended.

    Parameters
    ----------
    work : Work
        What it runs.
    fed : bool
        Whether further calls come through a named pipe in the folder.
    shared : bytes, optional
        What ``work.shared`` was pickled to, elsewhere.

    Raises
    ------
    EngineError
        ENG-104, the function's module can't be imported; ENG-105, the fork server can't start.
    """
    with tempfile.TemporaryDirectory(prefix="normwise-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        content = {
            "function": asdict(work.function),
            "preload": work.preload,
            "limits": asdict(work.limits),
            "jobs": work.jobs,
            "reuse_children": work.reuse_children,
            "tasks": list(work.arguments_in(folder).items()),
        }
        (folder / "work.json").write_text(json.dumps(content), encoding="utf-8")
        if shared is not None:
            (folder / SHARED).write_bytes(shared)
        if fed:
            os.mkfifo(folder / TASKS, 0o600)
        with _fork_server(folder) as events:
            first = json.loads(next(events, "{}"))
            if "import_failed" in first:
                raise import_failed(work.function, first["import_failed"])
            if "ready" not in first:
                raise _server_not_started(folder / _LOG)
            yield folder, events


def finished_of(event: dict[str, Any], folder: Path, work: Work) -> Finished:
    """Return how a call ended, from what a fork server said of it and the files that its child left."""
    position = event["position"]
    content = result_of(folder / f"{position}.result")
    error = None
    if content is None or event["killed_for"]:
        log = folder / f"{position}.log"
        content, error = None, explain_end(event["status"], event["killed_for"], work.limits, log)
    return Finished(position, content, error, event["seconds"], event["peak_bytes"])


@contextlib.contextmanager
def _fork_server(folder: Path) -> Iterator[Iterator[bytes]]:
    """Start a fork server and give its events; at the end it and all its children have ended."""
    with (folder / _LOG).open("wb") as log:
        process = start_python(
            "normwise.engine.fork_server",
            str(folder),
            str(os.getpid()),
            threads=1,
            stdout=subprocess.PIPE,
            stderr=log,
            environment={MARK: str(folder)},
        )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield iter(process.stdout)
    finally:
        process.stdin.close()
        try:
            process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()  # the kernel then kills its children
        finally:
            process.stdout.close()
            process.wait()


def _server_lost() -> EngineError:
    return EngineError(
        "ENG-210",
        "the process that watches this child was ended again and again while it ran.",
        advice="look for a shortage of memory, or for something in the function that ends other processes",
    )


def _server_not_started(log: Path) -> EngineError:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return EngineError(
        "ENG-105",
        "the process that starts and watches the children did not start.",
        seen=lines[-1] if lines else "it wrote nothing",
        advice="look for a shortage of memory or processes (ulimit -u), and for a broken installation",
    )
