"""One command at a time in a run folder: the next one names it, and a command that was killed holds nothing.

The system's own advisory lock lies on the marker of the run, and goes with the process that took it, however
that ends. Its text says who it is. On a file system without such locks commands are not kept apart.
"""

from __future__ import annotations

import getpass
import os
import platform
import time
from contextlib import suppress
from typing import BinaryIO

from normwise.errors import CommandError
from normwise.run_folder import RunFolder

__all__ = ["RunHold"]

_MOST_BYTES = 4096


class RunHold:
    """A run folder that a command works on.

    Parameters
    ----------
    what : str
        The command, as it is named to others.
    """

    def __init__(self, what: str) -> None:
        self.what = what
        self._marker: BinaryIO | None = None
        self._shared = False

    def take(self, run: RunFolder, *, shared: bool = False) -> None:
        """Keep others out of the run, or only those who do not share it.

        Parameters
        ----------
        run : RunFolder
            Marked; a folder without a marker is not held.
        shared : bool
            Whether others may work in it who share it too.

        Raises
        ------
        CommandError
            CLI-204, another command holds the run.
        """
        if self._marker is None:
            try:
                self._marker = (run / run.MARKER).open("r+b")
            except OSError:  # what can't be written to is refused where it is written to
                return
        try:
            self._lock(shared=shared)
        except BlockingIOError:
            holder = self._marker.read(_MOST_BYTES).removeprefix(run.MARK).decode("utf-8", "replace").strip()
            self._marker.close()
            self._marker = None
            raise CommandError(
                "CLI-204",
                "another command is writing into the run folder.",
                subject=str(run),
                seen=holder or "no name was left",
                advice="wait until it has ended, or name another folder",
            ) from None
        except OSError:  # a file system without locks
            pass
        self._shared = shared
        self._write(run.MARK + f"{self.what}: {_who()}\n".encode())

    def release(self) -> None:
        """Let others in; the last one leaves the marker as it was."""
        if self._marker is None:
            return
        with suppress(OSError):
            if self._shared:
                self._lock(shared=False)
            self._write(RunFolder.MARK)
        self._marker.close()
        self._marker = None

    def _lock(self, *, shared: bool) -> None:
        with suppress(ImportError):  # Windows has no such locks
            import fcntl

            assert self._marker is not None
            fcntl.flock(self._marker, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)

    def _write(self, content: bytes) -> None:
        assert self._marker is not None
        with suppress(OSError):  # a full disk: the lock holds without a name
            os.pwrite(self._marker.fileno(), content, 0)
            os.truncate(self._marker.fileno(), len(content))


def _who() -> str:
    with suppress(OSError, KeyError, ImportError):
        user = getpass.getuser()
        since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
        return f"process {os.getpid()} of {user} on {platform.node()}, since {since}"
    return f"process {os.getpid()} on {platform.node()}"
