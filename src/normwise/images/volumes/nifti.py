"""The NIfTI-1 and NIfTI-2 header, parsed by nibabel and checked field by field."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from normwise.errors import ImageError, NormwiseWarning
from normwise.images.affines import check_affine, corner_distance, spacing_of
from normwise.images.volumes.header import Header, check_dims

__all__ = ["HEADER_BYTES", "parse_nifti_header"]

HEADER_BYTES = 540  # NIfTI-2; the 348 bytes of NIfTI-1 are the beginning of it
_SIZES = {348: "NIfTI-1", 540: "NIfTI-2"}
_SINGLE = {348: b"n+1\0", 540: b"n+2\0"}
_PAIR = {348: b"ni1\0", 540: b"ni2\0"}
_FIRST_VOXEL = {348: 352, 540: 544}

_NUMBERS = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8",
}  # fmt: skip
_COLOURS = {128: "RGB24", 2304: "RGBA32"}
_COMPLEX = {32: "COMPLEX64", 1792: "COMPLEX128", 2048: "COMPLEX256"}
_MM_PER_UNIT = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}  # xyzt_units: unknown, metre, millimetre, micron

_QUATERNION_ROUNDING = 1e-3  # writers round b, c and d; beyond that the numbers are no rotation
_FORMS_AGREE_MM = 0.1
_PIXDIM_AGREES = 0.01  # relative


def parse_nifti_header(block: bytes, name: str, *, pair: bool = False) -> Header:
    """Check a NIfTI header.

    Parameters
    ----------
    block : bytes
        The first 540 bytes of the file, or all it has.
    name : str
        The file, for errors and warnings.
    pair : bool
        Whether the voxels lie in a file of their own.

    Returns
    -------
    Header
        Its affine in mm, from the sform where one is set, else from the qform (NIfTI-1 standard, methods 3
        and 2).

    Raises
    ------
    ImageError
        IMG-103, IMG-301 to IMG-314 for the numbers; IMG-401 to IMG-407 for the geometry.

    Warns
    -----
    NormwiseWarning
        IMG-901, IMG-902, IMG-903: geometry that is stated twice and differently.
    """
    header = _parse(block, name, pair=pair)
    size = int(header["sizeof_hdr"])
    dims = _dims(header, name)
    dtype = _dtype(header, name)
    slope, intercept = _scaling(header, name)
    return Header(
        shape=check_dims(dims, name),
        dtype=dtype.newbyteorder(header.endianness),
        offset=_offset(header, 0 if pair else _FIRST_VOXEL[size], name),
        slope=slope,
        intercept=intercept,
        affine=_affine(header, dims, name),
    )


def _parse(block: bytes, name: str, *, pair: bool) -> Any:
    from nibabel.nifti1 import Nifti1Header
    from nibabel.nifti2 import Nifti2Header

    orders = {int.from_bytes(block[:4], word): mark for word, mark in (("big", ">"), ("little", "<"))}  # type: ignore[arg-type] # mypy widens the literals
    size = next((size for size in orders if size in _SIZES), None)
    if size is None or len(block) < size:
        raise ImageError(
            "IMG-301",
            "the file has no NIfTI header.",
            subject=name,
            seen=f"{len(block)} bytes, beginning {block[:4].hex(' ')}",
            expected="348 (NIfTI-1) or 540 (NIfTI-2) in the first four bytes, and a header of that length",
            advice="it may be another format or damaged: convert the original again",
        )
    kind = Nifti1Header if size == 348 else Nifti2Header
    header = kind(block[:size], endianness=orders[size], check=False)
    magic = block[344:348] if size == 348 else block[4:8]
    own = _PAIR[size] if pair else _SINGLE[size]
    if not pair and magic == _PAIR[size]:
        raise ImageError(
            "IMG-103",
            "the header says that the voxels lie in a file of their own.",
            subject=name,
            seen=f"magic {magic!r}",
            expected=repr(own),
            advice="name the header .hdr and lay the .img beside it, or convert the original again",
        )
    if magic != own or (size == 540 and block[8:12] != b"\r\n\x1a\n"):
        raise ImageError(
            "IMG-302",
            f"the header has the length of {_SIZES[size]} but not its magic.",
            subject=name,
            seen=f"magic {magic!r}",
            expected=repr(own),
            advice="ANALYZE 7.5 says nothing of left and right: convert the original to NIfTI",
        )
    return header


def _dims(header: Any, name: str) -> list[int]:
    dims = [int(size) for size in header["dim"]]
    if not 1 <= dims[0] <= 7:
        raise ImageError(
            "IMG-303",
            "the number of dimensions is outside 1–7.",
            subject=name,
            seen=str(dims[0]),
            advice="the header is damaged: convert the original again",
        )
    return dims[1 : dims[0] + 1]


def _dtype(header: Any, name: str) -> np.dtype[Any]:
    code = int(header["datatype"])
    if code in _COLOURS:
        raise ImageError(
            "IMG-308",
            "the voxels are colours, not intensities.",
            subject=name,
            seen=_COLOURS[code],
            advice="give the image itself, not a coloured map of it",
        )
    if code in _COMPLEX:
        raise ImageError(
            "IMG-309",
            "the voxels are complex numbers.",
            subject=name,
            seen=_COMPLEX[code],
            advice="give the magnitude image",
        )
    if code not in _NUMBERS:
        raise ImageError(
            "IMG-307",
            "the data type is none that is read.",
            subject=name,
            seen=f"datatype {code}",
            expected="8 to 64-bit integers, 32 or 64-bit floats",
            advice="the header is damaged, or convert the image to float32",
        )
    dtype = np.dtype(_NUMBERS[code])
    if int(header["bitpix"]) != 8 * dtype.itemsize:
        raise ImageError(
            "IMG-310",
            "data type and bits a voxel disagree.",
            subject=name,
            seen=f"datatype {code} with bitpix {int(header['bitpix'])}",
            expected=f"bitpix {8 * dtype.itemsize}",
            advice="the header is damaged: convert the original again",
        )
    return dtype


def _offset(header: Any, smallest: int, name: str) -> int:
    offset = float(header["vox_offset"])
    if not (math.isfinite(offset) and offset >= smallest and offset == int(offset)):
        raise ImageError(
            "IMG-311",
            "the place of the first voxel is impossible.",
            subject=name,
            seen=f"vox_offset {offset!r}",
            expected=f"a whole number of bytes, at least {smallest}",
            advice="the header is damaged: convert the original again",
        )
    return int(offset)


def _scaling(header: Any, name: str) -> tuple[float, float]:
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if not math.isfinite(slope):
        raise ImageError(
            "IMG-312",
            "the intensities' scale is not a number.",
            subject=name,
            seen=f"scl_slope {slope}",
            advice="set scl_slope to 1 (or 0: no scaling) if the stored values are right as they are",
        )
    if slope == 0.0:  # the standard: no scaling, and scl_inter counts for nothing
        return 1.0, 0.0
    if not math.isfinite(intercept):
        raise ImageError(
            "IMG-313",
            "the intensities' offset is not a number.",
            subject=name,
            seen=f"scl_inter {intercept}",
            advice="set scl_inter to 0 if the stored values are right as they are",
        )
    return slope, intercept


def _affine(header: Any, dims: list[int], name: str) -> npt.NDArray[np.float64]:
    unit = int(header["xyzt_units"]) & 7  # bits 3–5 hold the unit of time
    if unit not in _MM_PER_UNIT:
        raise ImageError(
            "IMG-314",
            "the unit of length is none of the standard's.",
            subject=name,
            seen=f"xyzt_units {int(header['xyzt_units'])}",
            expected="1 metre, 2 millimetre, 3 micron",
            advice="the header is damaged: convert the original again",
        )
    scale = np.array([[_MM_PER_UNIT[unit]]] * 3 + [[1.0]])  # the last row is no length
    sform = scale * header.get_sform() if int(header["sform_code"]) > 0 else None
    qform = None
    if int(header["qform_code"]) > 0:
        try:
            qform = scale * _qform(header, name)
        except ImageError as error:
            if sform is None:
                raise
            warnings.warn(
                NormwiseWarning(
                    "IMG-903",
                    f"{name}: the qform is unusable ({error.seen}); the sform is used.",
                    subject=name,
                ),
                stacklevel=2,
            )
    chosen = sform if sform is not None else qform
    if chosen is None:
        raise ImageError(
            "IMG-401",
            "the header says nothing of left and right (qform_code and sform_code are 0).",
            subject=name,
            advice="convert the original (DICOM) again with a tool that writes the orientation",
        )
    check_affine(chosen, name)
    if sform is not None:
        _compare(header, dims, sform, qform, scale[0, 0], name)
    return np.asarray(chosen, dtype=np.float64)


def _qform(header: Any, name: str) -> npt.NDArray[np.float64]:
    """Return the qform's affine; in the header a quaternion a rounding error too long gets length 1."""
    if float(header["pixdim"][0]) == 0.0:  # the standard: 0 stands for 1
        header["pixdim"][0] = 1.0
    parts = [float(header[f"quatern_{letter}"]) for letter in "bcd"]
    length = sum(part * part for part in parts)
    if 1.0 < length <= 1.0 + _QUATERNION_ROUNDING:
        for letter, part in zip("bcd", parts, strict=True):
            header[f"quatern_{letter}"] = part / math.sqrt(length)
    handed, *edges = (float(edge) for edge in header["pixdim"][:4])
    usable = length <= 1.0 + _QUATERNION_ROUNDING and handed in (-1.0, 1.0) and all(e > 0 for e in edges)
    if not usable:
        raise ImageError(
            "IMG-406",
            "the quaternion form of the affine is no rotation with positive voxel edges.",
            subject=name,
            seen=f"b² + c² + d² = {length:g}, qfac {handed:g}, pixdim {', '.join(f'{e:g}' for e in edges)}",
            expected="b² + c² + d² at most 1, qfac 1 or -1, edges above 0",
            advice="the header is damaged: convert the original again",
        )
    return np.asarray(header.get_qform(), dtype=np.float64)


def _compare(
    header: Any,
    dims: list[int],
    sform: npt.NDArray[np.float64],
    qform: npt.NDArray[np.float64] | None,
    unit_mm: float,
    name: str,
) -> None:
    """Compare the sform, which is used, with the qform and the stated voxel edges."""
    if qform is not None:
        if np.linalg.det(sform[:3, :3]) * np.linalg.det(qform[:3, :3]) < 0:
            raise ImageError(
                "IMG-407",
                "qform and sform disagree about left and right.",
                subject=name,
                seen="one is a mirror image of the other",
                advice="find out which is right (a marker, the DICOM) and copy it over the other",
            )
        apart = float(corner_distance(tuple(dims[:3]), sform, qform).max())
        if int(header["sform_code"]) == int(header["qform_code"]) and apart > _FORMS_AGREE_MM:
            warnings.warn(
                NormwiseWarning(
                    "IMG-901",
                    f"{name}: qform and sform claim the same space and differ by {apart:.3g} mm; "
                    "the sform is used.",
                    subject=name,
                    value=apart,
                ),
                stacklevel=2,
            )
    stated = np.abs(np.asarray(header["pixdim"][1:4], dtype=np.float64)) * unit_mm
    measured = np.array(spacing_of(sform))
    if not (np.abs(stated - measured) <= _PIXDIM_AGREES * measured).all():  # NaN agrees with nothing
        warnings.warn(
            NormwiseWarning(
                "IMG-902",
                f"{name}: the header states voxels of {' × '.join(f'{e:g}' for e in stated)} mm, "
                f"its sform {' × '.join(f'{e:.4g}' for e in measured)} mm; the sform is used.",
                subject=name,
            ),
            stacklevel=2,
        )
