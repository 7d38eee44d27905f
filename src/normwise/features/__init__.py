"""Features of every scan: from a cohort to a table with one row a scan and one column a feature.

``extractor`` says what an extractor is, and ``registry`` lists every one in `EXTRACTORS`; its module is
loaded when a study chooses it. ``extract`` runs the study's extractor on a cohort, ``choice`` chooses one
where the study names none. ``feature_table`` holds what comes out, with its notes and failures, writes it and
reads it back; ``columns`` chooses columns and drops what is incomplete; ``participant_columns`` puts columns
of the participants table beside what was measured; ``path_templates`` fills paths that hold such columns.
The extractors:

``tables``
    Measurements made elsewhere: columns of a table, FreeSurfer's tables and stats files.
``regions``
    Statistics of labelled regions of an image, with a three-tissue model.
``brain``
    Raw heads: from the image as the scanner gave it to labelled regions in the person's own space.
``voxels``
    Every voxel as a feature, and whole images on one grid for networks.
``slides``
    Nuclei and tissue of whole-slide images.
``atlases``
    Label maps with names, placed on an image's grid, and a check for MNI152 space. No extractor itself.

Extractors are pure functions of single images, run once a scan by the engine and cached by content. What has
to be learnt from several people is a transformer of `normwise.learnt`, fitted inside each training fold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from normwise.features.columns import (
    LARGEST_VALUE,
    choose_columns,
    drop_incomplete,
    frame_of_rows,
    select_complete,
)
from normwise.features.extract import (
    check_extractor,
    extract_features,
    extract_part,
    find_extractor,
    learnt_extractor,
)
from normwise.features.extractor import ExtractionContext, Extractor, hash_settings, image_paths
from normwise.features.feature_table import (
    Drawing,
    FeatureTable,
    check_range,
    describe_quality,
    read_features,
    write_drawings,
    write_features,
)
from normwise.features.path_templates import check_columns, fill, has_columns
from normwise.features.registry import EXTRACTORS
from normwise.lazy import on_use

if TYPE_CHECKING:
    from normwise.features.choice import check_images, choose_extractor
    from normwise.features.participant_columns import read_participant_columns
    from normwise.features.voxels.places import Places, name_places

__all__ = [
    "EXTRACTORS",
    "LARGEST_VALUE",
    "Drawing",
    "ExtractionContext",
    "Extractor",
    "FeatureTable",
    "Places",
    "check_columns",
    "check_extractor",
    "check_images",
    "check_range",
    "choose_columns",
    "choose_extractor",
    "describe_quality",
    "drop_incomplete",
    "extract_features",
    "extract_part",
    "fill",
    "find_extractor",
    "frame_of_rows",
    "has_columns",
    "hash_settings",
    "image_paths",
    "learnt_extractor",
    "name_places",
    "read_features",
    "read_participant_columns",
    "select_complete",
    "write_drawings",
    "write_features",
]

__getattr__ = on_use(
    __name__,
    {
        "Places": "voxels.places",
        "check_images": "choice",
        "choose_extractor": "choice",
        "name_places": "voxels.places",
        "read_participant_columns": "participant_columns",
    },
)
