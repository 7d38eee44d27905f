"""Volumes in NIfTI and MGH files: read with every check of the format, and written.

``read`` has the readers: ``stream`` gives the bytes, ``nifti`` and ``mgh`` parse the ``header``, and
``decode`` makes voxels of bytes. ``write`` writes NIfTI.
"""

from __future__ import annotations

__all__: list[str] = []
