"""Values of new people that no disease explains are named with the person."""

from __future__ import annotations

import warnings

import pytest

from normwise.model import far_from_normal, warn_of_far_values
from normwise.results import Contribution, Prediction


def person(name, *ws):
    told = [Contribution(f"roi{place}", 1.0, 0.0, w, None, 0.1) for place, w in enumerate(ws)]
    return Prediction(name, {"normal": 0.1, "AD": 0.9}, "AD", "", 0.5, contributions=told)


@pytest.mark.parametrize(
    ("ws", "said"),
    [
        ((15.0, -15.0, None), ""),
        ((0.0, -15.1), "EVA-113 roi1 lies 15 standard deviations from what is normal"),
        ((30.0, -47.0), "EVA-113 roi1 lies 47 standard deviations from what is normal (and 1 more)"),
    ],
)
def test_far_values_are_named(ws, said):
    assert far_from_normal(person("a", *ws)) == said
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of_far_values([person("b", 0.3), person("a", *ws)])
    assert len(caught) == bool(said)
    assert not said or "as in a: look whether units" in str(caught[0].message)
