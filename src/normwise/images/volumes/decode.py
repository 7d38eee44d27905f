"""From stored bytes to an array, in pieces that fit into the processor's cache, with one copy."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from normwise.errors import ImageError
from normwise.images.volumes.header import Header
from normwise.images.volumes.stream import PIECE, Stream

__all__ = ["decode_labels", "decode_voxels", "one_value"]

_LABELS = np.iinfo(np.int32)
_VOXEL_BYTES = 4
_LARGE_PAGES = 1 << 22


def decode_voxels(stream: Stream, header: Header) -> npt.NDArray[np.float32]:
    """Read scaled intensities and refuse what can't be an image.

    Parameters
    ----------
    stream : Stream
        At the first byte of the file.
    header : Header
        The checked header.

    Returns
    -------
    ndarray of shape header.shape, float32
        First axis fastest in memory, as in the file.

    Raises
    ------
    ImageError
        IMG-501 NaN or infinite voxels; IMG-502 one value everywhere; IMG-202 to IMG-207 from the stream.
    """
    voxels = _allocate(math.prod(header.shape), np.float32)
    lows, highs = [], []
    with np.errstate(all="ignore"):  # what overflows or is no number is counted and named below
        for part in _pieces(stream, header, voxels):
            lows.append(part.min())
            highs.append(part.max())
    stream.expect_end(header.tail)
    low, high = float(np.min(lows)), float(np.max(highs))
    if not (math.isfinite(low) and math.isfinite(high)):
        bad = int(np.count_nonzero(~np.isfinite(voxels)))
        raise ImageError(
            "IMG-501",
            f"{bad / voxels.size:.2%} of the voxels are NaN or infinite.",
            subject=stream.name,
            seen=f"{bad} of {voxels.size} voxels",
            advice="write 0 outside the body instead of NaN, or find the step that failed",
        )
    if low == high:
        raise one_value(stream.name, low, voxels.size)
    return voxels.reshape(header.shape, order="F")


def one_value(name: str, value: float, count: int, element: str = "voxel") -> ImageError:
    """Return the refusal of an image with one value everywhere."""
    return ImageError(
        "IMG-502",
        f"every {element} has the same value.",
        subject=name,
        seen=f"{value:g} in {count} {element}s",
        advice="the export or a processing step failed: look at the image",
    )


def decode_labels(stream: Stream, header: Header) -> npt.NDArray[np.int32]:
    """Read labels, whole numbers from 0 upwards.

    Parameters
    ----------
    stream : Stream
        At the first byte of the file.
    header : Header
        The checked header.

    Returns
    -------
    ndarray of shape header.shape, int32
        First axis fastest in memory, as in the file.

    Raises
    ------
    ImageError
        IMG-503 fractions or NaN; IMG-504 below 0 or beyond 2³¹ − 1; IMG-505 background only; IMG-202 to
        IMG-207 from the stream.
    """
    voxels = _allocate(math.prod(header.shape), np.int32)
    highest, start = 0, 0
    with np.errstate(all="ignore"):
        for values in _pieces(stream, header, None):
            if values.dtype.kind == "f":
                _check_whole(values, stream.name)
            low, high = values.min(), values.max()
            if low < 0 or high > _LABELS.max:
                raise ImageError(
                    "IMG-504",
                    "a label is negative or too large.",
                    subject=stream.name,
                    seen=f"labels from {float(low)!r} to {float(high)!r}",
                    expected="0 to 2147483647",
                    advice="check that this is a label map",
                )
            highest = max(highest, int(high))
            voxels[start : start + values.size] = values
            start += values.size
    stream.expect_end(header.tail)
    if highest == 0:
        raise ImageError(
            "IMG-505",
            "the label map holds background only.",
            subject=stream.name,
            seen=f"0 in {voxels.size} voxels",
            advice="the segmentation or the export failed: look at the map",
        )
    return voxels.reshape(header.shape, order="F")


def _allocate(count: int, dtype: type[np.float32 | np.int32]) -> npt.NDArray[Any]:
    """Return memory for so many voxels.

    From 4 MiB on numpy asks the system for large pages, which a new process gets far faster than a
    thousand small ones; a volume near that size reserves a little more than it needs, which is never touched.
    """
    large = count * _VOXEL_BYTES > _LARGE_PAGES // 4
    return np.empty(max(count, _LARGE_PAGES // _VOXEL_BYTES) if large else count, dtype=dtype)[:count]


def _check_whole(values: npt.NDArray[Any], name: str) -> None:
    broken = values[values != np.rint(values)]  # NaN differs from itself
    if broken.size:
        raise ImageError(
            "IMG-503",
            "a label map holds whole numbers only.",
            subject=name,
            seen=f"{float(broken[0])!r} among its values",  # every digit: 3.999999996 is not 4
            advice="it may be an image, a probability map, or a map resampled with interpolation: "
            "resample labels with nearest neighbour, or round what scaling left beside a whole number",
        )


def _pieces(
    stream: Stream, header: Header, voxels: npt.NDArray[np.float32] | None
) -> Iterator[npt.NDArray[Any]]:
    """Yield the scaled voxels in pieces, each valid until the next.

    With ``voxels`` they are written there and the pieces are views of it; bytes that are float32 already are
    read into it directly. Without, they are integers as stored, or float64 where scaled.
    """
    stream.skip(header.offset)
    total, step = math.prod(header.shape), PIECE // header.dtype.itemsize
    scaled = (header.slope, header.intercept) != (1.0, 0.0)
    direct = voxels is not None and header.dtype == np.float32 and not scaled
    scratch = np.empty(min(step, total), dtype=header.dtype)
    for start in range(0, total, step):
        count = min(step, total - start)
        part = voxels[start : start + count] if voxels is not None else None
        if part is not None and direct:
            stream.fill(part.view(np.uint8).data)
            yield part
            continue
        stored = scratch[:count]
        stream.fill(stored.view(np.uint8).data)
        values = stored * header.slope + header.intercept if scaled else stored
        if part is None:
            yield values
        else:
            part[:] = values
            yield part
