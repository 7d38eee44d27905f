import numpy as np
import pandas as pd
import pytest

from normwise.procedure import GapLine, RegressionFitter, draw_target_repeats, half_width
from normwise.schema import EvaluationSection, Roles, Study

NORMAL, OTHERS = "normal", "others"


def cohort(people=200, seed=0):
    rng = np.random.default_rng(seed)
    age = rng.uniform(55, 85, people)
    others = np.arange(people) % 4 == 3
    score = 28 - 0.05 * (age - 70) - 3 * others + rng.normal(size=people)
    frame = pd.DataFrame({
        "f0": score + rng.normal(size=people), "f1": rng.normal(size=people), "age": age,
    })  # fmt: skip
    labels = np.where(others, OTHERS, NORMAL).astype(object)
    groups = np.array([f"p{number}" for number in range(people)], dtype=object)
    return frame, score, labels, groups


def fitter(frame, classes=(NORMAL, OTHERS), **study):
    roles = Roles("score", classes, NORMAL, classes, ("age",), target="score")
    content = {"cohort": {"target": "score", "demographics": ["age"]}, **study}
    return RegressionFitter(Study.model_validate(content), roles, frame, "normalized")


def test_a_patient_or_test_person_never_moves_the_norm_and_a_normal_one_does():
    frame, score, labels, groups = cohort()
    train = np.arange(150)
    fitted = fitter(frame).fit(score, labels, groups, train, seed=0)
    moved = frame.copy()
    moved.loc[150:, "f0"] += 1000
    again = fitter(moved).fit(score, labels, groups, train, seed=0)
    np.testing.assert_array_equal(again.predict(frame), fitted.predict(frame))
    moved.loc[labels == OTHERS, "f0"] += 1000
    own = fitter(moved).fit(score, labels, groups, train, seed=0).normalizer
    np.testing.assert_array_equal(own.transform(frame), fitted.normalizer.transform(frame))
    moved.loc[0, "f0"] += 1000
    own = fitter(moved).fit(score, labels, groups, train, seed=0).normalizer
    assert not np.allclose(own.transform(frame), fitted.normalizer.transform(frame))


def test_the_fast_path_predicts_what_the_pipeline_does():
    frame, score, labels, groups = cohort()
    one = fitter(frame)
    fitted = one.fit(score, labels, groups, np.arange(150), seed=0)
    rows = np.arange(150, 200)
    np.testing.assert_allclose(one.predict(fitted, rows), fitted.predict(frame.iloc[rows]), rtol=1e-12)


def test_the_line_of_the_gap_is_learnt_from_people_who_were_not_trained_on():
    frame, score, labels, groups = cohort()
    rng = np.random.default_rng(1)
    # Of noise alone least squares of 60 features fits the training people and predicts others by chance.
    noise = pd.DataFrame(rng.normal(size=(200, 60)), columns=[f"n{number}" for number in range(60)])
    noise["age"] = frame["age"]
    fitted = fitter(noise, classifier={"name": "linear"}).fit(score, labels, groups, np.arange(150), seed=0)
    inside = fitted.predict(noise[:150]) - score[:150]
    own = GapLine.fit(inside[labels[:150] == NORMAL], score[:150][labels[:150] == NORMAL])
    assert fitted.gap.slope < -0.8  # a prediction that knows nothing stays where it is
    assert own.slope > fitted.gap.slope + 0.2
    assert fitted.gap.people == int((labels[:150] == NORMAL).sum())


def test_the_range_of_the_training_people_bounds_what_is_no_extrapolation():
    frame, score, labels, groups = cohort()
    fitted = fitter(frame).fit(score, labels, groups, np.arange(150), seed=0)
    assert (fitted.lowest, fitted.highest) == (score[:150].min(), score[:150].max())
    ends = np.array([fitted.lowest, fitted.lowest - 1e-9, fitted.highest, fitted.highest + 1e-9, np.nan])
    assert fitted.is_beyond(ends).tolist() == [False, True, False, True, False]


def test_few_people_have_unbounded_intervals_and_a_warning():
    frame, score, _, groups = cohort(40)
    few = fitter(frame, classes=(NORMAL,)).fit(
        score, np.full(40, NORMAL, dtype=object), groups, np.arange(8), seed=0
    )
    assert np.isfinite(few.half_widths[0])
    assert np.isinf(few.half_widths[1])
    assert [note.code for note in few.notes if note.code == "PRC-309"] == ["PRC-309"]
    enough = fitter(frame, classes=(NORMAL,)).fit(
        score, np.full(40, NORMAL, dtype=object), groups, np.arange(9), seed=0
    )
    assert np.isfinite(enough.half_widths).all()
    assert "PRC-309" not in {note.code for note in enough.notes}


@pytest.mark.parametrize(("count", "level", "rank"), [(9, 0.9, 9), (19, 0.9, 18), (4, 0.8, 4), (99, 0.8, 80)])
def test_half_width_is_the_conformal_rank(count, level, rank):
    errors = np.random.default_rng(0).permutation(np.arange(1, count + 1)) * np.resize([-1.0, 1.0], count)
    assert half_width(errors, level) == rank


@pytest.mark.parametrize("number", [0.1, 27.3, 30.0])
def test_the_line_of_equal_numbers_is_flat(number):
    gaps = np.random.default_rng(0).normal(1.0, size=23)
    line = GapLine.fit(gaps, np.full(23, number))
    assert (line.slope, line.intercept) == (0.0, pytest.approx(gaps.mean()))


def test_each_person_counts_once_in_a_half_width_however_many_scans_there_are():
    errors = np.arange(1.0, 41.0)
    people = np.array([f"p{number // 4}" for number in range(40)], dtype=object)
    order = np.random.default_rng(0).permutation(40)
    # Ten people: (10 + 1) · 0.8 = 8.8 of them, which the fourth scan of the ninth person exceeds first.
    assert half_width(errors[order], 0.8, people[order]) == 36.0
    assert half_width(errors, 0.8) == 33.0
    # 9.9 of ten: the last scan; of eight people, whatever their scans, 8.1 are too many.
    assert half_width(errors, 0.9, people) == 40.0
    assert half_width(errors[:32], 0.9, people[:32]) == np.inf
    assert half_width(errors[:0], 0.8, people[:0]) == np.inf


@pytest.mark.parametrize(("normals", "named"), [(9, True), (10, False)])
def test_a_gap_corrected_by_few_normal_people_is_named(normals, named):
    frame, score, _, groups = cohort(60)
    labels = np.where(np.arange(60) < normals, NORMAL, OTHERS).astype(object)
    fitted = fitter(frame, cohort={"target": "score"}, evaluation={"inner_folds": 2}).fit(
        score, labels, groups, np.arange(60), seed=0
    )
    notes = [note for note in fitted.notes if note.code == "PRC-310"]
    assert [note.value for note in notes] == [normals] * named


def test_folds_keep_people_together_and_spread_the_number():
    rng = np.random.default_rng(0)
    values = rng.normal(size=120)
    groups = np.array([f"p{number // 2}" for number in range(120)], dtype=object)
    labels = np.full(120, NORMAL, dtype=object)
    for folds in draw_target_repeats(EvaluationSection(folds=5, repeats=2), values, labels, groups):
        assert sorted(np.concatenate([fold.test for fold in folds])) == list(range(120))
        for fold in folds:
            assert not set(groups[fold.train]) & set(groups[fold.test])
            assert abs(values[fold.test].mean() - values.mean()) < 0.3


def test_others_too_few_for_the_folds_do_not_stop_them():
    values = np.arange(40.0)
    labels = np.array([OTHERS] * 2 + [NORMAL] * 38, dtype=object)
    groups = np.arange(40).astype(object)
    (folds,) = draw_target_repeats(EvaluationSection(folds=5, repeats=1), values, labels, groups)
    assert len(folds) == 5


def test_what_the_number_explains_is_not_taken_out_with_a_demographic_that_goes_with_it():
    rng = np.random.default_rng(0)
    people = 300
    age = rng.uniform(20, 90, people)
    women = rng.uniform(size=people) < age / 110  # the older, the more women
    volume = 5000 - 20 * age + 300 * ~women + rng.normal(0, 100, people)
    frame = pd.DataFrame({"volume": volume, "sex": np.where(women, "F", "M")})
    roles = Roles("Age", (NORMAL,), NORMAL, (NORMAL,), ("sex",), target="Age")
    content = {"cohort": {"target": "Age", "demographics": ["sex"]}, "normalizer": {"scale": "residual"}}
    labels, groups = np.full(people, NORMAL, dtype=object), np.arange(people).astype(str).astype(object)
    one = RegressionFitter(Study.model_validate(content), roles, frame, "normalized")
    fitted = one.fit(age, labels, groups, np.arange(200), seed=0)
    slope = fitted.normalizer.coefficients()["sex=M"].item()
    assert 250 < slope < 350  # alone it is 643, most of it the men's youth
    assert np.abs(fitted.predict(frame[200:]) - age[200:]).mean() < 6
