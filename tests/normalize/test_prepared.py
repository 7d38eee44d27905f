"""Prepared features: what the normalizer itself gives for any training rows and normal group."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from normwise.errors import NormalizerError, NormwiseWarning
from normwise.normalize import FeatureNormalizer

pytestmark = pytest.mark.filterwarnings("ignore::normwise.errors.NormwiseWarning")


def normalizer(**settings: Any) -> FeatureNormalizer:
    return FeatureNormalizer(
        demographics=("age", "sex", "site"), normal="normal", categorical=("site",), **settings
    )


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"design": "spline", "scale": "residual"},
        {"interactions": (("age", "sex"),), "variance": "demographic"},
        {"reference": "all"},
        {"mode": "append"},
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_it_is_a_fit_on_the_rows(settings: dict[str, Any], dtype: str, people: Callable[..., Any]) -> None:
    X, _ = people(120, dtype=dtype)
    one = normalizer(**settings)
    prepared = one.prepare(X)
    rng = np.random.default_rng(0)
    for _ in range(3):
        train = rng.permutation(120)[:90]
        y = rng.choice(["normal", "other"], 90, p=[0.8, 0.2]).astype(object)
        rows = rng.permutation(120)[:50]
        expected = clone(one).fit(X.iloc[train], y)
        fitted = prepared.fit(train, y)
        values, encodable = prepared.transform(fitted, rows)
        assert encodable.all()
        assert values.dtype == dtype
        tolerance = 1e-10 if dtype == "float64" else 1e-4
        np.testing.assert_allclose(values, expected.transform(X.iloc[rows]), rtol=tolerance, atol=tolerance)
        # What it returns is a normalizer like any other.
        assert fitted.n_normals_ == expected.n_normals_
        assert fitted.in_support(X).equals(expected.in_support(X))
        assert list(fitted.get_feature_names_out()) == list(expected.get_feature_names_out())
        np.testing.assert_allclose(fitted.transform(X), expected.transform(X), rtol=tolerance, atol=tolerance)
    assert not hasattr(one, "design_")


def test_a_level_without_normals_is_not_known(people: Callable[..., Any]) -> None:
    X, _ = people()
    train = np.flatnonzero((X["site"] != 3).to_numpy())[:30]
    prepared = normalizer().prepare(X)
    fitted = prepared.fit(train, ["normal"] * 30)
    values, encodable = prepared.transform(fitted, np.arange(len(X)))
    assert np.array_equal(encodable, (X["site"] != 3).to_numpy())
    assert np.array_equal(np.isnan(values).all(axis=1), ~encodable)
    np.testing.assert_allclose(values[encodable], fitted.transform(X[encodable]), rtol=1e-9, atol=1e-9)


def test_warnings_and_errors_are_the_normalizers(people: Callable[..., Any]) -> None:
    X, _ = people()
    X.loc["sub-050", "f2"] = np.nan
    prepared = normalizer().prepare(X.assign(f0=1.0))
    with pytest.warns(NormwiseWarning, match="NRM-202"):
        fitted = prepared.fit(np.arange(40), ["normal"] * 40)
    values, encodable = prepared.transform(fitted, np.array([60, 50]))
    assert encodable.tolist() == fitted.in_support(X.iloc[[60, 50]])["encodable"].tolist() == [True, False]
    assert np.isnan(values[1]).all()
    with pytest.raises(NormalizerError) as caught:
        prepared.fit(np.arange(20, 60), ["normal"] * 40)
    assert (caught.value.code, caught.value.subject) == ("NRM-113", "sub-050, f2")
    with pytest.raises(NormalizerError) as caught:
        prepared.fit(np.arange(5), ["normal"] * 5)
    assert caught.value.code == "NRM-106"
    with pytest.raises(NormalizerError) as caught:
        normalizer(scale="z").prepare(X)
    assert caught.value.code == "NRM-104"


def test_without_demographics_arrays_are_prepared() -> None:
    X = np.random.default_rng(0).normal(size=(30, 4))
    prepared = FeatureNormalizer().prepare(X)
    train = np.arange(20)
    values, _ = prepared.transform(prepared.fit(train), np.arange(20, 30))
    np.testing.assert_allclose(values, FeatureNormalizer().fit(X[:20]).transform(X[20:]), rtol=1e-12)
    frame = pd.DataFrame(X)
    assert prepared.fit(train).n_normals_ == FeatureNormalizer().fit(frame.iloc[:20]).n_normals_
