"""The fourth room: extractors. A cohort goes in, a table of features comes out, one row a scan.

A walk through the files::

    registry       EXTRACTORS, every extractor by its name
    extractor      what an extractor is
    extract        from a cohort to its features, by the study's extractor
    feature_table  the table, its notes, its failures; features.tsv and features.json

    regions        statistics of labelled regions of an image
      atlas, installed, lookup, names   the label map and the names of its regions
      placement    the atlas on an image's grid
      likeness     whether an image lies in MNI152 space at all
      measure      what a child process does with one image
      region_table  every scan's arrays in one table
      statistics   moments and order statistics of all regions at once
      tissue, shading   a robust three-tissue model, and the coil's shading taken out
    table          features from columns
      joined, columns   second tables joined by id; columns chosen, read and settled
      paths        paths with columns in braces
    freesurfer     FreeSurfer's tables and stats files
      freesurfer_names, stats_files
    images         whole images on one grid, for networks
      images_columns  one column a voxel, and the shape read back
    voxels         every voxel as a feature
      sampling, rows_file   the places, one image's values, and the matrix on disk
      components   principal components, learnt inside each training fold

    slides       nuclei and tissue of whole-slide images; its own door walks through its files

Extractors of single images are pure functions, run once a scan by the engine and kept by content. What has
to be learnt is a transformer, fitted inside each training fold.
"""

from __future__ import annotations

from normwise.features.atlases.atlas import Atlas, load_atlas
from normwise.features.atlases.installed import installed_atlases
from normwise.features.atlases.region_names import region_name
from normwise.features.brain.parcellation import Parcellation, parcellate
from normwise.features.brain.quality import say_quality
from normwise.features.extract import check_extractor, extract_features, learnt_extractor
from normwise.features.extractor import ExtractionContext, Extractor
from normwise.features.feature_table import (
    Drawing,
    FeatureTable,
    read_features,
    write_drawings,
    write_features,
)
from normwise.features.regions.statistics import STATISTICS, region_statistics
from normwise.features.registry import EXTRACTORS, TRUSTED_TYPES
from normwise.features.slides.nuclei.segmentation import segment_nuclei
from normwise.features.slides.tile_table import TileTable, read_tiles, tiles_place

__all__ = [
    "EXTRACTORS",
    "STATISTICS",
    "TRUSTED_TYPES",
    "Atlas",
    "Drawing",
    "ExtractionContext",
    "Extractor",
    "FeatureTable",
    "Parcellation",
    "TileTable",
    "check_extractor",
    "extract_features",
    "installed_atlases",
    "learnt_extractor",
    "load_atlas",
    "parcellate",
    "read_features",
    "read_tiles",
    "region_name",
    "region_statistics",
    "say_quality",
    "segment_nuclei",
    "tiles_place",
    "write_drawings",
    "write_features",
]
