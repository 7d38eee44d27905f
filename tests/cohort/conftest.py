"""A study on a table written on the spot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from normwise.cohort import Cohort, read_cohort
from normwise.schema import Study

People = Callable[..., Cohort]


@pytest.fixture
def people(tmp_path: Path) -> People:
    """Write a table, read it as a cohort; keys of ``[cohort]`` are keyword arguments."""

    def read(text: str, *, labelled: bool = True, **keys: Any) -> Cohort:
        (tmp_path / "people.csv").write_text(text, encoding="utf-8")
        section = {"root": tmp_path, "table": "people.csv", "id": "ID", "label": "dx", **keys}
        return read_cohort(Study.model_validate({"cohort": section}), labelled=labelled)

    return read
