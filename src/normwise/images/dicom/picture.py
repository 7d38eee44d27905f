"""A single image of two axes from one DICOM file: a radiograph, a mammogram, a frame of ultrasound."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from normwise.errors import ImageError
from normwise.images.dicom.parse import Parsed, parse_file, silent_parser

__all__ = ["is_dicom_file", "read_dicom_picture"]

MOST_PIXELS = 100_000_000
"""Of one file, unpacked: as of a picture without tiles."""

_ENDINGS = (".dcm", ".dicom", ".ima")
_MAGIC, _PREAMBLE = b"DICM", 128
_WANTED = (
    "Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated",
    "BitsStored", "PixelRepresentation", "RescaleSlope", "RescaleIntercept",
    "RedPaletteColorLookupTableDescriptor", "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor", "RedPaletteColorLookupTableData",
    "GreenPaletteColorLookupTableData", "BluePaletteColorLookupTableData",
)  # fmt: skip


def is_dicom_file(path: Path) -> bool:
    """Return whether a file is DICOM by its ending, or where that says nothing by how it begins."""
    if path.name.lower().endswith(_ENDINGS):
        return True
    try:
        with path.open("rb") as file:
            return file.read(_PREAMBLE + len(_MAGIC))[_PREAMBLE:] == _MAGIC
    except OSError:
        return False


def read_dicom_picture(path: Path) -> npt.NDArray[Any]:
    """Read the pixels of a file of one frame, bright where the image is shown bright.

    The stored values are rescaled as the header says; no window is applied, since it is chosen for the eye,
    image by image. Of the header nothing else is kept.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    ndarray
        Grey of shape (height, width), float32, or colours of shape (height, width, 3).

    Raises
    ------
    ImageError
        IMG-700 it holds no DICOM image; IMG-703 its header can't be read; IMG-107 it has several frames;
        IMG-803 it is too large; IMG-724 its pixels can't be read.
    """
    parsed = parse_file(path, _WANTED)
    if parsed is None or not parsed.dataset.get("Rows"):
        raise ImageError(
            "IMG-700",
            "the file holds no DICOM image.",
            subject=path.name,
            advice="leave it out, or name the file of the image",
        )
    header = parsed.dataset
    frames = int(header.get("NumberOfFrames") or 1)
    if frames != 1:
        raise ImageError(
            "IMG-107",
            "a file of several frames stands among pictures.",
            subject=path.name,
            seen=f"{frames} frames",
            expected="one frame",
            advice="take one frame of it, or leave it out; volumes and pictures make two studies",
        )
    if header.Rows * header.Columns > MOST_PIXELS:
        raise ImageError(
            "IMG-803",
            "the picture is too large to be unpacked whole.",
            subject=path.name,
            seen=f"{header.Columns} × {header.Rows} px",
            expected=f"at most {MOST_PIXELS} px",
        )
    pixels = _decode(path, parsed)
    if pixels.ndim == 3:
        return pixels
    if header.get("PhotometricInterpretation") == "MONOCHROME1":  # the lowest value is shown white
        bits = int(header.get("BitsStored") or header.BitsAllocated)
        ends = -1 if int(header.get("PixelRepresentation") or 0) else (1 << bits) - 1
        pixels = ends - pixels.astype(np.int64)
    slope, intercept = (header.get(name) for name in ("RescaleSlope", "RescaleIntercept"))
    scaled = pixels * (1.0 if slope is None else float(slope)) + float(intercept or 0)
    if not np.isfinite(scaled).all():
        raise _unreadable(path, "intensities that are not finite")
    return np.asarray(scaled, dtype=np.float32)


def _decode(path: Path, parsed: Parsed) -> npt.NDArray[Any]:
    if parsed.damage:
        raise _unreadable(path, parsed.damage)
    from pydicom.pixels import apply_color_lut, pixel_array

    try:
        with silent_parser():
            pixels: npt.NDArray[Any] = pixel_array(path)
            if parsed.dataset.get("PhotometricInterpretation") == "PALETTE COLOR":
                pixels = apply_color_lut(pixels, parsed.dataset)
                pixels = pixels >> 8 if pixels.dtype.itemsize > 1 else pixels
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - the decoders fail in many ways; their messages may quote the header
        raise _unreadable(path, type(error).__name__) from None
    return pixels


def _unreadable(path: Path, seen: str) -> ImageError:
    return ImageError(
        "IMG-724",
        "the pixels of a DICOM file can't be read.",
        subject=path.name,
        seen=seen,
        advice="export it again; one that is compressed can be unpacked by dcmdjpeg or gdcmconv --raw",
    )
