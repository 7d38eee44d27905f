import json

import numpy as np
import pandas as pd
import pytest

from normwise.cohort import read_cohort
from normwise.errors import ClassifierError, EvaluationError, FeatureError, ProcedureError
from normwise.evaluate import compare_runs, evaluate_regression, evaluate_study
from normwise.results import Regression
from normwise.run_folder import RunFolder
from normwise.runs import check_plan
from normwise.schema import Study

PEOPLE = 150


def people(seed=0, noise=1.0):
    """A score that falls with age and disease, and three features of which two know it."""
    rng = np.random.default_rng(seed)
    age = rng.uniform(60, 85, PEOPLE).round(1)
    ill = np.arange(PEOPLE) % 3 == 2
    score = 28 - 0.1 * (age - 70) - 3 * ill + rng.normal(size=PEOPLE)
    table = pd.DataFrame({
        "ID": [f"p{number:03d}x" for number in range(PEOPLE)], "Age": age, "CDR": np.where(ill, "1", "0"),
        "score": score.round(2),
    })  # fmt: skip
    for number in range(2):
        table[f"f{number}"] = score + noise * rng.normal(size=PEOPLE)
    return table.assign(f2=rng.normal(size=PEOPLE))


def study_of(folder, table=None, *, features=("f?",), classifier=None, evaluation=None, **cohort):
    folder.mkdir(exist_ok=True)
    (people() if table is None else table).to_csv(folder / "people.csv", index=False)
    return Study.model_validate(
        {
            "cohort": {
                "root": folder, "table": "people.csv", "id": "ID", "target": "score", "normal": "CDR == 0",
                "demographics": ["Age"],
            }
            | cohort,
            "features": {"extractor": "table", "columns": list(features)},
            "classifier": classifier or {"grid": {"alpha": [1.0, 10.0]}},
            "evaluation": {"folds": 5, "repeats": 2, "inner_folds": 3, "bootstrap": 200} | (evaluation or {}),
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("number")
    return evaluate_regression(study_of(folder / "study"), folder / "run"), RunFolder(folder / "run")


def test_errors_are_those_of_the_predictions_on_disk(run):
    regression, folder = run
    table = pd.read_csv(folder / folder.PREDICTIONS, sep="\t", na_values="n/a", keep_default_na=False)
    for arm, found in regression.arms.items():
        part = table[table["arm"] == arm].dropna(subset=["predicted"])
        by_repeat = part.assign(error=part["predicted"] - part["true"]).groupby("repeat")
        assert found.mae.estimate == pytest.approx(by_repeat["error"].apply(lambda e: e.abs().mean()).mean())
        assert found.rmse.estimate == pytest.approx(
            by_repeat["error"].apply(lambda e: (e**2).mean() ** 0.5).mean()
        )
        assert found.bias.estimate == pytest.approx(by_repeat["error"].mean().mean())
        expected = [1 - (rows["error"] ** 2).mean() / rows["true"].var(ddof=0) for _, rows in by_repeat]
        assert found.r2.estimate == pytest.approx(np.mean(expected))
        slopes = [np.polyfit(rows["predicted"], rows["true"], 1)[0] for _, rows in by_repeat]
        assert found.slope.estimate == pytest.approx(np.mean(slopes))
        rank = [rows["predicted"].rank().corr(rows["true"].rank()) for _, rows in by_repeat]
        assert found.spearman.estimate == pytest.approx(np.mean(rank))
        inside = [rows["true"].between(rows["low_90"], rows["high_90"]).mean() for _, rows in by_repeat]
        assert found.intervals[1].share.estimate == pytest.approx(np.mean(inside))
        assert found.mae.low < found.mae.estimate < found.mae.high


def test_every_scan_is_tested_once_a_repeat_by_every_arm(run):
    regression, folder = run
    assert list(regression.arms) == ["raw", "normalized", "normalized_all", "appended", "demographics"]
    table = pd.read_csv(folder / folder.PREDICTIONS, sep="\t")
    assert (table.groupby(["arm", "repeat"])["id"].nunique() == PEOPLE).all()
    assert regression.main_arm == "normalized"
    assert regression.n_per_group == {"normal": 100, "others": 50}


def test_what_features_know_beats_demographics_and_intervals_hold(run):
    regression, _ = run
    main = regression.arms["normalized"]
    assert main.r2.estimate > 0.5 > regression.arms["demographics"].r2.estimate
    assert regression.differences["demographics"].high < 0
    assert [one.level for one in main.intervals] == [0.8, 0.9]
    for one in main.intervals:
        assert abs(one.share.estimate - one.level) < 0.07
        assert one.width > 0


def test_regression_to_the_mean_is_named_and_taken_out_of_the_gap_of_normals(run):
    main = run[0].arms["normalized"]
    assert main.gap_rho.high < 0.0
    assert main.gap_rho.estimate < -0.2
    assert abs(main.corrected_rho.estimate) < 0.1
    normal, others = main.groups
    assert (normal.name, others.name) == ("normal", "others")
    assert normal.people + others.people <= PEOPLE
    assert abs(normal.corrected.estimate) < 0.2


def test_results_read_back_and_the_record_seals_them(run):
    regression, folder = run
    assert folder.read_result(Regression, folder.REGRESSION) == regression
    folder.check()
    assert json.loads(folder.read(folder.RECORD))["digests"][folder.REGRESSION]
    assert "MAE" in repr(regression)
    assert len(regression.points) <= PEOPLE


def test_jobs_change_no_number(tmp_path, run):
    study = study_of(tmp_path / "study")
    assert evaluate_regression(study, tmp_path / "run", jobs=2) == run[0]


def test_a_person_outside_the_normals_range_has_no_prediction_and_a_reason(tmp_path):
    table = people()
    table.loc[2, "Age"] = 99.0  # one of the others: no normal person is as old
    regression = evaluate_regression(study_of(tmp_path / "s", table), tmp_path / "run")
    rows = pd.read_csv(tmp_path / "run" / "predictions.tsv", sep="\t", na_values="n/a", keep_default_na=False)
    own = rows[rows["id"] == "p002x"]
    assert own["predicted"].isna().all()
    assert own["remark"].str.contains("Age").all()
    assert regression.arms["normalized"].unpredicted == pytest.approx(
        rows[rows["arm"] == "normalized"]["predicted"].isna().mean()
    )


def test_a_feature_that_is_the_target_is_named(tmp_path):
    table = people().assign(f3=lambda frame: 100 * frame["score"])
    regression = evaluate_regression(study_of(tmp_path / "s", table), tmp_path / "run")
    assert [note.subject for note in regression.notes if note.code == "EVA-318"] == ["f3"]


def test_the_target_itself_is_no_feature(tmp_path):
    with pytest.raises(FeatureError, match="FEA-202"):
        evaluate_regression(study_of(tmp_path / "s", features=("f?", "score")), tmp_path / "run")


def test_predictions_beyond_the_training_range_are_said(tmp_path):
    table = people(noise=0.02)
    table.loc[0, ["score", "f0", "f1"]] = 60.0
    regression = evaluate_regression(study_of(tmp_path / "s", table, normal="normal"), tmp_path / "run")
    assert "normalized_all" not in regression.arms
    (note,) = [note for note in regression.notes if note.code == "EVA-109"]
    assert note.value > 0
    rows = pd.read_csv(tmp_path / "run" / "predictions.tsv", sep="\t", na_values="n/a", keep_default_na=False)
    own = rows[(rows["id"] == "p000x") & (rows["arm"] == "raw")]
    assert (own["remark"] == "beyond the training people's range").all()


@pytest.mark.parametrize("split", ["leave_one_out", "group"])
def test_other_splits(tmp_path, split):
    table = people().head(30).assign(part=np.resize(["a", "b", "c"], 30))
    evaluation = {"split": split} | ({"split_column": "part"} if split == "group" else {})
    regression = evaluate_regression(study_of(tmp_path / "s", table, evaluation=evaluation), tmp_path / "run")
    assert regression.repeats == 1
    assert regression.folds == (30 if split == "leave_one_out" else 3)


@pytest.mark.parametrize(("count", "refused"), [(12, True), (13, False)])
def test_a_training_part_needs_ten_people(tmp_path, count, refused):
    study = study_of(tmp_path / "s", people().head(count), normal="normal", demographics=[])
    if refused:
        with pytest.raises(ProcedureError, match="PRC-119"):
            evaluate_regression(study, tmp_path / "run")
    else:
        assert evaluate_regression(study, tmp_path / "run").n_people == count


def test_too_few_with_a_number_says_first_why_the_others_are_out(tmp_path):
    table = people().head(40)
    table.loc[9:, "score"] = np.nan
    study = study_of(tmp_path / "s", table, normal="normal", demographics=[])
    with pytest.raises(ProcedureError, match="PRC-114") as caught:
        evaluate_regression(study, tmp_path / "run")
    assert "31 rows by COH-219" in caught.value.seen


@pytest.mark.parametrize(("unseen", "refused"), [("refuse", True), ("own_normals", False)])
def test_new_sites_are_predicted_by_their_own_normals_or_not_at_all(tmp_path, unseen, refused):
    table = people().assign(site=np.arange(PEOPLE) // 50)
    evaluation = {"split": "site", "repeats": 1}
    content = study_of(tmp_path / "s", table, site="site", evaluation=evaluation).model_dump()
    content["sites"] = {"harmonize": "location_scale", "unseen": unseen}
    if refused:
        with pytest.raises(EvaluationError, match="EVA-107"):
            evaluate_regression(Study.model_validate(content), tmp_path / "run")
    else:
        found = evaluate_regression(Study.model_validate(content), tmp_path / "run")
        assert found.arms["normalized"].unpredicted < 0.1


def test_each_kind_of_study_goes_to_its_own_function(tmp_path):
    study = study_of(tmp_path / "s")
    with pytest.raises(ProcedureError, match="PRC-120"):
        evaluate_study(study, tmp_path / "run")
    other = study.model_dump()
    other["cohort"] |= {"target": None, "label": "CDR", "normal": "0"}
    other["classifier"] = {}
    with pytest.raises(ProcedureError, match="PRC-120"):
        evaluate_regression(Study.model_validate(other), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_what_the_other_kind_of_study_left_in_a_folder_is_not_shown(tmp_path):
    study = study_of(tmp_path / "s", evaluation={"repeats": 1, "bootstrap": 100})
    content = study.model_dump()
    content["cohort"] |= {"target": None, "label": "CDR", "normal": "0"}
    content["classifier"] = {"grid": {"C": [0.1]}}
    of_classes, folder = Study.model_validate(content), RunFolder(tmp_path / "run")
    evaluate_regression(study, folder.path)
    evaluate_study(of_classes, folder.path)
    assert not (folder / folder.REGRESSION).exists()
    assert "Predicted against true" not in (folder / folder.REPORT).read_text(encoding="utf-8")
    folder.check()
    evaluate_regression(study, folder.path)
    assert not (folder / folder.EVALUATION).exists()
    assert not (folder / folder.EXPLANATION).exists()
    assert "Predicted against true" in (folder / folder.REPORT).read_text(encoding="utf-8")
    folder.check()


@pytest.mark.parametrize(("different", "refused"), [(0, True), (1, True), (30, False)])
def test_one_number_in_a_training_part_is_refused_before_anything_is_measured(tmp_path, different, refused):
    table = people().head(60)
    table["score"] = np.where(np.arange(60) < different, 20.0 + np.arange(60), 28.0)
    study = study_of(tmp_path / "s", table)
    cohort = read_cohort(study)
    if refused:
        with pytest.raises(ClassifierError, match="CLS-112"):
            check_plan(study, cohort, folds=5, split=True)
    else:
        check_plan(study, cohort, folds=5, split=True)


def test_features_learnt_from_classes_are_refused(tmp_path):
    content = study_of(tmp_path / "s").model_dump()
    for name in people()["ID"]:
        (tmp_path / "s" / f"{name}.nii.gz").touch()
    content["features"] = {"extractor": "trunk"}
    content["cohort"]["images"] = "{ID}.nii.gz"
    with pytest.raises(ProcedureError, match="PRC-118"):
        evaluate_regression(Study.model_validate(content), tmp_path / "run")


def test_runs_of_numbers_are_not_compared_as_classes(run):
    with pytest.raises(EvaluationError, match="EVA-110"):
        compare_runs([run[1].path, run[1].path])
