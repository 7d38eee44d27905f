"""One function over many subjects, each in a supervised child process, and results kept by content.

- ``subjects``       the cache first, then child processes for the rest
- ``executor``       what goes in and comes out, and the protocol of where children run
- ``local``          this machine: a fork server on Linux, one fresh Python a child elsewhere
- ``fork_server``    the process that forks, watches and reaps children
- ``spawn``          a fresh Python
- ``worker``         inside one child
- ``exit_reasons``   how a child ended, as an error
- ``cache``, ``fingerprints``, ``serialization``  results by content, hashes of inputs, values as files
- ``parallel``       parts of one piece of work, as folds, each in a child
- ``progress``       what is shown and logged meanwhile
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from normwise.engine.executor import Executor, Finished, FunctionName, Limits, Outcome, Task, Value, Work
from normwise.engine.progress import Progress, make_progress
from normwise.lazy import on_use

if TYPE_CHECKING:
    from normwise.engine.local import LocalExecutor
    from normwise.engine.parallel import run_parts
    from normwise.engine.serialization import read_shared, read_stored, write_stored
    from normwise.engine.subjects import run_subjects

__all__ = [
    "Executor",
    "Finished",
    "FunctionName",
    "Limits",
    "LocalExecutor",
    "Outcome",
    "Progress",
    "Task",
    "Value",
    "Work",
    "make_progress",
    "read_shared",
    "read_stored",
    "run_parts",
    "run_subjects",
    "write_stored",
]

__getattr__ = on_use(
    __name__,
    {
        "LocalExecutor": "local",
        "read_shared": "serialization",
        "read_stored": "serialization",
        "run_parts": "parallel",
        "run_subjects": "subjects",
        "write_stored": "serialization",
    },
)
