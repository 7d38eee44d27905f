"""The header of FreeSurfer's .mgh and .mgz, parsed by nibabel and checked like NIfTI's."""

from __future__ import annotations

from typing import Any

import numpy as np

from normwise.errors import ImageError
from normwise.images.affines import check_affine
from normwise.images.volumes.header import Header, check_dims

__all__ = ["HEADER_BYTES", "parse_mgh_header"]

HEADER_BYTES = 284  # where the voxels begin
_NUMBERS = {0: ">u1", 1: ">i4", 3: ">f4", 4: ">i2"}
_TAIL = 1 << 20  # scan parameters and the history of commands follow the voxels


def parse_mgh_header(block: bytes, name: str) -> Header:
    """Check an MGH header.

    Parameters
    ----------
    block : bytes
        The first 284 bytes of the file, or all it has.
    name : str
        The file, for errors.

    Returns
    -------
    Header
        With its affine in mm.

    Raises
    ------
    ImageError
        IMG-301 to IMG-307 for the numbers; IMG-401 to IMG-405 for the geometry.
    """
    from nibabel.freesurfer.mghformat import MGHHeader

    if len(block) < HEADER_BYTES or int.from_bytes(block[:4], "big") != 1:
        raise ImageError(
            "IMG-315",
            "the file has no MGH header.",
            subject=name,
            seen=f"{len(block)} bytes, beginning {block[:4].hex(' ')}",
            expected="00 00 00 01, and a header of 284 bytes",
            advice="it may be another format or damaged: convert the original again",
        )
    header: Any = MGHHeader(block, check=False)
    code = int(header["type"])
    if code not in _NUMBERS:
        raise ImageError(
            "IMG-307",
            "the data type is none that is read.",
            subject=name,
            seen=f"MGH type {code}",
            expected="0 (8 bit), 1 (32 bit), 3 (float), 4 (16 bit)",
            advice="the header is damaged, or convert the image with mri_convert",
        )
    flag = int.from_bytes(block[28:30], "big", signed=True)  # nibabel replaces 0 by a guess
    if flag != 1:
        raise ImageError(
            "IMG-401",
            "the header says nothing of left and right (goodRASFlag is not 1).",
            subject=name,
            seen=f"goodRASFlag {flag}",
            advice="convert the original (DICOM) again with a tool that writes the orientation",
        )
    shape = check_dims([int(size) for size in header["dims"]], name)
    with np.errstate(all="ignore"):  # numbers that can't be are refused by name below
        affine = np.asarray(header.get_affine(), dtype=np.float64)
    check_affine(affine, name)
    return Header(shape, np.dtype(_NUMBERS[code]), HEADER_BYTES, 1.0, 0.0, affine, tail=_TAIL)
