"""Laws of the normalizer that hold for every cohort."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from normwise.normalize import FeatureNormalizer
from normwise.normalize.demographics import Demographics

pytestmark = pytest.mark.filterwarnings("ignore:NRM-201")  # small cohorts are the point here

M = 3


@st.composite
def cohorts(draw: st.DrawFn) -> tuple[pd.DataFrame, np.ndarray, dict[str, Any], np.random.Generator]:
    """Draw people of random demographics, some of them normal, and the settings of a normalizer."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_normal, n_patients = draw(st.integers(24, 60)), draw(st.integers(1, 20))
    n = n_normal + n_patients
    X = pd.DataFrame(
        {
            "age": rng.uniform(20, 90, n) if draw(st.booleans()) else rng.integers(40, 60, n).astype(float),
            "sex": rng.permutation(["F", "M"] * n)[:n],
            "dose": rng.lognormal(0, draw(st.sampled_from([0.3, 1.5])), n),
        },
        index=[f"sub-{i}" for i in range(n)],
    )
    size = 10.0 ** draw(st.integers(-4, 4))
    for feature in range(M):
        X[f"f{feature}"] = size * (rng.normal(size=n) + draw(st.integers(-50, 50)))
    y = rng.permutation(np.r_[["normal"] * n_normal, ["patient"] * n_patients]).astype(object)
    settings = {
        "demographics": ["age", "sex", "dose"],
        "normal": "normal",
        "design": draw(st.sampled_from(["linear", "spline"])),
        "interactions": draw(st.sampled_from([[], [("age", "sex")], [("dose", "age")]])),
        "scale": draw(st.sampled_from(["w", "residual"])),
    }
    return X, y, settings, rng


FEATURES = [f"f{feature}" for feature in range(M)]


@given(cohorts())
def test_residuals_of_the_normals_have_no_mean_and_no_demographics_in_them(case: Any) -> None:
    X, y, settings, _ = case
    normalizer = FeatureNormalizer(**settings | {"scale": "residual"}).fit(X, y)
    normals = X[y == "normal"]
    residuals = normalizer.transform(normals)
    design = normalizer.design_.encode(Demographics(normals))
    unit = normals[FEATURES].std().to_numpy()
    assert (np.abs(residuals.mean(axis=0)) < 1e-10 * unit).all()
    correlations = np.corrcoef(design.T, residuals.T)[: design.shape[1], design.shape[1] :]
    assert np.abs(correlations).max() < 1e-7


@given(cohorts(), st.lists(st.floats(-5, 5), min_size=4, max_size=4))
def test_a_linear_function_of_the_demographics_changes_nothing(case: Any, slopes: list[float]) -> None:
    X, y, settings, _ = case
    normalizer = FeatureNormalizer(**settings)
    before = normalizer.fit_transform(X, y)
    unit = X["f0"].std()
    line = slopes[0] + slopes[1] * X["age"] + slopes[2] * (X["sex"] == "M") + slopes[3] * X["dose"]
    after = normalizer.fit_transform(X.assign(f0=X["f0"] + unit * line), y)
    scale = 1.0 if settings["scale"] == "w" else unit
    np.testing.assert_allclose(after, before, atol=1e-8 * scale, rtol=1e-8)


def learnt(normalizer: FeatureNormalizer) -> bytes:
    regression, design = normalizer.regression_, normalizer.design_
    arrays = (regression.center, regression.loadings, regression.spread, design.inverse, design.center)
    return b"".join(array.tobytes() for array in arrays)


@given(cohorts(), st.booleans())
def test_patients_never_change_one_bit_and_each_normal_does(case: Any, single: bool) -> None:  # noqa: FBT001
    X, y, settings, rng = case
    if single:
        X = X.astype(dict.fromkeys(FEATURES, np.float32))
    normalizer = FeatureNormalizer(**settings)
    before = learnt(normalizer.fit(X, y))
    patient = y == "patient"
    changed = X.copy()
    changed.loc[patient, FEATURES] = rng.normal(size=(patient.sum(), M)).astype(X["f0"].dtype) * 1e3
    changed.loc[patient, "age"] = 200.0
    assert learnt(normalizer.fit(changed, y)) == before
    y_other = np.where(patient, rng.choice(["AD", "MCI"], len(y)), y)
    assert learnt(normalizer.fit(changed, y_other)) == before
    left = ~patient
    left[np.flatnonzero(patient)[1:]] = True  # leave one patient out
    assert learnt(normalizer.fit(X[left], y[left])) == before

    one = rng.choice(np.flatnonzero(~patient))
    for column in ("f1", "age"):
        moved = X.copy()
        moved.iloc[one, moved.columns.get_loc(column)] += np.float32(moved[column].std())
        assert learnt(normalizer.fit(moved, y)) != before


@given(cohorts())
def test_the_order_of_people_and_features_means_nothing(case: Any) -> None:
    X, y, settings, rng = case
    normalizer = FeatureNormalizer(**settings).set_output(transform="pandas")
    before = normalizer.fit_transform(X, y)
    rows, columns = rng.permutation(len(X)), rng.permutation(X.shape[1])
    after = normalizer.fit_transform(X.iloc[rows, columns], y[rows])
    unit = 1.0 if settings["scale"] == "w" else X[FEATURES].std().max()
    aligned = after.loc[before.index, before.columns]
    np.testing.assert_allclose(aligned, before, atol=1e-9 * unit, rtol=1e-7)


@given(cohorts(), st.floats(-3, 3), st.floats(-1e3, 1e3), st.booleans())
def test_w_scores_know_no_unit(case: Any, exponent: float, zero: float, turned: bool) -> None:  # noqa: FBT001
    X, y, settings, _ = case
    normalizer = FeatureNormalizer(**settings | {"scale": "w"})
    before = normalizer.fit_transform(X, y)
    factor = 10.0**exponent * (-1 if turned else 1)
    other = X.assign(f1=factor * (X["f1"] + zero * X["f1"].std()))
    after = normalizer.fit_transform(other, y)
    before[:, 1] *= np.sign(factor)
    np.testing.assert_allclose(after, before, atol=1e-8, rtol=1e-7)


@given(cohorts())
def test_support_is_promised_before_transform_is_asked(case: Any) -> None:
    X, y, settings, rng = case
    normalizer = FeatureNormalizer(**settings).fit(X, y)
    new = X.sample(20, replace=True, random_state=int(rng.integers(2**31)))
    new = new.astype({"sex": object})
    new.iloc[rng.integers(20, size=3), new.columns.get_loc("sex")] = "X"
    new.iloc[rng.integers(20, size=3), new.columns.get_loc("age")] = np.nan
    new.iloc[rng.integers(20, size=3), new.columns.get_loc("dose")] = 1e6
    new.iloc[rng.integers(20, size=3), new.columns.get_loc("f2")] = np.nan
    support = normalizer.in_support(new)
    assert (support["supported"] == (support["reason"] == "")).all()
    inside = new[support["supported"].to_numpy()]
    if len(inside):
        assert np.isfinite(normalizer.transform(inside)).all()
