from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.interpolate import CubicSpline

from normwise.errors import NormalizerError
from normwise.normalize.demographics import Demographics
from normwise.normalize.design import Design, choose_knots, natural_spline
from normwise.normalize.design import learn_design as learn

NORMALS = pd.DataFrame(
    {
        "age": [40.0, 50, 60, 70, 80, 90, 45, 55],
        "sex": list("MFMMFFFM"),
        "site": [2, 1, 2, 1, 2, 1, 3, 3],
        "smokes": [True, False, False, True, True, False, True, False],
    },
    index=[f"sub-{i}" for i in range(8)],
)


def learn_design(frame: pd.DataFrame, names: list[str], **settings: object) -> Design:
    return learn(Demographics(frame), names, **settings)


def test_columns_are_named_and_encoded_against_the_first_level() -> None:
    design = learn_design(NORMALS, ["age", "sex", "site", "smokes"], categorical=["site"])
    assert design.names == ("age", "sex=M", "site=2", "site=3", "smokes=True")
    encoded = design.encode(Demographics(NORMALS.iloc[[0, 6]]))
    np.testing.assert_array_equal(encoded, [[40, 1, 1, 0, 1], [45, 0, 0, 1, 1]])
    assert design.n_parameters == 6


def test_an_interaction_multiplies_what_is_left_of_the_means() -> None:
    design = learn_design(NORMALS, ["age", "sex"], interactions=[("age", "sex")])
    assert design.names == ("age", "sex=M", "age:sex=M")
    encoded = design.encode(Demographics(NORMALS))
    age, male = NORMALS["age"] - NORMALS["age"].mean(), (NORMALS["sex"] == "M") - 0.5
    np.testing.assert_allclose(encoded[:, 2], age * male)


def test_a_spline_adds_columns_and_keeps_the_line() -> None:
    ages = pd.DataFrame({"age": np.linspace(20, 90, 120)})
    design = learn_design(ages, ["age"], form="spline")
    assert design.names == ("age", "age spline 1", "age spline 2", "age spline 3")
    assert learn_design(ages, ["age"]).names == ("age",)


def test_a_persons_coordinates_hang_on_nobody_else() -> None:
    design = learn_design(
        NORMALS, ["age", "sex"], interactions=[("age", "sex")], form="spline", vary_spread=True
    )
    whole = design.people(Demographics(NORMALS))
    for row in range(len(NORMALS)):
        alone = design.people(Demographics(NORMALS.iloc[[row]]))
        assert np.array_equal(alone.basis[0], whole.basis[row])
        assert np.array_equal(alone.variance_basis[0], whole.variance_basis[row])


def test_the_variance_follows_numbers_and_levels_alone() -> None:
    design = learn_design(
        NORMALS, ["age", "sex"], interactions=[("age", "sex")], form="spline", vary_spread=True
    )
    assert [design.names[i] for i in design.variance_columns] == ["age", "sex=M"]
    basis = design.people(Demographics(NORMALS)).variance_basis
    np.testing.assert_allclose(basis.T @ basis, np.eye(3), atol=1e-12)


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"weight": NORMALS["age"] * 2 + 3}, "NRM-107", "weight is determined by age"),
        ({"ward": NORMALS["sex"].map({"M": "a", "F": "b"})}, "NRM-107", "ward=b is determined by sex=M"),
        ({"height": 1.7}, "NRM-107", "height does not vary"),
        ({"clock": 0.1 + 0.2}, "NRM-107", "clock does not vary"),
    ],
)
def test_a_column_that_others_determine_is_named(changes: dict[str, object], code: str, words: str) -> None:
    frame = NORMALS.assign(**changes)
    with pytest.raises(NormalizerError, match=words) as caught:
        learn_design(frame, ["age", "sex", *changes])
    assert caught.value.code == code


def test_nearly_equal_columns_are_still_two() -> None:
    frame = NORMALS.assign(visit=NORMALS["age"] + np.random.default_rng(0).normal(size=8) * 1e-3)
    assert learn_design(frame, ["age", "visit"]).names == ("age", "visit")


@pytest.mark.parametrize(("apart", "refused"), [(1e-6, False), (1e-8, True)])
def test_a_column_within_rounding_of_the_others_is_refused_and_one_beyond_is_not(
    apart: float,
    refused: bool,  # noqa: FBT001
) -> None:
    age = np.linspace(-1, 1, 8)
    other = np.array([1.0, -1, -1, 1, 1, -1, -1, 1])  # neither constant nor age is in it
    frame = pd.DataFrame({"age": age, "visit": age + apart * other * age.std()})
    if refused:
        with pytest.raises(NormalizerError) as caught:
            learn_design(frame, ["age", "visit"])
        assert caught.value.code == "NRM-107"
    else:
        assert learn_design(frame, ["age", "visit"]).names == ("age", "visit")


@pytest.mark.parametrize(("spread", "refused"), [(1e-10, False), (1e-13, True)])
def test_a_number_that_varies_by_rounding_alone_does_not_vary(
    spread: float,
    refused: bool,  # noqa: FBT001
) -> None:
    frame = pd.DataFrame({"height": 1.0 + spread * np.array([1.0, -1] * 4)})
    if refused:
        with pytest.raises(NormalizerError, match="does not vary"):
            learn_design(frame, ["height"])
    else:
        assert learn_design(frame, ["height"]).names == ("height",)


def test_too_few_normals_are_refused_with_the_numbers() -> None:
    learn_design(NORMALS.iloc[:4], ["age"])
    with pytest.raises(NormalizerError, match=r"3 samples.* 2 parameters") as caught:
        learn_design(NORMALS.iloc[:3], ["age"])
    assert (caught.value.code, caught.value.expected) == ("NRM-106", "at least 4, and better 20")
    with pytest.raises(NormalizerError, match="0 samples"):
        learn_design(NORMALS.iloc[:0], ["age", "sex"])


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("age", np.nan, "NRM-108"),
        ("sex", None, "NRM-108"),
        ("sex", "X", "NRM-109"),
        ("site", 4, "NRM-109"),
        ("age", np.inf, "NRM-110"),
        ("age", "old", "NRM-110"),
    ],
)
def test_a_demographic_that_tells_nothing_is_refused_with_the_person(
    column: str, value: object, code: str
) -> None:
    design = learn_design(NORMALS, ["age", "sex", "site"], categorical=["site"])
    people = NORMALS.astype({column: object})
    people.loc["sub-3", column] = value
    with pytest.raises(NormalizerError, match=column) as caught:
        design.encode(Demographics(people))
    assert (caught.value.code, caught.value.subject) == (code, "sub-3")


def test_a_missing_value_among_the_normals_is_refused() -> None:
    for column in ("age", "sex"):
        with pytest.raises(NormalizerError) as caught:
            learn_design(NORMALS.assign(**{column: [None, *NORMALS[column][1:]]}), ["age", "sex"])
        assert (caught.value.code, caught.value.subject) == ("NRM-108", "sub-0")


KNOTS = (45.0, 55.0, 70.0, 82.0)


def test_the_columns_span_the_natural_cubic_splines() -> None:
    values = np.linspace(45, 82, 200)
    design = np.column_stack([np.ones(200), values, natural_spline(values, KNOTS)])
    for heights in np.eye(4):
        natural = CubicSpline(KNOTS, heights, bc_type="natural")(values)
        fitted = design @ np.linalg.lstsq(design, natural)[0]
        np.testing.assert_allclose(fitted, natural, atol=1e-9)


def test_it_is_linear_beyond_the_outer_knots() -> None:
    above = natural_spline(np.array([82.0, 90.0, 98.0]), KNOTS)
    np.testing.assert_allclose(np.diff(above, n=2, axis=0), 0, atol=1e-9)
    assert not natural_spline(np.array([10.0, 45.0]), KNOTS).any()


@pytest.mark.parametrize(("n", "knots"), [(20, 3), (29, 3), (30, 4), (99, 4), (100, 5)])
def test_more_people_get_more_knots(n: int, knots: int) -> None:
    chosen = choose_knots(np.random.default_rng(0).uniform(40, 90, n))
    assert len(chosen) == knots
    assert list(chosen) == sorted(chosen)


def test_few_distinct_values_leave_a_line() -> None:
    assert choose_knots(np.repeat([1.0, 2.0], 50)) == ()
