"""The stages of the chain in order: pure functions from arrays to arrays, each with what it depends on.

Every array has a name, and a stage reads the arrays that stand before it and adds its own. The chain begins
with ``image`` (float32, axes RAS) and ``affine`` (4 × 4, voxel to mm):

=========  ==========================================================================================
stage      adds
=========  ==========================================================================================
conform    ``head`` (float32), ``head_affine`` (4 × 4): the image; at 1 mm along axes that are finer
mask       ``mask`` (uint8, the head's grid), ``box`` (2 × 3: first voxel and end of the brain's box)
bias       ``corrected`` (float32, the box's grid): intensities without the coil's shading
align      ``template_to_head`` (4 × 4, mm to mm); ``affine_fit`` (1,), ``flip_misfits`` (3,): the pose
warp       ``forward``, ``backward`` (float32, (…, 3) mm), ``warp_affine`` (4 × 4)
tissue     ``csf``, ``grey``, ``white`` (float32, the box's grid): share of each voxel;
           ``peaks``, ``spreads`` (3,): mean intensity of the three and its deviation
propagate  ``propagated`` (int32, the box's grid): the atlas's labels; ``template_brain`` (uint8): its mask
refine     ``labels`` (int32, the box's grid): labels on the person's own tissue; ``grey_territory``,
           ``white_territory``: the regions to which grey and white shares belong
thickness  ``thickness`` (float32, the box's grid): mm in the cortical ribbon, 0 elsewhere
volumes    ``feature_names`` (str), ``feature_values`` (float64)
=========  ==========================================================================================

After ``mask`` everything lies on the grid of the brain's box, a part of the head's grid: its affine is
``grids.box_affine(head_affine, box)``, and ``grids.own_grid(arrays, name)`` gives an array on the grid of the
image as it was read. A point of the template goes to the head by ``template_to_head @ (p + forward(p))``, and
back by ``q + backward(q)`` with ``q = inverse(template_to_head) @ point``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from numpy.typing import NDArray

from normwise.features.brain.grids import conform
from normwise.features.brain.measures import measure_thickness, measure_volumes
from normwise.features.brain.registration.affine import align
from normwise.features.brain.registration.warp import warp
from normwise.features.brain.segmentation.bias_field import correct_bias
from normwise.features.brain.segmentation.labels import propagate, refine
from normwise.features.brain.segmentation.mask import find_brain
from normwise.features.brain.segmentation.tissue import classify_tissue
from normwise.features.brain.settings import ChainSettings

__all__ = ["STAGES", "Arrays", "Stage", "run_stages", "stage_key"]

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
    function : callable
        ``function(arrays, settings)`` returns the arrays that it adds, and changes none of ``arrays``.
    """

    name: str
    version: int
    parents: tuple[str, ...]
    settings: tuple[str, ...]
    function: Callable[[Mapping[str, NDArray[Any]], ChainSettings], Arrays]


def stage_key(stage: Stage, settings: ChainSettings, parents: Mapping[str, str], **content: str) -> str:
    """Return the name under which a stage's arrays may be cached.

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
    content_of_key = {
        "stage": [stage.name, stage.version],
        "settings": {name: content.get(name, str(getattr(settings, name))) for name in stage.settings},
        "parents": [parents[name] for name in stage.parents],
    }
    return hashlib.sha256(json.dumps(content_of_key, sort_keys=True).encode()).hexdigest()


_PLACED = ("mask", "conform", "align", "warp")

STAGES: tuple[Stage, ...] = (
    Stage("conform", 1, ("image",), (), conform),
    Stage("mask", 2, ("conform",), ("already_stripped", "masker", "quality", "template"), find_brain),
    Stage("bias", 1, ("conform", "mask"), ("quality",), correct_bias),
    Stage("align", 2, ("conform", "mask", "bias"), ("template",), align),
    Stage("warp", 2, ("conform", "mask", "bias", "align"), ("quality", "template"), warp),
    Stage("tissue", 1, ("bias", *_PLACED), ("template",), classify_tissue),
    Stage("propagate", 2, _PLACED, ("atlas", "lut", "template"), propagate),
    Stage("refine", 1, ("conform", "mask", "tissue", "propagate"), ("atlas", "lut"), refine),
    Stage("thickness", 1, ("conform", "tissue", "refine"), ("quality",), measure_thickness),
    Stage(
        "volumes",
        2,
        ("conform", "mask", "bias", "align", "tissue", "refine", "thickness"),
        ("atlas", "lut", "template", "quality"),
        measure_volumes,
    ),
)
"""Every stage, in order; threads change how long a stage takes and not what it gives."""


def run_stages(
    image: NDArray[Any],
    affine: NDArray[Any],
    settings: ChainSettings,
    step: Callable[[Stage, Callable[[], Arrays]], Arrays] | None = None,
) -> Arrays:
    """Run the chain from an image to its features.

    Parameters
    ----------
    image : ndarray of shape (nx, ny, nz)
        The head, axes RAS.
    affine : ndarray of shape (4, 4)
        Its voxel to mm.
    settings : ChainSettings
        What is chosen.
    step : callable, optional
        ``step(stage, work)`` returns the stage's arrays, by ``work()`` or from a cache.

    Returns
    -------
    dict of str to ndarray
        Everything that the stages gave, with ``image`` and ``affine``.
    """
    arrays: Arrays = {"image": image, "affine": affine}
    for stage in STAGES:
        work = partial(stage.function, arrays, settings)
        arrays = arrays | (step(stage, work) if step is not None else work())
    return arrays
