"""From stored bytes to an array, a piece at a time while it is hot in the cache: one copy of the voxels."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from normwise.errors import ImageError
from normwise.images.claim import Claim
from normwise.images.stream import Stream

__all__ = ["fill_intensities", "fill_labels"]

_LABELS = np.iinfo(np.int32)


def fill_intensities(stream: Stream, claim: Claim) -> npt.NDArray[np.float32]:
    """Read scaled intensities and refuse what can't be an image.

    Parameters
    ----------
    stream : Stream
        At the first byte of the file.
    claim : Claim
        Its checked header.

    Returns
    -------
    ndarray of shape claim.shape, float32
        First axis fastest in memory, as in the file.

    Raises
    ------
    ImageError
        IMG-501 NaN or infinite voxels; IMG-502 one value everywhere; IMG-202 to IMG-207 from the stream.
    """
    voxels = np.empty(math.prod(claim.shape), dtype=np.float32)
    lows, highs = [], []
    scaled = (claim.slope, claim.intercept) != (1.0, 0.0)
    with np.errstate(all="ignore"):  # what overflows or is no number is counted and named below
        for start, stored in _stored(stream, claim):
            part = voxels[start : start + stored.size]
            part[:] = stored * claim.slope + claim.intercept if scaled else stored
            lows.append(part.min())
            highs.append(part.max())
    stream.expect_end(claim.tail)
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
        raise ImageError(
            "IMG-502",
            "every voxel has the same value.",
            subject=stream.name,
            seen=f"{low:g} in {voxels.size} voxels",
            advice="the export or a processing step failed: look at the image",
        )
    return voxels.reshape(claim.shape, order="F")


def fill_labels(stream: Stream, claim: Claim) -> npt.NDArray[np.int32]:
    """Read labels, whole numbers from 0 upwards.

    Parameters
    ----------
    stream : Stream
        At the first byte of the file.
    claim : Claim
        Its checked header.

    Returns
    -------
    ndarray of shape claim.shape, int32
        First axis fastest in memory, as in the file.

    Raises
    ------
    ImageError
        IMG-503 fractions or NaN; IMG-504 below 0 or beyond 2³¹ − 1; IMG-505 background only; IMG-202 to
        IMG-207 from the stream.
    """
    voxels = np.empty(math.prod(claim.shape), dtype=np.int32)
    scaled = (claim.slope, claim.intercept) != (1.0, 0.0)
    exact = claim.dtype.kind in "iu" and not scaled
    highest = 0
    with np.errstate(all="ignore"):
        for start, stored in _stored(stream, claim):
            values = stored * claim.slope + claim.intercept if scaled else stored
            if not exact:
                _check_whole(values, stream.name)
            low, high = values.min(), values.max()
            if low < 0 or high > _LABELS.max:
                raise ImageError(
                    "IMG-504",
                    "a label is negative or too large.",
                    subject=stream.name,
                    seen=f"labels from {low:g} to {high:g}",
                    expected="0 to 2147483647",
                    advice="check that this is a label map",
                )
            highest = max(highest, int(high))
            voxels[start : start + stored.size] = values
    stream.expect_end(claim.tail)
    if highest == 0:
        raise ImageError(
            "IMG-505",
            "the label map holds background only.",
            subject=stream.name,
            seen=f"0 in {voxels.size} voxels",
            advice="the segmentation or the export failed: look at the map",
        )
    return voxels.reshape(claim.shape, order="F")


def _check_whole(values: npt.NDArray[Any], name: str) -> None:
    broken = values[values != np.rint(values)]  # NaN differs from itself
    if broken.size:
        raise ImageError(
            "IMG-503",
            "a label map holds whole numbers only.",
            subject=name,
            seen=f"{float(broken[0]):g} among its values",
            advice="it may be an image, a probability map, or a map resampled with interpolation: "
            "resample labels with nearest neighbour",
        )


def _stored(stream: Stream, claim: Claim) -> Iterator[tuple[int, npt.NDArray[Any]]]:
    """Give the stored voxels in pieces, each with the index of its first voxel; float64 where scaled."""
    wide = np.float64 if (claim.slope, claim.intercept) != (1.0, 0.0) else None
    start, rest = 0, b""
    stream.skip(claim.offset)
    for fresh in stream.pieces(claim.voxel_bytes):
        piece = rest + fresh if rest else fresh
        count = len(piece) // claim.dtype.itemsize
        rest = piece[count * claim.dtype.itemsize :]
        if count:
            stored = np.frombuffer(piece, dtype=claim.dtype, count=count)
            yield start, stored.astype(wide) if wide else stored
            start += count
