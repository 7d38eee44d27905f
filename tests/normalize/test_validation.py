from __future__ import annotations

from typing import get_args

import numpy as np
import pandas as pd
import pytest

from normwise.errors import NormalizerError
from normwise.normalize.validation import check_settings, choose_features, find_normals
from normwise.schema import NormalizerSection


@pytest.mark.parametrize("name", ["design", "scale", "variance", "reference", "mode"])
def test_a_word_that_is_no_choice_is_refused(name: str) -> None:
    with pytest.raises(NormalizerError, match=name) as caught:
        check_settings({name: "other"})
    assert caught.value.code == "NRM-104"
    for choice in get_args(NormalizerSection.model_fields[name].annotation):
        check_settings({name: choice})


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"demographics": ["age", "age"]}, "NRM-104"),
        ({"demographics": ["age"], "categorical": ["site"]}, "NRM-104"),
        ({"demographics": ["age"], "interactions": [("age", "sex")]}, "NRM-105"),
        ({"demographics": ["age", "sex"], "interactions": [("age", "age")]}, "NRM-105"),
        ({"demographics": ["age", "sex"], "interactions": ["age"]}, "NRM-105"),
        ({"demographics": ["age", "sex"], "interactions": [("age", "sex", "age")]}, "NRM-105"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings: dict[str, object], code: str) -> None:
    with pytest.raises(NormalizerError) as caught:
        check_settings(settings)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("labels", "normal", "rows"),
    [
        (["n", "p", "n"], "n", [0, 2]),
        ([0, 1, 0], 0, [0, 2]),
        ([True, False, True], True, [0, 2]),
        (pd.Series(["n", None, pd.NA]), "n", [0]),
        (np.array([[1.0], [np.nan], [1.0]]), 1.0, [0, 2]),
        (pd.Series(["n", "p", "n"], dtype="category", index=[7, 8, 9]), "n", [0, 2]),
        (None, None, [0, 1, 2]),
    ],
)
def test_normals_are_found_by_their_label(labels: object, normal: object, rows: list[int]) -> None:
    assert find_normals(labels, normal, 3).tolist() == rows


def test_a_label_that_nobody_has_is_refused_with_the_labels_there_are() -> None:
    with pytest.raises(NormalizerError, match="did you mean normal='Normal'") as caught:
        find_normals(["Normal", "AD"], "normal", 2)
    assert caught.value.code == "NRM-118"
    assert "AD, Normal" in str(caught.value)
    with pytest.raises(NormalizerError, match="without labels") as caught:
        find_normals(None, "normal", 2)
    assert caught.value.code == "NRM-118"


def test_features_are_chosen_by_name() -> None:
    assert choose_features(["a", "b"], None).tolist() == [0, 1]
    assert choose_features(["a", "b"], ["b"]).tolist() == [1]
    with pytest.raises(NormalizerError, match="did you mean 'thickness'") as caught:
        choose_features(["thickness"], ["thicknes"])
    assert caught.value.code == "NRM-116"
