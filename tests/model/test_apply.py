"""Values of new people far from what is normal are named with the person."""

from __future__ import annotations

import warnings

import pytest

from normwise.errors import NormwiseWarning
from normwise.model import warn_of_far_values
from normwise.model.model import Departure

UNIT = "normal standard deviations from what is expected"


def test_far_values_are_named_with_the_people() -> None:
    far = {"s2": Departure("wmh", 41.26, UNIT), "s1": Departure("roi", 30.0, UNIT)}
    with pytest.warns(NormwiseWarning, match="EVA-113"):
        [note] = warn_of_far_values(far)
    assert note.value == 2
    assert f"in 2 scans features lie more than 15 {UNIT}: s2 (wmh 41.3), s1 (roi 30)" in note.text


def test_nothing_is_said_of_nobody() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert warn_of_far_values({}) == []
