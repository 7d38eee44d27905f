"""The stages of the chain in order: pure functions from arrays to arrays, each with what it depends on.

Every array has a name, and a stage reads the arrays that stand before it and adds its own. The chain begins
with ``image`` (float32, axes RAS) and ``affine`` (4 × 4, voxel to mm):

=========  ==========================================================================================
stage      adds
=========  ==========================================================================================
conform    ``head`` (float32), ``head_affine`` (4 × 4): the image; at 1 mm along axes that are finer
mask       ``mask`` (uint8, the head's grid), ``box`` (2 × 3: first voxel and end of the brain's box)
bias       ``corrected`` (float32, the box's grid): intensities without the coil's shading
align      ``template_to_head`` (4 × 4, mm to mm)
warp       ``forward``, ``backward`` (float32, (…, 3) mm), ``warp_affine`` (4 × 4)
tissue     ``csf``, ``grey``, ``white`` (float32, the box's grid): share of each voxel;
           ``peaks`` (3,): mean intensity of the three
propagate  ``propagated`` (int32, the box's grid): the atlas's labels; ``template_brain`` (uint8): its mask
refine     ``labels`` (int32, the box's grid): labels on the person's own tissue
thickness  ``thickness`` (float32, the box's grid): mm in the cortical ribbon, 0 elsewhere
volumes    ``feature_names`` (str), ``feature_values`` (float64)
=========  ==========================================================================================

After ``mask`` everything lies on the grid of the brain's box, a part of the head's grid: its affine is
``boxes.box_affine(head_affine, box)``, and ``boxes.own_grid(arrays, name)`` gives an array on the grid of the
image as it was read. A point of the template goes to the head by ``template_to_head @ (p + forward(p))``, and
back by ``q + backward(q)`` with ``q = inverse(template_to_head) @ point``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from normwise.features.brain.settings import ChainSettings

__all__ = ["Arrays", "Stage", "stage_key"]

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Stage:
    """One step of the chain.

    Attributes
    ----------
    name : str
        One word.
    version : int
        Raised when the same input gives another result.
    parents : tuple of str
        Stages whose arrays it reads, with ``image`` for the head itself.
    settings : tuple of str
        Fields of `ChainSettings` that it looks at.
    gives : tuple of str
        Arrays that it adds.
    function : callable
        ``function(arrays, settings)`` returns the arrays that it adds, and changes none of ``arrays``.
    """

    name: str
    version: int
    parents: tuple[str, ...]
    settings: tuple[str, ...]
    gives: tuple[str, ...]
    function: Callable[[Mapping[str, NDArray[Any]], ChainSettings], Arrays]


def stage_key(stage: Stage, settings: ChainSettings, parents: Mapping[str, str], **content: str) -> str:
    """Return the name under which a stage's arrays may be kept.

    Parameters
    ----------
    stage : Stage
        Which stage.
    settings : ChainSettings
        Of which only what the stage looks at counts.
    parents : mapping of str to str
        Keys of the stages before it, and the hash of the head's voxels and affine under ``image``.
    **content : str
        Hashes of files that a setting names, by the setting's name.

    Returns
    -------
    str
        SHA-256 in hexadecimal digits.
    """
    said = {
        "stage": [stage.name, stage.version],
        "settings": {name: content.get(name, str(getattr(settings, name))) for name in stage.settings},
        "parents": [parents[name] for name in stage.parents],
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
