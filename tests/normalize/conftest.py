"""People with known ageing, for every test of the package."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest


def make_people(
    n: int = 80, m: int = 7, seed: int = 0, dtype: str = "float64", patients: float = 0.3
) -> tuple[pd.DataFrame, np.ndarray]:
    """Return a frame of features and demographics (f0 …, age, sex, site) and its labels."""
    rng = np.random.default_rng(seed)
    age = rng.uniform(40, 90, n)
    sex = rng.choice(["F", "M"], n)
    site = rng.choice([1, 2, 3], n)
    noise = rng.normal(size=(n, m)) * np.linspace(0.5, 3, m)
    features = 100 + noise - 0.2 * age[:, None] * np.linspace(-1, 1, m) + 2.0 * (sex == "M")[:, None]
    X = pd.DataFrame(features.astype(dtype), columns=[f"f{i}" for i in range(m)])
    X.index = pd.Index([f"sub-{i:03d}" for i in range(n)], name="id")
    X["age"], X["sex"], X["site"] = age, sex, site
    y = np.where(rng.uniform(size=n) < patients, "patient", "normal").astype(object)
    return X, y


@pytest.fixture
def people() -> Callable[..., tuple[pd.DataFrame, np.ndarray]]:
    """Give `make_people`."""
    return make_people
