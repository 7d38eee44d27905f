"""What every test shares: the real cohorts, where they are at hand, and a quiet matplotlib."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

os.environ.setdefault("MPLBACKEND", "Agg")
# Whoever runs the tests has a cache of their own, which no test may see: not here, and not in a child.
_CACHE = tempfile.TemporaryDirectory(prefix="normwise-tests-", ignore_cleanup_errors=True)
os.environ["NORMWISE_CACHE"] = _CACHE.name
settings.register_profile("normwise", deadline=None, max_examples=40, derandomize=True)
settings.load_profile("normwise")

REAL_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real cohorts; the test that asks for it is marked ``realdata``."""
    if not REAL_DATA.is_dir():
        pytest.skip("the real cohorts in ../shared/data are not on this machine")
    return REAL_DATA


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test an empty cache; what several tests share has another, of the session."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("NORMWISE_CACHE", str(folder))
    return folder


@pytest.fixture(scope="session", autouse=True)
def one_job() -> Iterator[None]:
    """Let library calls that name no number of jobs work in this process: every CPU has a test of its own.

    No result depends on the number, which tests of the engine and of the evaluation show.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("normwise.engine.executor.count_cpus", lambda: 1)
        yield


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
