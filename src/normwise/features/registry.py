"""Every extractor by its name; a new one is one file and one line here."""

from __future__ import annotations

from normwise.features.brain.extractor import BRAIN
from normwise.features.extractor import Extractor
from normwise.features.regions.extractor import REGIONS
from normwise.features.slides.attention_extractor import ATTENTION
from normwise.features.slides.extractor import SLIDES
from normwise.features.tables.extractor import TABLE
from normwise.features.tables.freesurfer import FREESURFER
from normwise.features.voxels.extractor import VOXELS
from normwise.features.voxels.whole_images import (
    AUTOENCODER,
    IMAGES,
    TRUNK,
)

__all__ = ["EXTRACTORS", "TRUSTED_TYPES"]

EXTRACTORS: dict[str, Extractor] = {
    "brain": BRAIN,
    "regions": REGIONS,
    "table": TABLE,
    "freesurfer": FREESURFER,
    "voxels": VOXELS,
    "images": IMAGES,
    "trunk": TRUNK,
    "autoencoder": AUTOENCODER,
    "slides": SLIDES,
    "attention": ATTENTION,
}
"""What ``features.extractor`` may say."""

TRUSTED_TYPES = (
    "normwise.learnt.attention.AttentionPooling",
    "normwise.learnt.principal_components.VoxelComponents",
)
"""Types of learnt extractors that a saved model may hold."""
