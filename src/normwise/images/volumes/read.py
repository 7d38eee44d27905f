"""The guarded readers: they check the header, the size, and the whole stream while the voxels are read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy.typing as npt

from normwise.errors import ImageError
from normwise.files import image_files
from normwise.images.affines import canonical
from normwise.images.paths import check_file
from normwise.images.volume import Grid, LabelVolume, Volume
from normwise.images.volumes.decode import decode_labels, decode_voxels
from normwise.images.volumes.header import Header, check_size
from normwise.images.volumes.mgh import HEADER_BYTES as MGH_HEADER_BYTES
from normwise.images.volumes.mgh import parse_mgh_header
from normwise.images.volumes.nifti import HEADER_BYTES as NIFTI_HEADER_BYTES
from normwise.images.volumes.nifti import parse_nifti_header
from normwise.images.volumes.stream import Stream, open_stream

__all__ = ["MAX_BYTES", "VOLUMES", "read_labels", "read_volume"]

MAX_BYTES = 2 * 1024**3
"""Cap on one unpacked file and on its float32 voxels: 2 GiB hold 800³ voxels."""

_NIFTI, _MGH = (".nii", ".nii.gz"), (".mgh", ".mgz", ".mgh.gz")
VOLUMES = (*_NIFTI, *_MGH, ".hdr", ".img", ".hdr.gz", ".img.gz")
"""Endings of the names of volumes, in lower case."""

_MOST_EXTENSIONS = 1 << 20  # bytes that may follow the header of a pair

GridT = TypeVar("GridT", bound=Grid)


def read_volume(path: str | Path, *, max_bytes: int = MAX_BYTES) -> Volume:
    """Read one 3-D image, or refuse it with a reason.

    Parameters
    ----------
    path : str or Path
        A ``.nii``, ``.nii.gz``, ``.mgh`` or ``.mgz`` file, or one of a NIfTI pair, ``.hdr`` or ``.img``.
    max_bytes : int
        Cap on the unpacked file and on its float32 voxels; a larger claim is refused before it is read.

    Returns
    -------
    Volume
        Float32 intensities with the header's scaling, axes reoriented to right–front–up without resampling.

    Raises
    ------
    ImageError
        IMG-100 to IMG-106 the file; IMG-201 to IMG-207 its bytes; IMG-301 to IMG-315 its header; IMG-401 to
        IMG-407 its geometry; IMG-501, IMG-502 its voxels.

    Warns
    -----
    NormwiseWarning
        IMG-901 to IMG-903: the header states its geometry twice and differently.

    Examples
    --------
    >>> from nilearn.datasets import load_mni152_template  # the brain that nilearn ships
    >>> import nilearn, pathlib
    >>> data = pathlib.Path(nilearn.__file__).parent / "datasets" / "data"
    >>> brain = read_volume(data / "mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz")
    >>> brain.shape, brain.spacing, brain.voxels.dtype.name
    ((197, 233, 189), (1.0, 1.0, 1.0), 'float32')
    """
    return _read(Path(path), max_bytes, decode_voxels, Volume)


def read_labels(path: str | Path, *, max_bytes: int = MAX_BYTES) -> LabelVolume:
    """Read one label map, or refuse it with a reason.

    Parameters
    ----------
    path : str or Path
        A ``.nii``, ``.nii.gz``, ``.mgh`` or ``.mgz`` file, or one of a NIfTI pair, ``.hdr`` or ``.img``.
    max_bytes : int
        As in `read_volume`.

    Returns
    -------
    LabelVolume
        Int32 labels, 0 is background, axes reoriented to right–front–up without resampling.

    Raises
    ------
    ImageError
        As `read_volume`; IMG-503 to IMG-505 for its voxels.

    Warns
    -----
    NormwiseWarning
        As `read_volume`.
    """
    return _read(Path(path), max_bytes, decode_labels, LabelVolume)


def _read(
    path: Path, max_bytes: int, decode: Callable[[Stream, Header], npt.NDArray[Any]], kind: type[GridT]
) -> GridT:
    if len(image_files(path)) > 1:
        header, path = _header_of_pair(path)
        with open_stream(path, gzip=_is_packed(path)) as stream:
            check_size(header, stream, max_bytes)
            voxels = decode(stream, header)
        return kind(*canonical(voxels, header.affine))
    header_bytes, parse_header, gzip = _format(path)
    with open_stream(path, gzip=gzip) as stream:
        header = parse_header(stream.peek(header_bytes), stream.name)
        check_size(header, stream, max_bytes)
        voxels = decode(stream, header)
    return kind(*canonical(voxels, header.affine))


def _header_of_pair(path: Path) -> tuple[Header, Path]:
    """Read the header of a pair to its end, and return it with the file of the voxels."""
    check_file(path)
    halves = image_files(path)
    if not halves[1].is_file():
        raise ImageError(
            "IMG-103",
            "the image is one of a pair of .hdr and .img files, and the other is not there.",
            subject=path.name,
            seen=f"nothing called {halves[1].name} beside it",
            advice="put both files of the image into one folder, or convert it to one .nii.gz file",
        )
    header_file, voxel_file = sorted(halves, key=lambda half: ".img" in half.name.lower()[-7:])
    with open_stream(header_file, gzip=_is_packed(header_file)) as stream:
        header = parse_nifti_header(stream.peek(NIFTI_HEADER_BYTES), stream.name, pair=True)
        stream.expect_end(_MOST_EXTENSIONS)
    return header, voxel_file


def _is_packed(path: Path) -> bool:
    return path.suffix.lower() == ".gz"


def _format(path: Path) -> tuple[int, Callable[[bytes, str], Header], bool]:
    """Choose by the name: bytes of the header, its parser, and whether the file is compressed."""
    name = path.name.lower()
    if name.endswith(_NIFTI):
        return NIFTI_HEADER_BYTES, parse_nifti_header, name.endswith(".gz")
    if name.endswith(_MGH):
        return MGH_HEADER_BYTES, parse_mgh_header, name.endswith((".mgz", ".gz"))
    raise ImageError(
        "IMG-102",
        "the file's name is of no kind that is read.",
        subject=path.name,
        seen=f"a name that ends in {path.suffix!r}" if path.suffix else "a name without an ending",
        expected=", ".join((*_NIFTI, *_MGH, "or .hdr and .img")),
        advice="convert DICOM with dcm2niix, other formats with the tool that wrote them",
    )
