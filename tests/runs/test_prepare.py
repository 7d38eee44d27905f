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
from normwise.runs.composition import count_reasons, flow_of
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


def plain_study(folder: Path, rows: dict[str, int], spoil: Any = None, **sections: Any) -> Study:
    """Sixty or so people of some classes, of age 60 and more; ``spoil`` changes their table."""
    labels = [name for name, count in rows.items() for _ in range(count)]
    table = pd.DataFrame({"participant_id": [f"p{place:02d}" for place in range(len(labels))], "dx": labels})
    places = pd.Series(range(len(labels)))
    table["age"] = (60 + (places * 7) % 23).astype(str)
    table["sex"] = places.map(lambda place: "FM"[place // 2 % 2])
    table["roi"] = ((places * 13) % 17 / 3).round(3).astype(str)
    if spoil is not None:
        spoil(table)
    table.to_csv(folder / "people.tsv", sep="\t", index=False)
    cohort = {
        "root": folder, "table": "people.tsv", "label": "dx", "demographics": ["age", "sex"],
        **sections.pop("cohort", {}),
    }  # fmt: skip
    features = {"extractor": "table", "columns": ["roi"]}
    return Study.model_validate({"cohort": cohort, "features": features, **sections})


def put(column: str, value: Any, rows: slice = slice(None)) -> Any:
    def spoil(table: pd.DataFrame) -> None:
        table.loc[table.index[rows], column] = value

    return spoil


@pytest.mark.parametrize(
    ("spoil", "cohort", "lost", "reasons"),
    [
        (put("age", "-9"), {}, "normal, AD", ["40 rows by COH-207, as p00: age is no age in years: '-9'"]),
        (put("age", "n/a"), {}, "normal, AD", ["40 rows by COH-205, as p00: age is missing"]),
        (None, {"include": ["age >= 600"]}, "normal", ["40 rows by COH-209, as p00: not age >= 600"]),
        (None, {"classes": {"normal": ["Normal"], "AD": ["AD"]}}, "normal", ["20 rows by COH-203, as p00"]),
        (
            put("age", "n/a", slice(21, None)), {"include": ["age != 74"]}, "AD",
            ["19 rows by COH-204", "1 row by COH-209"],
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("purpose", ["train", "evaluate"])
def test_the_reasons_are_counted_where_most_were_left_out(
    tmp_path: Path, purpose: Any, spoil: Any, cohort: dict[str, Any], lost: str, reasons: list[str]
) -> None:
    study = plain_study(tmp_path, {"normal": 20, "AD": 20}, spoil, cohort=cohort)
    run = tmp_path / "run"
    with pytest.raises(ProcedureError) as caught:
        prepare_run(study, run, purpose=purpose)
    assert (caught.value.code, caught.value.subject) == ("PRC-114", lost)
    seen = (caught.value.seen or "").splitlines()[1:]
    assert len(seen) == len(reasons)
    assert all(text.startswith(reason) for text, reason in zip(seen, reasons, strict=True))
    ledger = pd.read_csv(run / "cohort.tsv", sep="\t", keep_default_na=False)
    assert len(ledger) == 40
    assert not any("lower the number" in text for text in str(caught.value).splitlines())


def test_nobody_to_extract_from_or_to_test_is_said_with_the_reasons(tmp_path: Path) -> None:
    study = plain_study(tmp_path, {"normal": 4, "AD": 4}, put("age", "-9"))
    for purpose in ("extract", "test"):
        with pytest.raises(ProcedureError) as caught:
            prepare_run(study, tmp_path / purpose, purpose=purpose)  # type: ignore[arg-type]  # one of them
        assert caught.value.code == "PRC-202"
        assert "8 rows by COH-207" in str(caught.value)
        assert (tmp_path / purpose / "cohort.tsv").is_file()


def test_people_whom_the_extraction_loses_count_as_well(tmp_path: Path) -> None:
    study = plain_study(tmp_path, {"normal": 20, "AD": 20}, put("roi", "2,5 mm", slice(3, None)))
    with pytest.raises(ProcedureError) as caught:
        prepare_run(study, tmp_path / "run", purpose="evaluate")
    assert caught.value.code == "PRC-114"
    assert "37 rows by FEA-203" in str(caught.value)


def test_the_ledger_of_a_finished_run_is_not_replaced_by_that_of_a_refused_one(tmp_path: Path) -> None:
    run = tmp_path / "run"
    study = plain_study(tmp_path, {"normal": 20, "AD": 20})
    train_study(study, run)
    before = (run / "cohort.tsv").read_bytes()
    section = study.cohort.model_copy(update={"include": ["age > 600"]})
    with pytest.raises(ProcedureError) as caught:
        prepare_run(study.model_copy(update={"cohort": section}), run, purpose="train")
    assert caught.value.code == "PRC-114"
    assert (run / "cohort.tsv").read_bytes() == before


def test_few_people_of_whom_none_was_left_out_are_few_people(tmp_path: Path) -> None:
    study = plain_study(tmp_path, {"normal": 20, "AD": 4})
    with pytest.raises(ProcedureError) as caught:
        prepare_run(study, tmp_path / "run", purpose="evaluate")
    assert (caught.value.code, caught.value.seen) == ("PRC-101", "AD: 4 people")


def test_a_lost_minority_is_named_beside_what_is_too_few(tmp_path: Path) -> None:
    study = plain_study(tmp_path, {"normal": 20, "AD": 5}, put("age", "-9", slice(-1, None)))
    with pytest.raises(ProcedureError) as caught:
        prepare_run(study, tmp_path / "run", purpose="evaluate")
    assert caught.value.code == "PRC-101"
    first, *reasons = (caught.value.seen or "").splitlines()
    assert (first, len(reasons)) == ("AD: 4 people", 1)
    assert "1 row by COH-207" in reasons[0]


@pytest.mark.parametrize(("normals", "refused"), [(6, True), (8, True), (9, False)])
def test_normals_too_few_for_the_inner_folds_are_refused_with_the_cohorts_numbers(
    tmp_path: Path, normals: int, *, refused: bool
) -> None:
    # Age, sex and the constant need five; of eight, five folds and five inner ones leave four.
    study = plain_study(tmp_path, {"normal": normals, "AD": 20}, evaluation={"folds": 5, "repeats": 2})
    if refused:
        with pytest.raises(ProcedureError) as caught:
            prepare_run(study, tmp_path / "run", purpose="evaluate")
        assert (caught.value.code, caught.value.subject) == ("PRC-115", "normal")
        assert f"normal: {normals} people" in (caught.value.seen or "")
        assert not (tmp_path / "run").exists()
    else:
        prepare_run(study, tmp_path / "run", purpose="evaluate")


def test_a_class_of_two_can_not_be_split_twice(tmp_path: Path) -> None:
    study = plain_study(
        tmp_path, {"normal": 40, "AD": 2}, evaluation={"folds": 2}, decision={"sensitivity": 0.4}
    )
    with pytest.raises(ProcedureError) as caught:
        prepare_run(study, tmp_path / "run", purpose="evaluate")
    assert (caught.value.code, caught.value.subject) == ("PRC-115", "AD")
    assert "AD: 2 people" in (caught.value.seen or "")


def test_two_reasons_of_one_code_are_two_steps_of_the_flow() -> None:
    ledger = pd.DataFrame(
        {
            "id": list("abc"), "status": ["excluded"] * 3, "code": ["COH-205"] * 3,
            "general": ["sex is missing", "age is missing", "sex is missing"], "reason": ["fill it in"] * 3,
        }
    )  # fmt: skip
    assert [(step.reason, step.scans) for step in flow_of(ledger)] == [
        ("age is missing", 1),
        ("sex is missing", 2),
    ]
    assert [text.split(" by ")[0] for text in count_reasons(ledger)] == ["2 rows", "1 row"]


@pytest.mark.parametrize(
    ("sections", "code"),
    [
        ({"evaluation": {"folds": 40}}, "PRC-101"),
        ({"features": {"extractor": "region"}}, "FEA-100"),
        ({"features": {"extractor": "regions", "atlas": "neuromorphometric"}}, "FEA-102"),
        ({"features": {"extractor": "regions", "statistics": ["men"]}}, "FEA-104"),
        (
            {"features": {"extractor": "brain", "labels": "{participant_id}.nii.gz", "columns": ["age"]}},
            "FEA-202",
        ),
        ({"features": {"extractor": "regions", "columns": ["*", "sex"]}}, "FEA-202"),
        ({"features": {"extractor": "table", "columns": ["*.*", "dx"]}}, "FEA-202"),
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
