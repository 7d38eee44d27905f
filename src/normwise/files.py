"""Files written whole or not at all, and files named by their content."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

__all__ = [
    "accompany_dataset",
    "check_writable",
    "content_digest",
    "image_files",
    "is_formula",
    "note_use",
    "quote_formula",
    "remove_parts",
    "replacing",
    "sha256_file",
    "unquote_formula",
    "write_bytes",
    "write_text",
]

_PART = re.compile(r"\..*-[0-9a-f]{8}\.part(\..*)?")
_NOTED_SECONDS = 3600.0
_HALVES = {".hdr": ".img", ".img": ".hdr"}
_FORMULA = re.compile(r"[=@].|[+-](?![0-9.,]*(?:[eE][+-]?[0-9]+)?$).", re.DOTALL)


def is_formula(text: str) -> bool:
    """Return whether a spreadsheet would take a cell for a formula: ``=``, ``+``, ``-`` or ``@`` before text.

    Examples
    --------
    >>> [is_formula(text) for text in ("=1+1", "@SUM(A1)", "-cmd", "-1.5e-3", "+", "p=1")]
    [True, True, True, False, False, False]
    """
    return _FORMULA.match(text) is not None


def quote_formula(text: str) -> str:
    """Return a cell with an apostrophe before it where a spreadsheet would take it for a formula.

    Examples
    --------
    >>> quote_formula("=1+1"), quote_formula("-1.5")
    ("'=1+1", '-1.5')
    """
    return f"'{text}" if is_formula(text) else text


def unquote_formula(text: str) -> str:
    """Return a cell as it was before `quote_formula`.

    Examples
    --------
    >>> unquote_formula("'=1+1"), unquote_formula("'s-Gravenhage")
    ('=1+1', "'s-Gravenhage")
    """
    return text[1:] if text.startswith("'") and is_formula(text[1:]) else text


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path`` that takes its place only if the block ends well.

    Parameters
    ----------
    path : Path
        The file to write; its folder is made where it is missing.

    Yields
    ------
    Path
        Where to write. On an error it is removed and ``path`` stays as it was. A device or a pipe can't be
        replaced and is given itself.

    Examples
    --------
    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "whole.txt"
    >>> with replacing(target) as part:
    ...     _ = part.write_text("whole")
    >>> target.read_text()
    'whole'
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and not path.is_file() and not path.is_dir():
        yield path
        return
    # The suffix stays last, since some writers choose their format by it.
    part = path.with_name(f".{path.name.split('.')[0]}-{uuid4().hex[:8]}.part{''.join(path.suffixes)}")
    try:
        yield part
        with part.open("rb") as handle:
            os.fsync(handle.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def image_files(path: Path) -> tuple[Path, ...]:
    """Return the files that an image is made of: itself, and behind it the other half of a NIfTI pair.

    Parameters
    ----------
    path : Path
        An image, or the ``.hdr`` or the ``.img`` of a pair; each may end in ``.gz``.

    Returns
    -------
    tuple of Path
        The other half need not be there; it is looked for packed as the first, then the other way.

    Examples
    --------
    >>> [path.name for path in image_files(Path("sub-01.img.gz"))]
    ['sub-01.img.gz', 'sub-01.hdr.gz']
    >>> image_files(Path("sub-01.nii.gz")) == (Path("sub-01.nii.gz"),)
    True
    """
    plain = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    ending = _HALVES.get(plain.suffix.lower())
    if ending is None:
        return (path,)
    other = plain.with_suffix(ending.upper() if plain.suffix.isupper() else ending)
    packed = other.with_name(other.name + (path.suffix if path != plain else ".gz"))
    alike, unlike = (other, packed) if path == plain else (packed, other)
    return path, unlike if unlike.is_file() and not alike.is_file() else alike


def remove_parts(folder: Path) -> None:
    """Remove the temporary files that killed writers left in a folder.

    Parameters
    ----------
    folder : Path
        Nobody else may be writing into it.
    """
    for path in folder.iterdir() if folder.is_dir() else ():
        if _PART.fullmatch(path.name) and path.is_file():
            path.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path``, whole or not at all."""
    with replacing(path) as part:
        part.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """Write ``content`` to ``path`` as UTF-8 with line feeds, whole or not at all."""
    write_bytes(path, content.encode("utf-8"))


def accompany_dataset(folder: Path, readme: str, others: Iterable[str]) -> None:
    """Write what a BIDS dataset has beside its data: a README, and ``.bidsignore`` for other files.

    Parameters
    ----------
    folder : Path
        The dataset.
    readme : str
        Text of ``README.md``, where there is no README yet.
    others : iterable of str
        Files and folders, which are added to those that are listed already.
    """
    if next(folder.glob("README*"), None) is None:
        write_text(folder / "README.md", readme)
    listing = folder / ".bidsignore"
    listed = listing.read_text(encoding="utf-8").splitlines() if listing.is_file() else []
    lines = list(dict.fromkeys([*listed, *others]))
    if lines != listed:
        write_text(listing, "".join(f"{line}\n" for line in lines))


def note_use(path: Path) -> None:
    """Let a file's time say when it was last used, to the hour, so that what is unused can be removed."""
    with suppress(OSError):
        if time.time() - path.stat().st_mtime > _NOTED_SECONDS:
            os.utime(path)


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def content_digest(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of what a file of JSON holds, but the digest itself, which stands under ``digest``.

    Examples
    --------
    >>> content_digest({"a": 1, "digest": "b"}) == content_digest({"a": 1})
    True
    """
    rest = {name: value for name, value in content.items() if name != "digest"}
    text = json.dumps(rest, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def check_writable(out: Path) -> None:
    """Refuse a file that can't be written to, before hours are spent on measuring; its folder is made.

    Raises
    ------
    OSError
        Where it is a folder, or may not be written.
    """
    if out.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(out))
    out.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(out if out.exists() and not out.is_file() else out.parent, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(out))
