"""One page of every kind, made once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import normwise.features.atlases
from normwise.errors import FeatureError
from normwise.report import write_report
from report.example_runs import EXAMPLES
from report.simulated_results import make_atlas


def load_fake_atlas(name: str, lut: str | None = None) -> object:
    if name != "neuromorphometrics":
        raise FeatureError("FEA-101", "no such atlas.", subject=name)
    return make_atlas()


@contextmanager
def coarse_atlas() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(normwise.features.atlases, "load_atlas", load_fake_atlas)
        yield


@pytest.fixture(autouse=True)
def fake_atlas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another package tests the installed atlas; a coarse one makes pages fast."""
    # The test's own patches: of two kinds, the one undone last would put the coarse atlas back.
    monkeypatch.setattr(normwise.features.atlases, "load_atlas", load_fake_atlas)


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("runs")
    made = {name: make(folder / name) for name, make in EXAMPLES.items()}
    # Only while the pages are made: what lasts a session must not reach the tests of other packages.
    with coarse_atlas():
        for run in made.values():
            write_report(run)
    return made


@pytest.fixture(scope="session")
def pages(runs: dict[str, Path]) -> dict[str, str]:
    return {name: (run / "report.html").read_text(encoding="utf-8") for name, run in runs.items()}
