"""A head from DICOM files.

``files`` opens a folder or zip, ``header`` reads headers by an allow-list, ``series`` sorts and checks them,
``voxels`` reads the voxels by dcm2niix, and ``convert`` does it all.
"""

from __future__ import annotations

__all__: list[str] = []
