from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.exceptions import NotFittedError

from normwise.errors import NormalizerError
from normwise.normalize import FeatureNormalizer

People = Callable[..., tuple[pd.DataFrame, np.ndarray]]


def make(**settings: object) -> FeatureNormalizer:
    return FeatureNormalizer(**{"demographics": ["age", "sex"], "normal": "normal"} | settings)


@pytest.fixture
def table(people: People) -> tuple[pd.DataFrame, np.ndarray]:
    X, y = people(120)
    return X.drop(columns="site"), y


def test_explain_says_what_transform_does(table: tuple[pd.DataFrame, np.ndarray]) -> None:
    X, y = table
    normalizer = make().fit(X, y)
    told = normalizer.explain(X)
    assert list(told.columns) == ["feature", "value", "expected", "residual", "w", "centile"]
    assert len(told) == 120 * 7
    sub = told.loc["sub-003"]
    assert sub["feature"].tolist() == [f"f{i}" for i in range(7)]
    np.testing.assert_allclose(
        told["w"].to_numpy().reshape(120, 7), normalizer.transform(X), rtol=1e-9, atol=1e-12
    )
    np.testing.assert_array_equal(told["value"].to_numpy().reshape(120, 7), X[X.columns[:7]])
    np.testing.assert_allclose(told["residual"], told["value"] - told["expected"])
    freedom = (y == "normal").sum() - 3
    np.testing.assert_allclose(told["centile"], 100 * stats.t.cdf(told["w"], freedom))


@pytest.mark.parametrize("variance", ["constant", "demographic"])
def test_centile_curves_are_where_people_have_that_centile(
    table: tuple[pd.DataFrame, np.ndarray], variance: str
) -> None:
    X, y = table
    normalizer = make(variance=variance).fit(X, y)
    grid = pd.DataFrame({"age": [50.0, 60, 70], "sex": ["F", "M", "F"]}, index=["a", "b", "c"])
    curves = normalizer.expected(grid, features=["f5", "f2"], centiles=(5, 97.5))
    assert list(curves.columns) == ["feature", "expected", "centile_5", "centile_97.5"]
    assert curves.loc["b", "feature"].tolist() == ["f5", "f2"]
    for centile in (5, 97.5):
        at = curves.set_index("feature", append=True)[f"centile_{centile:g}"]
        people = X.iloc[:3].set_index(grid.index).assign(**grid, f5=at[:, "f5"], f2=at[:, "f2"])
        told = normalizer.explain(people, features=["f5", "f2"])
        np.testing.assert_allclose(told["centile"], centile)


def test_expected_never_looks_at_features(table: tuple[pd.DataFrame, np.ndarray]) -> None:
    X, y = table
    normalizer = make().fit(X, y)
    demographics_alone = normalizer.expected(X[["sex", "age"]])
    np.testing.assert_array_equal(demographics_alone["expected"], normalizer.expected(X)["expected"])
    np.testing.assert_allclose(demographics_alone["expected"], normalizer.explain(X)["expected"])


@pytest.mark.parametrize("interactions", [(), [("age", "sex")]])
def test_coefficients_are_in_the_units_of_the_data(
    table: tuple[pd.DataFrame, np.ndarray], interactions: object
) -> None:
    X, y = table
    normalizer = make(interactions=interactions).fit(X, y)
    told = normalizer.coefficients()
    columns = normalizer.design_.encode(X)
    expected = told["constant"].to_numpy() + columns @ told[list(normalizer.design_.names)].to_numpy().T
    np.testing.assert_allclose(expected.ravel(), normalizer.expected(X)["expected"])
    assert told.loc["f6", "age"] == pytest.approx(-0.2, abs=0.05)
    assert normalizer.coefficients(["f6"]).index.tolist() == ["f6"]


def test_variance_by_demographics_follows_a_growing_spread() -> None:
    rng = np.random.default_rng(0)
    age = rng.uniform(40, 90, 3000)
    spread = np.exp((age - 65) / 25)
    X = pd.DataFrame({"f": age * 0.1 + spread * rng.normal(size=3000), "age": age})
    normalizer = FeatureNormalizer(demographics=["age"], variance="demographic").fit(X)
    curves = normalizer.expected(pd.DataFrame({"age": [45.0, 65, 85]}), centiles=(50 + 34.134,))
    told = curves.iloc[:, 2] - curves["expected"]
    np.testing.assert_allclose(told, np.exp((np.array([45.0, 65, 85]) - 65) / 25), rtol=0.06)
    w = normalizer.transform(X).ravel()
    for group in (age < 50, age > 80):
        assert w[group].std() == pytest.approx(1, abs=0.06)


def test_in_support_tells_each_person(table: tuple[pd.DataFrame, np.ndarray]) -> None:
    X, y = table
    normalizer = make().fit(X, y)
    new = X.iloc[:5].copy()
    new.loc["sub-001", "age"] = 120
    new.loc["sub-002", "sex"] = "X"
    new.loc["sub-003", "f4"] = np.nan
    new.loc["sub-004", ["age", "f1"]] = [np.nan, np.inf]
    told = normalizer.in_support(new)
    assert told.index.equals(new.index)
    assert told["supported"].tolist() == [True, False, False, False, False]
    assert told["encodable"].tolist() == [True, True, False, False, False]
    assert told["supported"].dtype == bool
    assert told["reason"].tolist() == [
        "",
        told.loc["sub-001", "reason"],
        "sex 'X' was never seen in the normal group, F, M",
        "f4 is not a finite number",
        "age is missing; f1 is not a finite number",
    ]
    demographics_alone = normalizer.in_support(new[["age", "sex"]])
    assert demographics_alone["supported"].tolist() == [True, False, False, True, False]
    normalizer.transform(new[told["encodable"].to_numpy()])


def test_without_demographics_an_array_can_be_asked() -> None:
    x = np.random.default_rng(0).normal(size=(30, 3))
    normalizer = FeatureNormalizer().fit(x)
    x[4, 1] = np.nan
    told = normalizer.in_support(x)
    assert told["reason"].tolist()[3:5] == ["", "1 is not a finite number"]
    assert normalizer.explain(x[:2])["feature"].tolist() == ["x0", "x1", "x2"] * 2


def test_what_can_not_be_answered_is_refused(table: tuple[pd.DataFrame, np.ndarray]) -> None:
    X, y = table
    for ask in ("explain", "expected", "in_support", "transform"):
        with pytest.raises(NotFittedError):
            getattr(make(), ask)(X)
    normalizer = make().fit(X, y)
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
