"""Values of new people far from what is normal are named with the person."""

from __future__ import annotations

import warnings

from normwise.model import warn_of_far_values


def test_far_values_are_named_with_the_people() -> None:
    far = {"s1": "feature roi lies 30 normal standard deviations from what is expected", "s2": "…"}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        [note] = warn_of_far_values(far)
    assert (note.code, note.value) == ("EVA-113", 2)
    assert "roi lies 30 normal standard deviations from what is expected, as in s1, s2" in note.text
    assert len(caught) == 1


def test_nothing_is_said_of_nobody() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert warn_of_far_values({}) == []
