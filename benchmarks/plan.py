"""How long heads, slides and rows take on many machines, by simulation from measured rates.

    python -m benchmarks plan

Measured here: the CPU time of a Dask scheduler and of the command for one call that does nothing. Measured
elsewhere, see docs/benchmarks.md, and written below: the CPU time of a head, of a slide, of a fold. Assumed,
as a usual cluster has it: machines of 8 cores and 32 GB, a shared file system of 1 GB/s for all of them
together, a network of 1 GB/s a machine, calls whose durations differ by 15 % (standard deviation of their
logarithm). Simulated call by call: a free core asks the scheduler, which serves one at a time; then the call
reads its data through the file system, which serves one at a time at its full rate (so that all together take
as long as if they shared it); then it computes. Printed are the wall time, how busy the cores are, and which
of scheduler, file system, or the part that one process does alone, holds it up.
"""

from __future__ import annotations

import heapq
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

CORES, MEMORY_GB, DISK_MB_S, NETWORK_MB_S = 8, 32, 1000.0, 1000.0
SPREAD, SEED = 0.15, 0
MACHINES = (1, 10, 100, 1000)
CALLS, WORKERS = 2000, 2


@dataclass(frozen=True)
class Job:
    """What is done: calls of so many CPU seconds, MB that each reads and writes, GB that it holds.

    ``start`` is what each core spends before its first call, ``alone`` what one process does before and after
    all calls, ``common`` the MB that each machine is sent once.
    """

    name: str
    calls: int
    seconds: float
    megabytes: float
    gigabytes: float
    start: float = 3.0
    alone: float = 5.0
    common: float = 0.0


JOBS = (
    Job("5,000 raw heads, `default`", 5000, 42.2, 30.0, 4.0),
    Job("5,000 raw heads, `fast`", 5000, 17.4, 30.0, 4.0),
    Job("10,000 slides of 40,960² px", 10_000, 87.0, 276.0, 2.0),
    # 522 CPU s at rest, divided as those of 20,000 rows: 64 % is the work of folds.
    Job("100,000 rows of 300 features, five folds", 5, 67.0, 0.0, 2.0, alone=188.0, common=240.0),
    Job("the same, five folds drawn five times", 25, 67.0, 0.0, 2.0, alone=188.0, common=240.0),
)


@dataclass(frozen=True)
class Simulated:
    """Wall seconds, and the share of them in which cores, scheduler and file system worked."""

    wall: float
    cores: float
    scheduler: float
    disk: float


def simulate(job: Job, machines: int, call: float) -> Simulated:
    """Play one job through.

    Parameters
    ----------
    job : Job
        What is done.
    machines : int
        How many.
    call : float
        Seconds of the scheduler and the command a call.
    """
    rng = np.random.default_rng(SEED)
    seconds = job.seconds * np.exp(rng.normal(-(SPREAD**2) / 2, SPREAD, job.calls))
    slots = machines * min(CORES, int(MEMORY_GB // job.gigabytes))
    sent = job.common / NETWORK_MB_S
    # Who sends it has one network card.
    free = [job.start + sent * (1 + slot * machines // slots) for slot in range(slots)]
    heapq.heapify(free)
    scheduler = disk = end = 0.0
    reading = job.megabytes / DISK_MB_S
    for each in seconds:
        asked = heapq.heappop(free)
        scheduler = max(scheduler, asked) + call
        disk = max(disk, scheduler) + reading
        end = max(end, disk + each)
        heapq.heappush(free, disk + each)
    wall = end + job.alone
    return Simulated(
        wall, float(seconds.sum()) / slots / wall, job.calls * call / wall, job.calls * reading / wall
    )


def nothing(number: int) -> int:
    return number


def measure_call() -> tuple[float, float]:
    """Measure the CPU seconds a call of the scheduler and of the command."""
    from distributed import Client

    from benchmarks.clusters import PORT, Cluster
    from normwise.engine import run_parts, use_engine

    cluster = Cluster(WORKERS, PORT + 20)
    with Client(cluster.address, timeout=600) as client, use_engine(client):
        client.wait_for_workers(WORKERS)
        list(run_parts(nothing, [(0,)]))
        before = _cpu_of(cluster.scheduler.pid), time.process_time()
        list(run_parts(nothing, [(number,) for number in range(CALLS)]))
        after = _cpu_of(cluster.scheduler.pid), time.process_time()
    cluster.stop()
    return (after[0] - before[0]) / CALLS, (after[1] - before[1]) / CALLS


def _cpu_of(pid: int) -> float:
    import os

    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    scheduler, command = measure_call()
    call = max(scheduler, command)  # they work at the same time, each for itself
    print(f"a call: {1e3 * scheduler:.1f} ms of the scheduler, {1e3 * command:.1f} ms of the command\n")
    for job in JOBS:
        print(f"{job.name}: {job.calls} calls of {job.seconds:g} CPU s and {job.megabytes:g} MB")
        for machines in MACHINES:
            found = simulate(job, machines, call)
            held = {"scheduler": found.scheduler, "file system": found.disk, "alone": job.alone / found.wall}
            most = max(held, key=lambda name: held[name])
            print(
                f"  {machines:>5} machines  {_time(found.wall):>8}  cores busy {found.cores:4.0%}  "
                f"{', '.join(f'{name} {share:.0%}' for name, share in held.items())}  most: {most}"
            )
        print()


def _time(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds > 5400 else f"{seconds / 60:.1f} min"


if __name__ == "__main__":
    main()
