"""Volumes handed to nibabel and nilearn, and taken back."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from normwise.images.volume import Grid, LabelVolume, Volume
from normwise.images.volumes.read import read_labels, read_volume
from normwise.images.volumes.write import nifti_of

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Image
    from nibabel.spatialimages import SpatialImage

__all__ = ["from_nibabel", "labels_from_nibabel", "to_nibabel"]

GridT = TypeVar("GridT", bound=Grid)


def to_nibabel(volume: Volume | LabelVolume) -> Nifti1Image:
    """Return the image that nibabel would read from the file of `write_volume`.

    Parameters
    ----------
    volume : Volume or LabelVolume
        What nilearn or nibabel is to be given.

    Returns
    -------
    nibabel.nifti1.Nifti1Image
        Float32 intensities, or labels as the smallest integers that hold them, in mm.

    See Also
    --------
    from_nibabel : The way back for intensities.
    labels_from_nibabel : The way back for a label map.

    Examples
    --------
    >>> to_nibabel(LabelVolume(np.ones((2, 3, 4)), np.eye(4))).get_data_dtype().name
    'uint8'
    """
    from nibabel.nifti1 import Nifti1Image

    header, voxels = nifti_of(volume)
    return Nifti1Image(voxels, volume.affine, header)


def from_nibabel(image: SpatialImage) -> Volume:
    """Return the intensities of an image in memory, or refuse it as `read_volume` refuses its file.

    Parameters
    ----------
    image : nibabel image
        One volume, as nilearn and nibabel give it. It is not changed.

    Returns
    -------
    Volume
        Float32 voxels, axes reoriented to right–front–up without resampling.

    Raises
    ------
    ImageError
        As `read_volume` of the image's file.

    See Also
    --------
    to_nibabel : The way there.
    labels_from_nibabel : For a label map.

    Examples
    --------
    >>> volume = Volume(np.arange(24).reshape(2, 3, 4), np.diag([2.0, 2.0, 3.0, 1.0]))
    >>> np.array_equal(from_nibabel(to_nibabel(volume)).voxels, volume.voxels)
    True
    """
    return _through_file(image, read_volume)


def labels_from_nibabel(image: SpatialImage) -> LabelVolume:
    """Return the label map of an image in memory, or refuse it as `read_labels` refuses its file.

    Parameters
    ----------
    image : nibabel image
        Whole numbers, 0 is background. It is not changed.

    Returns
    -------
    LabelVolume
        Int32 labels, axes reoriented to right–front–up without resampling.

    Raises
    ------
    ImageError
        As `read_labels` of the image's file.

    See Also
    --------
    from_nibabel : For intensities.
    """
    return _through_file(image, read_labels)


def _through_file(image: SpatialImage, read: Callable[[Path], GridT]) -> GridT:
    """Write the image and read it with every check of the format, which only a file has."""
    from nibabel.nifti1 import Nifti1Header, Nifti1Image

    voxels: Any = np.asanyarray(image.dataobj)
    # Of a NIfTI image the codes of its geometry stay: without one no voxel has a place.
    header = image.header if isinstance(image.header, Nifti1Header) else None
    # The type of the file it came from may not hold what was computed since.
    same = Nifti1Image(voxels, image.affine, header, dtype=voxels.dtype)
    name = Path(image.get_filename() or "image").name.split(".")[0]
    with tempfile.TemporaryDirectory(prefix="normwise-") as folder:
        path = Path(folder) / f"{name}.nii"
        same.to_filename(path)
        return read(path)
