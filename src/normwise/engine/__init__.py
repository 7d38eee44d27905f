"""The third room: many of them. One function over many subjects, each in a supervised child process.

A walk through the files, in the order in which a run goes:

- ``task``          what goes in and comes out: `Task`, `Limits`, `Outcome`
- ``run``           `run_subjects`: the cache first, then children for the rest
- ``fingerprints``  hashes of the input files
- ``cache``         results by content, never trusted unchecked
- ``executor``      the protocol of where children run
- ``local``         this machine: forked by a nursery on Linux, started one by one elsewhere
- ``nursery``, ``spawn``, ``interpreter``  the processes
- ``child``         what happens inside one child
- ``stored``        a result as bytes
- ``ends``          how a child ended, in words
- ``display``, ``progress``, ``bar``  what is shown meanwhile
"""

from __future__ import annotations

from normwise.engine.executor import Executor, Finished, FunctionName, Work
from normwise.engine.local import LocalExecutor
from normwise.engine.make_progress import make_progress
from normwise.engine.progress import Progress
from normwise.engine.run_subjects import run_subjects
from normwise.engine.serialization import DamagedError, decode, encode_value
from normwise.engine.task import Limits, Outcome, Task, Value

__all__ = [
    "DamagedError",
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
    "decode",
    "encode_value",
    "make_progress",
    "run_subjects",
]
