"""One person's brain: tissue gives way to fluid, the shape becomes theirs, a scanner takes the picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from normwise.images import Volume
from normwise.samples.anatomy import Anatomy, find_anatomy
from normwise.samples.fields import FieldBasis, make_field_basis
from normwise.samples.people import YOUNGEST, Person
from normwise.samples.template import CSF, GREY, WHITE, Template, load_template

__all__ = ["BrainSimulator", "open_simulator", "simulate_brain"]

SHAPE_MM = 0.9  # SD of the individual shape along each axis
PATCH_LOSS = 0.05  # SD of a person's uneven loss of grey matter
BIAS = 0.05  # SD of the logarithm of the coil's uneven sensitivity
GAIN_SPREAD = 0.12  # SD of the logarithm of a scan's overall brightness
SITE_GAIN = {"A": 1.0, "B": 1.25}
SITE_NOISE = {"A": 0.020, "B": 0.028}  # SD of the noise, white matter at 0.88
STEPS = 200.0  # scanner units of brightness 1; scanners store whole numbers


@dataclass(frozen=True)
class BrainSimulator:
    """What all people of a cohort share, made once.

    Attributes
    ----------
    template : Template
        The average brain.
    anatomy : Anatomy
        The places that change.
    near : ndarray of shape (nx, ny, nz), bool
        The brain and a rim into which a person's shape may reach; work is done only here.
    shape, patches, coil : FieldBasis
        Smooth fields for the individual shape, uneven loss, and uneven sensitivity.
    """

    template: Template
    anatomy: Anatomy
    near: NDArray[np.bool_]
    shape: FieldBasis
    patches: FieldBasis
    coil: FieldBasis


def open_simulator() -> BrainSimulator:
    """Load the template and make what every person needs; takes about three seconds."""
    template = load_template()
    nx, ny, nz = template.inside.shape
    spacing = float(template.affine[0, 0])
    shape, patches, coil = (make_field_basis((nx, ny, nz), spacing, knot) for knot in (26.0, 18.0, 70.0))
    near = ndimage.binary_dilation(template.inside, iterations=4)
    return BrainSimulator(template, find_anatomy(template), near, shape, patches, coil)


def simulate_brain(person: Person, seed: int, workshop: BrainSimulator) -> Volume:
    """Simulate one skull-stripped T1 scan in MNI space at 2 mm.

    Parameters
    ----------
    person : Person
        Who, with the change of each place.
    seed : int
        Seed of the cohort; with the person's number it fixes everything random about this scan.
    workshop : BrainSimulator
        What `open_simulator` made.

    Returns
    -------
    Volume
        Whole numbers in scanner units, 0 outside the brain.
    """
    rng = np.random.default_rng([seed, person.number])
    template, near = workshop.template, workshop.near
    bright = _lose_tissue(person, workshop, rng)
    where = _look_up(person, workshop, rng)
    seen = ndimage.map_coordinates(bright, where, order=1)
    inside = ndimage.map_coordinates(template.inside.astype(np.float64), where, order=1) > 0.5
    voxels = np.zeros(near.shape, np.float32)
    voxels[near] = _scan(seen, person, workshop, rng) * inside
    spacing = float(template.affine[0, 0])
    return Volume(voxels=voxels, affine=template.affine, spacing=(spacing, spacing, spacing))


def _lose_tissue(person: Person, workshop: BrainSimulator, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the T1 brightness on the template's grid after the loss of tissue; fluid takes its place."""
    template = workshop.template
    inside = template.inside
    lost = sum(person.changes[name] * weight[inside] for name, weight in workshop.anatomy.weights.items())
    uneven = PATCH_LOSS * workshop.patches.draw(rng)[inside]
    grey = template.grey[inside] * np.clip(1.0 - lost - uneven, 0.0, 1.3)
    white = template.white[inside] * np.clip(1.0 - 0.4 * lost, 0.0, 1.1)  # white gives way less than grey
    total = np.maximum(grey + white, 1.0)
    grey, white = grey / total, white / total
    # White matter dims a little with age, and men's grey matter is a trifle brighter.
    white_level = WHITE - 0.006 * (person.age - YOUNGEST) / 10.0
    grey_level = GREY + 0.008 * (person.sex == "M")
    # Fluid around the brain, so that its edge is not mixed with nothing when the shape changes.
    bright = np.full(inside.shape, CSF)
    fluid = 1.0 - grey - white
    bright[inside] = template.rest[inside] + grey_level * grey + white_level * white + CSF * fluid
    return bright


def _look_up(person: Person, workshop: BrainSimulator, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return, for every voxel near the brain, where on the template to look (voxels), shape (3, n)."""
    spacing = float(workshop.template.affine[0, 0])
    where = np.stack(np.nonzero(workshop.near)).astype(np.float64)
    wider = person.changes["ventricles"]
    for axis in range(3):
        moved = SHAPE_MM * workshop.shape.draw(rng) + wider * workshop.anatomy.widening[axis]
        where[axis] += moved[workshop.near] / spacing
    return where


def _scan(
    bright: NDArray[np.float64], person: Person, workshop: BrainSimulator, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return what the scanner stores: uneven sensitivity, Rician noise, an arbitrary gain, whole numbers."""
    uneven = np.exp(BIAS * workshop.coil.draw(rng)[workshop.near])
    noise = SITE_NOISE[person.site]
    real = bright * uneven + noise * rng.standard_normal(bright.shape)
    imaginary = noise * rng.standard_normal(bright.shape)
    gain = SITE_GAIN[person.site] * np.exp(GAIN_SPREAD * rng.standard_normal())
    stored: NDArray[np.float64] = np.rint(STEPS * gain * np.hypot(real, imaginary))
    return stored
