"""The tiles of one slide as arrays, for attention and heat maps."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from normwise.errors import FeatureError
from normwise.run_folder import RunFolder

__all__ = ["TileTable", "file_stem", "read_tiles", "tiles_place"]


@dataclass(frozen=True, eq=False)
class TileTable:
    """The tiles of one slide.

    Attributes
    ----------
    names : tuple of str
        Of the columns.
    vectors : ndarray of float32 of shape (n_tiles, n_features)
        Finite. A tile without nuclei has the slide's mean of what is measured on nuclei, and density 0.
    xy : ndarray of int32 of shape (n_tiles, 2)
        Upper left corner, px of level 0.
    side : int
        Side of a tile, px of level 0.

    Examples
    --------
    >>> table = TileTable(("a",), np.ones((2, 1), np.float32), np.array([[0, 0], [9, 0]], np.int32), 9)
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "s1.npz"
    >>> _ = path.write_bytes(table.to_bytes())
    >>> read_tiles(path).xy.tolist()
    [[0, 0], [9, 0]]
    """

    names: tuple[str, ...]
    vectors: NDArray[np.float32]
    xy: NDArray[np.int32]
    side: int

    def to_bytes(self) -> bytes:
        """Return the table as the bytes of an ``.npz``; the same table gives the same bytes."""
        stream = io.BytesIO()
        np.savez(
            stream,
            names=np.array(self.names),
            vectors=self.vectors.astype(np.float32),
            xy=self.xy.astype(np.int32),
            side=np.int32(self.side),
        )
        return stream.getvalue()


def tiles_place(scan: str) -> str:
    """Return the place of the tiles of one scan below a run's folder.

    Examples
    --------
    >>> tiles_place("sub-01")
    'tiles/sub-01.npz'
    """
    return f"{RunFolder.TILE_FOLDER}/{file_stem(scan)}.npz"


def file_stem(scan: str) -> str:
    """Return a name of files of one scan that every file system takes, another for each scan.

    Examples
    --------
    >>> file_stem("sub-01"), file_stem("p 1")
    ('sub-01', 'p-1-85051de8')
    """
    stem = re.sub(r"[^A-Za-z0-9._-]", "-", scan)
    return stem if stem == scan else f"{stem}-{sha256(scan.encode()).hexdigest()[:8]}"


def read_tiles(path: Path | BinaryIO) -> TileTable:
    """Read the tiles of one slide.

    Parameters
    ----------
    path : Path or binary file
        ``RUN/tiles/SCAN.npz``, or its content.

    Raises
    ------
    FeatureError
        FEA-606, the file is missing or is not what was written.
    """
    try:
        # From memory: numpy leaves the file of a damaged zip open.
        content = io.BytesIO(path.read_bytes()) if isinstance(path, Path) else path
        with np.load(content, allow_pickle=False) as arrays:
            vectors, xy, names = arrays["vectors"], arrays["xy"], arrays["names"]
            side = int(arrays["side"])
    except (OSError, KeyError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise _unreadable(path, str(error)) from error
    if vectors.shape != (len(xy), len(names)) or xy.shape[1:] != (2,) or vectors.dtype != np.float32:
        raise _unreadable(path, f"{vectors.dtype} of shape {vectors.shape} for {len(xy)} tiles")
    return TileTable(tuple(str(name) for name in names), vectors, xy, side)


def _unreadable(path: Path | BinaryIO, seen: str) -> FeatureError:
    return FeatureError(
        "FEA-606",
        "the tiles of this slide can't be read.",
        subject=getattr(path, "name", None),
        seen=seen,
        advice="extract the features again; only slides have tiles",
    )
