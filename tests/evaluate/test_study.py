"""A saved model on a cohort of its own: the model's rule, categories and features, whoever is in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from normwise.errors import EvaluationError, NormwiseWarning, ProcedureError
from normwise.evaluate import test_model as apply_to_cohort
from normwise.model.model import Model
from normwise.model.train import train_study
from normwise.schema import Study

COLUMNS = ("f1", "f2", "f3")


def study_of(
    folder: Path, people: int, seed: int, *, columns: tuple[str, ...] = COLUMNS, **changes: Any
) -> Study:
    """Write a table of people and return the study that reads it; ``changes`` are cells or keys."""
    sexes, gap = changes.pop("sexes", "FM"), changes.pop("gap", None)
    sick = changes.pop("sick", None)
    rng = np.random.default_rng(seed)
    lines = [",".join(["ID", "Age", "Sex", "dx", *columns])]
    for number in range(people):
        patient = number % 2 == 1 if sick is None else sick
        age = rng.uniform(55, 85)
        values = {"f1": 100 - 0.8 * age - 12 * patient + rng.normal(0, 4), "f2": rng.normal(), "f3": age}
        cells = [
            "" if name == gap and number < 0.7 * people else repr(float(values[name])) for name in columns
        ]
        sex = sexes[number // 2 % len(sexes)]
        lines.append(
            ",".join([f"s{seed}_{number}", f"{age:.1f}", sex, "AD" if patient else "normal", *cells])
        )
    folder.mkdir()
    (folder / "people.csv").write_text("\n".join(lines) + "\n")
    cohort = {
        "root": folder, "table": "people.csv", "id": "ID", "label": "dx", "demographics": ["Age", "Sex"],
        "classes": {"normal": ["normal"], "AD": ["AD"]},
    }  # fmt: skip
    return Study.model_validate(
        {
            "cohort": cohort | changes.pop("cohort", {}),
            "features": {"extractor": "table", "columns": ["f*"]},
            "evaluation": {"folds": 2, "repeats": 1, "inner_folds": 2, "bootstrap": 100},
        }
        | changes
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = tmp_path_factory.mktemp("trained")
    study = study_of(folder / "data", 60, 0, decision={"sensitivity": 0.8}, classifier={"name": "forest"})
    return train_study(study, folder / "run")


def test_the_rule_in_words_is_the_models_own(model: Model, tmp_path: Path) -> None:
    found = apply_to_cohort(model, study_of(tmp_path / "data", 30, 1), tmp_path / "run")
    assert found.decision == model.procedure.rule.text
    assert "0.8" in found.decision
    assert not any(note.code == "EVA-102" for note in found.notes)


@pytest.mark.parametrize("sick", [True, False])
def test_a_cohort_of_one_class_is_tested_for_what_it_can_tell(
    model: Model, tmp_path: Path, *, sick: bool
) -> None:
    found = apply_to_cohort(model, study_of(tmp_path / "data", 20, 2, sick=sick), tmp_path / "run")
    arm = found.arms["adjusted"]
    assert arm.auc.estimate is None
    assert (arm.sensitivity.estimate is None, arm.specificity.estimate is None) == (not sick, sick)
    assert (tmp_path / "run" / "report.html").is_file()


def test_a_level_that_was_never_trained_on_costs_a_decision_and_no_more(model: Model, tmp_path: Path) -> None:
    found = apply_to_cohort(model, study_of(tmp_path / "data", 40, 3, sexes="FX"), tmp_path / "run")
    assert found.arms["adjusted"].undecided >= 0.5


def test_a_cohort_of_unknown_categories_alone_is_refused_with_the_reason(
    model: Model, tmp_path: Path
) -> None:
    with pytest.raises(EvaluationError) as caught:
        apply_to_cohort(model, study_of(tmp_path / "data", 40, 3, sexes="XY"), tmp_path / "run")
    assert caught.value.code == "EVA-107"
    assert "scans: " in str(caught.value.seen)
    assert "Sex" in str(caught.value.seen)


def test_the_features_are_the_models_however_the_table_looks(model: Model, tmp_path: Path) -> None:
    """A column with many gaps stays, and costs the people; scans are known again in another order."""
    found = apply_to_cohort(model, study_of(tmp_path / "data", 40, 4, gap="f2"), tmp_path / "run")
    assert found.n_scans == 12
    same = study_of(tmp_path / "same", 60, 0, columns=COLUMNS[::-1], cohort={"demographics": ["Sex", "Age"]})
    with pytest.warns(NormwiseWarning, match="EVA-102"):
        notes = apply_to_cohort(model, same, tmp_path / "again").notes
    assert any(note.code == "EVA-102" and note.value == 60 and "s0_0, s0_1" in note.text for note in notes)


def test_values_in_another_unit_are_named(model: Model, tmp_path: Path) -> None:
    study = study_of(tmp_path / "data", 20, 6)
    table = pd.read_csv(tmp_path / "data" / "people.csv", dtype=str)
    table["f1"] = table["f1"] + "e2"
    table.to_csv(tmp_path / "data" / "people.csv", index=False)
    with pytest.warns(NormwiseWarning, match="EVA-113"):
        notes = apply_to_cohort(model, study, tmp_path / "run").notes
    assert any(note.code == "EVA-113" and note.value > 15 and "(f1 " in note.text for note in notes)


def test_a_run_folder_that_is_a_file_is_refused(model: Model, tmp_path: Path) -> None:
    (tmp_path / "run").write_text("in the way")
    with pytest.raises(ProcedureError) as caught:
        apply_to_cohort(model, study_of(tmp_path / "data", 20, 5), tmp_path / "run")
    assert caught.value.code == "PRC-203"
