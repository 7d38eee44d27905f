"""A simulated cohort of slides: in some, a small region of the tissue has larger and darker nuclei."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from normwise.errors import SampleError
from normwise.files import write_text
from simulated_pyramids import GLASS, write_pyramid
from simulated_tiles import Stain, TissueLook, draw_stain, draw_tile

__all__ = ["SLIDE_TILE_UM", "PlantedSlide", "simulate_slides"]

MPP = 0.5
BLOCK = 256
SLIDE_TILE_UM = MPP * BLOCK
"""Side of the squares that the slides are put together from, µm: tiles of this size are tumour or not."""

GRID = 24
TUMOUR_SHARE = 0.05
"""Of the tissue of a slide with a tumour."""

AGE_PER_YEAR = 0.006
"""Relative growth of the nuclei's area a year, in everybody: age confounds."""

_PLAIN, _TUMOUR = 20, 6  # different squares drawn for each slide
_LARGER, _DARKER = 1.35, 1.2
_FEWEST = 8

STUDY_TEXT = """\
title = "Simulated slides of {people} people, seed {seed}"

[cohort]
table = "participants.tsv"
id = "participant_id"
images = "slides/{{participant_id}}.tif"
site = "site"
label = "diagnosis"
classes = {{ normal = ["normal"], tumour = ["tumour"] }}
normal = "normal"
demographics = ["age", "sex"]

[features]
extractor = "slides"
tile_um = {tile_um}

[classifier]
name = "logistic"

[decision]
sensitivity = 0.90

[evaluation]
folds = 5
repeats = 2
seed = 0
"""


@dataclass(frozen=True)
class PlantedSlide:
    """One simulated person and what was planted in their slide.

    Attributes
    ----------
    participant_id : str
        The name.
    age : float
        Years.
    sex, site, diagnosis : str
        Sex F or M, laboratory A or B, ``normal`` or ``tumour``.
    area_um2 : float
        Median area of the nuclei outside the tumour, µm².
    tumour_xy : list of pairs of int
        Upper left corners of the squares with tumour, px of level 0.
    """

    participant_id: str
    age: float
    sex: str
    site: str
    diagnosis: str
    area_um2: float
    tumour_xy: list[tuple[int, int]]


def simulate_slides(folder: Path, *, people: int = 60, seed: int = 0) -> Path:
    """Write slides, ``participants.tsv``, ``study.toml`` and ``truth.json`` with what was planted where.

    Half of the people have a tumour in 5 % of their tissue, whose nuclei are 35 % larger and 20 % darker.
    Everybody's nuclei grow with age, patients are older, and two laboratories stain differently. A slide has
    6144 px at 0.5 µm; it is put together from squares of 128 µm.

    Parameters
    ----------
    folder : Path
        A new or empty folder.
    people : int, default 60
        How many, at least 8.
    seed : int, default 0
        Seed of everything; the same seed gives the same bytes.

    Returns
    -------
    Path
        The study file.

    Raises
    ------
    SampleError
        SAM-101 too few people, SAM-102 the folder holds something else.
    """
    if people < _FEWEST:
        raise SampleError(
            "SAM-101", f"{people} people are too few for a cohort of slides.", expected=f"at least {_FEWEST}"
        )
    folder = Path(folder)
    if folder.is_dir() and any(folder.iterdir()):
        raise SampleError(
            "SAM-102", "the folder holds something else.", subject=str(folder), advice="name a new folder"
        )
    drawn = np.random.default_rng([seed, 0])
    stains = {site: draw_stain(np.random.default_rng([seed, 1, number])) for number, site in enumerate("AB")}
    planted = []
    for number in range(people):
        tumour = number % 2 == 1
        age = float(np.clip(drawn.normal(64 if tumour else 58, 10), 35, 88).round(1))
        own = float(np.exp(drawn.normal(0, 0.05)))
        sex, site = ("F", "M")[int(drawn.integers(2))], "AB"[int(drawn.integers(2))]
        area = 42.0 * own * (1 + AGE_PER_YEAR * (age - 60))
        name = f"slide-{number + 1:03d}"
        places = _draw_slide(
            folder / "slides" / f"{name}.tif",
            np.random.default_rng([seed, 2, number]),
            stains[site],
            TissueLook(area_um2=area),
            tumour=tumour,
        )
        diagnosis = "tumour" if tumour else "normal"
        planted.append(PlantedSlide(name, age, sex, site, diagnosis, round(area, 3), places))
    _write_tables(folder, planted, people, seed)
    return folder / "study.toml"


def _draw_slide(
    path: Path, rng: np.random.Generator, stain: Stain, look: TissueLook, *, tumour: bool
) -> list[tuple[int, int]]:
    """Draw one slide and return the corners of its squares with tumour, px of level 0."""
    own = replace(
        stain, strength=stain.strength * float(np.exp(rng.normal(0, 0.03))), white=np.full(3, 243.0)
    )
    sick = replace(look, area_um2=_LARGER * look.area_um2, darkness=_DARKER * look.darkness)
    looks = [look] * _PLAIN + [sick] * (_TUMOUR if tumour else 0)
    blocks = [draw_tile(rng, BLOCK, MPP, look=each, stain=own, margin_um=1.0)[0] for each in looks]
    tissue = _blob(rng)
    layout = np.where(tissue, rng.integers(0, _PLAIN, tissue.shape), GLASS)
    places: list[tuple[int, int]] = []
    if tumour:
        inside = np.argwhere(tissue)
        centre = inside[int(rng.integers(len(inside)))]
        nearest = np.argsort(((inside - centre) ** 2).sum(axis=1), kind="stable")
        for row, column in inside[nearest[: round(TUMOUR_SHARE * len(inside))]]:
            layout[row, column] = _PLAIN + int(rng.integers(_TUMOUR))
            places.append((int(column) * BLOCK, int(row) * BLOCK))
    write_pyramid(path, blocks, layout, MPP)
    return sorted(places)


def _blob(rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return a piece of tissue on the grid of squares: an ellipse with a wavy outline."""
    angle = rng.uniform(0, 2 * np.pi, 3)
    y, x = (np.mgrid[:GRID, :GRID] + 0.5) / GRID * 2 - 1
    around = np.arctan2(y, x)
    reach = 0.82 + sum(
        0.08 / order * np.cos(order * around + turn) for order, turn in zip((2, 3, 5), angle, strict=True)
    )
    blob: NDArray[np.bool_] = np.hypot(x, y * rng.uniform(1.0, 1.25)) < reach
    return blob


def _write_tables(folder: Path, planted: list[PlantedSlide], people: int, seed: int) -> None:
    header = "participant_id\tage\tsex\tsite\tdiagnosis\n"
    rows = (
        f"{each.participant_id}\t{each.age}\t{each.sex}\t{each.site}\t{each.diagnosis}\n" for each in planted
    )
    write_text(folder / "participants.tsv", header + "".join(rows))
    truth = {
        "people": people,
        "seed": seed,
        "tile_um": SLIDE_TILE_UM,
        "age_per_year": AGE_PER_YEAR,
        "slides": {
            each.participant_id: {"area_um2": each.area_um2, "tumour_xy": each.tumour_xy} for each in planted
        },
    }
    write_text(folder / "truth.json", json.dumps(truth, indent=1) + "\n")
    # The study comes last: with it the cohort is whole.
    write_text(folder / "study.toml", STUDY_TEXT.format(people=people, seed=seed, tile_um=SLIDE_TILE_UM))
