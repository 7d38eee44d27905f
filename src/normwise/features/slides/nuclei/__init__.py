"""Nuclei of stained tissue (``segmentation``) and ``fluorescence``; ``watershed`` separates touching ones."""

from __future__ import annotations

from normwise.features.slides.nuclei.segmentation import label_nuclei, segment_nuclei, stained_mask

__all__ = ["label_nuclei", "segment_nuclei", "stained_mask"]
