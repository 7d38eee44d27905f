"""Starting another Python that finds the same modules, whatever the caller's ``__main__`` is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import IO

from normwise.engine.child import thread_settings
from normwise.errors import EngineError

__all__ = ["start_python"]

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
        env={**os.environ, **thread_settings(threads), "PYTHONHASHSEED": "0"},
        start_new_session=True,
    )
