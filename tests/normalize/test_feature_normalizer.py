from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from normwise.errors import NormalizerError, NormwiseWarning
from normwise.normalize import FeatureNormalizer
from normwise.normalize.demographics import Demographics

People = Callable[..., tuple[pd.DataFrame, np.ndarray]]


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


@pytest.mark.parametrize("variance", ["constant", "demographic"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_fit_then_transform_is_fit_transform_with_shrunk_slopes_and_tails(
    people: People, variance: str, dtype: str
) -> None:
    X, y = people(320, dtype=dtype)
    normalizer = make(variance=variance, shrinkage="empirical_bayes", tails="sinh_arcsinh")
    w = clone(normalizer).fit_transform(X, y)
    assert w.dtype == dtype
    np.testing.assert_array_equal(w, normalizer.fit(X, y).transform(X))
    residual = make(variance=variance, shrinkage="empirical_bayes", tails="sinh_arcsinh", scale="residual")
    plain = make(variance=variance, shrinkage="empirical_bayes", scale="residual")
    np.testing.assert_array_equal(residual.fit_transform(X, y), plain.fit_transform(X, y))


def test_residuals_are_explained_the_same_after_fit_and_after_fit_transform(people: People) -> None:
    X, y = people(320)
    fitted, at_once = (make(scale="residual", tails="sinh_arcsinh") for _ in range(2))
    fitted.fit(X, y)
    at_once.fit_transform(X, y)
    pd.testing.assert_frame_equal(fitted.explain(X), at_once.explain(X))


def test_w_and_centile_agree_where_tails_are_transformed(people: People) -> None:
    X, y = people(320)
    X["f0"] = np.exp(X["f0"] / X["f0"].std())
    normalizer = make(tails="sinh_arcsinh").fit(X, y)
    assert normalizer.regression_.tails.changed.all()
    table = normalizer.explain(X, ["f0"])
    np.testing.assert_allclose(table["w"], normalizer.transform(X)[:, 0], atol=1e-12)
    np.testing.assert_allclose(stats.norm.ppf(table["centile"] / 100.0), table["w"], atol=1e-6)
    bounds = normalizer.expected(X, ["f0"], centiles=(5, 50, 95))
    for centile in (5, 50, 95):
        below = table["value"].to_numpy() < bounds[f"centile_{centile}"].to_numpy()
        np.testing.assert_array_equal(below, table["centile"].to_numpy() < centile)
    assert abs(stats.skew(table["w"][y == "normal"])) < 0.3


def test_one_feature_is_not_shrunk_and_many_are(people: People) -> None:
    X, y = people(320)
    one, kept = X[["f0", "age", "sex", "site"]], make(shrinkage="empirical_bayes")
    np.testing.assert_allclose(clone(kept).fit_transform(one, y), make().fit_transform(one, y), rtol=1e-12)
    rng = np.random.default_rng(0)
    noise = pd.DataFrame(rng.normal(size=(len(X), 200)), index=X.index).rename(columns="n{}".format)
    noise[["age", "sex", "site"]] = X[["age", "sex", "site"]]
    slopes = [each.fit(noise, y).coefficients()["age"].std() for each in (make(), kept)]
    assert slopes[1] < 0.5 * slopes[0]
    # What is expected of somebody old is known better than by one feature alone.
    old = kept.design_.people(Demographics(X[["age", "sex", "site"]]))
    assert (kept.regression_.leverage(old) < old.leverage).all()


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
    with pytest.warns(NormwiseWarning) as caught:
        w = make().fit_transform(X, y)
    assert [str(one.message)[:7] for one in caught] == ["NRM-204", "NRM-202"]
    assert "determine f4 to" in str(caught[0].message)
    assert "vary in f1, f5," in str(caught[1].message)
    assert not w[:, [1, 5]].any()
    assert np.abs(w[:, 4]).max() < 1e-9
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make(scale="residual").fit(X.assign(f1=3.0), y)


@pytest.mark.parametrize(("n", "few"), [(20, False), (19, True)])
def test_fewer_than_ten_normals_a_parameter_are_warned_of(n: int, few: bool) -> None:  # noqa: FBT001
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"f": rng.normal(size=n), "age": rng.uniform(50, 90, n)})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        FeatureNormalizer(["age"]).fit(X)
    assert [each.message.code for each in caught] == ["NRM-201"] * few


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


def two(**settings: object) -> FeatureNormalizer:
    return FeatureNormalizer(**{"demographics": ["age", "sex"], "normal": "normal"} | settings)


@pytest.fixture
def table(people: People) -> tuple[pd.DataFrame, np.ndarray]:
    X, y = people(120)
    return X.drop(columns="site"), y


def test_explain_says_what_transform_does(table: tuple[pd.DataFrame, np.ndarray]) -> None:
    X, y = table
    normalizer = two().fit(X, y)
    explained = normalizer.explain(X)
    assert list(explained.columns) == ["feature", "value", "expected", "residual", "w", "centile"]
    assert len(explained) == 120 * 7
    sub = explained.loc["sub-003"]
    assert sub["feature"].tolist() == [f"f{i}" for i in range(7)]
    np.testing.assert_allclose(
        explained["w"].to_numpy().reshape(120, 7), normalizer.transform(X), rtol=1e-9, atol=1e-12
    )
    np.testing.assert_array_equal(explained["value"].to_numpy().reshape(120, 7), X[X.columns[:7]])
    np.testing.assert_allclose(explained["residual"], explained["value"] - explained["expected"])
    freedom = (y == "normal").sum() - 3
    np.testing.assert_allclose(explained["centile"], 100 * stats.t.cdf(explained["w"], freedom))


@pytest.mark.parametrize("variance", ["constant", "demographic"])
def test_centile_curves_are_where_people_have_that_centile(
    table: tuple[pd.DataFrame, np.ndarray], variance: str
) -> None:
    X, y = table
    normalizer = two(variance=variance).fit(X, y)
    grid = pd.DataFrame({"age": [50.0, 60, 70], "sex": ["F", "M", "F"]}, index=["a", "b", "c"])
    curves = normalizer.expected(grid, features=["f5", "f2"], centiles=(5, 97.5))
    assert list(curves.columns) == ["feature", "expected", "centile_5", "centile_97.5"]
    assert curves.loc["b", "feature"].tolist() == ["f5", "f2"]
    for centile in (5, 97.5):
        at = curves.set_index("feature", append=True)[f"centile_{centile:g}"]
        people = X.iloc[:3].set_index(grid.index).assign(**grid, f5=at[:, "f5"], f2=at[:, "f2"])
        explained = normalizer.explain(people, features=["f5", "f2"])
        np.testing.assert_allclose(explained["centile"], centile)


def test_expected_never_looks_at_features(table: tuple[pd.DataFrame, np.ndarray]) -> None:
    X, y = table
    normalizer = two().fit(X, y)
    demographics_alone = normalizer.expected(X[["sex", "age"]])
    np.testing.assert_array_equal(demographics_alone["expected"], normalizer.expected(X)["expected"])
    np.testing.assert_allclose(demographics_alone["expected"], normalizer.explain(X)["expected"])


@pytest.mark.parametrize("interactions", [(), [("age", "sex")]])
def test_coefficients_are_in_the_units_of_the_data(
    table: tuple[pd.DataFrame, np.ndarray], interactions: object
) -> None:
    X, y = table
    normalizer = two(interactions=interactions).fit(X, y)
    coefficients = normalizer.coefficients()
    columns = normalizer.design_.encode(Demographics(X))
    expected = (
        coefficients["constant"].to_numpy()
        + columns @ coefficients[list(normalizer.design_.names)].to_numpy().T
    )
    np.testing.assert_allclose(expected.ravel(), normalizer.expected(X)["expected"])
    assert coefficients.loc["f6", "age"] == pytest.approx(-0.2, abs=0.05)
    assert normalizer.coefficients(["f6"]).index.tolist() == ["f6"]


def test_variance_by_demographics_follows_a_growing_spread() -> None:
    rng = np.random.default_rng(0)
    age = rng.uniform(40, 90, 3000)
    spread = np.exp((age - 65) / 25)
    X = pd.DataFrame({"f": age * 0.1 + spread * rng.normal(size=3000), "age": age})
    normalizer = FeatureNormalizer(demographics=["age"], variance="demographic").fit(X)
    curves = normalizer.expected(pd.DataFrame({"age": [45.0, 65, 85]}), centiles=(50 + 34.134,))
    one_deviation = curves.iloc[:, 2] - curves["expected"]
    np.testing.assert_allclose(one_deviation, np.exp((np.array([45.0, 65, 85]) - 65) / 25), rtol=0.06)
    w = normalizer.transform(X).ravel()
    for group in (age < 50, age > 80):
        assert w[group].std() == pytest.approx(1, abs=0.06)


def test_in_support_tells_each_person(table: tuple[pd.DataFrame, np.ndarray]) -> None:
    X, y = table
    normalizer = two().fit(X, y)
    new = X.iloc[:5].copy()
    new.loc["sub-001", "age"] = 120
    new.loc["sub-002", "sex"] = "X"
    new.loc["sub-003", "f4"] = np.nan
    new.loc["sub-004", ["age", "f1"]] = [np.nan, np.inf]
    support = normalizer.in_support(new)
    assert support.index.equals(new.index)
    assert support["supported"].tolist() == [True, False, False, False, False]
    assert support["encodable"].tolist() == [True, True, False, False, False]
    assert support["supported"].dtype == bool
    assert support["reason"].tolist() == [
        "",
        support.loc["sub-001", "reason"],
        "sex 'X' was never seen in the normal group, F, M",
        "f4 is not a finite number",
        "age is missing; f1 is not a finite number",
    ]
    demographics_alone = normalizer.in_support(new[["age", "sex"]])
    assert demographics_alone["supported"].tolist() == [True, False, False, True, False]
    normalizer.transform(new[support["encodable"].to_numpy()])


def test_without_demographics_an_array_can_be_asked() -> None:
    x = np.random.default_rng(0).normal(size=(30, 3))
    normalizer = FeatureNormalizer().fit(x)
    x[4, 1] = np.nan
    support = normalizer.in_support(x)
    assert support["reason"].tolist()[3:5] == ["", "1 is not a finite number"]
    assert normalizer.explain(x[:2])["feature"].tolist() == ["x0", "x1", "x2"] * 2


def test_what_can_not_be_answered_is_refused(table: tuple[pd.DataFrame, np.ndarray]) -> None:
    X, y = table
    for ask in ("explain", "expected", "in_support", "transform"):
        with pytest.raises(NotFittedError):
            getattr(two(), ask)(X)
    normalizer = two().fit(X, y)
    with pytest.raises(NormalizerError) as caught:
        normalizer.explain(X, features=["f9"])
    assert caught.value.code == "NRM-116"
    with pytest.raises(NormalizerError) as caught:
        normalizer.explain(X.assign(f2=np.nan))
    assert (caught.value.code, caught.value.subject) == ("NRM-113", "sub-000, f2")
    with pytest.raises(NormalizerError) as caught:
        normalizer.expected(X[["age"]])
    assert caught.value.code == "NRM-102"
    normalizer.mode = "append"
    normalizer.regression_ = None
    with pytest.raises(NormalizerError) as caught:
        normalizer.explain(X)
    assert caught.value.code == "NRM-117"
