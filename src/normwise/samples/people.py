"""Who the simulated people are, and how much each place of their brain has changed.

Every place changes by a sum of known parts: an ageing that everybody shares and that grows faster in old
age, a small difference of the sexes, what makes this person this person, and, in patients only, the disease
times its severity. The sizes are of the order that volumetry reports: a hippocampus smaller by a seventh to
a fifth in dementia, the left more than the right, and half a percent to one percent of tissue a year in age.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import norm

from normwise.errors import SampleError

__all__ = ["PLACES", "Person", "Place", "draw_people"]

FEWEST_PEOPLE = 12  # below this five folds can't hold both classes and a normal group to fit
PATIENT_SHARE = 0.45
YOUNGEST, OLDEST = 55, 90  # years; ageing is counted from the youngest


@dataclass(frozen=True)
class Place:
    """How one place changes; parts of a loss of tissue, or millimetres of widening for the ventricles.

    Attributes
    ----------
    per_decade : float
        Change over the first decade after 55; it grows by an eighth of itself with each further decade.
    in_men : float
        Difference of men.
    in_patients : float
        Change of a patient of severity 1, beyond age.
    spread : float
        SD between people that is this place's own.
    spread_shared : float
        SD between people that all places share: some brains are better kept than others.
    """

    per_decade: float
    in_men: float
    in_patients: float
    spread: float
    spread_shared: float


PLACES: dict[str, Place] = {
    "hippocampus_left": Place(0.070, 0.01, 0.18, 0.055, 0.025),
    "hippocampus_right": Place(0.070, 0.01, 0.13, 0.055, 0.025),
    "medial_temporal_left": Place(0.050, 0.00, 0.12, 0.045, 0.020),
    "medial_temporal_right": Place(0.050, 0.00, 0.08, 0.045, 0.020),
    "temporoparietal": Place(0.050, 0.00, 0.05, 0.035, 0.020),
    "sulci": Place(0.110, 0.01, 0.02, 0.050, 0.030),
    "ventricles": Place(0.800, 0.20, 0.50, 0.600, 0.300),
}
"""The places that change, and how; the left of the brain loses more than the right."""


@dataclass(frozen=True)
class Person:
    """One simulated person.

    Attributes
    ----------
    name : str
        BIDS name, ``"sub-001"``.
    number : int
        Place in the cohort, from 1; with the seed it decides everything random about the scan.
    age : int
        Years.
    sex : str
        ``"F"`` or ``"M"``.
    site : str
        ``"A"`` or ``"B"``; the scanners differ in gain and noise.
    diagnosis : str
        ``"normal"`` or ``"dementia"``.
    severity : float
        How far the disease is, 1 on average in patients, 0 in the others.
    changes : dict of str to float
        Total change of each of `PLACES`.
    """

    name: str
    number: int
    age: int
    sex: Literal["F", "M"]
    site: Literal["A", "B"]
    diagnosis: Literal["normal", "dementia"]
    severity: float
    changes: dict[str, float]


def draw_people(people: int, rng: np.random.Generator) -> list[Person]:
    """Draw the cohort: patients are older on average, as in life, so age confounds the comparison.

    Parameters
    ----------
    people : int
        How many, at least 12; 45 % of them patients.
    rng : numpy.random.Generator
        Where the randomness comes from.

    Returns
    -------
    list of Person
        In an order that says nothing about the diagnosis.

    Raises
    ------
    SampleError
        SAM-101: too few people.

    Examples
    --------
    >>> cohort = draw_people(20, np.random.default_rng(0))
    >>> [person.name for person in cohort[:2]], sum(person.diagnosis == "dementia" for person in cohort)
    (['sub-001', 'sub-002'], 9)
    """
    if people < FEWEST_PEOPLE:
        raise SampleError(
            "SAM-101",
            f"a cohort of {people} people is too small to tell anything apart.",
            seen=f"{people} people",
            expected=f"{FEWEST_PEOPLE} or more",
            advice="ask for more people; 80 make the usual demo",
        )
    n_patients = round(PATIENT_SHARE * people)
    ages = [*_draw_ages(people - n_patients, 69.0, 10.0, rng), *_draw_ages(n_patients, 74.0, 8.0, rng)]
    order = rng.permutation(people)
    return [
        _draw_person(number, ages[place], ill=bool(place >= people - n_patients), rng=rng)
        for number, place in enumerate(order, 1)
    ]


def _draw_ages(count: int, mean: float, sd: float, rng: np.random.Generator) -> list[int]:
    """Draw ages spread evenly over a normal distribution, so that no small cohort is oddly young or old."""
    ranks = (np.arange(count) + rng.uniform(0.0, 1.0, count)) / count
    return [int(age) for age in np.clip(norm.ppf(ranks, mean, sd), YOUNGEST, OLDEST)]


def _draw_person(number: int, age: int, *, ill: bool, rng: np.random.Generator) -> Person:
    sex: Literal["F", "M"] = "M" if rng.random() < 0.45 else "F"
    site: Literal["A", "B"] = "A" if rng.random() < 0.6 else "B"
    # Lognormal with mean 1: many mild, a few far gone, nobody below zero.
    severity = float(rng.lognormal(-0.045, 0.3)) if ill else 0.0
    shared = rng.standard_normal()
    decades = (age - YOUNGEST) / 10.0
    changes = {
        name: float(
            place.per_decade * (decades + decades**2 / 8.0)
            + place.in_men * (sex == "M")
            + place.in_patients * severity
            + place.spread_shared * shared
            + place.spread * rng.standard_normal()
        )
        for name, place in PLACES.items()
    }
    return Person(
        name=f"sub-{number:03d}",
        number=number,
        age=age,
        sex=sex,
        site=site,
        diagnosis="dementia" if ill else "normal",
        severity=severity,
        changes=changes,
    )
