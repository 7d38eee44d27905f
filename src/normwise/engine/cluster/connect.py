"""A cluster for as long as a block lasts: one that runs already, or jobs of a queueing system."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import FrameType
from typing import Any

from normwise.engine.cluster.executor import DaskExecutor
from normwise.engine.executor import CURRENT, Executor
from normwise.errors import EngineError
from normwise.extras import need_packages
from normwise.schema import EngineSection

__all__ = ["use_engine"]

_CONNECT_SECONDS = 15
_QUEUES = {"slurm": "SLURMCluster", "pbs": "PBSCluster", "sge": "SGECluster", "lsf": "LSFCluster"}


@contextmanager
def use_engine(engine: Any) -> Iterator[None]:
    """Run everything that is many inside the block elsewhere: subjects, folds, permutations.

    Numbers and files are the same wherever they run. Inside another such block the outer one holds.

    Parameters
    ----------
    engine : EngineSection, distributed.Client or Executor
        The ``[engine]`` of a study, which may start jobs that end with the block; a client of a Dask cluster,
        which stays connected; or what runs calls in another way.

    Raises
    ------
    EngineError
        ENG-107, a package is missing; ENG-401, no scheduler is there; ENG-410, the queueing system refuses.

    Examples
    --------
    >>> from normwise.schema import EngineSection
    >>> with use_engine(EngineSection(name="local")):
    ...     pass
    """
    with ExitStack() as stack:
        if CURRENT.get() is None:
            executor = _executor_of(engine, stack)
            token = CURRENT.set(executor)
            stack.callback(CURRENT.reset, token)
            if executor is not None:
                stack.enter_context(_ending_by_signal())
        yield


def _executor_of(engine: Any, stack: ExitStack) -> Executor | None:
    if not isinstance(engine, EngineSection):
        return DaskExecutor(engine) if hasattr(engine, "scheduler_info") else engine
    if engine.name == "local":
        return None
    packages = ("distributed",) if engine.name == "dask" else ("distributed", "dask_jobqueue")
    need_packages(packages, "ENG-107", EngineError, subject=f"engine {engine.name}")
    place = engine.scheduler if engine.name == "dask" else stack.enter_context(_queued(engine))
    return DaskExecutor(stack.enter_context(_connected(place)))


@contextmanager
def _connected(place: Any) -> Iterator[Any]:
    """Give a client of the cluster, or of the scheduler at an address."""
    from distributed import Client

    try:
        client = Client(place, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as fault:
        raise EngineError(
            "ENG-401",
            "there is no scheduler of a Dask cluster at this address.",
            subject=str(place),
            seen=str(fault).splitlines()[0] if str(fault) else type(fault).__name__,
            expected="the address that `dask scheduler` prints, as tcp://node1:8786",
            advice="start the scheduler, or see whether this machine reaches it",
        ) from None
    with client:
        yield client


@contextmanager
def _queued(engine: EngineSection) -> Iterator[Any]:
    """Give a cluster whose workers are jobs of a queueing system."""
    import dask_jobqueue

    options = {"cores": engine.cores, "processes": 1, "memory": engine.memory, "walltime": engine.time}
    if engine.queue is not None:
        options["queue"] = engine.queue
    if engine.account is not None:
        options["account"] = engine.account
    if engine.interface is not None:
        options["interface"] = engine.interface
    try:
        cluster = getattr(dask_jobqueue, _QUEUES[engine.name])(
            job_extra_directives=list(engine.options), python=sys.executable, **options
        )
    except (OSError, ValueError, RuntimeError) as fault:
        raise _refused(engine, fault) from fault
    try:
        # As ``scale`` does, which would only log that a job is refused.
        for _ in range(engine.workers):
            cluster.worker_spec.update(cluster.new_worker_spec())
        try:
            cluster.sync(cluster._correct_state)  # noqa: SLF001 - nothing public waits for the jobs
        except (OSError, RuntimeError) as fault:
            raise _refused(engine, fault) from fault
        yield cluster
    finally:
        with suppress(AssertionError):  # a job that was refused is no job that has ended
            cluster.close()


def _refused(engine: EngineSection, fault: Exception) -> EngineError:
    lines = [line for line in str(fault).splitlines() if line.strip()]
    return EngineError(
        "ENG-410",
        "no jobs can be given to the queueing system.",
        subject=f"engine {engine.name}",
        seen=lines[-1].strip() if lines else type(fault).__name__,
        advice="try the keys of [engine] in a job of your own; engine.options passes further lines to it",
    )


@contextmanager
def _ending_by_signal() -> Iterator[None]:
    """Let SIGTERM end the block as an exception does, so that jobs and calls elsewhere end with it."""

    def end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - as the system calls it
        sys.exit(128 + number)

    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
