"""The process that forks children for calls, watches them, and ends with the run that started it.

It imports what the function needs once, so that a child costs a fork of a few milliseconds, and it stays
single-threaded, so that forking is safe. It runs as a process of its own, so that neither the caller's
threads, nor its ``__main__``, nor its open files have anything to do with the children. Linux only.

A call has a child of its own, or, where the work says ``reuse_children``, a child makes one call after
another: each comes through a socket, and the child answers when it is done. It ends, and another takes its
place, when it has crashed or was killed, which costs the call that it was making; and after a call that left
a process, a thread or a file, or memory that a call of its own would have given back.

It reads ``work.json`` from its folder, writes one JSON object a line for each call that has ended, and
watches its standard input: when that closes, or the parent dies, it kills every child and exits. Where the
folder has a named pipe, further calls come through it, one JSON object a line, until one says that it was the
last.

Nothing that a child starts outlives it, in whatever session it hides: orphans come back to the fork server,
which is their "subreaper", and are killed. A second process, the watchdog, watches the fork server itself: it
goes on a fork server that was stopped, and ends what is left of one that was killed.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import math
import os
import resource
import select
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from normwise.engine.executor import GRACE_SECONDS, MARK, SHARED, TASKS, FunctionName, Limits
from normwise.engine.parallel import open_shared
from normwise.engine.worker import call_and_store, import_function, limit_threads, seed_generators

__all__ = ["main"]

_POLL_SECONDS = 0.05  # how often memory is measured; ends and deadlines wake the loop by themselves
_POLL_SECONDS_WITHOUT_PIDFD = 0.005  # where the kernel does not wake the loop when a child ends
_PARENT_PIPE_SECONDS = 2.0
_SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG
_SET_CHILD_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER: orphans become children of this process, not of init
_WATCH_SECONDS = 0.25
_MOST_STOPS = 3  # a fork server that is stopped more often is killed, and replaced by the caller
_ORPHAN_SECONDS = 2.0  # a killed process that is still there by then waits for a device
_MOST_GROWTH = 128 * 1024**2  # resident bytes that a child may keep from its calls; with more it is replaced
_MOST_IMPORTED = 384 * 1024**2  # from its first one, which imports what the function needs: torch is 200 MB
_IDLE_SECONDS = 2.0  # a child that waits for longer ends: the work may be over, and nobody has said so yet
_PAGE = os.sysconf("SC_PAGE_SIZE")

Call = tuple[int, dict[str, Any]]
"""Position and arguments."""


@dataclass
class Child:
    """One running child; it leads a process group, so that whatever it starts ends with it.

    Attributes
    ----------
    position : int or None
        Of the call that it is making; None while it waits for one.
    begun : float
        When that call, or the waiting, began.
    """

    position: int | None
    pid: int
    begun: float
    pidfd: int | None
    channel: socket.socket
    baseline_bytes: int
    killed_for: str | None = None

    @classmethod
    def fork(cls, call: Call, run: Callable[[Call, socket.socket], None], baseline_bytes: int) -> Child:
        """Fork a child that runs ``run`` and exits without the cleaning up of the fork server."""
        server = os.getpid()
        channel, of_child = socket.socketpair()
        begun = time.monotonic()
        pid = os.fork()
        if pid == 0:
            _run_in_child(server, partial(run, call, of_child))
        of_child.close()
        with contextlib.suppress(OSError):  # the child does it too; one of the two is first
            os.setpgid(pid, pid)
        try:
            pidfd = os.pidfd_open(pid)
        except OSError:
            pidfd = None
        return cls(call[0], pid, begun, pidfd, channel, baseline_bytes)

    def give(self, call: Call) -> None:
        """Let it make another call.

        Raises
        ------
        OSError
            It has ended.
        """
        self.channel.sendall(json.dumps(call).encode() + b"\n")
        self.position, self.begun = call[0], time.monotonic()
        self.baseline_bytes = _resident_bytes(self.pid)

    def peak_when_done(self) -> int:
        """Return its peak bytes if it has said that its call is done and it waits for another; else 0."""
        try:
            said = self.channel.recv(64, socket.MSG_DONTWAIT)
        except OSError:  # it has said nothing, or has ended
            return 0
        if not said:
            self.channel.close()
        return int(said or 0)

    def has_ended(self) -> bool:
        """Return whether it has; its process id stays taken until `reap`. One that was stopped goes on."""
        found = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WSTOPPED | os.WNOHANG | os.WNOWAIT)
        if found is not None and found.si_code == os.CLD_STOPPED:
            os.killpg(self.pid, signal.SIGCONT)
            return False
        return found is not None

    def kill(self, reason: str | None = None) -> None:
        """Kill it and whatever it started."""
        self.killed_for = self.killed_for or reason
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def reap(self) -> tuple[int, int]:
        """Kill what it left running, and return its exit status (or minus the signal) and peak bytes."""
        self.kill()
        _, status, usage = os.wait4(self.pid, 0)
        self.channel.close()
        if self.pidfd is not None:
            os.close(self.pidfd)
        return os.waitstatus_to_exitcode(status), usage.ru_maxrss * 1024


@dataclass
class Calls:
    """Calls that come while the server runs.

    Attributes
    ----------
    pipe : int
        File descriptor that they are read from.
    ended : bool
        The last one has come.
    unwanted : set of int
        Positions of calls whose children are to be killed.
    """

    pipe: int
    ended: bool = False
    unwanted: set[int] = field(default_factory=set)
    _rest: bytes = b""

    def read(self) -> list[Call]:
        """Return the calls that have come since."""
        with contextlib.suppress(BlockingIOError):
            while part := os.read(self.pipe, 1 << 16):
                self._rest += part
        *lines, self._rest = self._rest.split(b"\n")
        found = []
        for line in lines:
            said = json.loads(line)
            self.ended |= "end" in said
            if "unwanted" in said:
                self.unwanted.add(said["unwanted"])
            elif "position" in said:
                found.append((said["position"], said["arguments"]))
        return found


@dataclass
class ForkServer:
    """Starts, watches and reaps children.

    Attributes
    ----------
    run : callable
        What a child does: of its first call, and of the socket by which others may come.
    parent_pipe : int
        File descriptor that closes when the caller ends.
    report : callable
        Sends how one call ended to the caller.
    limits : Limits
        Of each call.
    jobs : int
        Children at once.
    baseline_bytes : int
        Resident bytes that a child has from the start.
    watchdog : int
        Process id of the one child that makes no calls.
    calls : Calls, optional
        Where further calls come from.
    """

    run: Callable[[Call, socket.socket], None]
    parent_pipe: int
    report: Callable[[dict[str, Any]], None]
    limits: Limits
    jobs: int
    baseline_bytes: int
    watchdog: int
    calls: Calls | None = None
    running: list[Child] = field(default_factory=list)

    def run_all(self, waiting: list[Call]) -> None:
        """Make every call, or as many as until the caller ends."""
        waiting.reverse()
        try:
            while waiting or self.running or self._may_come():
                self._start(waiting)
                if self._wait():
                    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # cleaning up has begun
                    return
                if self.calls is not None:
                    before = len(self.calls.unwanted)
                    waiting[:0] = reversed(self.calls.read())
                    for child in self.running:
                        if child.position in self.calls.unwanted:
                            child.kill("unwanted")
                        elif child.position is None and len(self.calls.unwanted) > before:
                            child.kill("idle")  # the work is at its end
                self._check_children()
        finally:
            for child in self.running:
                child.kill()
            while self.running:
                self.running.pop().reap()
            self._end_orphans()

    def _may_come(self) -> bool:
        return self.calls is not None and not self.calls.ended

    def _start(self, waiting: list[Call]) -> None:
        """Give calls to children that wait for one, or to new children."""
        idle = [child for child in self.running if child.position is None and child.killed_for is None]
        while waiting and (idle or len(self.running) < self.jobs):
            try:
                if idle:
                    idle.pop().give(waiting[-1])
                else:
                    self.running.append(Child.fork(waiting[-1], self.run, self.baseline_bytes))
            except OSError:  # no more processes or memory now, or an idle child has ended: go on without it
                if not self.running:
                    raise
                return
            waiting.pop()
        if not self._may_come():
            for child in idle:
                child.kill("idle")

    def _wait(self) -> bool:
        """Sleep until a child ends or a check is due; return whether the caller has ended."""
        poll = select.poll()
        poll.register(self.parent_pipe, select.POLLIN)
        if self.calls is not None:
            poll.register(self.calls.pipe, select.POLLIN)
        period = _POLL_SECONDS
        for child in self.running:
            if child.channel.fileno() >= 0:
                poll.register(child.channel, select.POLLIN)
            if child.pidfd is None:
                period = _POLL_SECONDS_WITHOUT_PIDFD
            else:
                poll.register(child.pidfd, select.POLLIN)
        begun = min((child.begun for child in self.running), default=math.inf)
        due = begun + self.limits.seconds - time.monotonic()
        pause = min(max(due, _POLL_SECONDS_WITHOUT_PIDFD), period)
        return any(ready == self.parent_pipe for ready, _ in poll.poll(pause * 1000))

    def _check_children(self) -> None:
        now = time.monotonic()
        for child in list(self.running):
            if child.killed_for is None and (peak := child.peak_when_done()):
                self._report(child, 0, peak)
                child.position, child.begun = None, now
            if child.has_ended():
                self.running.remove(child)
                status, peak = child.reap()
                self._end_orphans()
                if child.position is not None:
                    self._report(child, status, peak)
            elif child.position is None:
                if now - child.begun > _IDLE_SECONDS:
                    child.kill("idle")
            elif now - child.begun > self.limits.seconds:
                child.kill("time")
            elif _resident_bytes(child.pid) - child.baseline_bytes > self.limits.memory_bytes:
                child.kill("memory")

    def _report(self, child: Child, status: int, peak: int) -> None:
        self.report(
            {
                "position": child.position,
                "status": status,
                "killed_for": child.killed_for,
                "seconds": time.monotonic() - child.begun,
                "peak_bytes": peak,
            }
        )

    def _end_orphans(self) -> None:
        """Kill what children that have ended left behind, and what that leaves behind in turn."""
        known = {self.watchdog, *(child.pid for child in self.running)}
        end = time.monotonic() + _ORPHAN_SECONDS
        while (orphans := _children() - known) and time.monotonic() < end:
            for pid in orphans:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, os.WNOHANG)


def main(place: str, parent: str) -> None:
    """Run what ``work.json`` in a folder lists.

    Parameters
    ----------
    place : str
        The folder, where results go too; removed if the caller ends first.
    parent : str
        Process id of the caller.
    """
    folder = Path(place)
    signal.signal(signal.SIGTERM, _exit_on_signal)
    _end_with_parent(int(parent), signal.SIGTERM)
    _prctl(_SET_CHILD_SUBREAPER, 1)
    parent_pipe, events = os.dup(0), os.dup(1)
    devnull = os.open(os.devnull, os.O_RDWR)
    os.dup2(devnull, 0)
    os.dup2(devnull, 1)
    watchdog = _start_watchdog(folder, parent_pipe, events)

    def report(event: dict[str, Any]) -> None:
        os.write(events, (json.dumps(event) + "\n").encode())

    try:
        work = json.loads((folder / "work.json").read_bytes())
        limits = Limits(**work["limits"])
        try:
            function = _prepare(FunctionName(**work["function"]), work["preload"])
            if (folder / SHARED).exists():
                open_shared(str(folder / SHARED))  # children find it in their memory
        except Exception as error:  # noqa: BLE001 - a module may fail in any way while it is imported
            report({"import_failed": f"{type(error).__name__}: {error}"})
            return
        limit_threads(1)  # no threads before the fork; children may have more
        seed_generators()  # children do it again; here it pays for importing the generators once
        gc.collect()
        gc.freeze()  # children don't copy pages by counting references of what is loaded

        def call(position: int, arguments: dict[str, Any]) -> None:
            log = os.open(folder / f"{position}.log", os.O_WRONLY | os.O_CREAT, 0o600)
            os.dup2(log, 2)
            os.close(log)
            if limits.threads != 1:
                limit_threads(limits.threads)
            call_and_store(function, arguments, limits, folder / f"{position}.result")

        def run(first: Call, channel: socket.socket) -> None:
            os.close(parent_pipe)
            os.close(events)
            if work["reuse_children"]:
                _make_calls(call, first, channel)
            else:
                call(*first)

        calls = None
        if (folder / TASKS).exists():  # opened for both, it never seems closed
            calls = Calls(os.open(folder / TASKS, os.O_RDWR | os.O_NONBLOCK))
        report({"ready": True})
        baseline = _resident_bytes(os.getpid())
        server = ForkServer(run, parent_pipe, report, limits, work["jobs"], baseline, watchdog, calls)
        server.run_all([(position, arguments) for position, arguments in work["tasks"]])
    finally:
        with contextlib.suppress(OSError):
            os.kill(watchdog, signal.SIGKILL)
            os.waitpid(watchdog, 0)
        # The kernel reports the end of the caller's first thread; the others may hold the pipe open longer.
        patience = _PARENT_PIPE_SECONDS if signal.getsignal(signal.SIGTERM) == signal.SIG_IGN else 0.0
        if os.getppid() != int(parent) or select.select([parent_pipe], [], [], patience)[0]:
            shutil.rmtree(folder, ignore_errors=True)


def _resident_bytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE
    except (OSError, IndexError, ValueError):  # it has ended
        return 0


def _children() -> set[int]:
    own = os.getpid()
    with contextlib.suppress(OSError):
        return set(map(int, Path(f"/proc/{own}/task/{own}/children").read_text(encoding="ascii").split()))
    return set()  # a kernel built without this file


def _start_watchdog(folder: Path, parent_pipe: int, events: int) -> int:
    """Fork the process that watches this one, and return its process id."""
    server = os.getpid()
    watchdog = os.fork()
    if watchdog == 0:
        try:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            os.setsid()
            os.close(events)
            _watch(server, parent_pipe, folder)
        finally:
            os._exit(0)
    return watchdog


def _watch(server: int, parent_pipe: int, folder: Path) -> None:
    """Watch until the fork server has ended, or is too late in ending; then kill what is left of it."""
    stops = 0
    caller_ended: float | None = None
    while os.getppid() == server and stops <= _MOST_STOPS:
        if caller_ended is None:
            if select.select([parent_pipe], [], [], _WATCH_SECONDS)[0]:
                caller_ended = time.monotonic()
        elif time.monotonic() - caller_ended > GRACE_SECONDS:
            break
        else:
            time.sleep(_WATCH_SECONDS)
        if _is_stopped(server):
            stops += 1
            with contextlib.suppress(OSError):
                os.kill(server, signal.SIGCONT)
    _kill_marked(f"{MARK}={folder}".encode())
    if select.select([parent_pipe], [], [], 0)[0]:
        shutil.rmtree(folder, ignore_errors=True)


def _is_stopped(pid: int) -> bool:
    with contextlib.suppress(OSError, IndexError):
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        return stat.rpartition(")")[2].split()[0] == "T"
    return False


def _kill_marked(mark: bytes) -> None:
    """Kill every process but this one that began with an environment variable; descendants inherit it."""
    for _ in range(40):  # what was forked meanwhile is found in the next round
        found = False
        for place in Path("/proc").glob("[0-9]*/environ"):
            pid = int(place.parent.name)
            with contextlib.suppress(OSError):
                if pid != os.getpid() and mark in place.read_bytes().split(b"\0"):
                    os.kill(pid, signal.SIGKILL)
                    found = True
        if not found:
            return
        time.sleep(_POLL_SECONDS)


def _prepare(name: FunctionName, preload: list[str]) -> Callable[..., object]:
    for module in preload:
        with contextlib.suppress(Exception):  # whoever needs it imports it again, and says what is wrong
            importlib.import_module(module)
    return import_function(name)


def _run_in_child(server: int, run: Callable[[], None]) -> NoReturn:
    """Run in the child and never return: the code of the fork server must not go on here."""
    status = 1
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        with contextlib.suppress(OSError):
            os.setpgid(0, 0)
        _end_with_parent(server, signal.SIGKILL)
        _prctl(_SET_CHILD_SUBREAPER, 1)  # while it runs, what it started stays below it
        with contextlib.suppress(OSError):  # if memory runs out, the kernel takes the child, not the run
            Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
        run()
        status = 0
    finally:
        os._exit(status)


def _make_calls(call: Callable[[int, dict[str, Any]], None], first: Call, channel: socket.socket) -> None:
    """Make one call after another for as long as they leave the child as it was; in the child."""
    own, begun = os.getpid(), _resident_bytes(os.getpid())
    lines = channel.makefile("rb")
    call(*first)
    begun, files = min(_resident_bytes(own), begun + _MOST_IMPORTED), _count_files()
    while os.getpid() == own and not _has_changed(
        begun, files
    ):  # a call may return in a process that it forked
        channel.sendall(b"%d" % (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024))
        call(*json.loads(lines.readline()))


def _has_changed(begun: int, files: int) -> bool:
    """Return whether a call has left memory, a file, a thread or a process to those that follow it."""
    started = any(place.read_bytes() for place in Path("/proc/self/task").glob("*/children"))
    left = started or threading.active_count() > 1 or _count_files() > files
    return left or _resident_bytes(os.getpid()) - begun > _MOST_GROWTH


def _count_files() -> int:
    with contextlib.suppress(OSError):
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names alone, and quickly
    return 0


def _end_with_parent(parent: int, with_signal: signal.Signals) -> None:
    """Ask the kernel to send a signal when the parent dies."""
    _prctl(_SET_PARENT_DEATH_SIGNAL, int(with_signal))
    if os.getppid() != parent:  # it died before the kernel was asked
        os._exit(1)


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def _exit_on_signal(_signal: int, _frame: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # cleaning up begins, and isn't to be interrupted
    sys.exit(1)
