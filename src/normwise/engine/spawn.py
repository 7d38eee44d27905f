"""Starting another Python that finds the same modules, whatever the caller's ``__main__`` is."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from normwise.engine.executor import Finished, FunctionName, Limits, Work
from normwise.engine.exit_reasons import explain_end, import_failed, result_of
from normwise.engine.serialization import encode_error
from normwise.engine.worker import call_and_store, import_function, limit_threads, thread_settings
from normwise.errors import EngineError

__all__ = ["SpawnExecutor", "main", "start_python"]

_START = (
    "import importlib, json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "importlib.import_module(sys.argv[2]).main(*sys.argv[3:])"
)


def start_python(
    module: str,
    *arguments: str,
    threads: int,
    stdout: int | IO[bytes] = subprocess.DEVNULL,
    stderr: int | IO[bytes] = subprocess.DEVNULL,
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start ``module.main(*arguments)`` in a fresh interpreter.

    Nothing of the caller's script is imported, so it needs no ``if __name__ == "__main__"``; a notebook and a
    daemonic worker can call it too.

    Parameters
    ----------
    module : str
        Has a function ``main``.
    *arguments : str
        What it is called with.
    threads : int
        Threads of the numeric libraries that it loads.
    stdout, stderr : int or file
        As of `subprocess.Popen`.
    environment : mapping of str to str, optional
        Further environment variables.

    Returns
    -------
    subprocess.Popen
        Its standard input is a pipe that closes when the caller ends. It leads a session of its own: Ctrl-C
        reaches the caller only, who then takes it down in order.

    Raises
    ------
    EngineError
        ENG-106, Python doesn't run as a program of its own.
    """
    if not sys.executable:
        raise EngineError(
            "ENG-106",
            "there is no Python interpreter to start child processes with.",
            advice="run normwise from an ordinary Python, not from inside another program",
        )
    path = json.dumps([str(entry) or str(Path.cwd()) for entry in sys.path])
    return subprocess.Popen(
        [sys.executable, "-P", "-c", _START, path, module, *arguments],
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=stderr,
        # A fixed hash seed gives sets one order: the same input, the same bytes out.
        env={**os.environ, **thread_settings(threads), "PYTHONHASHSEED": "0", **(environment or {})},
        start_new_session=True,
    )


class SpawnExecutor:
    """Starts a fresh interpreter a call, as many at once as there are jobs."""

    def execute(self, work: Work) -> Generator[Finished, None, None]:
        """Yield how each call ended."""
        running: set[subprocess.Popen[bytes]] = set()
        closing = threading.Event()
        with (
            tempfile.TemporaryDirectory(prefix="normwise-", ignore_cleanup_errors=True) as name,
            ThreadPoolExecutor(work.jobs) as pool,
        ):
            calls = [
                pool.submit(_run_one, work, position, arguments, Path(name), running, closing)
                for position, arguments in work.arguments_in(Path(name)).items()
            ]
            try:
                for call in as_completed(calls):
                    yield call.result()
            finally:
                closing.set()
                pool.shutdown(wait=False, cancel_futures=True)
                for process in list(running):
                    _kill(process)


def _run_one(
    work: Work,
    position: int,
    arguments: Mapping[str, Any],
    folder: Path,
    running: set[subprocess.Popen[bytes]],
    closing: threading.Event,
) -> Finished:
    call = {
        "function": asdict(work.function),
        "limits": asdict(work.limits),
        "arguments": arguments,
        "position": position,
    }
    (folder / f"{position}.json").write_text(json.dumps(call), encoding="utf-8")
    begun = time.monotonic()
    killed_for = None
    with (folder / f"{position}.log").open("wb") as log:
        process = start_python(
            "normwise.engine.spawn", str(folder / f"{position}.json"), threads=work.limits.threads, stderr=log
        )
        running.add(process)
        with process:
            if closing.is_set():
                _kill(process)
            try:
                process.wait(work.limits.seconds)
            except subprocess.TimeoutExpired:
                killed_for = "time"
            _kill(process)
        running.discard(process)
    content = result_of(folder / f"{position}.result")
    peak = result_of(folder / f"{position}.peak")
    error = None
    if content is None or killed_for:
        log_path = folder / f"{position}.log"
        content, error = None, explain_end(process.returncode, killed_for, work.limits, log_path)
    return Finished(position, content, error, time.monotonic() - begun, int(peak or 0))


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a child and, where the system has process groups, whatever it started."""
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


def main(work: str) -> None:
    """Make the one call that a file describes; the caller holds standard input open until it ends."""
    work_file = Path(work)
    parent_pipe = os.dup(0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    threading.Thread(target=_end_with_caller, args=(parent_pipe,), daemon=True).start()
    call = json.loads(work_file.read_bytes())
    limits = Limits(**call["limits"])
    name = FunctionName(**call["function"])
    result = work_file.with_suffix(".result")
    try:
        function = import_function(name)
    except Exception as error:  # noqa: BLE001 - a module may fail in any way while it is imported
        result.write_bytes(encode_error(import_failed(name, f"{type(error).__name__}: {error}")))
        os._exit(0)
    limit_threads(limits.threads)
    call_and_store(function, call["arguments"], limits, result)
    with contextlib.suppress(ImportError):
        import resource

        unit = 1 if sys.platform == "darwin" else 1024  # the one system that counts in bytes
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
        work_file.with_suffix(".peak").write_text(str(peak), encoding="ascii")
    os._exit(0)  # as a forked child: no library's shutdown can hang after the result is there


def _end_with_caller(parent_pipe: int) -> None:
    os.read(parent_pipe, 1)
    os._exit(1)
