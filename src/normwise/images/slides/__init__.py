"""Whole-slide images: ``slide`` reads any of them region by region.

``source`` is the interface of its readers: ``scanner`` by openslide, ``tiff`` by tifffile, ``picture`` for
PNG and JPEG. ``ome`` reads the header of an OME-TIFF, and ``directories`` looks for headers that would take
minutes.
"""

from __future__ import annotations

__all__: list[str] = []
