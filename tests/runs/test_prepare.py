"""The common beginning of a run: what can be refused early is, and the numbers add up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from normwise.errors import ClassifierError, NormwiseError, ProcedureError
from normwise.model.train import train_study
from normwise.results import RunRecord, read_result
from normwise.runs.composition import flow_of
from normwise.runs.prepare import prepare_run
from normwise.schema import Study


def study_in(folder: Path, small: Any, **sections: Any) -> Study:
    table = small.X.assign(dx=small.labels)
    table.loc["odd"] = [*small.X.iloc[0].tolist(), "unknown"]
    table.rename_axis("participant_id").to_csv(folder / "participants.tsv", sep="\t")
    cohort = {
        "root": folder, "label": "dx", "demographics": ["age", "sex"],
        "classes": {"normal": ["normal"], "AD": ["AD"]},
    }  # fmt: skip
    features = {"extractor": "table", "columns": ["*.*"]}
    return Study.model_validate({"cohort": cohort, "features": features, **sections})


def test_a_training_run_leaves_what_it_promises(small: Any, tmp_path: Path) -> None:
    run = tmp_path / "run"
    model = train_study(study_in(tmp_path, small), run)
    assert model.training["scans"] == 60
    written = {path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file()}
    assert written >= {
        "study.toml", "dataset_description.json", "cohort.tsv", "features.tsv", "features.json", "run.json",
        "explanation.json", "report.html", "model/manifest.json", "model/model.skops",
    }  # fmt: skip
    record = read_result(RunRecord, run / "run.json")
    assert record.n_included + sum(step.scans for step in record.flow) == record.n_listed == 61
    assert json.loads((run / "dataset_description.json").read_text())["DatasetType"] == "derivative"


def test_a_cost_matrix_is_refused_before_anything_is_written(small: Any, tmp_path: Path) -> None:
    study = study_in(tmp_path, small, decision={"cost_matrix": {"normal": {"AD": 1.0}}})
    with pytest.raises(ProcedureError) as caught:
        prepare_run(study, tmp_path / "run", purpose="train")
    assert caught.value.code == "PRC-301"
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("sensitivity", "purpose", "refused"),
    [
        # 30 patients in all, 24 of them in each of 5 training parts.
        (0.965, "train", False), (0.97, "train", True), (0.96, "evaluate", False), (0.965, "evaluate", True),
    ],
)  # fmt: skip
def test_a_sensitivity_that_the_patients_can_not_promise_is_refused_before_anything_is_written(
    small: Any,
    tmp_path: Path,
    sensitivity: float,
    purpose: Any,
    refused: bool,  # noqa: FBT001
) -> None:
    study = study_in(tmp_path, small, decision={"sensitivity": sensitivity})
    if not refused:
        prepare_run(study, tmp_path / "run", purpose=purpose)
        return
    with pytest.raises(ProcedureError) as caught:
        prepare_run(study, tmp_path / "run", purpose=purpose)
    assert caught.value.code == "PRC-303"
    assert f"{30 if purpose == 'train' else 24} patients" in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_wrong_classifier_is_refused_before_anything_is_written(small: Any, tmp_path: Path) -> None:
    with pytest.raises(ClassifierError):
        prepare_run(
            study_in(tmp_path, small, classifier={"name": "logistik"}), tmp_path / "run", purpose="train"
        )
    assert not (tmp_path / "run").exists()


def test_the_flow_counts_a_code_at_a_time() -> None:
    ledger = pd.DataFrame(
        {
            "id": list("abcd"),
            "status": ["included", "excluded", "excluded", "excluded"],
            "code": ["", "COH-1", "COH-1", "IMG-1"],
            "general": ["", "too young", "too young", "broken"],
        }
    )
    assert [(step.code, step.reason, step.scans) for step in flow_of(ledger)] == [
        ("COH-1", "too young", 2),
        ("IMG-1", "broken", 1),
    ]


@pytest.mark.parametrize(
    ("sections", "code"),
    [
        ({"evaluation": {"folds": 40}}, "PRC-101"),
        ({"features": {"extractor": "region"}}, "FEA-100"),
        ({"features": {"extractor": "regions", "atlas": "neuromorphometric"}}, "FEA-102"),
        ({"features": {"extractor": "regions", "statistics": ["men"]}}, "FEA-104"),
        ({"normalizer": {"interactions": [["age", "agge"]]}}, "NRM-105"),
        ({"classifier": {"grid": {"C": []}}}, "CLS-104"),
    ],
)
def test_what_can_not_run_is_refused_before_anything_is_read(
    small: Any, tmp_path: Path, sections: dict[str, Any], code: str
) -> None:
    study = Study.model_validate(study_in(tmp_path, small).model_dump() | sections)
    with pytest.raises(NormwiseError) as caught:
        prepare_run(study, tmp_path / "run", purpose="evaluate")
    assert caught.value.code == code
    assert not (tmp_path / "run").exists()
