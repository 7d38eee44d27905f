"""What every test shares: the real cohorts, where they are at hand, and a quiet matplotlib."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

os.environ.setdefault("MPLBACKEND", "Agg")
settings.register_profile("normwise", deadline=None, max_examples=40, derandomize=True)
settings.load_profile("normwise")

REAL_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real cohorts; the test that asks for it is marked ``realdata``."""
    if not REAL_DATA.is_dir():
        pytest.skip("the real cohorts in ../shared/data are not on this machine")
    return REAL_DATA


@pytest.fixture
def small() -> Any:
    """Sixty simulated people of two classes."""
    from simulated import simulate

    return simulate()


@pytest.fixture
def three() -> Any:
    """Ninety simulated people of three classes."""
    from simulated import simulate

    return simulate(90, 1, ("normal", "MCI", "AD"))
