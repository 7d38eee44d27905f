"""Sums over people: exact, in every order and grouping, and what can't be summed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from normwise.errors import NormalizerError
from normwise.normalize import Reference
from normwise.normalize.blocked.columns import FeatureColumns
from normwise.normalize.demographics import Demographics
from normwise.normalize.design import Category, Number
from normwise.normalize.reference.sums import GRID, encode_raw, merge_parts, sum_normals

NAMES = ["age", "sex"]


def people(n: int = 90, seed: int = 0, features: int = 6) -> pd.DataFrame:
    """Features of very different sizes, some negative, beside age and sex."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"age": rng.uniform(20, 80, n).round(2), "sex": rng.choice(["F", "M"], n)})
    for place in range(features):
        size = 10.0 ** (2 * place - 2)
        frame[f"f{place}"] = -size * frame["age"] + size * rng.normal(0, 5, n) + 1e3 * place
    return frame


def exact(frame: pd.DataFrame) -> tuple[list[list[int]], list[int]]:
    """The sums by Python's own whole numbers."""
    columns = encode_raw(
        (Number("age", 0.0, 99.0, 0.0), Category("sex", ("F", "M"))), (), Demographics(frame[NAMES])
    )
    whole = [[round(float(value) / GRID) for value in row] for row in columns]
    features = [[round(float(value) / GRID) for value in row] for row in frame.drop(columns=NAMES).to_numpy()]
    products = [
        [
            sum(row[i] * values[j] for row, values in zip(whole, features, strict=True))
            for j in range(len(features[0]))
        ]
        for i in range(4)
    ]
    return products, [sum(values[j] ** 2 for values in features) for j in range(len(features[0]))]


def test_sums_are_those_of_whole_numbers() -> None:
    frame = people(n=1100)  # more rows than one product takes
    products, squares = exact(frame)
    sums = Reference.of_frame(frame, NAMES).sums
    assert sums.products.tolist() == products
    assert sums.squares.tolist() == squares
    assert sums.n_people == 1100


def test_sums_are_exact_up_to_the_largest_value() -> None:
    largest = np.nextafter(2.0**38, 0)
    frame = pd.DataFrame({"age": [30.0, 40.0] * 600, "f": [largest, -largest] * 600})
    sums = Reference.of_frame(frame, ["age"]).sums
    assert sums.squares[0] == 1200 * round(largest / GRID) ** 2
    frame["f"] = 2.0**38
    with pytest.raises(NormalizerError, match="too large") as caught:
        Reference.of_frame(frame, ["age"])
    assert (caught.value.code, caught.value.subject) == ("NRM-408", "f")


@pytest.mark.parametrize(("steps", "code"), [(65, None), (63, "NRM-408"), (0, None)])
def test_a_spread_of_a_few_steps_of_the_grid_is_refused(steps: float, code: str | None) -> None:
    values = 1.0 + steps * GRID * np.array([-1.0, 1.0] * 20)
    frame = pd.DataFrame({"age": np.linspace(20, 60, 40), "good": np.linspace(0, 1, 40), "fine": values})
    if code is None:
        Reference.of_frame(frame, ["age"])
        return
    with pytest.raises(NormalizerError) as caught:
        Reference.of_frame(frame, ["age"])
    assert (caught.value.code, caught.value.subject) == (code, "fine")


def test_every_order_and_grouping_has_the_same_sums() -> None:
    frame, rng = people(), np.random.default_rng(1)
    whole = Reference.of_frame(
        frame, NAMES, design="spline", knots={"age": [30, 50, 70]}, interactions=[NAMES]
    )
    for _ in range(5):
        cuts = np.sort(rng.choice(np.arange(1, len(frame)), 6, replace=False))
        parts = [
            Reference.of_frame(
                frame.iloc[rows], NAMES, design="spline", knots={"age": [30, 50, 70]}, interactions=[NAMES]
            )
            for rows in np.split(rng.permutation(len(frame)), cuts)
        ]
        while len(parts) > 1:
            first, second = (parts.pop(int(rng.integers(len(parts)))) for _ in range(2))
            parts.append(first.merge(second))
        merged = parts[0].sums
        assert merged.parts == whole.sums.parts
        for name in ("design", "products", "squares"):
            assert (getattr(merged, name) == getattr(whole.sums, name)).all()


def test_people_of_one_level_alone_add_to_those_of_both() -> None:
    frame = people()
    women, men = (Reference.of_frame(frame[frame["sex"] == sex], NAMES) for sex in "FM")
    whole = Reference.of_frame(frame, NAMES).sums
    for merged in (women.merge(men).sums, men.merge(women).sums):
        assert merged.parts[1] == Category("sex", ("F", "M"))
        assert (merged.design == whole.design).all()
        assert (merged.products == whole.products).all()


@pytest.mark.parametrize(
    ("first", "second", "joined"),
    [
        (("F", "M"), ("M",), ("F", "M")),
        (("1", "2"), ("3",), ("1", "2", "3")),
        (("a", "b", "c"), ("b", "c"), ("a", "b", "c")),
        (("F", "M"), ("1", "2"), None),
        (("F",), ("1",), None),
        (("L", "R"), ("left", "right"), None),
        (("a", "b"), ("b", "c"), None),
    ],
)
def test_levels_that_may_mean_one_another_are_refused(
    first: tuple[str, ...], second: tuple[str, ...], joined: tuple[str, ...] | None
) -> None:
    for one, other in ((first, second), (second, first)):
        if joined is not None:
            assert merge_parts([Category("x", one)], [Category("x", other)]) == (Category("x", joined),)
            continue
        with pytest.raises(NormalizerError) as caught:
            merge_parts([Category("x", one)], [Category("x", other)])
        assert caught.value.code == "NRM-407"
        assert all(level in str(caught.value) for level in {*first, *second})


@pytest.mark.parametrize(
    "other",
    [
        [Number("years", 20.0, 80.0, 20.0)],
        [Category("age", ("old", "young"))],
        [Number("age", 20.0, 80.0, 20.0, (30.0, 40.0, 50.0))],
        [Number("age", 20.0, 80.0, 20.0), Category("sex", ("F",))],
    ],
)
def test_other_demographics_are_refused(other: list[Number | Category]) -> None:
    with pytest.raises(NormalizerError) as caught:
        merge_parts([Number("age", 20.0, 80.0, 20.0)], other)
    assert caught.value.code == "NRM-406"


def test_a_feature_that_is_not_finite_is_refused_by_name() -> None:
    frame = people().set_index(pd.Index([f"p{row}" for row in range(90)]))
    frame.loc["p7", "f2"] = np.nan
    with pytest.raises(NormalizerError) as caught:
        Reference.of_frame(frame, NAMES)
    assert (caught.value.code, caught.value.subject) == ("NRM-113", "p7, f2")


def test_a_level_that_the_columns_lack_is_refused() -> None:
    frame = people()
    columns = FeatureColumns.of_frame(frame, ~frame.columns.isin(NAMES))
    parts = (Number("age", 20.0, 80.0, 20.0), Category("sex", ("F",)))
    with pytest.raises(NormalizerError) as caught:
        sum_normals(columns, np.arange(90), Demographics(frame[NAMES]), parts, ())
    assert caught.value.code == "NRM-407"
