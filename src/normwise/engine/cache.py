"""Results on disk by the content that made them: written whole or not at all, never trusted unchecked."""

from __future__ import annotations

import errno
import hashlib
import json
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from normwise.engine.executor import FunctionName, Task
from normwise.engine.serialization import DamagedError, Stored, decode
from normwise.errors import EngineError
from normwise.files import note_use, write_bytes

__all__ = ["INPUTS", "RESULTS", "Cache", "result_key", "unusable", "versions_of"]

RESULTS, INPUTS = "results", "inputs"
"""Folders of a cache: results by their keys, and the hashes of input files that each machine remembers."""


_PACKAGES = ("normwise", "numpy", "scipy", "nibabel", "isal")
_FORMAT = 2
_STALE_SECONDS = 3600.0  # a part this old belongs to a run that was ended in the middle of a write


def result_key(
    function: FunctionName, code_version: str, task: Task, inputs: Sequence[str], packages: Sequence[str]
) -> str:
    """Return the name of a result: a SHA-256 over everything that can change it.

    Parameters
    ----------
    function : FunctionName
        What is called.
    code_version : str
        The version that the function's author raises when its results change.
    task : Task
        Its arguments count, its subject doesn't.
    inputs : sequence of str
        SHA-256 of the task's inputs, in order. In the arguments an input's path counts by its place only, so
        that a dataset can be moved.
    packages : sequence of str
        Further packages whose versions count.

    Examples
    --------
    >>> def key(**arguments):
    ...     return result_key(FunctionName("m", "f"), "1", Task("sub-01", arguments), [], [])
    >>> key(width=1) == key(width=1), key(width=1) == key(width=2)
    (True, False)
    """
    places = {str(path): index for index, path in enumerate(task.inputs)}
    content = {
        "format": _FORMAT,
        "function": str(function),
        "version": code_version,
        "arguments": _without_paths(dict(task.arguments), places),
        "inputs": list(inputs),
        "packages": versions_of(tuple(packages)),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _without_paths(item: Any, places: Mapping[str, int]) -> Any:
    if isinstance(item, str):
        return {"input": places[item]} if item in places else item
    if isinstance(item, Mapping):
        return {name: _without_paths(value, places) for name, value in item.items()}
    if isinstance(item, list | tuple):
        return [_without_paths(value, places) for value in item]
    return item


@lru_cache
def versions_of(packages: tuple[str, ...]) -> dict[str, str]:
    """Return the versions that every number depends on, and those of further packages, by name."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    versions = {"python": python, "machine": platform.machine()}
    for package in (*_PACKAGES, *packages):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "absent"
    return versions


class Cache:
    """A folder of results; several processes, on several machines, may use it at once.

    A result is written beside its place, flushed to the disk and renamed: whoever reads finds a whole one or
    none, two writers of one key write the same bytes, and there is no lock that could be left behind.

    Parameters
    ----------
    folder : Path
        Made where it is missing.
    also : Path, optional
        A second folder of results: read where the first has none, and written where the first can't be.
    copies : bool
        Whether what only the second has is written into the first as well.

    Raises
    ------
    EngineError
        ENG-301, the folder can't be made.
    """

    def __init__(self, folder: Path, also: Path | None = None, *, copies: bool = False) -> None:
        host = hashlib.sha256(platform.node().encode()).hexdigest()[:16]
        self._folders = [folder, *([] if also is None or also == folder else [also])]
        self.fingerprints = folder / INPUTS / f"{host}.stored"
        self._copies = copies
        self.damaged = 0
        self.unwritten = 0
        self.elsewhere = 0
        try:
            (folder / RESULTS).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unusable(folder, error) from error
        _sweep(folder)

    def get(self, key: str) -> Stored | None:
        """Return a result, or None if there is none that can be trusted."""
        for folder in self._folders:
            path = _place(folder, key)
            try:
                content = _read(path)
                stored = decode(content)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except (OSError, DamagedError):
                self.damaged += 1
                continue
            note_use(path)
            if self._copies and folder != self._folders[0]:
                self.put(key, content)
            return stored
        return None

    def put(self, key: str, content: bytes) -> None:
        """Keep a result; a full disk costs the cache, not the run."""
        for number, folder in enumerate(self._folders):
            with suppress(OSError):
                write_bytes(_place(folder, key), content)
                self.elsewhere += number
                return
        self.unwritten += 1


def unusable(folder: Path, error: OSError) -> EngineError:
    """Return the error of a cache that can't be made."""
    return EngineError(
        "ENG-301",
        "the cache folder can't be used.",
        seen=f"{folder}: {error.strerror}",
        advice="give another folder, or one that can be written to",
    )


def _place(folder: Path, key: str) -> Path:
    return folder / RESULTS / key[:2] / f"{key}.result"


def _read(path: Path) -> bytes:
    """Read a file; one that another machine replaced in the middle of it is read once more."""
    try:
        return path.read_bytes()
    except OSError as error:
        if error.errno != errno.ESTALE:
            raise
        return path.read_bytes()


def _sweep(folder: Path) -> None:
    """Remove what killed writers left, once an hour at most: a shared cache has many folders."""
    swept = folder / ".swept"
    with suppress(OSError):
        if swept.exists() and time.time() - swept.stat().st_mtime < _STALE_SECONDS:
            return
        swept.touch()
        for part in folder.rglob(".*.part*"):
            with suppress(FileNotFoundError):
                if time.time() - part.stat().st_mtime > _STALE_SECONDS:
                    part.unlink()
