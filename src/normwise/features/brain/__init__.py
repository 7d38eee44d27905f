"""From a raw T1-weighted head to the volume of every region, in the person's own space.

``chain`` lists the stages in order, each with the arrays that it adds; ``stage_cache`` keeps finished ones by
content, and ``settings`` holds what a user may choose. The stages: ``grids`` (working grid and the brain's
box), ``segmentation`` (mask, bias field, tissue, labels), ``registration`` (template, affine, warp) and
``measures`` (volumes and thickness). ``quality`` checks each stage, ``overlays`` draws it, ``derivatives``
writes images, and ``label_schemes`` says what kind of tissue each label of the atlas is. ``extractor``
measures a cohort by the ``worker`` of one head, ``external_labels`` reads label maps of other programs, and
``parcellation`` runs the chain in one call.
"""

from __future__ import annotations

from normwise.features.brain.chain import STAGES, Arrays, Stage, run_stages, stage_key
from normwise.features.brain.grids import box_affine, own_grid, restore
from normwise.features.brain.parcellation import Parcellation, assemble, parcellate
from normwise.features.brain.settings import QUALITIES, ChainSettings

__all__ = [
    "QUALITIES",
    "STAGES",
    "Arrays",
    "ChainSettings",
    "Parcellation",
    "Stage",
    "assemble",
    "box_affine",
    "own_grid",
    "parcellate",
    "restore",
    "run_stages",
    "stage_key",
]
