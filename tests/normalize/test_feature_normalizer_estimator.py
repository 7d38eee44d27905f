from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import KFold, RepeatedStratifiedKFold
from sklearn.utils.estimator_checks import parametrize_with_checks

from normwise.errors import NormalizerError, NormwiseWarning
from normwise.normalize import FeatureNormalizer

People = Callable[..., tuple[pd.DataFrame, np.ndarray]]


@pytest.mark.filterwarnings("ignore::normwise.errors.NormwiseWarning")
@parametrize_with_checks([FeatureNormalizer(), FeatureNormalizer(scale="residual", variance="demographic")])
def test_scikit_learn_is_satisfied(estimator: FeatureNormalizer, check: Callable[[object], None]) -> None:
    check(estimator)


def make(**settings: object) -> FeatureNormalizer:
    return FeatureNormalizer(
        **{"demographics": ["age", "sex", "site"], "categorical": ["site"], "normal": "normal"} | settings
    )


@pytest.mark.parametrize("design", ["linear", "spline"])
@pytest.mark.parametrize("variance", ["constant", "demographic"])
@pytest.mark.parametrize("interactions", [(), [("age", "sex")]])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_fit_then_transform_is_fit_transform(
    people: People, design: str, variance: str, interactions: object, dtype: str
) -> None:
    X, y = people(320, dtype=dtype)
    normalizer = make(design=design, variance=variance, interactions=interactions)
    w = clone(normalizer).fit_transform(X, y)
    assert w.dtype == dtype
    assert np.isfinite(w).all()
    np.testing.assert_array_equal(w, normalizer.fit(X, y).transform(X))
    normal = w[y == "normal"].astype(float)
    np.testing.assert_allclose(normal.mean(axis=0), 0, atol=0.02)
    np.testing.assert_allclose(normal.std(axis=0), 1, atol=0.1)


def test_only_the_normals_are_learnt_from(people: People) -> None:
    X, y = people(160)
    y = np.where(X["age"] > 75, "patient", y)  # the oldest are all patients
    fitted = make().fit(X, y)
    alone = make(normal=None).fit(X[y == "normal"])
    np.testing.assert_array_equal(fitted.transform(X), alone.transform(X))
    assert fitted.n_normals_ == (y == "normal").sum()
    assert fitted.design_.parts[0].high < 75
    everybody = make(reference="all").fit(X, y)
    np.testing.assert_array_equal(everybody.transform(X), make(normal=None).fit(X).transform(X))


def test_demographics_are_dropped_wherever_they_stand(people: People) -> None:
    X, y = people()
    mixed = X[["age", "f0", "f1", "sex", "f2", "f3", "f4", "site", "f5", "f6"]]
    normalizer = make().fit(mixed, y)
    assert list(normalizer.get_feature_names_out()) == [f"f{i}" for i in range(7)]
    np.testing.assert_allclose(normalizer.transform(mixed), make().fit(X, y).transform(X), rtol=1e-12)


def test_pandas_output_has_names_and_ids(people: People) -> None:
    X, y = people(dtype="float32")
    frame = make().set_output(transform="pandas").fit_transform(X, y)
    assert list(frame.columns) == [f"f{i}" for i in range(7)]
    assert frame.index.equals(X.index)
    assert set(frame.dtypes) == {np.dtype("float32")}


def test_append_passes_features_on_with_the_encoded_demographics(people: People) -> None:
    X, y = people(400)
    normalizer = make(mode="append", interactions=[("age", "sex")]).set_output(transform="pandas")
    out = normalizer.fit_transform(X, y)
    assert list(out.columns[7:]) == ["age", "sex=M", "site=2", "site=3", "age:sex=M"]
    pd.testing.assert_frame_equal(out[X.columns[:7]], X[X.columns[:7]])
    np.testing.assert_array_equal(out["age"], X["age"])
    np.testing.assert_array_equal(out["sex=M"], X["sex"] == "M")
    pd.testing.assert_frame_equal(normalizer.transform(X), out)
    assert normalizer.regression_ is None
    with pytest.raises(NormalizerError) as caught:
        normalizer.transform(X.assign(sex="X"))
    assert caught.value.code == "NRM-109"
    with pytest.raises(NormalizerError, match="f2") as caught:
        normalizer.transform(X.assign(f2=np.nan))
    assert caught.value.code == "NRM-113"


def test_append_warns_where_demographics_are_thin(people: People) -> None:
    X, y = people(200)
    X.loc[X.index[:3], "age"] = [20.0, 21, 22]
    with pytest.warns(NormwiseWarning, match=r"NRM-203 .* age .*: \d normal people"):
        make(mode="append").fit(X, y)


def test_append_refuses_a_name_that_is_taken(people: People) -> None:
    X, y = people()
    with pytest.raises(NormalizerError) as caught:
        make(mode="append").fit(X.rename(columns={"f1": "sex=M"}), y)
    assert (caught.value.code, caught.value.subject) == ("NRM-120", "sex=M")


def test_few_normals_warn_and_flat_features_warn_once_each(people: People) -> None:
    X, y = people(40)
    with pytest.warns(NormwiseWarning, match=r"NRM-201  \d+ normal people for 5 parameters"):
        make().fit(X, y)
    X, y = people(200)
    X = X.assign(f1=3.0, f4=X["age"] * 2, f5=0.0)
    with pytest.warns(NormwiseWarning) as told:
        w = make().fit_transform(X, y)
    assert [str(one.message)[:7] for one in told] == ["NRM-204", "NRM-202"]
    assert "determine f4 to" in str(told[0].message)
    assert "vary in f1, f5," in str(told[1].message)
    assert not w[:, [1, 5]].any()
    assert np.abs(w[:, 4]).max() < 1e-9
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make(scale="residual").fit(X.assign(f1=3.0), y)


@pytest.mark.parametrize("step", ["fit", "fit_transform", "transform", "explain", "in_support"])
def test_an_array_without_names_is_refused(people: People, step: str) -> None:
    X, y = people(200)
    normalizer = make().fit(X, y)
    arguments = (X.to_numpy(), y) if step.startswith("fit") else (X.to_numpy(),)
    with pytest.raises(NormalizerError, match="age, sex, site can't be found in an array") as caught:
        getattr(normalizer, step)(*arguments)
    assert caught.value.code == "NRM-101"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda X: X.rename(columns={"f1": "g1"}), "NRM-115"),
        (lambda X: X[X.columns[::-1]], "NRM-115"),
        (lambda X: X.drop(columns="f3"), "NRM-115"),
        (lambda X: X.rename(columns={"f1": 1}), "NRM-115"),
        (lambda X: X.drop(columns="age"), "NRM-102"),
        (lambda X: X.iloc[:0], "NRM-119"),
        (lambda X: X.assign(f1="x"), "NRM-112"),
        (lambda X: X.assign(f1=np.inf), "NRM-113"),
        (lambda X: X.assign(age=np.nan), "NRM-108"),
    ],
)
def test_people_that_do_not_fit_are_refused(
    people: People, change: Callable[[pd.DataFrame], pd.DataFrame], code: str
) -> None:
    X, y = people(200)
    normalizer = make().fit(X, y)
    with pytest.raises(NormalizerError) as caught:
        normalizer.transform(change(X))
    assert caught.value.code == code


def test_demographics_alone_are_nothing_to_normalize(people: People) -> None:
    X, y = people()
    with pytest.raises(NormalizerError) as caught:
        make().fit(X[["age", "sex", "site"]], y)
    assert caught.value.code == "NRM-119"


def test_a_failed_fit_leaves_what_was_learnt(people: People) -> None:
    X, y = people(200)
    normalizer = make().fit(X, y)
    before = normalizer.transform(X)
    with pytest.raises(NormalizerError):
        normalizer.fit(X.assign(f3=np.nan), y)
    np.testing.assert_array_equal(normalizer.transform(X), before)


def test_parameters_are_never_changed(people: People) -> None:
    X, y = people(200)
    settings = {"demographics": ("age", "sex"), "interactions": [["age", "sex"]], "categorical": ()}
    normalizer = make(**settings).fit(X.drop(columns="site"), y)
    for name, value in settings.items():
        assert getattr(normalizer, name) is value
    one = make(demographics="age", categorical=()).fit(X.drop(columns=["sex", "site"]), y)
    assert one.design_.names == ("age",)


def test_labels_of_another_length_are_refused(people: People) -> None:
    X, y = people()
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        make().fit(X, y[:-1])


@pytest.mark.parametrize(
    "settings", [{}, {"design": "spline"}, {"variance": "demographic"}, {"normal": None}]
)
@pytest.mark.parametrize("interactions", [(), [("age", "sex")]])
def test_fit_folds_is_a_fit_a_fold(people: People, settings: dict[str, str], interactions: object) -> None:
    X, y = people(320)
    normalizer = make(interactions=interactions, **settings)
    folds = list(RepeatedStratifiedKFold(n_splits=4, n_repeats=2, random_state=0).split(X, y))
    for (train, test), fitted in zip(folds, normalizer.fit_folds(X, y, folds), strict=True):
        direct = clone(normalizer).fit(X.iloc[train], y[train])
        assert fitted.n_normals_ == direct.n_normals_
        np.testing.assert_allclose(fitted.transform(X.iloc[test]), direct.transform(X.iloc[test]), rtol=1e-8)
        np.testing.assert_allclose(fitted.regression_.spread, direct.regression_.spread, rtol=1e-8)
        assert fitted.in_support(X.iloc[test]).equals(direct.in_support(X.iloc[test]))
    assert not hasattr(normalizer, "design_")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_fit_folds_keeps_digits_where_demographics_explain_nearly_all(people: People, dtype: str) -> None:
    X, y = people(200)
    X["f1"], X["f2"], X["f3"] = 3.0, X["age"] * 2, X["age"] * 2 + 1e-5 * X["f3"]
    X = X.astype(dict.fromkeys(X.columns[:7], dtype))
    folds = list(KFold(4).split(X))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NormwiseWarning)
        for (train, test), fitted in zip(folds, make().fit_folds(X, y, folds), strict=True):
            direct = make().fit(X.iloc[train], y[train])
            np.testing.assert_array_equal(fitted.regression_.determined, direct.regression_.determined)
            rtol, atol = (1e-8, 1e-10) if dtype == "float64" else (2e-3, 2e-5)
            ours, theirs = fitted.transform(X.iloc[test]), direct.transform(X.iloc[test])
            np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=atol)


def test_fit_folds_takes_arrays_bootstraps_and_append(people: People) -> None:
    X, y = people(160)
    features = X[X.columns[:7]].to_numpy()
    folds = [*KFold(3).split(features), (np.random.default_rng(0).integers(0, 160, 160), np.arange(5))]
    for (train, _), fitted in zip(folds, FeatureNormalizer().fit_folds(features, None, folds), strict=True):
        direct = FeatureNormalizer().fit(features[train])
        np.testing.assert_allclose(fitted.transform(features), direct.transform(features), rtol=1e-8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NormwiseWarning)
        appended = make(mode="append").fit_folds(X, y, folds[:2])
    assert appended[0].transform(X).shape == (160, 7 + 4)


def test_a_level_that_one_fold_lacks_changes_that_folds_design(people: People) -> None:
    X, y = people(160)
    X["site"] = np.where(np.arange(160) < 40, 9, X["site"])
    (fitted,) = make().fit_folds(X, y, [(np.arange(40, 160), np.arange(40))])
    assert "site=9" not in fitted.design_.names
    direct = make().fit(X.iloc[40:], y[40:])
    np.testing.assert_allclose(fitted.transform(X.iloc[40:]), direct.transform(X.iloc[40:]), rtol=1e-8)
    assert not fitted.in_support(X.iloc[:40])["supported"].any()
