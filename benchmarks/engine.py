"""What a supervised child costs beyond its work, and what a cached run costs.

150 subjects whose work is nothing but the hash of a small file, so that all that is measured is the engine.
A process pool is the peer: it is faster, since its workers live on, and one crash ends it.
"""

from __future__ import annotations

import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

SUBJECTS = 150
HEAVY = ("scipy.ndimage", "nibabel", "sklearn.linear_model", "nilearn.image")


def fingerprint(path: str) -> dict[str, str]:
    from normwise.files import sha256_file

    return {"sha256": sha256_file(Path(path))}


def main() -> None:
    from normwise.engine import Task, run_subjects

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tasks = []
        for number in range(SUBJECTS):
            path = folder / f"{number}.bin"
            path.write_bytes(number.to_bytes(4, "big") * 262_144)  # 1 MiB
            tasks.append(Task(f"sub-{number:03}", {"path": str(path)}, (path,)))

        def run(**settings: object) -> float:
            begun = time.perf_counter()
            outcomes = run_subjects(fingerprint, tasks, version="1", **{"cache_dir": None, **settings})
            assert all(outcome.error is None for outcome in outcomes)
            return time.perf_counter() - begun

        print(f"\n{SUBJECTS} subjects, 1 job, wall clock")
        alone = min(_time_one(tasks[:1]) for _ in range(3))
        _show("starting the fork server, once", alone)
        _show("a subject", (run() - alone) / (SUBJECTS - 1))
        start = _time_one(tasks[:1], HEAVY)
        _show("a subject, heavy packages preloaded", (run(preload=HEAVY) - start) / (SUBJECTS - 1))
        kept = {"cache_dir": folder / "cache"}
        _show("a subject, result kept", (run(**kept) - alone) / (SUBJECTS - 1))
        _show("all from the cache, hashes remembered", run(**kept))
        for task in tasks:
            task.inputs[0].touch()  # changed now, as far as anybody can tell: it is hashed again
        _show("all from the cache, 150 MB hashed", run(**kept))
        begun = time.perf_counter()
        with ProcessPoolExecutor(1) as pool:
            list(pool.map(fingerprint, [task.arguments["path"] for task in tasks]))
        _show("all by a process pool, unsupervised", time.perf_counter() - begun)


def _show(what: str, seconds: float) -> None:
    print(f"  {what:<40}{seconds * 1e3:8.1f} ms")


def _time_one(tasks: list, preload: tuple[str, ...] = ()) -> float:
    from normwise.engine import run_subjects

    begun = time.perf_counter()
    run_subjects(fingerprint, tasks, version="1", cache_dir=None, preload=preload)
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
