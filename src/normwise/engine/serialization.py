"""A value as bytes: JSON and ``.npy`` arrays in one container with a checksum; never pickle.

The same value always gives the same bytes: the container holds no time, no name and no machine. It is a
checksum followed by an uncompressed zip, so that numpy's own format holds the arrays. What a run finds of an
earlier one is such a container (`write_stored`, `read_stored`): a damaged one is made again, with a warning.
"""

from __future__ import annotations

import hashlib
import json
import warnings
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from normwise.engine.executor import Value
from normwise.errors import EngineError, NormwiseError, NormwiseWarning, error_from_dict
from normwise.files import note_use, write_bytes

__all__ = [
    "DAMAGED",
    "UNWRITTEN",
    "DamagedError",
    "Stored",
    "decode",
    "encode_error",
    "encode_value",
    "keep_stored",
    "read_shared",
    "read_stored",
    "write_stored",
]

DAMAGED = "ENG-302"
"""Code of the warning about a kept file that is made again."""

UNWRITTEN = "ENG-303"
"""Code of the warning about work that is finished and could not be kept."""

_MAGIC = b"NORMWISE-RESULT-2\n"
_DIGEST_BYTES = 32
_INDEX = "index.json"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip can hold, instead of the current one


class DamagedError(Exception):
    """The bytes are not what was written; the caller computes again."""


@dataclass(frozen=True, eq=False)
class Stored:
    """What comes out of the bytes: a value or an error, the warnings, and the SHA-256 that the bytes bear."""

    value: Value | None
    error: NormwiseError | None
    warnings: tuple[NormwiseWarning, ...]
    digest: str = ""


def encode_value(value: object, raised: Sequence[NormwiseWarning] = ()) -> bytes:
    """Return a function's value as bytes.

    Parameters
    ----------
    value : dict
        Arrays of numbers or text, and whatever JSON can hold, by name.
    raised : sequence of NormwiseWarning
        What the function warned of.

    Raises
    ------
    EngineError
        ENG-206, the value holds something else.

    Examples
    --------
    >>> decode(encode_value({"mean": 1.5, "histogram": np.arange(3)})).value
    {'mean': 1.5, 'histogram': array([0, 1, 2])}
    """
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise _not_storable("the function returned", type(value).__name__)
    arrays = {name: item for name, item in value.items() if isinstance(item, np.ndarray)}
    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise _not_storable(f"{name} is an array of", "objects")
    plain = {name: item for name, item in value.items() if name not in arrays}
    try:
        return _pack({"names": list(value), "plain": plain}, raised, arrays)
    except (TypeError, ValueError) as error:
        raise _not_storable("not plain data:", str(error)) from error


def encode_error(error: NormwiseError, raised: Sequence[NormwiseWarning] = ()) -> bytes:
    """Return an error as bytes, with all its fields, and without the folders that other packages quote."""
    return _pack({"error": error.to_dict()}, raised, {})


def decode(content: bytes) -> Stored:
    """Return what `encode_value` or `encode_error` was given.

    Parameters
    ----------
    content : bytes
        A whole result.

    Raises
    ------
    DamagedError
        A byte differs from what was written.
    """
    body = content[len(_MAGIC) + _DIGEST_BYTES :]
    digest = content[len(_MAGIC) : len(_MAGIC) + _DIGEST_BYTES]
    if not content.startswith(_MAGIC) or hashlib.sha256(body).digest() != digest:
        raise DamagedError
    with zipfile.ZipFile(BytesIO(body)) as container:
        index = json.loads(container.read(_INDEX))
        raised = tuple(NormwiseWarning(**fields) for fields in index["warnings"])
        if "error" in index:
            return Stored(None, error_from_dict(index["error"]), raised, digest.hex())
        members = {name: number for number, name in enumerate(index["arrays"])}
        value: Value = {}
        for name in index["names"]:
            if name in members:
                with container.open(f"{members[name]}.npy") as member:
                    value[name] = np.lib.format.read_array(member, allow_pickle=False)  # type: ignore[no-untyped-call] # numpy's stubs say no types
            else:
                value[name] = index["plain"][name]
    return Stored(value, None, raised, digest.hex())


def write_stored(path: Path, value: object, *, compress: Callable[[bytes], bytes] | None = None) -> None:
    """Write a value that later runs take from a file, whole or not at all.

    Parameters
    ----------
    path : Path
        The file; its folder is made where it is missing.
    value : dict
        As `encode_value`.
    compress : callable, optional
        Makes the bytes smaller.
    """
    content = encode_value(value)
    write_bytes(path, compress(content) if compress else content)


def keep_stored(path: Path, value: object, *, compress: Callable[[bytes], bytes] | None = None) -> None:
    """Write as `write_stored`; on a full or read-only disk nothing is kept, and the work goes on.

    Warns
    -----
    NormwiseWarning
        ENG-303, it could not be written. In a child it is counted, and is no part of the subject's result.
    """
    try:
        write_stored(path, value, compress=compress)
    except OSError as error:
        text = f"{path.name} could not be kept: {error.strerror or type(error).__name__}."
        warnings.warn(NormwiseWarning(UNWRITTEN, text, subject=path.name), stacklevel=2)


def read_stored(path: Path, *, decompress: Callable[[bytes], bytes] | None = None) -> Value | None:
    """Return what `write_stored` wrote, or None where it has to be made (again).

    Parameters
    ----------
    path : Path
        The file.
    decompress : callable, optional
        Undoes ``compress``.

    Returns
    -------
    dict or None
        None where the file is not there, or is not what was written.

    Warns
    -----
    NormwiseWarning
        ENG-302, it is there and damaged. In a child it is counted, and is no part of the subject's result.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "grid.stored"
    >>> read_stored(path)
    >>> write_stored(path, {"where": np.arange(3)})
    >>> read_stored(path)
    {'where': array([0, 1, 2])}
    """
    try:
        content = path.read_bytes()
        value = decode(decompress(content) if decompress else content).value
    except (FileNotFoundError, NotADirectoryError):
        return None
    except Exception:  # noqa: BLE001 - a decompressor may fail in any way on a damaged file
        text = f"{path.name} was damaged and is made again."
        warnings.warn(NormwiseWarning(DAMAGED, text, subject=path.name), stacklevel=2)
        return None
    note_use(path)
    return value


def read_shared(path: Path) -> Value:
    """Return what the caller of several children wrote for all of them.

    Raises
    ------
    EngineError
        ENG-304, the file was damaged or removed since.
    """
    try:
        value = decode(path.read_bytes()).value
    except (OSError, DamagedError):
        value = None
    note_use(path)
    if value is None:
        raise EngineError(
            "ENG-304",
            "a file that the subjects share was damaged or removed while they ran.",
            seen=path.name,
            advice="give the same command again: the file is made again, and finished subjects are kept",
        )
    return value


def _pack(
    content: dict[str, Any], raised: Sequence[NormwiseWarning], arrays: dict[str, npt.NDArray[np.generic]]
) -> bytes:
    body = BytesIO()
    with zipfile.ZipFile(body, "w") as container:
        fields = [vars(warning) for warning in raised]
        index = {**content, "warnings": fields, "arrays": list(arrays)}
        container.writestr(zipfile.ZipInfo(_INDEX, _EPOCH), json.dumps(index, default=_plain))
        for number, array in enumerate(arrays.values()):
            with container.open(zipfile.ZipInfo(f"{number}.npy", _EPOCH), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)  # type: ignore[no-untyped-call] # as above
    packed = body.getvalue()
    return _MAGIC + hashlib.sha256(packed).digest() + packed


def _plain(item: object) -> object:
    """Turn what numpy calls a number into what Python calls one."""
    if isinstance(item, np.generic):
        return item.item()
    raise TypeError(f"{type(item).__name__} is neither a number, a text, a list nor an array of its own name")


def _not_storable(what: str, seen: str) -> EngineError:
    return EngineError(
        "ENG-206",
        "the function's value can't be stored.",
        seen=f"{what} {seen}",
        expected="a dict of arrays, numbers, texts and lists by name",
        advice="this is a fault of the extractor: return plain data",
    )
