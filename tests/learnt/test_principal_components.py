from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.utils.estimator_checks import check_estimator

from normwise.errors import FeatureError
from normwise.learnt import TRUSTED_TYPES
from normwise.learnt.principal_components import VoxelComponents


def frame(rows=40, columns=200, seed=0):
    rng = np.random.default_rng(seed)
    latent = rng.normal(size=(rows, 3)) @ rng.normal(size=(3, columns)) * 5
    values = (latent + rng.normal(size=(rows, columns))).astype(np.float32)
    X = pd.DataFrame(values, columns=[f"voxel_{number}" for number in range(columns)])
    return X.assign(age=rng.uniform(60, 90, rows), sex=rng.choice(["F", "M"], rows))


def test_it_keeps_the_estimator_contract():
    check_estimator(VoxelComponents(n_components=2), on_skip=None)


def test_demographics_pass_untouched_and_unseen():
    X = frame()
    step = VoxelComponents(3, demographics=("age", "sex")).fit(X)
    out = step.transform(X)
    assert list(out.columns) == ["component_001", "component_002", "component_003", "age", "sex"]
    assert list(step.get_feature_names_out()) == list(out.columns)
    pd.testing.assert_frame_equal(out[["age", "sex"]], X[["age", "sex"]])
    shuffled = X.assign(age=0.0, sex="F")
    again = step.transform(shuffled)
    assert np.array_equal(again.iloc[:, :3], out.iloc[:, :3])


def test_components_are_those_of_pca_and_test_rows_never_count():
    X = frame()
    features = X.drop(columns=["age", "sex"])
    step = VoxelComponents(3, demographics=("age", "sex")).fit(X.iloc[:30])
    wanted = PCA(3, svd_solver="full").fit(features.iloc[:30])
    found = step.transform(X).iloc[:, :3].to_numpy()
    assert np.abs(np.abs(found) - np.abs(wanted.transform(features))).max() < 0.01
    changed = X.copy()
    changed.iloc[35, 0] += 1000
    other = VoxelComponents(3, demographics=("age", "sex")).fit(changed.iloc[:30])
    assert np.array_equal(other.components_.components_, step.components_.components_)


def test_no_more_components_than_rows():
    assert VoxelComponents(50).fit_transform(frame(8).iloc[:, :20]).shape == (8, 8)


def test_columns_may_come_in_another_order():
    X = frame()
    step = VoxelComponents(2, demographics=("age", "sex")).fit(X)
    turned = X[X.columns[::-1]]
    assert np.array_equal(step.transform(turned).iloc[:, :2], step.transform(X).iloc[:, :2])


def test_a_missing_demographic_is_named():
    with pytest.raises(FeatureError) as caught:
        VoxelComponents(2, demographics=("weight",)).fit(frame())
    assert caught.value.code == "FEA-401"


def test_it_can_be_cloned_and_saved_without_foreign_types():
    X = frame()
    step = clone(VoxelComponents(2, demographics=("age", "sex"), random_state=3)).fit(X)
    content = skops.io.dumps(step)
    foreign = set(skops.io.get_untrusted_types(data=content))
    assert foreign <= set(TRUSTED_TYPES)
    back = skops.io.loads(content, trusted=list(TRUSTED_TYPES))
    assert np.array_equal(back.transform(X).iloc[:, :2], step.transform(X).iloc[:, :2])
