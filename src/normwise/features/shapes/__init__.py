"""Shapes of masks and of labelled regions: size, form, curvature, thickness, moments.

``extractor`` measures a cohort, ``measure`` one map, region by region; ``names`` has the unit and the meaning
of every measure. ``mesh`` makes the surface and its curvature, ``morphology`` the measures of the Image
Biomarker Standardisation Initiative, ``thickness`` how thick a region is from place to place, and ``moments``
what does not change when a region is turned.
"""

from __future__ import annotations

from normwise.features.shapes.measure import measure_shape
from normwise.features.shapes.names import MEASURES

__all__ = ["MEASURES", "measure_shape"]
