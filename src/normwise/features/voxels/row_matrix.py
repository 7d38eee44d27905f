"""A matrix written row by row into one ``.npy`` file, then mapped: no more than a row is ever in memory."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from normwise.files import replacing

__all__ = ["RowMatrix"]


class RowMatrix:
    """Rows of float32, on disk where there is a folder, else in memory.

    Parameters
    ----------
    folder : Path or None
        Where the file lies, under ``voxels/``; None keeps the rows in memory.
    width : int
        Columns.
    made : str
        How the rows are made, which with ``rows`` names the file.
    rows : list of str
        Whose rows they may be.

    Examples
    --------
    >>> import tempfile
    >>> with RowMatrix(Path(tempfile.mkdtemp()), 2, "made", ["a", "b"]) as matrix:
    ...     matrix.append(np.array([1, 2], np.float32))
    >>> matrix.array().tolist(), matrix.array().dtype.name
    ([[1.0, 2.0]], 'float32')
    """

    def __init__(self, folder: Path | None, width: int, made: str, rows: list[str]) -> None:
        key = hashlib.sha256("\n".join([made, *rows]).encode()).hexdigest()[:16]
        self._path = folder / "voxels" / f"voxels-{key}.npy" if folder is not None else None
        self._width = width
        self._kept: list[NDArray[np.float32]] = []
        self._count = 0
        self._open = ExitStack()
        self._handle: BinaryIO | None = None

    def __enter__(self) -> Self:
        if self._path is not None:
            part = self._open.enter_context(replacing(self._path))
            self._handle = self._open.enter_context(part.open("wb"))
            self._head()
        return self

    def append(self, row: NDArray[np.float32]) -> None:
        """Add a row of shape (width,)."""
        assert row.shape == (self._width,)
        if self._handle is not None:
            self._handle.write(np.ascontiguousarray(row).tobytes())
        else:
            self._kept.append(row)
        self._count += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self._handle is not None:
            self._handle.seek(0)
            self._head()
        self._open.__exit__(kind, error, trace)

    def array(self) -> NDArray[np.float32]:
        """Return the rows, of shape (n_rows, width): a read-only memory map, or an array in memory."""
        if self._path is not None and self._count:
            return np.load(self._path, mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return] # numpy says Any
        return np.array(self._kept, dtype=np.float32).reshape(self._count, self._width)

    def _head(self) -> None:
        """Write the header; numpy leaves room in it, so that any number of rows fits."""
        about = {"descr": "<f4", "fortran_order": False, "shape": (self._count, self._width)}
        np.lib.format.write_array_header_2_0(self._handle, about)  # type: ignore[no-untyped-call] # numpy's stubs
