"""The log of one command: what was said, when, and how it ended; scan ids are the only names in it."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import TextIO

__all__ = ["RunLog"]


class RunLog:
    """Lines with the time in front, in ``RUN/logs``; a log that can't be written never stops the work.

    Parameters
    ----------
    verb : str
        The command; part of the file's name.

    Attributes
    ----------
    path : Path or None
        The file, once a folder is known.
    """

    def __init__(self, verb: str) -> None:
        self._verb = verb
        self._held: list[str] = []
        self._stream: TextIO | None = None
        self.path: Path | None = None

    def open(self, folder: Path) -> None:
        """Begin the file in a folder; what was said before is written first."""
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            self._stream, self.path = _new_file(folder, f"{stamp}-{self._verb}")
        held, self._held = self._held, []
        for line in held:
            self._write(line)

    def say(self, text: str) -> None:
        """Add a text; its further lines are indented."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self._write(f"{stamp}  {text.rstrip()}".replace("\n", "\n" + " " * 22))

    def close(self) -> None:
        """End the file."""
        if self._stream is not None:
            with suppress(OSError):
                self._stream.close()
            self._stream = None

    def _write(self, line: str) -> None:
        if self._stream is None:
            self._held.append(line)
            return
        with suppress(OSError, ValueError):
            self._stream.write(line + "\n")
            self._stream.flush()


def _new_file(folder: Path, stem: str) -> tuple[TextIO, Path]:
    """Open a file that was not there; two commands of one second get two."""
    for number in range(1, 1000):
        path = folder / (f"{stem}.log" if number == 1 else f"{stem}-{number}.log")
        with suppress(FileExistsError):
            return path.open("x", encoding="utf-8"), path
    raise FileExistsError(folder)
