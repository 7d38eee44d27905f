"""Label maps with the names of their regions, placed on an image's grid.

``region_names`` reads look-up tables and normalizes names, ``atlas`` loads an installed atlas or a
label map, ``symmetry`` averages one on the template with its mirror image, ``placement`` finds the region of
every voxel of an image, and ``mni_check`` compares an image with the MNI152 template.
"""

from __future__ import annotations

from normwise.features.atlases.atlas import (
    IMAGE_SUFFIXES,
    Atlas,
    atlas_files,
    installed_atlases,
    load_atlas,
    names_of,
)
from normwise.features.atlases.mni_check import (
    LEAST_CORRELATION,
    check_mni_space,
    mni_correlation,
    mni_landmarks,
    mni_template,
    not_in_mni_space,
    voxels_around,
)
from normwise.features.atlases.placement import Placement, pack_atlas, place_atlas, place_labels
from normwise.features.atlases.region_names import is_background, read_lookup, region_name, region_names
from normwise.features.atlases.symmetry import make_symmetric, ties_outwards

__all__ = [
    "IMAGE_SUFFIXES",
    "LEAST_CORRELATION",
    "Atlas",
    "Placement",
    "atlas_files",
    "check_mni_space",
    "installed_atlases",
    "is_background",
    "load_atlas",
    "make_symmetric",
    "mni_correlation",
    "mni_landmarks",
    "mni_template",
    "names_of",
    "not_in_mni_space",
    "pack_atlas",
    "place_atlas",
    "place_labels",
    "read_lookup",
    "region_name",
    "region_names",
    "ties_outwards",
    "voxels_around",
]
