"""SHA-256 of input files, remembered for files that have not been touched since.

A remembered hash is used only if the file's device, inode, size, time of change and time of modification are
what they were when it was hashed, and if both times were well past by then, so that a later write can't have
fallen into the same tick of the clock. The time of change (``ctime``) can't be set by a program, so a file
that was swapped, edited in place or had its ``mtime`` put back is hashed again. Each machine remembers for
itself, since devices and inodes are numbered by each.
"""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import suppress
from pathlib import Path

from normwise.engine.serialization import read_stored, write_stored
from normwise.files import sha256_file

__all__ = ["Fingerprints"]

_CLOCK_STEP_NS = 2_000_000_000  # the coarsest clock of a file system in use ticks every two seconds

_MOST = 200_000  # files that are remembered: some 40 MB, read in a second

State = tuple[int, int, int, int, int]


class Fingerprints:
    """Hashes of files by their state on disk.

    Parameters
    ----------
    memory : Path or None
        Where hashes are remembered between runs.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.txt"
    >>> _ = path.write_text("abc")
    >>> Fingerprints(None).of(path)[:8]
    'ba7816bf'
    """

    def __init__(self, memory: Path | None) -> None:
        # Elsewhere ctime is the time of creation and proves nothing.
        self._memory = memory if os.name == "posix" else None
        self._known: dict[str, list[object]] = {}
        self._hashed: dict[Path, tuple[State, str]] = {}
        self._changed = False
        if self._memory is not None:
            known = (read_stored(self._memory) or {}).get("files")
            self._known = known if isinstance(known, dict) else {}

    def of(self, path: Path) -> str:
        """Return the SHA-256 of a file's bytes.

        Raises
        ------
        OSError
            The file can't be read.
        """
        name = hashlib.sha256(os.fsencode(path.absolute())).hexdigest()  # paths may name people
        with path.open("rb") as handle:
            before = _state(os.fstat(handle.fileno()))
            match self._known.get(name):
                case [[*state], str(digest)] if tuple(state) == before:
                    self._hashed[path] = before, digest
                    return digest
            digest = hashlib.file_digest(handle, "sha256").hexdigest()
            self._hashed[path] = before, digest
            is_old = time.time_ns() - max(before[3], before[4]) > _CLOCK_STEP_NS
            if is_old and _state(os.fstat(handle.fileno())) == before:
                self._known[name] = [list(before), digest]
                self._changed = True
        return digest

    def is_unchanged(self, path: Path) -> bool:
        """Return whether a file's bytes are still those that were hashed; a touch changes none."""
        state, digest = self._hashed.get(path, (None, ""))
        try:
            return _state(path.stat()) == state or (state is not None and sha256_file(path) == digest)
        except OSError:
            return False

    def save(self) -> None:
        """Remember the hashes; what can't be written is hashed again next time."""
        if self._memory is not None and self._changed:
            with suppress(OSError):
                newest = dict(list(self._known.items())[-_MOST:])
                write_stored(self._memory, {"files": newest})
            self._changed = False


def _state(status: os.stat_result) -> State:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
