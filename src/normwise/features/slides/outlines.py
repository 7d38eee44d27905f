"""Outlines of nuclei that a run has exported, found by where they lie; the file itself stays on disk."""

from __future__ import annotations

import json
import os
import re
from array import array
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from normwise.errors import FeatureError
from normwise.features.slides.tile_table import file_stem
from normwise.run_folder import RunFolder

__all__ = ["Outlines", "outlines_place"]

_HEAD = b'{"type": "FeatureCollection"'
_FIRST = re.compile(rb'"coordinates": \[\[\[(-?\d+(?:\.\d+)?), (-?\d+(?:\.\d+)?)\]')
_LAST = b"]}"
_LONGEST = 1 << 20  # bytes of a line: one outline has some hundreds, a file in one line is none of ours


def outlines_place(scan: str) -> str:
    """Return the place of the outlines of one scan below a run's folder.

    Examples
    --------
    >>> outlines_place("sub-01")
    'nuclei/sub-01.geojson'
    """
    return f"{RunFolder.NUCLEI_FOLDER}/{file_stem(scan)}.geojson"


class Outlines:
    """The outlines of one slide; 24 bytes of each are held, the rest is read when it is asked for.

    Parameters
    ----------
    path : Path
        What ``export = ["geojson"]`` wrote: one outline a line.

    Raises
    ------
    FeatureError
        FEA-608, the file is not what was written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        starts, points = array("q"), array("d")
        try:
            with path.open("rb") as file:
                self._state = _state_of(file)
                whole = self._scan(file, starts, points)
        except OSError as error:
            raise _unreadable(path, error.strerror or str(error)) from error
        if not whole:
            raise _unreadable(path, "it ends in the middle")
        self._starts = np.frombuffer(starts, np.int64)
        self._points = np.frombuffer(points).reshape(-1, 2)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._starts)

    def within(self, left: float, top: float, right: float, bottom: float) -> NDArray[np.intp]:
        """Return which outlines begin inside a box.

        Parameters
        ----------
        left, top, right, bottom : float
            px of level 0.
        """
        x, y = self._points.T
        return np.flatnonzero((x >= left) & (x <= right) & (y >= top) & (y <= bottom))

    def rings(self, which: NDArray[np.intp]) -> list[NDArray[np.float64]]:
        """Read outlines.

        Parameters
        ----------
        which : ndarray of int of shape (n_outlines,)
            From `within`.

        Returns
        -------
        list of ndarray of shape (n_points, 2)
            px of level 0, closed.

        Raises
        ------
        FeatureError
            FEA-608.
        """
        try:
            with self._path.open("rb") as file:
                if _state_of(file) != self._state:
                    raise _unreadable(self._path, "it has changed since it was opened")
                return [self._ring(file, start) for start in self._starts[which].tolist()]
        except OSError as error:
            raise _unreadable(self._path, error.strerror or str(error)) from error

    def _ring(self, file: BinaryIO, start: int) -> NDArray[np.float64]:
        file.seek(start)
        try:
            feature = json.loads(file.readline(_LONGEST).rstrip().removesuffix(b","))
            ring = np.array(feature["geometry"]["coordinates"][0], np.float64)
        except (ValueError, KeyError, TypeError, IndexError, OverflowError, RecursionError) as error:
            raise _unreadable(self._path, f"no outline at byte {start}") from error
        if ring.ndim != 2 or ring.shape[1] != 2 or not np.isfinite(ring).all():
            raise _unreadable(self._path, f"no outline at byte {start}")
        return ring

    def _scan(self, file: BinaryIO, starts: array[int], points: array[float]) -> bool:
        """Note where each outline begins; return whether the file has its end."""
        start = len(head := file.readline(_LONGEST))
        if not head.startswith(_HEAD):
            raise _unreadable(self._path, f"it begins with {head[:40]!r}")
        for line in iter(lambda: file.readline(_LONGEST), b""):
            if len(line) == _LONGEST:
                raise _unreadable(self._path, f"more than {_LONGEST:,} bytes in a line")
            if found := _FIRST.search(line):
                starts.append(start)
                points.extend((float(found[1]), float(found[2])))
            elif line.strip():
                return line.rstrip() == _LAST
            start += len(line)
        return False


def _state_of(file: BinaryIO) -> tuple[int, int]:
    about = os.fstat(file.fileno())
    return about.st_size, about.st_mtime_ns


def _unreadable(path: Path, seen: str) -> FeatureError:
    return FeatureError(
        "FEA-608",
        "the outlines of nuclei can't be read.",
        subject=path.name,
        seen=seen,
        expected="one outline a line, as the extractor slides writes them",
        advice='extract again with export = ["geojson"]; keep files edited in QuPath elsewhere',
    )
