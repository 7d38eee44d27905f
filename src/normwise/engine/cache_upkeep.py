"""How much lies in a cache, what of it has not been used for long, and what of it is broken."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from isal import isal_zlib

from normwise.engine.cache import INPUTS, RESULTS
from normwise.engine.serialization import decode

__all__ = ["CacheContents", "check_kept", "measure_cache", "prune_cache", "verify_cache"]

_IN_USE_SECONDS = 2 * 3600.0
"""What runs share is read by each of their subjects: used so lately, it may be needed the next minute."""

_KINDS = {".result": "results", ".stage": "stages", ".stored": "shared"}

_FOLDERS = (RESULTS, INPUTS, "shared", "slides")
"""What a cache consists of. Whatever else lies in the folder is somebody's own."""


@dataclass
class CacheContents:
    """Files and bytes of a cache, by kind: results, stages of heads, blocks of slides, what runs share."""

    files: dict[str, int] = field(default_factory=dict)
    bytes: dict[str, int] = field(default_factory=dict)

    def add(self, kind: str, size: int) -> None:
        """Count one file."""
        self.files[kind] = self.files.get(kind, 0) + 1
        self.bytes[kind] = self.bytes.get(kind, 0) + size


def measure_cache(folder: Path) -> CacheContents:
    """Count what lies in a cache.

    Parameters
    ----------
    folder : Path
        It need not be there.

    Examples
    --------
    >>> import tempfile
    >>> measure_cache(Path(tempfile.mkdtemp())).files
    {}
    """
    contents = CacheContents()
    for path, size, _ in _entries(folder):
        contents.add(_kind(folder, path), size)
    return contents


def prune_cache(
    folder: Path, *, older_than: float | None = None, most_bytes: int | None = None
) -> tuple[CacheContents, CacheContents]:
    """Remove what was not used for longest; runs that are under way lose nothing but time.

    Parameters
    ----------
    folder : Path
        The cache.
    older_than : float, optional
        Seconds: what was not used for so long is removed.
    most_bytes : int, optional
        As many bytes may stay; the longest unused go first.

    Returns
    -------
    removed, stay : CacheContents
        What runs share and have used within two hours stays in any case.
    """
    now = time.time()
    entries = sorted(_entries(folder), key=lambda entry: (entry[2], entry[0]))
    total = sum(size for _, size, _ in entries)
    removed, stay = CacheContents(), CacheContents()
    for path, size, used in entries:
        kind = _kind(folder, path)
        old = older_than is not None and now - used >= older_than
        in_use = kind == "shared" and now - used < _IN_USE_SECONDS
        goes = not in_use and (old or (most_bytes is not None and total > most_bytes))
        if not goes or _is_used_since(path, used) or not _unlink(path):
            stay.add(kind, size)
        else:
            removed.add(kind, size)
            total -= size
    return removed, stay


def verify_cache(folder: Path) -> tuple[int, list[str]]:
    """Compute every checksum again, and remove what is broken.

    Parameters
    ----------
    folder : Path
        The cache.

    Returns
    -------
    whole : int
        Files that are what was written.
    broken : list of str
        The others, by their place in the cache; they are computed again when they are needed.
    """
    whole, broken = 0, []
    for path, _, _ in _entries(folder):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            continue  # another process has pruned it
        except OSError:
            content = b""
        if _digest(path, content):
            whole += 1
        else:
            broken.append(path.relative_to(folder).as_posix())
            _unlink(path)
    return whole, sorted(broken)


def check_kept(folders: list[Path], kept: Mapping[str, str]) -> dict[str, list[str]]:
    """Hold what a run took from a cache, or put there, against what lies there now.

    Parameters
    ----------
    folders : list of Path
        Caches, in the order in which they are read.
    kept : mapping of str to str
        SHA-256 of each result by its key, as a run records it.

    Returns
    -------
    dict of str to list of str
        Keys that are ``whole``, ``gone`` (pruned, say), ``broken``, and ``different``: whole, and yet not
        what the run has used.
    """
    found: dict[str, list[str]] = {"whole": [], "gone": [], "broken": [], "different": []}
    for key, digest in kept.items():
        paths = [folder / RESULTS / key[:2] / f"{key}.result" for folder in folders]
        path = next((path for path in paths if path.is_file()), None)
        state = "gone"
        if path is not None:
            seen = _digest(path, path.read_bytes())
            state = "broken" if not seen else "whole" if seen == digest else "different"
        found[state].append(key)
    return found


def _digest(path: Path, content: bytes) -> str:
    """Return the SHA-256 that a file bears, or nothing where its bytes are others."""
    unpack: Callable[[bytes], bytes] = isal_zlib.decompress if path.suffix == ".stage" else bytes
    try:
        return decode(unpack(content)).digest
    except Exception:  # noqa: BLE001 - a decompressor may fail in any way on a damaged file
        return ""


def _entries(folder: Path) -> Iterator[tuple[Path, int, float]]:
    """Yield what is kept: path, bytes, and when it was last used."""
    for path in (
        path for name in _FOLDERS if (folder / name).is_dir() for path in (folder / name).rglob("*")
    ):
        if path.suffix in _KINDS and not path.name.startswith("."):
            with suppress(OSError):
                status = path.stat()
                yield path, status.st_size, status.st_mtime


def _kind(folder: Path, path: Path) -> str:
    top = path.relative_to(folder).parts[0]
    return {"slides": "blocks", INPUTS: "hashes"}.get(top, _KINDS[path.suffix])


def _is_used_since(path: Path, used: float) -> bool:
    """Return whether a run has taken a file up since it was listed, which may be minutes ago."""
    try:
        return path.stat().st_mtime > used
    except OSError:
        return False


def _unlink(path: Path) -> bool:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return False
    return True
