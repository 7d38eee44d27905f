"""From a raw T1-weighted head to the volume of every region, in the person's own space.

A walk through the files, in the order in which a head passes them::

    settings    what a person may choose
    stages      STAGES in order, the arrays that they give, and the keys under which those may be kept
    conform     the grid on which the chain works
    mask        the brain with its fluid
    bias        the coil's shading
    align       the affine from the template
    warp        what the affine leaves
    tissue      fluid, grey and white matter as shares
    labels      the atlas's labels, held against the tissue
      kinds, cortex, ventricles
    thickness   the cortex
    volumes     the features
    reference   the template and its labels, read from installed packages
    boxes       the part of the head in which the brain lies
    parcellation  all of it in one call
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
