"""One function over many subjects or parts, in supervised child processes, and results kept by content.

- ``subjects``       the cache first, then child processes for the rest
- ``executor``       what goes in and comes out, and the protocol of where children run
- ``local``          this machine: a fork server on Linux, one fresh Python a call elsewhere
- ``fork_server``    the process that forks, watches and reaps children
- ``spawn``          a fresh Python
- ``worker``         inside one child
- ``exit_reasons``   how a child ended, as an error
- ``cache``, ``fingerprints``, ``serialization``  results by content, hashes of inputs, values as files
- ``cache_folders``, ``cache_upkeep``  which folder that is; how much lies in it, and what is old or broken
- ``parallel``       parts of one piece of work, as folds: a child takes one after another
- ``cluster``        the same on the workers of a Dask cluster, or of jobs of a queueing system
- ``progress``       what is shown and logged meanwhile
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from normwise.engine.executor import (
    Executor,
    Finished,
    FunctionName,
    Limits,
    Outcome,
    Task,
    Value,
    Work,
    count_cpus,
    worker_count,
)
from normwise.engine.progress import Progress, make_progress
from normwise.lazy import on_use

if TYPE_CHECKING:
    from normwise.engine.cache import versions_of
    from normwise.engine.cache_folders import cache_place, choose_cache, chosen_cache
    from normwise.engine.cache_upkeep import (
        CacheContents,
        check_kept,
        measure_cache,
        prune_cache,
        verify_cache,
    )
    from normwise.engine.cluster.connect import use_engine
    from normwise.engine.cluster.executor import DaskExecutor
    from normwise.engine.local import LocalExecutor
    from normwise.engine.parallel import on_engine_of, return_memory, run_parts
    from normwise.engine.serialization import keep_stored, read_shared, read_stored, write_stored
    from normwise.engine.subjects import run_subjects

__all__ = [
    "CacheContents",
    "DaskExecutor",
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
    "cache_place",
    "check_kept",
    "choose_cache",
    "chosen_cache",
    "count_cpus",
    "keep_stored",
    "make_progress",
    "measure_cache",
    "on_engine_of",
    "prune_cache",
    "read_shared",
    "read_stored",
    "return_memory",
    "run_parts",
    "run_subjects",
    "use_engine",
    "verify_cache",
    "versions_of",
    "worker_count",
    "write_stored",
]

__getattr__ = on_use(
    __name__,
    {
        "CacheContents": "cache_upkeep",
        "DaskExecutor": "cluster.executor",
        "LocalExecutor": "local",
        "cache_place": "cache_folders",
        "check_kept": "cache_upkeep",
        "choose_cache": "cache_folders",
        "chosen_cache": "cache_folders",
        "keep_stored": "serialization",
        "measure_cache": "cache_upkeep",
        "on_engine_of": "parallel",
        "prune_cache": "cache_upkeep",
        "read_shared": "serialization",
        "read_stored": "serialization",
        "return_memory": "parallel",
        "run_parts": "parallel",
        "run_subjects": "subjects",
        "use_engine": "cluster.connect",
        "verify_cache": "cache_upkeep",
        "versions_of": "cache",
        "write_stored": "serialization",
    },
)
