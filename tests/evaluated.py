"""A clean simulated table for whole evaluations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from normwise.schema import Study

COLUMNS = [f"f{number}" for number in range(5)]


def people(seed: int = 0, count: int = 120) -> pd.DataFrame:
    """A clean table: one feature falls with disease, age and site do not tell."""
    rng = np.random.default_rng(seed)
    patient = np.arange(count) % 2 == 1
    table = pd.DataFrame(rng.normal(10, 3, size=(count, len(COLUMNS))), columns=COLUMNS)
    table["f0"] -= 5.0 * patient
    return table.assign(
        ID=[f"p{number:03d}x" for number in range(count)],
        Age=rng.uniform(60, 80, count).round(1),
        site=np.array(["A", "B"])[np.arange(count) // 2 % 2],
        dx=np.where(patient, "AD", "normal"),
    )


def study_of(folder: Path, table: pd.DataFrame | None = None, **cohort: object) -> Study:
    """Write the table and return a quick study of it."""
    folder.mkdir(exist_ok=True)
    (people() if table is None else table).to_csv(folder / "people.csv", index=False)
    return Study.model_validate(
        {
            "cohort": {
                "root": folder, "table": "people.csv", "id": "ID", "label": "dx", "site": "site",
                "demographics": ["Age"],
            }
            | cohort,
            "features": {"extractor": "table", "columns": ["f?"]},
            "classifier": {"grid": {"C": [0.1]}},
            "evaluation": {"folds": 3, "repeats": 1, "inner_folds": 2, "bootstrap": 200},
        }
    )  # fmt: skip
