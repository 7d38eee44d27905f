"""Library calls and the command line work on as many subjects and folds at once."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evaluated import people, study_of
from normwise.cli.run_flags import RunFlags
from normwise.cohort import read_cohort
from normwise.engine import Progress, count_cpus, worker_count
from normwise.evaluate import evaluate_regression, evaluate_study, test_model, test_regression
from normwise.features import ExtractionContext, FeatureTable, extract_features
from normwise.model import (
    apply_model,
    count_study,
    make_reference,
    measure_people,
    predict_numbers,
    train_regression,
    train_study,
)
from normwise.runs import normalize_study, prepare_run

CALLS: list[Callable[..., Any]] = [
    apply_model, count_study, evaluate_regression, evaluate_study, extract_features, make_reference,
    measure_people, normalize_study, predict_numbers, prepare_run, test_model, test_regression,
    train_regression, train_study,
]  # fmt: skip


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)
def test_every_call_has_the_command_lines_default(call: Callable[..., Any]) -> None:
    assert inspect.signature(call).parameters["jobs"].default == RunFlags().jobs


def test_by_default_every_cpu_of_this_process_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("normwise.engine.executor.count_cpus", count_cpus)
    assert worker_count(None) == RunFlags().workers == count_cpus()
    assert worker_count(1) == RunFlags(jobs=1).workers == 1


@pytest.mark.parametrize(("jobs", "wanted"), [(None, 7), (2, 2)])
def test_extraction_and_folds_are_given_that_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jobs: int | None, wanted: int
) -> None:
    given: list[int] = []

    def extract(cohort: Any, study: Any, context: ExtractionContext) -> FeatureTable:
        given.append(context.jobs)
        raise KeyboardInterrupt

    monkeypatch.setattr("normwise.engine.executor.count_cpus", lambda: 7)
    study = study_of(tmp_path, people(count=40))
    cohort = read_cohort(study)
    with monkeypatch.context() as patch:
        patch.setattr("normwise.features.extract._extract", extract)
        with pytest.raises(KeyboardInterrupt):
            extract_features(cohort, study, jobs=jobs)

    def fold(*_: Any, jobs: int, progress: Progress | None, **__: Any) -> None:
        given.append(jobs)
        raise KeyboardInterrupt

    monkeypatch.setattr("normwise.evaluate.study.cross_validate_arms", fold)
    with pytest.raises(KeyboardInterrupt):
        evaluate_study(study, tmp_path / "run", jobs=jobs)
    assert given == [wanted, wanted]
