"""The simulated people as a table of measurements, without their images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from normwise.errors import SampleError
from normwise.files import write_text
from normwise.samples.people import draw_people

__all__ = ["simulate_table"]

STUDY_TEXT = """\
title = "{people} simulated people, seed {seed}"

[cohort]
table = "participants.tsv"
label = "diagnosis"
classes = {{ normal = ["normal"], dementia = ["dementia"] }}
normal = "normal"
demographics = ["age", "sex"]

[features]
extractor = "table"
columns = [{columns}]

[decision]
sensitivity = 0.90

[evaluation]
repeats = 1
seed = 0
"""

SIZES = {
    "hippocampus_left": ("volume_mm3", 3400.0),
    "hippocampus_right": ("volume_mm3", 3500.0),
    "medial_temporal_left": ("thickness_mm", 3.2),
    "medial_temporal_right": ("thickness_mm", 3.3),
    "temporoparietal": ("thickness_mm", 2.5),
    "sulci": ("thickness_mm", 2.4),
    "ventricles": ("width_mm", 18.0),
}
"""What is measured of each place, and how much of it somebody has on average who has lost nothing."""

SPREAD = 0.10
"""SD between people of what they have before anything is lost, as a share."""


def simulate_table(folder: Path, *, people: int = 120, seed: int = 0) -> Path:
    r"""Simulate a cohort as a table: what would be measured of each place of each brain.

    The folder gets ``participants.tsv``, a row a person with age, sex, site, diagnosis and seven
    measurements, and ``study.toml``, which takes them as features. The people are those of `simulate_cohort`.

    Parameters
    ----------
    folder : Path
        An empty or new folder.
    people : int, default 120
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
        SAM-101: too few people. SAM-102: the folder holds something else.

    Examples
    --------
    >>> import tempfile
    >>> study = simulate_table(Path(tempfile.mkdtemp()), people=20)
    >>> table = pd.read_csv(study.with_name("participants.tsv"), sep="\t", index_col="participant_id")
    >>> table["diagnosis"].value_counts().to_dict()
    {'normal': 11, 'dementia': 9}
    >>> [name for name in table if name.startswith("hippocampus")]
    ['hippocampus_left.volume_mm3', 'hippocampus_right.volume_mm3']
    """
    folder = Path(folder)
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise SampleError(
            "SAM-102",
            "the folder for the simulated table holds something else.",
            subject=str(folder),
            expected="an empty or new folder",
            advice="name another folder",
        )
    rng = np.random.default_rng(seed)
    drawn = draw_people(people, rng)
    changes = pd.DataFrame([person.changes for person in drawn])
    # Ventricles widen by millimetres; of every other place a share is lost.
    measured = {}
    for place, (name, whole) in SIZES.items():
        own = whole * (1 + SPREAD * rng.standard_normal(people))
        measured[f"{place}.{name}"] = (
            own + changes[place] if place == "ventricles" else own * (1 - changes[place])
        )
    table = pd.DataFrame(
        {
            "participant_id": [person.name for person in drawn],
            **{
                key: [getattr(person, key) for person in drawn] for key in ("age", "sex", "site", "diagnosis")
            },
            **{name: values.round(1 if name.endswith("mm3") else 3) for name, values in measured.items()},
        }
    )
    write_text(folder / "participants.tsv", table.to_csv(sep="\t", index=False))
    columns = ", ".join(f'"{name}"' for name in measured)
    study = folder / "study.toml"
    write_text(study, STUDY_TEXT.format(people=people, seed=seed, columns=columns))
    return study
