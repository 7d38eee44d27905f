from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from normwise.normalize import design as designs
from normwise.normalize import support
from normwise.normalize.demographics import Demographics
from normwise.normalize.design import Design

RNG = np.random.default_rng(0)
NORMALS = pd.DataFrame({"age": RNG.uniform(50, 80, 60), "sex": RNG.choice(["F", "M"], 60)})


def learn_design(frame: pd.DataFrame, names: list[str]) -> Design:
    return designs.learn_design(Demographics(frame), names)


def reasons_outside(design: Design, frame: pd.DataFrame) -> list[str]:
    return support.reasons_outside(design, Demographics(frame))


def find_thin_cover(design: Design, frame: pd.DataFrame, normal: np.ndarray) -> list[str]:
    return support.find_thin_cover(design, Demographics(frame), normal)


DESIGN = learn_design(NORMALS, ["age", "sex"])


def test_the_normals_themselves_are_inside() -> None:
    assert reasons_outside(DESIGN, NORMALS) == [""] * 60
    shuffled = NORMALS.sample(frac=1, random_state=0)
    assert reasons_outside(DESIGN, shuffled) == [""] * 60


@pytest.mark.parametrize(
    ("age", "sex", "reason"),
    [
        (90, "F", "age 90 is outside the normal group, 50"),
        (20.5, "F", "age 20.5 is outside the normal group"),
        (np.nan, "F", "age is missing"),
        ("abc", "F", "age 'abc' is not a finite number"),
        (np.inf, "F", "age inf is not a finite number"),
        (60, "X", "sex 'X' was never seen in the normal group, F, M"),
        (60, None, "sex is missing"),
        (None, None, "age is missing; sex is missing"),
        (90, "X", "sex 'X' was never seen"),
    ],
)
def test_the_reason_says_why(age: object, sex: object, reason: str) -> None:
    (said,) = reasons_outside(DESIGN, pd.DataFrame({"age": [age], "sex": [sex]}))
    assert reason in said


def test_a_combination_that_nobody_normal_had_is_outside() -> None:
    age = RNG.uniform(50, 80, 60)
    normals = pd.DataFrame({"age": age, "education": 30 - age / 4 + RNG.normal(size=60)})
    design = learn_design(normals, ["age", "education"])
    corner = pd.DataFrame({"age": [normals["age"].max()], "education": [normals["education"].max()]})
    (reason,) = reasons_outside(design, corner)
    assert reason.startswith("age and education are each in range but not together: leverage")


@pytest.mark.parametrize("end", ["min", "max"])
def test_the_range_ends_with_the_outermost_normal(end: str) -> None:
    edge = getattr(NORMALS["age"], end)()
    beyond = np.nextafter(edge, np.inf if end == "max" else -np.inf)
    inside, outside = reasons_outside(learn_design(NORMALS, ["age"]), pd.DataFrame({"age": [edge, beyond]}))
    assert inside == ""
    assert "is outside the normal group" in outside


@pytest.mark.parametrize(("share", "reason"), [(0.999, ""), (1.001, "leverage")])
def test_a_combination_is_outside_beyond_the_largest_leverage(share: float, reason: str) -> None:
    rng = np.random.default_rng(4)
    age = rng.uniform(50, 80, 60)
    normals = pd.DataFrame({"age": age, "education": 30 - age / 4 + rng.normal(size=60)})
    design = learn_design(normals, ["age", "education"])
    # Along this line leverage is 1/n + the square of the step from the middle; both stay in range.
    middle, step = normals.mean().to_numpy(), np.array([1.0, 0.25])
    unit = design.people(Demographics(pd.DataFrame([middle + step], columns=normals.columns)))
    slope = unit.leverage[0] - 1 / 60
    length = np.sqrt((share * design.largest_leverage - 1 / 60) / slope)
    person = pd.DataFrame([middle + length * step], columns=normals.columns)
    assert normals.min().le(person.iloc[0]).all()
    assert normals.max().ge(person.iloc[0]).all()
    (text,) = reasons_outside(design, person)
    assert reason in text
    assert bool(text) == bool(reason)


@pytest.mark.parametrize(("count", "thin"), [(5, []), (4, ["sex M: 4 normal people"])])
def test_five_people_cover_a_level_and_four_do_not(count: int, thin: list[str]) -> None:
    frame = pd.DataFrame({"sex": ["F"] * 10 + ["M"] * count})
    assert find_thin_cover(learn_design(frame, ["sex"]), frame, np.ones(10 + count, dtype=bool)) == thin


@pytest.mark.parametrize(("count", "thin"), [(5, []), (4, ["age 8 to 10: 4 normal people"])])
def test_a_range_is_looked_at_in_fifths(count: int, thin: list[str]) -> None:
    ages = np.concatenate([np.repeat([0.0, 3, 5, 7], 5), np.full(count, 10.0)])
    frame = pd.DataFrame({"age": ages})
    assert find_thin_cover(learn_design(frame, ["age"]), frame, np.ones(len(ages), dtype=bool)) == thin


def test_without_demographics_everybody_is_inside() -> None:
    design = learn_design(pd.DataFrame(index=range(5)), [])
    assert reasons_outside(design, pd.DataFrame(index=range(3))) == ["", "", ""]


def test_thin_cover_is_told_of_each_group() -> None:
    frame = pd.DataFrame(
        {"age": [*np.linspace(50, 70, 40), *np.linspace(68, 90, 20)], "sex": ["F"] * 55 + ["M"] * 5}
    )
    normal = np.arange(60) < 40
    design = learn_design(frame[normal], ["age"])
    found = find_thin_cover(design, frame, normal)
    assert found == [
        "age 74 to 82: 0 normal people",
        "age 82 to 90: 0 normal people",
        "age 50 to 58: 0 other people",
        "age 58 to 66: 0 other people",
    ]
    both = learn_design(frame, ["sex"])
    assert find_thin_cover(both, frame, normal) == ["sex M: 0 normal people"]
