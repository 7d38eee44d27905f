"""Killed runs: whatever kills evaluate or train, whenever, the same command resumes to the same bytes.

In the tests a few kills; ``python tests/campaigns/test_kills.py 100`` makes more and prints counts.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))  # where it is run alone

import evaluated
from interrupts import obey_interrupts

pytestmark = pytest.mark.slow

KINDS = ("KILL", "TERM", "INT", "child", "server")
VERBS = ("evaluate", "train")
_STUDY = """[cohort]
table = "people.csv"
id = "ID"
label = "dx"
demographics = ["Age"]
[features]
extractor = "table"
columns = ["f?"]
[evaluation]
folds = 3
repeats = 1
inner_folds = 2
bootstrap = 100
"""
_SECONDS = 600  # generous: a busy machine is no hang


def _write_study(folder: Path) -> Path:
    folder.mkdir()
    evaluated.people(count=60).to_csv(folder / "people.csv", index=False)
    (folder / "study.toml").write_text(_STUDY, encoding="utf-8")
    return folder / "study.toml"


def _start(verb: str, study: Path, run: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "normwise.cli", verb, str(study), str(run), "--jobs", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=obey_interrupts,
    )


def _bytes_of(run: Path) -> dict[str, bytes]:
    """Return what the run holds; logs have times, and caches are no result."""
    paths = {path.relative_to(run): path for path in run.rglob("*") if path.is_file()}
    names = [name for name in paths if name.parts[0] not in ("logs", ".cache")]
    return {str(name): paths[name].read_bytes() for name in sorted(names)}


def _parents() -> dict[int, int]:
    parents = {}
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            rest = place.read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if rest[0] != "Z":
            parents[int(place.parent.name)] = int(rest[1])
    return parents


def _below(pid: int) -> list[int]:
    """Return the processes that a process has started, its servers first, then theirs."""
    parents = _parents()
    found: list[int] = [pid]
    for each in found:
        found += [child for child, parent in parents.items() if parent == each]
    return found[1:]


def _alive(pids: list[int]) -> list[int]:
    known = _parents()
    return [pid for pid in pids if pid in known]


def _kill(process: subprocess.Popen[bytes], kind: str) -> list[int]:
    """Kill the run or one of its processes; return what the run had started by then."""
    below = _below(process.pid)
    if kind in ("KILL", "TERM", "INT"):
        process.send_signal(getattr(signal, f"SIG{kind}"))
    elif below:
        servers = [pid for pid, parent in _parents().items() if parent == process.pid]
        children = [pid for pid in below if pid not in servers]
        for pid in children[-1:] if kind == "child" else servers[:1]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    return below


def kill_once(verb: str, kind: str, study: Path, run: Path, pause: float) -> tuple[str, bool]:
    """Kill a run after a pause, and give the command again where it has ended.

    Returns
    -------
    outcome : str
        ``finished`` (it had ended, or went on after what was killed), ``resumed``, or what went wrong.
    left : bool
        Whether a process was left.
    """
    process = _start(verb, study, run)
    time.sleep(pause)
    below = _kill(process, kind) if process.poll() is None else []
    text = process.communicate(timeout=_SECONDS)[0].decode(errors="replace")
    if "Traceback" in text or "CLI-901" in text:
        return f"traceback: {text[-300:]}", False
    end = time.monotonic() + 60
    while (left := _alive(below)) and time.monotonic() < end:
        time.sleep(0.05)
    if process.returncode == 0:
        return "finished", bool(left)
    again = _start(verb, study, run)
    text = again.communicate(timeout=_SECONDS)[0].decode(errors="replace")
    return ("resumed" if again.returncode == 0 else f"refused: {text[-300:]}"), bool(left)


def campaign(folder: Path, count: int, seed: int) -> Iterator[tuple[str, str, str, bool, bool]]:
    """Yield verb, kind, outcome, whether a process was left, and whether the bytes are the straight run's."""
    rng = np.random.default_rng(seed)
    study = _write_study(folder / "study")
    straight, seconds = {}, {}
    for verb in VERBS[: -(-count // len(KINDS))]:
        begun = time.monotonic()
        process = _start(verb, study, folder / f"straight-{verb}")
        text = process.communicate(timeout=_SECONDS)[0]
        assert process.returncode == 0, text
        seconds[verb] = time.monotonic() - begun
        straight[verb] = _bytes_of(folder / f"straight-{verb}")
    for number in range(count):
        verb, kind = VERBS[number // len(KINDS) % len(VERBS)], KINDS[number % len(KINDS)]
        run = folder / f"run-{number}"
        outcome, left = kill_once(verb, kind, study, run, rng.uniform(0.2, 1.0) * seconds[verb])
        yield verb, kind, outcome, left, _bytes_of(run) == straight[verb]


def test_killed_runs_resume_to_the_same_bytes(tmp_path: Path) -> None:
    for verb, kind, outcome, left, same in campaign(tmp_path, count=5, seed=1):
        assert (outcome in ("finished", "resumed"), left, same) == (True, False, True), (verb, kind, outcome)


if __name__ == "__main__":
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as scratch:
        for verb, kind, outcome, left, same in campaign(
            Path(scratch), int(sys.argv[1]) if len(sys.argv) > 1 else 100, seed=0
        ):
            counts[f"{verb} {kind}: {outcome}"] += 1
            counts["processes left"] += left
            counts["same bytes"] += same
            sys.stdout.write(f"{verb} {kind} {outcome} left={left} same={same} {dict(counts)}\n")
            sys.stdout.flush()
