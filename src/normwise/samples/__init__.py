"""The simulated cohort: people made from the MNI152 brain, with everything that was planted written down.

The walk, in the order in which a person comes about::

    people      who: age, sex, site, diagnosis, and how much tissue each place has lost
    template    the MNI152 brain that nilearn ships, as tissue shares
    anatomy     the places that change: hippocampi, temporal lobes, sulci, ventricles
    fields      smooth random fields: individual shape, uneven coil sensitivity
    brain       one person's brain: loss, individual shape, scanner
    cohort      all of them on disk as a BIDS derivative with a study file and the truth
    planted      images with a blob whose size means disease only relative to age
    slides_tile  a piece of tissue stained with haematoxylin and eosin, and the nuclei that are really in it
    slides_pyramid  a pyramidal TIFF of any size, from few pictures
    slides      a cohort of slides with a planted tumour

Nothing is downloaded, and the same seed gives the same bytes.
"""

from __future__ import annotations

from normwise.samples.brain import BrainSimulator, open_simulator, simulate_brain
from normwise.samples.cohort import simulate_cohort
from normwise.samples.people import PLACES, Person, Place, draw_people
from normwise.samples.planted import PlantedCohort, plant_blobs
from normwise.samples.slides import SLIDE_TILE_UM, PlantedSlide, simulate_slides
from normwise.samples.slides_pyramid import GLASS, write_pyramid
from normwise.samples.slides_tile import Stain, TissueLook, draw_stain, draw_tile

__all__ = [
    "GLASS",
    "PLACES",
    "SLIDE_TILE_UM",
    "BrainSimulator",
    "Person",
    "Place",
    "PlantedCohort",
    "PlantedSlide",
    "Stain",
    "TissueLook",
    "draw_people",
    "draw_stain",
    "draw_tile",
    "open_simulator",
    "plant_blobs",
    "simulate_brain",
    "simulate_cohort",
    "simulate_slides",
    "write_pyramid",
]
