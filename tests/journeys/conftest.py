"""What the journeys share: a simulated cohort, and the command as a user starts it."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from normwise.samples import simulate_cohort

COMMAND = (sys.executable, "-m", "normwise.cli")


@dataclass(frozen=True)
class Ending:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def normwise():
    """Run the command in a process of its own; it must never show a traceback."""

    def run(*words, folder=None, code=0):
        done = subprocess.run(
            [*COMMAND, *map(str, words)],
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
            env={**os.environ, "COLUMNS": "80", "OMP_NUM_THREADS": "1"},
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert done.returncode == code, done.stdout + done.stderr
        return Ending(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="session")
def cohort(tmp_path_factory) -> Path:
    """A simulated cohort of 36 people, never written into again."""
    return simulate_cohort(tmp_path_factory.mktemp("simulated") / "cohort", people=36, seed=3).parent


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory) -> Path:
    """The cache that `extracted` has filled."""
    return tmp_path_factory.mktemp("shared") / "cache"


@pytest.fixture(scope="session")
def extracted(normwise, cohort, quick, shared_cache, tmp_path_factory) -> Path:
    """A run of the cohort that was extracted and nothing more, never written into again."""
    folder = tmp_path_factory.mktemp("extracted") / "run"
    ending = normwise("extract", cohort, folder, *quick, "--cache", shared_cache)
    assert ending.out.splitlines()[-1] == str(folder / "features.tsv")
    return folder


@pytest.fixture(scope="session")
def quick() -> list[str]:
    """Flags that make a small evaluation."""
    return ["--folds", "3", "--repeats", "1", "--inner-folds", "3", "--bootstrap", "100", "--jobs", "2"]
