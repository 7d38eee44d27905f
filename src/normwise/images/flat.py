"""Pictures of two axes: PNG, JPEG, DICOM files of one frame, and volumes of a single slice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from normwise.errors import ImageError
from normwise.images.dicom.picture import is_dicom_file, read_dicom_picture
from normwise.images.paths import check_file
from normwise.images.slides.picture import PICTURES, read_picture
from normwise.images.volumes.decode import one_value
from normwise.images.volumes.read import VOLUMES, read_volume

__all__ = ["is_picture", "read_flat"]

_LUMINANCE = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # of red, green, blue: ITU-R BT.601
_WHITE = 255  # grey of 16 bits is read on the scale of 8


def is_picture(path: str | Path) -> bool:
    """Return whether a file is a PNG or JPEG by its name, or a file of DICOM."""
    path = Path(path)
    return path.suffix.lower() in PICTURES or (not _is_volume(path) and is_dicom_file(path))


def _is_volume(path: Path) -> bool:
    return path.name.lower().endswith(VOLUMES)


def read_flat(path: str | Path) -> npt.NDArray[np.float32]:
    """Read a picture as grey values.

    Parameters
    ----------
    path : str or Path
        A PNG or JPEG: colours become their luminance, and what is transparent lies on white. Grey of 16 bits
        is read whole, from 0 to 255 with fractions. A DICOM file of one frame, with or without an ending, in
        its own unit and without a window. Or a NIfTI or MGH file of one slice.

    Returns
    -------
    ndarray of shape (height, width), float32
        Rows from the top, columns from the left.

    Raises
    ------
    ImageError
        The file can't be read; IMG-107, it is a volume of several slices; IMG-502, it has one value
        everywhere; IMG-700, IMG-703, IMG-724 and IMG-803, a DICOM file holds no pixels that can be read.

    Warns
    -----
    NormwiseWarning
        IMG-910, colours of 16 bits are cut to 8.
    """
    path = Path(path)
    check_file(path)
    if is_picture(path):
        return _read_grey(path)
    volume = read_volume(path)
    if 1 not in volume.shape:
        raise ImageError(
            "IMG-107",
            "a volume stands among pictures.",
            subject=path.name,
            seen=" × ".join(map(str, volume.shape)) + " voxels",
            expected="one slice, as the cohort's first image has",
            advice="take one slice of it, or leave it out; volumes and pictures make two studies",
        )
    return np.ascontiguousarray(np.squeeze(volume.voxels, axis=volume.shape.index(1)).T[::-1])


def _read_grey(path: Path) -> npt.NDArray[np.float32]:
    dicom = path.suffix.lower() not in PICTURES
    pixels = read_dicom_picture(path) if dicom else read_picture(path)
    if pixels.ndim == 2:
        grey = pixels if dicom else pixels * np.float32(_WHITE / np.iinfo(np.uint16).max)
    elif (pixels == pixels[..., :1]).all():
        grey = pixels[..., 0].astype(np.float32)
    else:
        grey = pixels.astype(np.float32) @ _LUMINANCE
    if grey.min() == grey.max():
        raise one_value(path.name, float(grey.min()), grey.size, "pixel")
    return grey
