"""A trained model of a number: what it says of new people, and what it does not."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from tests.evaluate.regression.test_study import people, study_of

from normwise.errors import ProcedureError
from normwise.model import RegressionModel, load_model, train_regression, train_study
from normwise.model.model import LARGEST_DEPARTURE
from normwise.procedure import GapLine
from normwise.run_folder import RunFolder
from normwise.schema import Study


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """New people, all of an age that normal people of the training have."""
    return people(seed=1).assign(Age=lambda rows: rows["Age"].clip(62, 83)).set_index("ID")


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> RegressionModel:
    folder = tmp_path_factory.mktemp("trained")
    return train_regression(study_of(folder / "study"), folder / "run")


def test_intervals_are_as_wide_as_the_errors_of_the_inner_folds(trained, frame):
    found = trained.predictions(frame)
    for row, value in zip(found, trained.predict(frame), strict=True):
        assert row.predicted == value
        for each, level, width in zip(row.intervals, (0.8, 0.9), trained.procedure.half_widths, strict=True):
            assert each.level == level
            assert (each.low, each.high) == pytest.approx((value - width, value + width))
    held = found.to_frame().join(frame["score"])
    for level in (80, 90):
        inside = held["score"].between(held[f"low_{level}"], held[f"high_{level}"]).mean()
        assert abs(inside - level / 100) < 0.09


def test_the_gap_is_corrected_by_the_line_of_the_training_normals_where_the_number_is_known(trained, frame):
    true = frame["score"].to_numpy(copy=True)
    true[3] = np.nan
    found = trained.predictions(frame, true)
    line = trained.procedure.gap
    for row, own in zip(found, true, strict=True):
        if np.isnan(own):
            assert (row.true, row.gap, row.corrected_gap) == (None, None, None)
        else:
            assert row.gap == row.predicted - own
            assert row.corrected_gap == pytest.approx(row.gap - line.intercept - line.slope * own)
    normal = (frame["CDR"] == "0").to_numpy()
    table = found.to_frame()[normal].dropna()
    assert abs(table["corrected_gap"].corr(table["true"], method="spearman")) < 0.15
    assert table["gap"].corr(table["true"], method="spearman") < -0.3
    assert trained.predictions(frame)[0].corrected_gap is None


def test_true_numbers_are_one_a_row(trained, frame):
    with pytest.raises(ProcedureError, match="PRC-403"):
        trained.predictions(frame, [1.0, 2.0])


def test_nothing_is_predicted_outside_the_support_or_of_what_can_not_be_computed_with(trained, frame):
    alone = trained.predictions(frame[4:], frame["score"][4:])
    frame = frame.copy()
    frame.iloc[0, frame.columns.get_loc("Age")] = 99.0
    frame.iloc[1, frame.columns.get_loc("f0")] = np.nan
    frame.iloc[2, frame.columns.get_loc("f0")] = 1e9
    frame.iloc[3, frame.columns.get_loc("Age")] = np.nan
    found = trained.predictions(frame, frame["score"])
    assert [row.outcome for row in found[:4]] == ["unsupported", "failed", "failed", "unsupported"]
    for row, word in zip(found, ("Age", "f0 is missing", "check its unit", "Age"), strict=False):
        assert row.predicted is None
        assert row.intervals == row.remarks == []
        assert row.gap is row.corrected_gap is None
        assert word in row.reason
    assert np.isnan(trained.predict(frame)[:4]).all()
    assert np.isfinite(trained.predict(frame)[4:]).all()
    assert list(found[4:]) == list(alone)


@pytest.mark.parametrize(("size", "outcome"), [(0.99, "predicted"), (1.01, "failed")])
def test_a_feature_far_from_everybody_is_a_mistake(trained, frame, size, outcome):
    scores = trained.procedure.normalizer
    row = frame.iloc[[5]].copy()
    named = scores.explain(row[[*trained.feature_names, "Age"]]).set_index("feature")
    step = (named.loc["f2", "value"] - named.loc["f2", "expected"]) / named.loc["f2", "w"]
    row["f2"] = named.loc["f2", "expected"] + size * LARGEST_DEPARTURE * step
    assert trained.predictions(row)[0].outcome == outcome


def test_one_person_is_predicted_to_the_same_bits_as_among_others(trained, frame):
    together = trained.predict(frame)
    assert [trained.predict(frame.iloc[[row]])[0] for row in range(4)] == together[:4].tolist()


def test_numbers_beyond_the_training_range_are_said(trained, frame):
    value = float(trained.predict(frame)[0])
    for shift, said in ((0.0, False), (1e-9, True)):
        narrow = replace(trained, procedure=replace(trained.procedure, highest=value - shift))
        (row,) = narrow.predictions(frame.iloc[[0]])
        assert any("the prediction lies beyond" in text for text in row.remarks) == said
    lowest = trained.procedure.lowest
    for own, said in ((lowest, False), (lowest - 1e-9, True)):
        (row,) = trained.predictions(frame.iloc[[0]], [own])
        assert any("EVA-109 the true number lies beyond" in text for text in row.remarks) == said


def test_unbounded_intervals_have_no_ends(trained, frame):
    widths = (trained.procedure.half_widths[0], float("inf"))
    few = replace(trained, procedure=replace(trained.procedure, half_widths=widths))
    (row,) = few.predictions(frame.iloc[[0]])
    assert (row.intervals[1].low, row.intervals[1].high) == (None, None)
    assert few.predictions(frame.iloc[[0]]).to_frame()["high_90"].tolist() == [np.inf]
    assert "unbounded" in repr(few)


def test_it_knows_what_it_was_trained_on_and_names_no_one(trained):
    own = people().set_index("ID")
    assert trained.trained_on(own) == list(own.index)
    assert trained.training["scans_per_class"] == {"normal": 100, "others": 50}
    assert "p000x" not in str(trained.training)
    assert trained.procedure.gap != GapLine(0.0, 0.0, 0)


def test_its_card_says_what_it_is_for_and_how_far_it_errs(trained):
    page = trained._repr_html_()
    for text in ("no diagnosis", "of whom it predicts nothing", "others", "trained from", "90% ±"):
        assert text in page


def test_training_writes_model_record_explanation_and_page(tmp_path):
    model = train_regression(study_of(tmp_path / "study"), tmp_path / "run")
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert {"model", "run.json", "explanation.json", "report.html", "study.toml"} <= names
    assert load_model(tmp_path / "run").procedure.half_widths == model.procedure.half_widths
    folder = RunFolder(tmp_path / "run")
    folder.check()
    assert folder.EXPLANATION in json.loads(folder.read(folder.RECORD))["digests"]
    page = (tmp_path / "run" / "report.html").read_text()
    assert "A model that predicts score was trained on 3 features" in page
    assert "a higher value speaks for a larger score" in page


@pytest.mark.parametrize("classifier", ["linear", "svr", "forest"])
def test_every_kind_of_regressor_is_explained(tmp_path, classifier):
    parameters = {"n_estimators": 3} if classifier == "forest" else {}
    settings = {"name": classifier, "parameters": parameters, "grid": {}}
    study = study_of(tmp_path / "study", classifier=settings)
    train_regression(study, tmp_path / "run")
    text = (tmp_path / "run" / "explanation.json").read_text()
    assert ('"weight"' in text) == (classifier != "svr")
    assert '"trajectories"' in text


def test_each_kind_of_study_is_trained_by_its_own_function(tmp_path):
    study = study_of(tmp_path / "s")
    with pytest.raises(ProcedureError, match="PRC-120"):
        train_study(study, tmp_path / "run")
    other = study.model_dump()
    other["cohort"] |= {"target": None, "label": "CDR", "normal": "0"}
    other["classifier"] = {}
    with pytest.raises(ProcedureError, match="PRC-120"):
        train_regression(Study.model_validate(other), tmp_path / "run")
    assert not (tmp_path / "run").exists()
