"""A head from DICOM files.

``files`` opens a folder and ``archives`` a zip or tar, ``parse`` parses one file within bounds, ``header``
takes what is allowed of it, with ``acquisition`` and ``equipment``; ``contrast`` judges how it is weighted,
``people`` tells whose files they are, ``series`` sorts slices and checks them, ``choice`` chooses one series,
``voxels`` reads its voxels by dcm2niix, and ``convert`` does it all.
"""

from __future__ import annotations

__all__: list[str] = []
