"""Every extractor by its name; a new one is one file and one line here."""

from __future__ import annotations

from normwise.features.brain.extractor import BRAIN
from normwise.features.extractor import Extractor
from normwise.features.freesurfer import FREESURFER
from normwise.features.images import AUTOENCODER, IMAGES, TRUNK
from normwise.features.regions import REGIONS
from normwise.features.slides.bags import ATTENTION
from normwise.features.slides.extractor import SLIDES
from normwise.features.tables import TABLE
from normwise.features.voxels import VOXELS

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
    "normwise.features.learnt_attention.AttentionPooling",
    "normwise.features.components.VoxelComponents",
)
"""Types of learnt extractors that a saved model may hold."""
