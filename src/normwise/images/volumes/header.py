"""The header of a volume in terms that every format shares, and the checks of its numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from normwise.errors import ImageError
from normwise.images.volumes.stream import Stream

__all__ = ["Header", "check_dims", "check_size"]

_FLOAT32_BYTES = 4


@dataclass(frozen=True)
class Header:
    """The header of a volume.

    Attributes
    ----------
    shape : tuple of three ints
        Number of voxels, first axis fastest in the file.
    dtype : numpy dtype
        Type and byte order of a stored voxel.
    offset : int
        Bytes before the first voxel.
    slope, intercept : float
        Intensity = slope · stored + intercept.
    affine : ndarray of shape (4, 4)
        From voxel indices to mm.
    tail : int
        Bytes that may follow the voxels.
    """

    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    offset: int
    slope: float
    intercept: float
    affine: npt.NDArray[np.float64]
    tail: int = 0

    @property
    def voxel_bytes(self) -> int:
        """Bytes of the stored voxels."""
        return math.prod(self.shape) * self.dtype.itemsize


def check_dims(dims: list[int], name: str) -> tuple[int, int, int]:
    """Return the three dimensions of a volume.

    Parameters
    ----------
    dims : list of int
        Every dimension the header names.
    name : str
        The file, for the error.

    Raises
    ------
    ImageError
        IMG-304 a dimension below 1; IMG-305 fewer than three; IMG-306 more than one volume.
    """
    seen = " × ".join(str(size) for size in dims)
    if any(size < 1 for size in dims):
        raise ImageError(
            "IMG-304",
            "a dimension is zero or negative.",
            subject=name,
            seen=seen,
            advice="the header is damaged: convert the original again",
        )
    if len(dims) < 3:
        raise ImageError(
            "IMG-305",
            f"the image has {len(dims)} dimensions, a volume has 3.",
            subject=name,
            seen=seen,
            advice="give a volume, not a slice",
        )
    if math.prod(dims[3:]) != 1:
        raise ImageError(
            "IMG-306",
            f"the file holds {math.prod(dims[3:])} volumes.",
            subject=name,
            seen=seen,
            expected="one volume, as x × y × z or x × y × z × 1",
            advice="take one volume out of the series, or its mean",
        )
    return dims[0], dims[1], dims[2]


def check_size(header: Header, stream: Stream, max_bytes: int) -> None:
    """Refuse a size that memory or the file itself can't hold, before anything is allocated.

    Parameters
    ----------
    header : Header
        From the header.
    stream : Stream
        The file.
    max_bytes : int
        Cap on the unpacked file and on the float32 voxels.

    Raises
    ------
    ImageError
        IMG-205 over the cap; IMG-206 more than the file can hold.
    """
    claimed = header.offset + header.voxel_bytes
    needed = max(claimed, math.prod(header.shape) * _FLOAT32_BYTES)
    seen = f"{' × '.join(str(size) for size in header.shape)} voxels of {header.dtype.itemsize} bytes"
    if needed > max_bytes:
        raise ImageError(
            "IMG-205",
            f"the header claims {needed / 1e9:.3g} GB, more than the cap of {max_bytes / 1e9:.3g} GB.",
            subject=stream.name,
            seen=seen,
            advice="the header is damaged or hostile; for a real volume of this size raise max_bytes",
        )
    if claimed > stream.most_bytes:
        raise ImageError(
            "IMG-206",
            f"the header claims {claimed} bytes, more than the file can hold.",
            subject=stream.name,
            seen=f"{seen} in a file of {stream.stored_bytes} bytes",
            advice="the copy or the export was cut off: fetch the file again",
        )
