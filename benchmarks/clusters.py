"""Evaluations on this machine and on clusters: the same bytes, whatever is killed; what a call costs.

A table of 120 simulated people is evaluated with permutations (1,000, or the number given) and a model is
trained: on 1 and 2 local jobs, after shards in three orders, on Dask clusters of 1, 2 and 4 workers, and by
SLURM where `sinfo` answers; with workers killed by -9 at random; with the scheduler killed and started again,
after which the same command is given once more where it ended; and with a worker whose disk is full (where a
small file system can be mounted). Every file of the run is compared, but its logs. Then a command is ended by
SIGTERM, and calls of .1 s are timed here and on a cluster of as many workers (each alone:
``clusters sigterm``, ``clusters calls``).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

PORT = 18790
LEFT_OUT = ("logs", ".cache", ".normwise")
"""Of a run, what says where and when it was done."""

CALLS, SECONDS = 100, 0.1
STUDY = """
[cohort]
table = "people.csv"
id = "ID"
label = "dx"
demographics = ["Age"]
[features]
extractor = "table"
columns = ["f?"]
[classifier]
grid = { C = [1.0] }
[evaluation]
folds = 2
repeats = 2
inner_folds = 2
bootstrap = 100
"""


class Cluster:
    """A scheduler and workers as programs of their own, which can be killed one by one."""

    def __init__(self, workers: int, port: int) -> None:
        self.address = f"tcp://127.0.0.1:{port}"
        self._port, self._count = port, workers
        self.start()

    def start(self) -> None:
        """Start what is not running."""
        self.scheduler = _program(
            "scheduler", "--host", "127.0.0.1", "--port", str(self._port), "--no-dashboard"
        )
        self.workers = [self._worker() for _ in range(self._count)]

    def _worker(self) -> subprocess.Popen[bytes]:
        return _program("worker", self.address, "--no-nanny", "--nthreads", "1", "--no-dashboard")

    def kill_worker(self, rng: random.Random) -> None:
        """Kill one at random, and start another."""
        place = rng.randrange(len(self.workers))
        self.workers[place].kill()
        self.workers[place].wait()
        self.workers[place] = self._worker()

    def stop(self) -> None:
        """Kill everything."""
        for each in [*self.workers, self.scheduler]:
            each.kill()
            each.wait()


def sleep(number: int) -> int:
    time.sleep(SECONDS)
    return number


def main() -> None:
    from evaluated import people

    permutations = sys.argv[2] if len(sys.argv) > 2 else "1000"
    if permutations == "calls":
        _time_calls()
        return
    alone = permutations == "sigterm"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        people().to_csv(folder / "people.csv", index=False)
        (folder / "study.toml").write_text(STUDY + f"permutations = {100 if alone else permutations}\n")
        if alone:
            _terminate(folder)
            return
        print(f"\n{permutations} permutations and 4 folds of six arms\n")
        wanted = ""

        def show(
            what: str, process: subprocess.CompletedProcess[str], run: str, seconds: float, more: str
        ) -> None:
            nonlocal wanted
            digest = _digest(folder / run)
            wanted = wanted or digest
            same = "the same bytes" if digest == wanted else "DIFFERENT"
            print(f"  {what:<44}exit {process.returncode}  {seconds:6.0f} s  {same}  {more}", flush=True)

        for jobs in (1, 2):
            show(f"local, {jobs} jobs", *_evaluate(folder, f"local{jobs}", "--jobs", str(jobs)), "")
        for order in (("1/3", "2/3", "3/3"), ("3/3", "1/3", "2/3"), ("2/2", "2/3", "1/2")):
            run = "shards-" + "-".join(each[0] for each in order)
            for shard in order:
                _command(folder, "extract", run, "--shard", shard).communicate()
            show(f"shards {', '.join(order)}, then 2 jobs", *_evaluate(folder, run, "--jobs", "2"), "")
        for count in (1, 2, 4):
            cluster = Cluster(count, PORT + count)
            show(f"Dask, {count} workers", *_evaluate(folder, f"dask{count}", *_at(cluster)), "")
            cluster.stop()
        if (
            shutil.which("sinfo")
            and not subprocess.run(["sinfo"], capture_output=True, check=False).returncode
        ):
            queue = ("--engine", "slurm", "--queue", "main", "--workers", "2", "--engine.memory", "2GB")
            show("SLURM, 2 jobs", *_evaluate(folder, "slurm", *queue), "")
        else:
            print("  SLURM: not here")
        _kill_workers(folder, show)
        _restart_scheduler(folder, show)
        _fill_disk(folder, show)
        _terminate(folder)
        _time_calls()


def _kill_workers(folder: Path, show: Callable[..., None]) -> None:
    cluster, rng, over, killed = Cluster(4, PORT + 5), random.Random(0), threading.Event(), 0

    def kill() -> None:
        nonlocal killed
        while not over.wait(8.0):
            cluster.kill_worker(rng)
            killed += 1

    killer = threading.Thread(target=kill)
    killer.start()
    found = _evaluate(folder, "killed", *_at(cluster))
    over.set()
    killer.join()
    show("Dask, 4 workers, killed by -9 at random", *found, f"{killed} killed")
    cluster.stop()


def _restart_scheduler(folder: Path, show: Callable[..., None]) -> None:
    cluster = Cluster(2, PORT + 6)

    def restart() -> None:
        _wait_for(folder / "restarted" / "features.tsv")
        time.sleep(3)
        cluster.stop()
        time.sleep(1)
        cluster.start()

    thread = threading.Thread(target=restart)
    thread.start()
    process, run, seconds = _evaluate(folder, "restarted", *_at(cluster))
    thread.join()
    said = _codes(process)
    if process.returncode:
        print(f"  scheduler killed: exit {process.returncode}, {' '.join(said)}; the command is given again")
        process, run, seconds = _evaluate(folder, "restarted", *_at(cluster))
    show("Dask, scheduler killed and started again", process, run, seconds, " ".join(said))
    cluster.stop()


def _fill_disk(folder: Path, show: Callable[..., None]) -> None:
    disk = folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        print("  a full disk: nothing can be mounted here")
        return
    cluster = Cluster(2, PORT + 9)
    small = _program("worker", cluster.address, "--no-nanny", "--nthreads", "1", "--no-dashboard", tmp=disk)

    def fill() -> None:
        _wait_for(folder / "full" / "features.tsv")
        time.sleep(3)
        with contextlib.suppress(OSError), (disk / "filler").open("wb") as file:
            while True:
                file.write(bytes(2**16))

    thread = threading.Thread(target=fill)
    thread.start()
    process, run, seconds = _evaluate(folder, "full", *_at(cluster))
    thread.join()
    show("Dask, 3 workers, the disk of one full", process, run, seconds, " ".join(_codes(process)))
    for each in (small, cluster):
        each.kill() if isinstance(each, subprocess.Popen) else each.stop()
    small.wait()
    subprocess.run(["umount", "-l", str(disk)], check=False)


def _codes(process: subprocess.CompletedProcess[str]) -> list[str]:
    return sorted({word for word in process.stderr.split() if word.startswith("ENG-")})


def _terminate(folder: Path) -> None:
    cluster = Cluster(2, PORT + 7)
    process = _command(folder, "evaluate", "ended", *_at(cluster))
    _wait_for(folder / "ended" / "features.tsv")
    time.sleep(3)
    process.send_signal(signal.SIGTERM)
    begun = time.monotonic()
    process.communicate()
    ended = time.monotonic() - begun
    children = [each.pid for each in cluster.workers]
    while any(_grandchildren(pid) for pid in children):
        time.sleep(0.05)
    gone = time.monotonic() - begun
    print(f"  SIGTERM: exit {process.returncode} after {ended:.1f} s, children gone after {gone:.1f} s")
    cluster.stop()


def _time_calls() -> None:
    from distributed import Client

    from normwise.engine import run_parts, use_engine

    cluster = Cluster(2, PORT + 8)
    calls = [(number,) for number in range(CALLS)]
    with Client(cluster.address, timeout=600) as client:
        client.wait_for_workers(2)
        print(f"\n  {CALLS} calls of {SECONDS} s by two, beyond their {CALLS * SECONDS / 2:.0f} s")
        for what, engine in (("local", None), ("Dask", client)):

            def run(count: int, engine: object = engine) -> float:
                begun = time.perf_counter()
                if engine is None:
                    list(run_parts(sleep, calls[:count], jobs=2))
                else:
                    with use_engine(engine):
                        list(run_parts(sleep, calls[:count]))
                return time.perf_counter() - begun

            run(2)
            start = min(run(2) for _ in range(3)) - SECONDS
            least = min(run(CALLS) for _ in range(3)) - start
            print(f"    {what:<8}start {start:5.2f} s   {least / (CALLS * SECONDS / 2) - 1:6.1%}", flush=True)
    cluster.stop()


def _program(*words: str, tmp: Path | None = None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "dask", *words],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, **({} if tmp is None else {"TMPDIR": str(tmp)})},
    )  # fmt: skip


def _command(folder: Path, verb: str, run: str, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "normwise.cli", verb, str(folder / "study.toml"), str(folder / run), *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def _evaluate(folder: Path, run: str, *words: str) -> tuple[subprocess.CompletedProcess[str], str, float]:
    """Evaluate, and train where that succeeded."""
    begun = time.monotonic()
    process = _command(folder, "evaluate", run, *words)
    out, errors = process.communicate()
    done = subprocess.CompletedProcess(process.args, process.returncode, out, errors)
    seconds = time.monotonic() - begun
    if not done.returncode:
        _command(folder, "train", run, *words).communicate()
    return done, run, seconds


def _at(cluster: Cluster) -> tuple[str, ...]:
    return "--engine", "dask", "--scheduler", cluster.address


def _wait_for(path: Path) -> None:
    while not path.exists():
        time.sleep(0.05)


def _digest(run: Path) -> str:
    whole = hashlib.sha256()
    for path in sorted(run.rglob("*")):
        name = path.relative_to(run)
        if path.is_file() and name.parts[0] not in LEFT_OUT:
            whole.update(str(name).encode() + path.read_bytes())
    return whole.hexdigest()


def _grandchildren(pid: int) -> list[str]:
    """List the processes that the fork servers of a worker have started, but for their watchdogs."""
    found = []
    for server in _children(pid):
        found += [each for each in _children(int(server)) if os.getsid(int(each)) != int(each)]
    return found


def _children(pid: int) -> list[str]:
    found: list[str] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += task.read_text().split()
    return found


if __name__ == "__main__":
    main()
