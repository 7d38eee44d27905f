"""Regional brain volumes of 291 healthy people (IXI): W-scores of people who were left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import KFold

from normwise.normalize import FeatureNormalizer

pytestmark = pytest.mark.realdata


@pytest.mark.parametrize("settings", [{}, {"design": "spline"}, {"variance": "demographic"}])
def test_people_left_out_are_as_far_from_normal_as_normal_people_are(
    real_data: Path, settings: dict[str, str]
) -> None:
    volumes = pd.read_csv(real_data / "ixi" / "IXI_DLMUSE.csv", index_col="ID")
    people = pd.read_csv(real_data / "ixi" / "IXI_demog.csv", index_col="ID")
    X = volumes.join(people, validate="one_to_one")
    folds = list(KFold(5, shuffle=True, random_state=0).split(X))
    normalizer = FeatureNormalizer(demographics=["Age", "Sex"], **settings)
    w = np.empty(volumes.shape)
    prepared = normalizer.prepare(X)
    for train, test in folds:
        w[test], _ = prepared.transform(prepared.fit(train), test)
    assert abs(w.mean()) < 0.01
    assert w.std() == pytest.approx(1, abs=0.02)
    # Half of normal people lie between the quartiles of the normal distribution.
    assert np.mean(np.abs(w) < 0.6745) == pytest.approx(0.5, abs=0.03)
    # What age and sex explain is gone in people who were never looked at.
    demographics = np.c_[X["Age"], X["Sex"] == "M"].astype(float)
    left = np.corrcoef(np.c_[demographics, w], rowvar=False)[:2, 2:]
    raw = np.corrcoef(np.c_[demographics, volumes], rowvar=False)[:2, 2:]
    assert np.abs(left).max() < 0.15
    assert np.abs(raw).max() > 0.6
