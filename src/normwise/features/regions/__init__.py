"""Statistics of labelled regions of an image.

``extractor`` measures a cohort, ``measure`` one image; ``statistics`` has moments and order statistics of all
regions at once, ``tissue`` the three-tissue model by whose peaks the shares of fluid, grey and white matter
are computed.
"""

from __future__ import annotations

from normwise.features.regions.statistics import STATISTICS, region_statistics

__all__ = ["STATISTICS", "region_statistics"]
