"""Volumes written as NIfTI, the same bytes for the same volume."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from isal import igzip

from normwise.errors import ImageError
from normwise.files import write_bytes
from normwise.images.volume import LabelVolume, Volume

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Header

__all__ = ["nifti_of", "write_volume"]

_ALIGNED = 2  # "aligned to something": the standard's code where the space is not known by name
_RIGHT_ANGLES = 1e-4  # a quaternion can hold no shear
_COMPRESSION = 2  # igzip's middle level


def write_volume(volume: Volume | LabelVolume, path: str | Path) -> None:
    """Write a volume or a label map, whole or not at all.

    Parameters
    ----------
    volume : Volume or LabelVolume
        Intensities are stored as float32, labels as the smallest integers that hold them.
    path : str or Path
        Ends in ``.nii.gz`` or ``.nii``. The compressed file holds no time and no name, so one volume always
        gives the same bytes.

    Raises
    ------
    ImageError
        IMG-604, another ending.

    Examples
    --------
    >>> import tempfile
    >>> from normwise.images import read_volume
    >>> path = Path(tempfile.mkdtemp()) / "ramp.nii.gz"
    >>> write_volume(Volume(np.arange(8).reshape(2, 2, 2), np.eye(4)), path)
    >>> read_volume(path).voxels[1, 1]
    array([6., 7.], dtype=float32)
    """
    target = Path(path)
    name = target.name.lower()
    if not name.endswith((".nii", ".nii.gz")):
        raise ImageError(
            "IMG-604",
            "volumes are written as .nii.gz or .nii.",
            subject=target.name,
            advice="choose a name with one of the two endings",
        )
    header, voxels = nifti_of(volume)
    little = voxels.astype(voxels.dtype.newbyteorder("<"), copy=False)
    content = b"".join((header.binaryblock, bytes(4), little.tobytes(order="F")))
    if name.endswith(".gz"):
        content = igzip.compress(content, compresslevel=_COMPRESSION, mtime=0)
    write_bytes(target, content)


def nifti_of(volume: Volume | LabelVolume) -> tuple[Nifti1Header, npt.NDArray[Any]]:
    """Return the header of a volume's file, and its voxels as they are stored."""
    from nibabel.nifti1 import Nifti1Header

    voxels = volume.voxels
    if isinstance(volume, LabelVolume):
        low, high = int(voxels.min(initial=0)), int(voxels.max(initial=0))
        kinds = (np.iinfo(kind) for kind in (np.uint8, np.int16, np.int32))
        kind = next(kind.dtype for kind in kinds if kind.min <= low and high <= kind.max)
        voxels = voxels.astype(kind)
    header = Nifti1Header(endianness="<")
    header.set_data_dtype(voxels.dtype)
    header.set_data_shape(voxels.shape)
    header.set_xyzt_units("mm")
    header["vox_offset"] = 352
    header["scl_slope"], header["scl_inter"] = 1, 0
    edges = volume.affine[:3, :3] / np.array(volume.spacing)
    if np.allclose(edges.T @ edges, np.eye(3), atol=_RIGHT_ANGLES):
        header.set_qform(volume.affine, code=_ALIGNED)
    else:
        header["pixdim"][1:4] = volume.spacing
    header.set_sform(volume.affine, code=_ALIGNED)
    return header, voxels
