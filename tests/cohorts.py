"""A study and its cohort out of a few lines of text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from normwise.cohort import Cohort, read_cohort
from normwise.schema import Study


def cohort_of(folder: Path, rows: str, features: dict[str, Any], **cohort: Any) -> tuple[Cohort, Study]:
    """Read a cohort with the columns ID, Age, Sex and dx, and whatever else its header names."""
    (folder / "people.csv").write_text(rows)
    section = {
        "root": folder, "table": "people.csv", "id": "ID", "label": "dx", "normal": "normal",
        "demographics": ["Age", "Sex"],
    }  # fmt: skip
    study = Study.model_validate({"cohort": section | cohort, "features": features})
    return read_cohort(study), study
