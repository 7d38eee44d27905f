"""The simulated cohort of `normwise demo`: people made from the MNI152 brain, with all changes written down.

- ``people.py``: age, sex, site and diagnosis, and how much tissue each place has lost
- ``template.py``: the MNI152 brain that nilearn ships, as shares of tissue
- ``anatomy.py``: the places that change: hippocampi, temporal lobes, sulci, ventricles
- ``fields.py``: smooth random fields: individual shape, uneven coil sensitivity
- ``brain.py``: one person's brain: loss, individual shape, scanner
- ``cohort.py``: all of them on disk as a BIDS derivative with a study file and the truth
- ``table.py``: the same people as a table of measurements, without images

Nothing is downloaded, and the same seed gives the same bytes.
"""

from __future__ import annotations

from normwise.samples.brain import BrainSimulator, open_simulator, simulate_brain
from normwise.samples.cohort import simulate_cohort
from normwise.samples.people import PLACES, Person, Place, draw_people
from normwise.samples.table import simulate_table

__all__ = [
    "PLACES",
    "BrainSimulator",
    "Person",
    "Place",
    "draw_people",
    "open_simulator",
    "simulate_brain",
    "simulate_cohort",
    "simulate_table",
]
