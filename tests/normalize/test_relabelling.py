"""Refits: the normalizer's own scores for any normal group, or none at all where it would take more care."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from normwise.errors import NormwiseWarning
from normwise.normalize import FeatureNormalizer, Refits


def normalizer(**settings: Any) -> FeatureNormalizer:
    return FeatureNormalizer(
        demographics=("age", "sex", "site"), normal="normal", categorical=("site",), **settings
    )


def test_scores_equal_the_normalizers_for_every_group(people: Callable[..., Any]) -> None:
    X, _ = people()
    refits = Refits(normalizer(), X)
    for seed in range(5):
        rows = np.sort(np.random.default_rng(seed).permutation(len(X))[:55])
        labels = np.where(np.isin(np.arange(len(X)), rows), "normal", "other").astype(object)
        wanted = np.arange(len(X))[::2]
        found = refits.scores(rows, wanted)
        assert found is not None
        expected = normalizer().fit(X, labels).transform(X)[wanted]
        assert np.allclose(found[0], expected, rtol=1e-9, atol=1e-9)
        assert found[1].all()


def test_a_level_without_normals_is_not_known(people: Callable[..., Any]) -> None:
    X, _ = people()
    rows = np.flatnonzero((X["site"] != 3).to_numpy())[:30]
    found = Refits(normalizer(), X).scores(rows, np.arange(len(X)))
    assert found is not None
    assert np.array_equal(found[1], (X["site"] != 3).to_numpy())


def test_where_the_normalizer_takes_care_there_is_no_short_way(people: Callable[..., Any]) -> None:
    X, _ = people()
    X["f0"] = X["age"] * 2.0
    assert Refits(normalizer(), X).scores(np.arange(40), np.arange(80)) is None
    assert Refits(normalizer(), X.assign(f0=1.0)).scores(np.arange(40), np.arange(80)) is None
    assert Refits(normalizer(), X).scores(np.arange(5), np.arange(80)) is None


@pytest.mark.parametrize(
    "settings",
    [{"design": "spline"}, {"interactions": (("age", "sex"),)}, {"scale": "residual"}, {"mode": "append"},
     {"variance": "demographic"}],
)  # fmt: skip
def test_other_settings_have_no_short_way(settings: dict[str, Any], people: Callable[..., Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NormwiseWarning)
        assert not Refits(normalizer(**settings), people()[0]).possible
