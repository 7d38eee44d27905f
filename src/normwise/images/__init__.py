"""The second room: pixels. A file goes in, a `Volume` whose every byte was checked comes out.

A walk through the files, in the order in which a file is read:

- ``read``      the guarded readers: `read_volume`, `read_labels`
- ``stream``    bytes, plain or gzip, up to the checksum at the end
- ``nifti``, ``mgh``  what a header claims, field by field
- ``claim``     the claim in common terms, held against caps before memory is taken
- ``affines``   which affines are believed, and turning to right–front–up
- ``fill``      bytes to float32 or int32, in one copy
- ``volume``    `Volume` and `LabelVolume`: voxels with their place in the world
- ``geometry``  two grids compared in mm, labels moved from one to the other
- ``write``     volumes written back
- ``dicom``     a head from a folder or zip of DICOM files: `read_dicom`, and `read_head` for either form
  - ``dicom_files``   bounded files of a folder or zip
  - ``dicom_header``  one file's header by an allow-list
  - ``dicom_series``  series told apart and judged
  - ``dicom_voxels``  voxels by dcm2niix, held against the headers
- ``slide``     whole-slide images region by region: `open_slide`
  - ``slide_source``  what a reader gives, and caps
  - ``slide_scanner``, ``slide_tiff``, ``slide_picture``  readers

Every refusal is an `~normwise.errors.ImageError` with a code of its own.
"""

from __future__ import annotations

from normwise.images.dicom.convert import DicomHead, RefusedSeries, convert_dicom, read_dicom, read_head
from normwise.images.dicom.files import is_dicom_source, list_files
from normwise.images.geometry import check_same_grid, resample_labels, same_grid
from normwise.images.slides.slide import SLIDE_SUFFIXES, Slide, open_slide
from normwise.images.volume import Grid, LabelVolume, Volume
from normwise.images.volumes.read import MAX_BYTES, read_labels, read_volume
from normwise.images.volumes.write import write_volume

__all__ = [
    "MAX_BYTES",
    "SLIDE_SUFFIXES",
    "DicomHead",
    "Grid",
    "LabelVolume",
    "RefusedSeries",
    "Slide",
    "Volume",
    "check_same_grid",
    "convert_dicom",
    "is_dicom_source",
    "list_files",
    "open_slide",
    "read_dicom",
    "read_head",
    "read_labels",
    "read_volume",
    "resample_labels",
    "same_grid",
    "write_volume",
]
