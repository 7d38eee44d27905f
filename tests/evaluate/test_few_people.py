"""The lecture's eight people through training and evaluation, with warnings of what it is worth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.lecture_table import ROWS, write_eight

from evaluated import people, study_of
from normwise.cohort import read_study
from normwise.errors import NormwiseError
from normwise.evaluate import evaluate_study
from normwise.evaluate.cross_validation import leave_sites_out
from normwise.model import load_model
from normwise.model.train import train_study
from normwise.run_folder import RunFolder
from normwise.runs import check_people, prepare_run, read_plan
from normwise.schema import Study

COSTS = "[decision]\ncost = { missed = 2, false_alarm = 1 }\n"
LEAVE_ONE_OUT = '[evaluation]\nsplit = "leave_one_out"\nbootstrap = 100\n'

pytestmark = pytest.mark.filterwarnings("ignore::normwise.errors.NormwiseWarning")


def test_leaving_one_of_eight_out_finds_both_patients(tmp_path: Path) -> None:
    found = evaluate_study(write_eight(tmp_path / "study", COSTS + LEAVE_ONE_OUT), tmp_path / "run")
    main = found.arms["normalized"]
    assert (found.folds, main.auc.estimate, main.sensitivity.estimate) == (8, 1.0, 1.0)
    assert set(main.thresholds) == {1 / 3}  # false alarm / (false alarm + missed)
    codes = {note.code for note in found.notes}
    assert codes >= {"PRC-117", "NRM-201"}
    table = pd.read_csv(tmp_path / "run" / RunFolder.PREDICTIONS, sep="\t").query("arm == 'normalized'")
    # The oldest, the youngest woman … have nobody normal on their one side.
    assert table["decision"].isna().sum() == 4


def test_a_model_of_eight_is_saved_and_opens(tmp_path: Path) -> None:
    model = train_study(write_eight(tmp_path / "study", COSTS), tmp_path / "run")
    assert "PRC-117" in {note.code for note in model.procedure.notes}
    assert model.procedure.setting == {"C": 1.0}
    opened = load_model(tmp_path / "run")
    assert opened.procedure.rule.threshold == 1 / 3


def test_a_sensitivity_is_not_promised_without_anybody_held_out(tmp_path: Path) -> None:
    half = "[decision]\nsensitivity = 0.5\n"
    with pytest.raises(NormwiseError, match="too few people"):
        evaluate_study(write_eight(tmp_path / "study", half + LEAVE_ONE_OUT), tmp_path / "run")


def test_too_few_normals_for_the_regression_itself_stay_refused(tmp_path: Path) -> None:
    study = write_eight(tmp_path / "study", COSTS + LEAVE_ONE_OUT)
    rows = [line for line in ROWS.splitlines(keepends=True) if not line.startswith("normal-6")]
    (tmp_path / "study" / "participants.tsv").write_text("".join(rows))
    with pytest.raises(NormwiseError) as caught:
        evaluate_study(study, tmp_path / "run")
    assert caught.value.code == "NRM-106"  # without one of five, four normals for three parameters


def test_check_says_what_it_will_be_worth(tmp_path: Path) -> None:
    study = read_study(write_eight(tmp_path / "study", COSTS + LEAVE_ONE_OUT))
    resolved, cohort = read_plan(study, purpose="evaluate")
    with pytest.warns(UserWarning, match="PRC-117"):
        check_people(resolved, cohort, "evaluate")


def test_a_site_is_left_out_wherever_a_person_is(tmp_path: Path) -> None:
    """One patient left is enough where costs decide, whatever is left out."""
    table = people(count=24)
    table["dx"] = np.where(np.arange(24) < 2, "AD", "normal")
    table["site"] = np.array(["A", "B"])[np.arange(24) % 2]
    study = study_of(tmp_path / "study", table, demographics=[])
    study = Study.model_validate(
        study.model_dump()
        | {"decision": {"cost": {"missed": 2, "false_alarm": 1}}, "evaluation": {"split": "leave_one_out"}}
    )
    found, notes = leave_sites_out(prepare_run(study, tmp_path / "run"), "raw")
    assert found is not None
    assert found.scores.tested.all()
    assert notes == []
