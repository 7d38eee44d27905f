"""The simulated cohort on disk: a BIDS derivative, a study file, and the truth that was planted."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from normwise.errors import SampleError
from normwise.files import accompany_dataset, write_text
from normwise.images import write_volume
from normwise.samples.brain import open_simulator, simulate_brain
from normwise.samples.people import PLACES, Person, draw_people

__all__ = ["simulate_cohort"]

SIMULATION = 1  # raised when the same seed would give other bytes
TRUTH = "truth.json"
STUDY = "study.toml"
IMAGE = "{participant_id}/anat/{participant_id}_space-MNI152NLin2009aSym_desc-brain_T1w.nii.gz"

STUDY_TEXT = """\
title = "Simulated cohort: {people} people made from the MNI152 brain, seed {seed}"

[cohort]
table = "participants.tsv"
id = "participant_id"
images = "{image}"
site = "site"
label = "diagnosis"
classes = {{ normal = ["normal"], dementia = ["dementia"] }}
normal = "normal"
demographics = ["age", "sex"]

[features]
extractor = "regions"
atlas = "neuromorphometrics"

[classifier]
name = "logistic"

[decision]
sensitivity = 0.90

[evaluation]
folds = 5
repeats = 5
seed = 0
"""

SIDECAR = "space-MNI152NLin2009aSym_desc-brain_T1w.json"
IMAGES = {
    "Description": "simulated from the MNI152 2009a symmetric template, without skull",
    "SkullStripped": True,
    "SpatialReference": "MNI152NLin2009aSym",
}
"""What all images share; the file stands above them, and BIDS lets them inherit it."""

README = """\
# Simulated cohort

People who never were: each is the MNI152 brain with the atrophy of an age and a diagnosis. `truth.json` holds
what was planted in whom, `study.toml` the study of `normwise demo`.
"""

COLUMNS = {
    "participant_id": {"Description": "name of the simulated person"},
    "age": {"Description": "age at the scan", "Units": "year"},
    "sex": {"Description": "sex", "Levels": {"F": "female", "M": "male"}},
    "site": {"Description": "simulated scanner", "Levels": {"A": "less noise", "B": "more noise"}},
    "diagnosis": {
        "Description": "simulated diagnosis",
        "Levels": {"normal": "ages only", "dementia": "ages, and loses tissue beyond age"},
    },
}


def simulate_cohort(folder: Path, *, people: int = 80, seed: int = 0) -> Path:
    """Simulate a cohort from the MNI152 brain that nilearn ships.

    The folder becomes a BIDS derivative: ``participants.tsv``, one skull-stripped T1 a person in MNI space at
    2 mm, ``study.toml``, and ``truth.json`` with what was planted in whom. A cohort that is there already
    with the same people and seed is completed, not made again.

    Parameters
    ----------
    folder : Path
        An empty or new folder, or one that holds the same cohort.
    people : int, default 80
        How many, at least 12; 45 % of them patients.
    seed : int, default 0
        Seed of everything; the same seed gives the same bytes.

    Returns
    -------
    Path
        The study file.

    Raises
    ------
    SampleError
        SAM-101: too few people. SAM-102: the folder holds something else. SAM-103: it holds another
        simulated cohort.
    """
    folder = Path(folder)
    drawn = draw_people(people, np.random.default_rng(seed))
    truth = json.dumps(_truth(drawn, seed), indent=2) + "\n"
    _refuse_other_files(folder, truth)
    write_text(folder / TRUTH, truth)
    _write_texts(folder, drawn)
    missing = [person for person in drawn if not _image(folder, person).exists()]
    if missing:
        workshop = open_simulator()
        for person in missing:
            write_volume(simulate_brain(person, seed, workshop), _image(folder, person))
    # The study file comes last: where it stands, the cohort is whole.
    study = folder / STUDY
    write_text(study, STUDY_TEXT.format(people=people, seed=seed, image=IMAGE))
    return study


def _image(folder: Path, person: Person) -> Path:
    return folder / IMAGE.format(participant_id=person.name)


def _truth(drawn: list[Person], seed: int) -> dict[str, Any]:
    return {
        "simulation": SIMULATION,
        "seed": seed,
        "units": "share of tissue turned into fluid; ventricles: mm of widening",
        "places": {name: asdict(place) for name, place in PLACES.items()},
        "people": [asdict(person) for person in drawn],
    }


def _refuse_other_files(folder: Path, truth: str) -> None:
    """Refuse a folder in which something else would be overwritten or mixed in."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    there = folder / TRUTH
    if not there.is_file():
        raise SampleError(
            "SAM-102",
            "the folder for the simulated cohort holds something else.",
            subject=str(folder),
            expected="an empty or new folder",
            advice="name another folder",
        )
    if there.read_text(encoding="utf-8") != truth:
        raise SampleError(
            "SAM-103",
            "the folder holds another simulated cohort (other people, seed or version).",
            subject=str(folder),
            expected="the same number of people and the same seed, or an empty folder",
            advice="name another folder, or delete this one",
        )


def _write_texts(folder: Path, drawn: list[Person]) -> None:
    rows = ["\t".join(COLUMNS)]
    rows += [f"{p.name}\t{p.age}\t{p.sex}\t{p.site}\t{p.diagnosis}" for p in drawn]
    write_text(folder / "participants.tsv", "\n".join(rows) + "\n")
    write_text(folder / "participants.json", json.dumps(COLUMNS, indent=2) + "\n")
    about = {
        "Name": "Simulated cohort",
        "BIDSVersion": "1.10.0",
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": "normwise", "Description": "simulated from the MNI152 2009a template"}],
    }
    write_text(folder / "dataset_description.json", json.dumps(about, indent=2) + "\n")
    write_text(folder / SIDECAR, json.dumps(IMAGES, indent=2) + "\n")
    accompany_dataset(folder, README, (STUDY, TRUTH))
