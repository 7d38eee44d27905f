"""Inside one child process: set limits, call the function, write its result or its error."""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import importlib.util
import os
import random
import sys
import traceback
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from normwise.engine.executor import FunctionName, Limits
from normwise.engine.serialization import encode_error, encode_value
from normwise.errors import EngineError, NormwiseError, NormwiseWarning

__all__ = [
    "call_and_store",
    "import_function",
    "limit_memory",
    "limit_threads",
    "seed_generators",
    "thread_settings",
]

_THREAD_SETTINGS = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
)  # fmt: skip


def import_function(name: FunctionName) -> Callable[..., object]:
    """Import a function by name; by its file where the module isn't on the path.

    Parameters
    ----------
    name : FunctionName
        From `normwise.engine.executor.name_function`.

    Returns
    -------
    callable
    """
    try:
        imported: Any = importlib.import_module(name.module)
    except ModuleNotFoundError:
        if name.file is None:
            raise
        spec = importlib.util.spec_from_file_location(name.module, name.file)
        if spec is None or spec.loader is None:
            raise
        imported = importlib.util.module_from_spec(spec)
        sys.modules[name.module] = imported
        spec.loader.exec_module(imported)
    for part in name.qualname.split("."):
        imported = getattr(imported, part)
    return imported  # type: ignore[no-any-return] # the caller knows its type


def thread_settings(threads: int) -> dict[str, str]:
    """Return environment variables that limit the threads of numeric libraries when they are loaded."""
    return dict.fromkeys(_THREAD_SETTINGS, str(threads))


def limit_threads(threads: int) -> None:
    """Limit the threads of the libraries that are loaded, and of those that will be."""
    from threadpoolctl import threadpool_limits

    os.environ.update(thread_settings(threads))
    threadpool_limits(threads)
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(threads)


def seed_generators() -> None:
    """Seed the global generators, so that code without a seed of its own draws the same in every child."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - the global generator is the one that careless code uses
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)


def limit_memory(memory_bytes: int) -> None:
    """Let this process write to so much memory beyond what it holds; more is a MemoryError.

    The limit is on data (``RLIMIT_DATA``): private memory that can be written. The address space
    (``RLIMIT_AS``) would count the gigabytes that torch and BLAS map or reserve and never touch. No core
    is dumped, since it would hold a person's image.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (_data_bytes() + memory_bytes, hard))


def _lift_memory_limit() -> None:
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))


def _data_bytes() -> int:
    """Return what already counts against the limit: what was loaded before the function is called."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("VmData:")).split()[1])
    return 0


def call_and_store(
    function: Callable[..., object], arguments: Mapping[str, Any], limits: Limits, result: Path
) -> None:
    """Call the function and write what it returns, or the error that ended it, to a file.

    Parameters
    ----------
    function : callable
        Called with ``arguments``.
    arguments : mapping
        Keyword arguments.
    limits : Limits
        Memory is limited here; the supervising process limits time.
    result : Path
        Written beside itself first, so that it appears whole or not at all.
    """
    faulthandler.enable()  # a crash leaves the line it came from in the child's log
    seed_generators()
    raised: list[NormwiseWarning] = []
    limit_memory(limits.memory_bytes)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", NormwiseWarning)
            try:
                value = function(**arguments)
            finally:
                messages = (item.message for item in caught)
                raised = [each for each in messages if isinstance(each, NormwiseWarning)]
                raised = list({str(each): each for each in raised}.values())
        content = encode_value(value, raised)
    except MemoryError as error:
        _lift_memory_limit()
        content = encode_error(memory_exceeded(limits, str(error)), raised)
    except NormwiseError as error:
        content = encode_error(error, raised)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it costs this subject only
        content = encode_error(_unexpected(error), raised)
    part = result.with_suffix(".part")
    part.write_bytes(content)
    part.replace(result)


def memory_exceeded(limits: Limits, seen: str) -> EngineError:
    """Return the error of a child that wanted more memory than it may have."""
    return EngineError(
        "ENG-202",
        f"the child process needed more than {limits.memory_bytes / 1e9:.3g} GB of memory.",
        seen=seen or "an allocation failed",
        advice="raise the memory limit if the machine has more, or give a smaller image",
    )


def _unexpected(error: BaseException) -> EngineError:
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno} in {frames[-1].name}" if frames else ""
    return EngineError(
        "ENG-205",
        f"the function failed with {type(error).__name__}.",
        seen=f"{error}{place}",
        advice="this is a fault of the extractor or of an unusual image: report it with this line",
    )
