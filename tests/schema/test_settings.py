from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pytest
from pydantic import Field

from normwise.errors import ClassifierError
from normwise.schema import (
    ClassWeight,
    Count,
    Device,
    Dropout,
    HiddenLayers,
    NotNegative,
    Positive,
    Study,
    accepts,
    check_settings,
    choices_of,
    describe_type,
    settings_of,
)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (float, [0, -1.5, np.float64(2), np.int64(3)], [math.nan, math.inf, -math.inf, "1", None, True, 1j]),
        (NotNegative, [0, 0.0, 1e300], [-1e-9]),
        (Positive, [1e-9, 10**300, np.float32(2)], [0, 0.0]),
        (Dropout, [0, 0.95], [0.951, -0.001]),
        (Annotated[int, Field(ge=1, le=5)], [1, 5, np.int32(3)], [0, 6, 2.0, False]),
        (Literal["a", "b"], ["a", "b", np.str_("a")], ["c", "A", None, ["a"]]),
        (Positive | None, [None, 2], ["None", -1]),
        (HiddenLayers, [3, [4, 2], (1,)], [0, [], [3, 0], 2.5, "8"]),
        (Device, ["auto", "cuda", "cuda:1"], ["cuda:", "cuda:x", "gpu", "cpu:0"]),
        (
            ClassWeight,
            [None, "balanced", {"ad": 2, "normal": 0.5}],
            ["balance", {}, {"ad": 0}, {"ad": "2"}, 2.0, []],
        ),
    ],
)
def test_a_type_accepts_what_its_words_say(kind, good, bad):
    for value in good:
        assert accepts(kind, value), value
    for value in bad:
        assert not accepts(kind, value), value


def test_words_of_types():
    assert describe_type(Annotated[float, Field(gt=0, le=1)]) == "a number above 0 and at most 1"
    assert describe_type(Annotated[float, Field(ge=0, lt=1)]) == "a number of at least 0 and below 1"
    assert describe_type(Annotated[int, Field(ge=2)]) == "a whole number of at least 2"
    assert describe_type(Literal["x", "y"] | None) == "'x' or 'y'"
    assert describe_type(list[float]) == "a list of a number"
    assert describe_type(Path) == "a path in quotes"
    assert describe_type(Study) == "a table of keys"
    assert describe_type(complex) == "another kind of value"
    assert choices_of(Annotated[Literal["a", "b"], Field()] | None) == ["a", "b"]


def fit(C: Positive = 1.0, *, max_steps: Count | None = None) -> None:
    """Stand for a classifier."""


def test_an_unknown_setting_is_named_with_the_nearest():
    with pytest.raises(ClassifierError, match="no setting 'max_step'") as caught:
        check_settings(settings_of(fit), {"max_step": 3}, subject="classifier logistic")
    assert caught.value.code == "CLS-102"
    assert caught.value.subject == "classifier logistic"
    assert caught.value.advice == "did you mean 'max_steps'?"


def test_a_wrong_value_is_shown_with_its_type():
    with pytest.raises(ClassifierError, match="'C'") as caught:
        check_settings(settings_of(fit), {"max_steps": None, "C": "high"}, subject="classifier logistic")
    assert (caught.value.code, caught.value.seen) == ("CLS-103", "'high' (str)")
    assert caught.value.expected == "a number above 0"
    with pytest.raises(ClassifierError) as caught:
        check_settings(settings_of(fit), {"max_steps": 0}, subject="classifier logistic")
    assert caught.value.expected == "a whole number of at least 1 or None"
