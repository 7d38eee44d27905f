"""Warnings of many folds become one line a kind."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from normwise.evaluate.cross_validation import cross_validate_arms, notes_of


def test_a_kind_is_said_once_with_its_arms(small: Any) -> None:
    found = cross_validate_arms(
        small.study, small.roles, small.X, small.labels, small.groups, arms=("raw", "normalized")
    )
    found["raw"] = replace(found["raw"], notes=("NRM-1  a in 3", "NRM-1  a in 4", "NRM-2  b"))
    found["normalized"] = replace(found["normalized"], notes=("NRM-1  a in 5",))
    assert notes_of(found) == [
        "NRM-1  a in 3 (arms: raw, normalized; 2 more of this kind)",
        "NRM-2  b (arms: raw)",
    ]
