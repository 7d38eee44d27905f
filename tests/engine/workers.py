"""What children are asked to do in these tests."""

from __future__ import annotations

import ctypes
import mmap
import os
import random
import signal
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import numpy as np

from normwise.engine import keep_stored, read_stored, write_stored
from normwise.errors import ImageError, NormwiseWarning

GIB = 1024**3


def give(number=1):
    return {
        "array": np.arange(number, dtype=np.float32),
        "number": np.float64(number) / 3,
        "text": "é",
        "list": [1, [2]],
    }


def fail(how):
    ends = {
        "none": lambda: None,
        "hang": lambda: time.sleep(60),
        "segfault": lambda: ctypes.string_at(0),
        "killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
        "leave": lambda: os._exit(3),
        "quit": lambda: sys.exit(4),
        "memory": lambda: np.ones(GIB),
        "shared": lambda: _fill(mmap.mmap(-1, GIB)),
        "deaf": _hang_deaf,
    }
    ends[how]()
    return {"fine": 1}


def _fill(shared):
    for start in range(0, len(shared), 1 << 20):  # little by little: no single allocation is too large
        shared[start : start + (1 << 20)] = bytes(1 << 20)
    time.sleep(60)


def _hang_deaf():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(60)


def raise_value():
    raise ValueError("too thin")


def raise_image():
    raise ImageError(
        "IMG-202", "the gzip stream is damaged.", subject="a.nii.gz", seen="x", expected="y", advice="z"
    )


def return_object():
    return {"thing": object()}


def read(path):
    return {"text": Path(path).read_text()}


def read_late(path):
    time.sleep(0.5)
    return {"text": Path(path).read_text()}


def append(path):
    with Path(path).open("a") as handle:
        handle.write("x")
    return {"fine": 1}


def warn(code):
    warnings.warn(NormwiseWarning(code, "something is odd."), stacklevel=1)
    return {"fine": 1}


def warn_of_file(path):
    name = Path(path).name
    warnings.warn(NormwiseWarning("IMG-902", f"{name}: 2 mm, not 1.", subject=name, value=2.0), stacklevel=1)
    warnings.warn(NormwiseWarning("IMG-904", "ward 7: 2 series.", subject="ward 7"), stacklevel=1)
    warnings.warn(NormwiseWarning("IMG-910", "16 bits.", subject=name), stacklevel=1)
    return {"fine": 1}


def surroundings():
    from threadpoolctl import threadpool_info

    np.ones((200, 200)) @ np.ones((200, 200))
    return {
        "blas": max((pool["num_threads"] for pool in threadpool_info()), default=1),
        "omp": os.environ["OMP_NUM_THREADS"],
        "threads": threading.active_count(),
        "stdin": sys.stdin.read() if sys.stdin else "",
        "core": __import__("resource").getrlimit(4)[0],
    }


def draw():
    careless = np.random.random()  # noqa: NPY002 - the global generator is what is tested
    return {"python": random.random(), "numpy": careless, "order": list({"a", "b", "c", "d"})}


def print_much():
    sys.stdout.write("x" * 100_000)
    os.write(1, b"y" * 100_000)
    return {"fine": 1}


def leave_behind(note):
    helper = subprocess.Popen(["sleep", "60"])
    Path(note).write_text(f"{os.getpid()} {helper.pid}")
    return {"fine": 1}


def stay(note):
    helper = subprocess.Popen(["sleep", "60"])
    path = Path(note)
    path.with_suffix(".part").write_text(f"{os.getpid()} {helper.pid} {os.getppid()}")
    path.with_suffix(".part").replace(path)
    time.sleep(60)
    return {"fine": 1}


def kill_server_once(note, number):
    path = Path(note)
    if number == 1 and not path.exists():
        path.write_text("done")
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)
    return {"number": number}


def stop_server(number):
    if number == 1:
        os.kill(os.getppid(), signal.SIGSTOP)
        time.sleep(0.5)
    return {"number": number}


def stop_server_always(number):
    while number == 1:
        os.kill(os.getppid(), signal.SIGSTOP)
        time.sleep(0.01)
    return {"number": number}


def stop_itself(number):
    os.kill(os.getpid(), signal.SIGSTOP)
    return {"number": number}


def stop_server_and_stay(note):
    os.kill(os.getppid(), signal.SIGSTOP)
    return stay(note)


def hide_and_stay(note):
    helper = subprocess.Popen(["sleep", "60"], start_new_session=True)
    Path(note).with_suffix(".part").write_text(f"{os.getpid()} {helper.pid} {os.getppid()}")
    Path(note).with_suffix(".part").replace(note)
    time.sleep(60)
    return {"fine": 1}


def hide(note):
    """Leave processes in sessions of their own, one of them an orphan."""
    script = "import os, sys, time; os.fork() and os._exit(0); print(os.getpid(), flush=True); time.sleep(60)"
    orphan = subprocess.Popen(
        [sys.executable, "-c", script], start_new_session=True, stdout=subprocess.PIPE, text=True
    )
    helper = subprocess.Popen(["sleep", "60"], start_new_session=True)
    Path(note).write_text(f"{helper.pid} {orphan.stdout.readline()}")
    return {"fine": 1}


def hide_and_kill_server(note):
    if not Path(note).exists():
        hide(note)
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)
    return {"fine": 1}


def square(offset, number):
    return offset + number**2


def refuse(number):
    if number:
        raise ImageError("IMG-202", f"image {number} is damaged.", subject=f"s{number}")
    return number


class OddError(Exception):
    def __init__(self, one, two):
        super().__init__(f"{one}{two}")


def raise_odd(number):
    raise OddError("od", "d")


def die_once(folder, number):
    (folder / f"{number}-{time.monotonic_ns()}").touch()
    if number == 1 and len(list(folder.glob("1-*"))) == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def die_always(number):
    if number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def warn_of(number):
    warnings.warn(NormwiseWarning("IMG-901", f"{number} is odd."), stacklevel=1)
    return os.getpid()


HELD = []


def leave_in_child(how, folder, number):
    """Return the process that made the call, after it has left something there."""
    if how == "file":
        HELD.append((folder / "open").open("ab"))
    elif how == "thread":
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    elif how == "process":
        (folder / str(subprocess.Popen(["sleep", "60"]).pid)).touch()
    return os.getpid()


def hold(mib, seconds):
    """Keep memory, and stay for a moment."""
    HELD.append(np.ones(mib * 1024**2, dtype=np.uint8))
    time.sleep(seconds)
    return {"pid": os.getpid()}


def return_twice(number):
    """Return in a process of its own as well, and first."""
    if os.fork():
        time.sleep(0.3)
    return {"pid": os.getpid(), "number": number}


def draw_part(number):
    return os.getpid(), draw(), np.random.default_rng(number).random()


def pause(seconds):
    time.sleep(seconds)
    return {"pid": os.getpid()}


def kill_server_always(number):
    if number == 1:
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)
    return {"number": number}


def keep(path):
    known = read_stored(Path(path))
    if known is None:
        known = {"number": 7}
        write_stored(Path(path), known)
    return known


def touch(path):
    """Do to an input what another run does that uses it or writes it anew."""
    text = Path(path).read_text()
    Path(path + ".part").write_text(text)
    Path(path + ".part").replace(path)
    os.utime(path, (0, 0))
    return {"text": text}


def keep_or_warn(path):
    keep_stored(Path(path), {"number": 7})
    return {"number": 7}


def wait_for(folder, number):
    """Return when that is allowed."""
    (folder / f"begun-{time.monotonic_ns()}-{number}").touch()
    while not (folder / "allowed").exists():
        time.sleep(0.02)
    return number


def stay_or_wait(note, number):
    """Stay, or return when the other stays."""
    if number == 0:
        return stay(note)
    while not Path(note).exists():
        time.sleep(0.02)
    return {"number": number}
