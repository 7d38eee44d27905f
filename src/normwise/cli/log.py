"""The log of one command: what was done, when, and how it ended; scan ids are the only names in it."""

from __future__ import annotations

import logging
import logging.handlers
import time
from contextlib import suppress
from pathlib import Path

__all__ = ["RunLog"]

_MANY = 1_000_000  # records before the folder is known


class RunLog:
    """Lines with their time, in ``RUN/logs``; a log that can't be written never stops the work.

    Parameters
    ----------
    verb : str
        The command; part of the file's name.

    Attributes
    ----------
    path : Path or None
        The file, once a folder is known.
    handler : logging.Handler
        Takes records of others too, as those of progress.
    """

    def __init__(self, verb: str) -> None:
        self._verb = verb
        self._logger = logging.Logger("normwise.run")  # noqa: LOG001 - one a command, not one a process
        self.handler = logging.handlers.MemoryHandler(_MANY, logging.CRITICAL + 1, flushOnClose=False)
        self._logger.addHandler(self.handler)
        self.path: Path | None = None

    def open(self, folder: Path) -> None:
        """Begin the file in a folder; what was logged before is written first."""
        stem = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{self._verb}"
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            file = _new_file(folder, stem)
            file.setFormatter(_Lines())
            self.path = Path(file.baseFilename)
            self.handler.setTarget(file)
            self.handler.flush()
            self.handler.capacity = 0  # from here on every record is written at once

    def say(self, text: str) -> None:
        """Add a text; its further lines are indented."""
        self._logger.info("%s", text.rstrip())

    def close(self) -> None:
        """End the file."""
        if self.handler.target is not None:
            self.handler.target.close()
        self.handler.close()


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
        return f"{stamp}  {record.getMessage()}".replace("\n", "\n" + " " * 22)


class _File(logging.FileHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name in logging
        """Do nothing: a full disk stops no work here."""


def _new_file(folder: Path, stem: str) -> logging.FileHandler:
    """Open a file that was not there; two commands of one second get two."""
    for number in range(1, 1000):
        path = folder / (f"{stem}.log" if number == 1 else f"{stem}-{number}.log")
        with suppress(FileExistsError):
            return _File(path, "x", encoding="utf-8")
    raise FileExistsError(folder)
