"""Every voxel as a feature, and whole images on one grid for networks.

``sampling`` chooses the points and samples one image, ``batches`` samples all images into one matrix on disk,
and ``extractor`` and ``whole_images`` are the extractors.
"""

from __future__ import annotations

__all__: list[str] = []
