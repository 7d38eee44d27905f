"""Children on this machine: forked by a nursery on Linux, started one by one elsewhere."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from normwise.engine.ends import explain_end, import_failed, result_of
from normwise.engine.executor import Finished, Work
from normwise.engine.interpreter import start_python
from normwise.engine.spawn import SpawnExecutor
from normwise.errors import EngineError

__all__ = ["ForkExecutor", "LocalExecutor"]

_LIVES = 3  # a nursery that dies before any of its children ended is started so many times
_GRACE_SECONDS = 5.0


class LocalExecutor:
    """Runs each call in a supervised child process of this machine.

    On Linux children are forked by a nursery (`ForkExecutor`); elsewhere, where forking a process that has
    loaded numeric libraries isn't safe, each is a fresh interpreter (`SpawnExecutor`).
    """

    def execute(self, work: Work) -> Generator[Finished, None, None]:
        """Give each call's end as it comes."""
        executor = ForkExecutor() if sys.platform == "linux" else SpawnExecutor()
        return executor.execute(work)


class ForkExecutor:
    """Forks each child from one process that has imported what the function needs; Linux only."""

    def execute(self, work: Work) -> Generator[Finished, None, None]:
        """Give each call's end as it comes.

        Raises
        ------
        EngineError
            ENG-104, the function's module can't be imported; ENG-105, no nursery stays alive.
        """
        left = dict(work.arguments)
        lives = _LIVES
        while left:
            before = len(left)
            with contextlib.closing(_raise_all(work, left)) as ends:
                for finished in ends:
                    left.pop(finished.position)
                    yield finished
            lives = lives - 1 if len(left) == before else _LIVES
            if left and not lives:
                raise EngineError(
                    "ENG-105",
                    "the process that watches the children was ended from outside again and again.",
                    seen=f"{len(left)} of {len(work.arguments)} subjects not done",
                    advice="look for a shortage of memory or processes (ulimit -u); a new run goes on here",
                )


def _raise_all(work: Work, left: dict[int, Any]) -> Generator[Finished, None, None]:
    """Run one nursery until it has no child left, or dies."""
    with tempfile.TemporaryDirectory(prefix="normwise-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        order = {
            "function": asdict(work.function),
            "preload": work.preload,
            "limits": asdict(work.limits),
            "jobs": work.jobs,
            "tasks": list(left.items()),
        }
        (folder / "order.json").write_text(json.dumps(order), encoding="utf-8")
        with _nursery(folder) as events:
            for line in events:
                event = json.loads(line)
                if "import_failed" in event:
                    raise import_failed(work.function, event["import_failed"])
                yield _finished(event, folder, work)


def _finished(event: dict[str, Any], folder: Path, work: Work) -> Finished:
    position = event["position"]
    content = result_of(folder / f"{position}.result")
    error = None
    if content is None or event["killed_for"]:
        log = folder / f"{position}.log"
        content, error = None, explain_end(event["status"], event["killed_for"], work.limits, log)
    return Finished(position, content, error, event["seconds"], event["peak_bytes"])


@contextlib.contextmanager
def _nursery(folder: Path) -> Iterator[Iterator[bytes]]:
    """Start a nursery and give its events; on leaving it and all its children are gone."""
    process = start_python(
        "normwise.engine.nursery", str(folder), str(os.getpid()), threads=1, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield iter(process.stdout)
    finally:
        process.stdin.close()
        try:
            process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()  # the kernel then kills its children
        finally:
            process.stdout.close()
            process.wait()
