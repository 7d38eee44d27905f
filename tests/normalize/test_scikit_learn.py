"""First step of a plain pipeline, in the uses that scikit-learn is ordinarily put to."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    TunedThresholdClassifierCV,
    cross_val_predict,
    cross_validate,
    permutation_test_score,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from normwise.errors import NormalizerError
from normwise.normalize import TRUSTED_TYPES, FeatureNormalizer

People = Callable[..., tuple[pd.DataFrame, np.ndarray]]


@pytest.fixture
def cohort(people: People) -> tuple[pd.DataFrame, np.ndarray]:
    X, y = people(240, patients=0.4)
    X.loc[y == "patient", "f2"] += 3.0
    return X, y


@pytest.fixture
def pipeline() -> Pipeline:
    normalizer = FeatureNormalizer(["age", "sex", "site"], normal="normal", categorical=["site"])
    return make_pipeline(normalizer, StandardScaler(), LogisticRegression())


def test_it_goes_through_every_ordinary_use(
    cohort: tuple[pd.DataFrame, np.ndarray], pipeline: Pipeline
) -> None:
    X, y = cohort
    scores = cross_validate(pipeline, X, y, scoring=["roc_auc", "balanced_accuracy"], error_score="raise")
    assert scores["test_roc_auc"].mean() > 0.75
    assert set(cross_val_predict(pipeline, X, y)) == {"normal", "patient"}
    grid = {"featurenormalizer__design": ["linear", "spline"], "logisticregression__C": [0.1, 1]}
    search = GridSearchCV(pipeline, grid, cv=3, error_score="raise").fit(X, y)
    assert search.predict(X).shape == (240,)
    for wrapper in (CalibratedClassifierCV(pipeline, cv=3), TunedThresholdClassifierCV(pipeline, cv=3)):
        assert set(wrapper.fit(X, y).predict(X)) <= {"normal", "patient"}
    _, shuffled, p = permutation_test_score(pipeline, X, y, cv=3, n_permutations=9, random_state=0)
    assert p == 0.1
    assert len(shuffled) == 9
    assert clone(pipeline).fit(X, y).score(X, y) == pipeline.fit(X, y).score(X, y)


def test_labels_that_scikit_learn_numbers_are_numbered_before(
    cohort: tuple[pd.DataFrame, np.ndarray], pipeline: Pipeline
) -> None:
    X, y = cohort
    with pytest.raises(NormalizerError, match="number them before") as caught:
        cross_val_predict(pipeline, X, y, method="predict_proba")
    assert caught.value.code == "NRM-118"
    numbered = pipeline.set_params(featurenormalizer__normal=0)
    probabilities = cross_val_predict(numbered, X, (y == "patient").astype(int), method="predict_proba")
    assert probabilities.shape == (240, 2)


def test_it_stands_behind_a_learnt_extractor_that_keeps_names(
    cohort: tuple[pd.DataFrame, np.ndarray],
) -> None:
    X, y = cohort
    voxels = [f"f{i}" for i in range(7)]
    learnt = ColumnTransformer(
        [("pca", PCA(3), voxels)], remainder="passthrough", verbose_feature_names_out=False
    ).set_output(transform="pandas")
    normalizer = FeatureNormalizer(["age", "sex"], normal="normal").set_output(transform="pandas")
    out = make_pipeline(learnt, normalizer).fit_transform(X.drop(columns="site"), y)
    assert list(out.columns) == ["pca0", "pca1", "pca2"]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"design": "spline", "variance": "demographic", "interactions": [("age", "sex")]},
        {"mode": "append"},
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_saved_normalizer_gives_the_same_bits(
    people: People, settings: dict[str, object], dtype: str
) -> None:
    X, y = people(400, dtype=dtype)
    normalizer = FeatureNormalizer(["age", "sex", "site"], "normal", categorical=["site"], **settings).fit(
        X, y
    )
    saved = skops.io.dumps(normalizer)
    assert set(skops.io.get_untrusted_types(data=saved)) <= set(TRUSTED_TYPES)
    opened = skops.io.loads(saved, trusted=list(TRUSTED_TYPES))
    assert opened.transform(X).tobytes() == normalizer.transform(X).tobytes()
    assert opened.transform(X).dtype == dtype
    pd.testing.assert_frame_equal(opened.in_support(X), normalizer.in_support(X))
    assert list(opened.get_feature_names_out()) == list(normalizer.get_feature_names_out())
    if normalizer.mode == "replace":
        pd.testing.assert_frame_equal(opened.explain(X.iloc[:3]), normalizer.explain(X.iloc[:3]))


def test_every_trusted_type_is_one_of_this_room() -> None:
    for name in TRUSTED_TYPES:
        module, _, attribute = name.rpartition(".")
        found = getattr(__import__(module, fromlist=[attribute]), attribute)
        assert f"{found.__module__}.{found.__qualname__}" == name
