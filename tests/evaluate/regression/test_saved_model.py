"""A saved model of a number, tested on people it has not seen."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from tests.evaluate.regression.test_study import people, study_of

from normwise.errors import EvaluationError, NormwiseWarning, ProcedureError
from normwise.evaluate import test_model as classes_tested
from normwise.evaluate import test_regression as number_tested
from normwise.model import RegressionModel, train_regression, train_study
from normwise.results import Regression
from normwise.run_folder import RunFolder
from normwise.schema import Study


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> RegressionModel:
    folder = tmp_path_factory.mktemp("trained")
    return train_regression(study_of(folder / "study"), folder / "run")


def others() -> pd.DataFrame:
    """People of an age that normal people of the training have."""
    return people(seed=5).assign(Age=lambda rows: rows["Age"].clip(62, 83)).head(90)


def read(run) -> pd.DataFrame:
    return pd.read_csv(run / "predictions.tsv", sep="\t", na_values="n/a", keep_default_na=False)


def codes(regression: Regression) -> list[str]:
    return [note.code for note in regression.notes]


def test_its_figures_are_those_of_the_model_s_predictions(model, tmp_path):
    table = others()
    found = number_tested(model, study_of(tmp_path / "other", table), tmp_path / "run")
    assert (found.kind, found.split, found.folds, found.repeats) == ("test", "test", 1, 1)
    assert list(found.arms) == ["normalized"]
    main = found.arms["normalized"]
    own = model.predictions(table.set_index("ID"), table["score"])
    errors = np.array([row.gap for row in own])
    assert main.mae.estimate == pytest.approx(np.abs(errors).mean())
    assert main.rmse.estimate == pytest.approx(np.sqrt((errors**2).mean()))
    assert main.r2.estimate == pytest.approx(1 - (errors**2).mean() / table["score"].var(ddof=0))
    for place, each in enumerate(main.intervals):
        inside = np.abs(errors) <= model.procedure.half_widths[place]
        assert each.share.estimate == pytest.approx(inside.mean())
        assert each.width == pytest.approx(2 * model.procedure.half_widths[place])
    rows = read(tmp_path / "run").set_index("id")
    assert rows.loc[table["ID"], "corrected_gap"].tolist() == pytest.approx(
        [row.corrected_gap for row in own]
    )
    assert main.groups[1].corrected.estimate == pytest.approx(
        np.mean([row.corrected_gap for row, cdr in zip(own, table["CDR"], strict=True) if cdr == "1"])
    )
    folder = RunFolder(tmp_path / "run")
    assert folder.read_result(Regression, folder.REGRESSION) == found
    folder.check()
    assert json.loads(folder.read(folder.RECORD))["command"] == "test"
    page = (folder / folder.REPORT).read_text()
    assert "Test on other people" in page
    assert "drawn" not in page
    assert not {"EVA-102", "EVA-111", "EVA-112"} & set(codes(found))


def test_a_saved_one_is_tested_to_the_same_numbers(tmp_path):
    train_regression(study_of(tmp_path / "study"), tmp_path / "trained")
    study = study_of(tmp_path / "other", others())
    first = number_tested(tmp_path / "trained", study, tmp_path / "one")
    second = number_tested(tmp_path / "trained" / "model", study, tmp_path / "two", jobs=2)
    assert first == second


def test_whoever_is_outside_the_support_has_no_prediction_and_a_reason(model, tmp_path):
    table = others()
    table.loc[2, "Age"] = 99.0
    found = number_tested(model, study_of(tmp_path / "other", table), tmp_path / "run")
    own = read(tmp_path / "run").set_index("id").loc["p002x"]
    assert np.isnan(own["predicted"])
    assert np.isnan(own["low_80"])
    assert "Age" in own["remark"]
    assert found.arms["normalized"].unpredicted == pytest.approx(1 / 90)


def test_scans_that_were_trained_on_are_named(model, tmp_path):
    table = pd.concat([others().assign(ID=lambda rows: "n" + rows["ID"]), people().head(3)])
    with pytest.warns(NormwiseWarning, match="3 of 93 scans were trained on"):
        found = number_tested(model, study_of(tmp_path / "other", table), tmp_path / "run")
    assert codes(found).count("EVA-102") == 1


def test_another_name_of_the_target_is_said(model, tmp_path):
    study = study_of(tmp_path / "other", others().rename(columns={"score": "total"}), target="total")
    found = number_tested(model, study, tmp_path / "run")
    (note,) = [note for note in found.notes if note.code == "EVA-111"]
    assert note.subject == "total"
    assert "score" in note.text
    assert found.target == "total"


@pytest.mark.parametrize(("beyond", "said"), [(45, False), (46, True)])
def test_true_numbers_that_the_training_did_not_have_are_said_where_most_are(model, tmp_path, beyond, said):
    table = others()
    low, high = model.procedure.lowest, model.procedure.highest
    table["score"] = table["score"].clip(low, high)
    table.loc[: beyond - 1, "score"] = high + 10 + np.arange(beyond)
    found = number_tested(model, study_of(tmp_path / "other", table), tmp_path / "run")
    notes = [note for note in found.notes if note.code == "EVA-112"]
    assert [note.value for note in notes] == ([beyond / 90] if said else [])


def test_other_demographics_are_refused(model, tmp_path):
    study = study_of(tmp_path / "other", others(), demographics=[])
    with pytest.raises(EvaluationError, match="EVA-101") as caught:
        number_tested(model, study, tmp_path / "run")
    assert "Age" in str(caught.value)


def test_nobody_to_predict_is_refused(model, tmp_path):
    table = others().assign(Age=lambda rows: rows["Age"] + 40)
    with pytest.raises(EvaluationError, match="EVA-107") as caught:
        number_tested(model, study_of(tmp_path / "other", table), tmp_path / "run")
    assert "Age" in caught.value.seen


def test_each_kind_of_model_and_study_goes_to_its_own_function(model, tmp_path):
    study = study_of(tmp_path / "s")
    content = study.model_dump()
    content["cohort"] |= {"target": None, "label": "CDR", "normal": "0"}
    content["classifier"] = {"name": "linear", "grid": {"alpha": [1.0]}}
    classes = Study.model_validate(content)
    train_study(classes, tmp_path / "classes")
    train_regression(study, tmp_path / "number")
    with pytest.raises(ProcedureError, match="PRC-120"):
        number_tested(model, classes, tmp_path / "run")
    with pytest.raises(ProcedureError, match="PRC-120"):
        number_tested(tmp_path / "classes", study, tmp_path / "run")
    with pytest.raises(ProcedureError, match="PRC-120"):
        classes_tested(tmp_path / "number", classes, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("unseen", "refused"), [("refuse", True), ("own_normals", False)])
def test_people_of_a_new_site_are_predicted_by_its_normals_or_not_at_all(tmp_path, unseen, refused):
    content = study_of(
        tmp_path / "s", people().assign(site=np.arange(150) % 2), site="site"
    ).model_dump()  # fmt: skip
    content["sites"] = {"harmonize": "location_scale", "unseen": unseen}
    model = train_regression(Study.model_validate(content), tmp_path / "trained")
    other = study_of(tmp_path / "o", others().assign(site="new"), site="site").model_dump()
    other["sites"] = content["sites"]
    if refused:
        with pytest.raises(EvaluationError, match="EVA-107"):
            number_tested(model, Study.model_validate(other), tmp_path / "run")
    else:
        found = number_tested(model, Study.model_validate(other), tmp_path / "run")
        assert found.arms["normalized"].unpredicted < 0.1
