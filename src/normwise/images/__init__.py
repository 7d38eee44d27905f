"""Pixels: a file is read into a `Volume`, a `LabelVolume` or a `Slide`, or refused with a code of its own.

``volumes``
    NIfTI and MGH files, read with every check of the format, and written.
``dicom``
    A head from a folder, zip or tar of DICOM files.
``slides``
    Whole-slide images, read region by region.

``volume`` holds voxels with their place in the world, ``affines`` checks and reorients affines, ``geometry``
compares two grids and resamples labels, ``paths`` checks that a file is there, ``flat`` reads pictures of two
axes. Every refusal is an
`~normwise.errors.ImageError`.

A flipped bit is noticed where the format has a checksum: in ``.nii.gz``, ``.mgz``, PNG and deflated TIFF. In
an uncompressed ``.nii`` or ``.mgh``, and in the JPEG tiles of most slides, it may change a pixel without
being noticed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from normwise.images.geometry import check_same_grid, resample_labels, same_grid
from normwise.images.volume import Grid, LabelVolume, Volume
from normwise.images.volumes.read import MAX_BYTES, read_labels, read_volume
from normwise.images.volumes.write import write_volume
from normwise.lazy import on_use

if TYPE_CHECKING:
    from normwise.images.dicom.archives import is_archive
    from normwise.images.dicom.convert import DicomHead, SeriesRecord, convert_dicom, read_dicom, read_head
    from normwise.images.dicom.files import is_dicom_source, list_files
    from normwise.images.dicom.people import group_by_person, identify_files
    from normwise.images.dicom.voxels import find_converter
    from normwise.images.flat import is_picture, read_flat
    from normwise.images.slides.slide import SLIDE_SUFFIXES, Slide, open_slide
    from normwise.images.volumes.exchange import from_nibabel, labels_from_nibabel, to_nibabel

__all__ = [
    "MAX_BYTES",
    "SLIDE_SUFFIXES",
    "DicomHead",
    "Grid",
    "LabelVolume",
    "SeriesRecord",
    "Slide",
    "Volume",
    "check_same_grid",
    "convert_dicom",
    "find_converter",
    "from_nibabel",
    "group_by_person",
    "identify_files",
    "is_archive",
    "is_dicom_source",
    "is_picture",
    "labels_from_nibabel",
    "list_files",
    "open_slide",
    "read_dicom",
    "read_flat",
    "read_head",
    "read_labels",
    "read_volume",
    "resample_labels",
    "same_grid",
    "to_nibabel",
    "write_volume",
]

__getattr__ = on_use(
    __name__,
    {
        "DicomHead": "dicom.convert",
        "SLIDE_SUFFIXES": "slides.slide",
        "SeriesRecord": "dicom.convert",
        "Slide": "slides.slide",
        "convert_dicom": "dicom.convert",
        "find_converter": "dicom.voxels",
        "from_nibabel": "volumes.exchange",
        "group_by_person": "dicom.people",
        "identify_files": "dicom.people",
        "is_archive": "dicom.archives",
        "is_dicom_source": "dicom.files",
        "is_picture": "flat",
        "labels_from_nibabel": "volumes.exchange",
        "list_files": "dicom.files",
        "open_slide": "slides.slide",
        "read_dicom": "dicom.convert",
        "read_flat": "flat",
        "read_head": "dicom.convert",
        "to_nibabel": "volumes.exchange",
    },
)
