"""W-scores of normal people who were not in the fit follow Student's t."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from normwise.normalize import FeatureNormalizer

pytestmark = pytest.mark.filterwarnings("ignore:NRM-201")


def simulate(n: int, m: int, rng: np.random.Generator) -> pd.DataFrame:
    age, sex = rng.uniform(50, 90, n), np.r_[["F", "M", "F", "M"], rng.choice(["F", "M"], n - 4)]
    features = 3 + 0.1 * age[:, None] + (sex == "M")[:, None] + rng.normal(size=(n, m))
    frame = pd.DataFrame(features, columns=[f"f{i}" for i in range(m)])
    return frame.assign(age=age, sex=sex)


@pytest.mark.parametrize(("n", "settings"), [(8, {}), (10, {}), (10, {"interactions": [("age", "sex")]})])
def test_a_new_normal_persons_w_is_students_t(n: int, settings: dict[str, object]) -> None:
    rng = np.random.default_rng(1)
    scores, freedom = [], 0
    for _ in range(150):  # given the demographics, features are independent, so that all scores are
        people = simulate(n + 1, 80, rng)
        normalizer = FeatureNormalizer(demographics=["age", "sex"], **settings).fit(people.iloc[:n])
        scores.append(normalizer.transform(people.iloc[n:]).ravel())
        freedom = normalizer.regression_.degrees_of_freedom
    w = np.concatenate(scores)
    assert stats.kstest(w, stats.t(freedom).cdf).pvalue > 0.01
    # The test tells the normal distribution, and a W without the error of what is expected, from Student's t.
    assert stats.kstest(w, stats.norm.cdf).pvalue < 1e-3
    assert stats.kstest(w * np.sqrt(1 + 3 / n), stats.t(freedom).cdf).pvalue < 1e-3


def test_centiles_of_new_normal_people_are_uniform() -> None:
    rng = np.random.default_rng(1)
    people = simulate(800, 80, rng)
    normalizer = FeatureNormalizer(demographics=["age", "sex"], variance="demographic").fit(people.iloc[:300])
    centiles = normalizer.explain(people.iloc[300:])["centile"]
    share = np.histogram(centiles, bins=[0, 2.5, 25, 50, 75, 97.5, 100])[0] / len(centiles)
    np.testing.assert_allclose(share, [0.025, 0.225, 0.25, 0.25, 0.225, 0.025], atol=0.012)
