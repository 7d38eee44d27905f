from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from normwise.errors import NormalizerError
from normwise.normalize.demographics import Demographics, check_columns, level_text, read_numbers
from normwise.normalize.design import Category


@pytest.mark.parametrize(
    ("values", "category"),
    [
        (pd.Series([61, 70]), False),
        (pd.Series([61.5, None]), False),
        (pd.Series([61, 70], dtype=object), False),
        (pd.Series([61, None], dtype="Int64"), False),
        (pd.Series(["F", "M"]), True),
        (pd.Series(["F", None], dtype=object), True),
        (pd.Series(["F", "M"], dtype="category"), True),
        (pd.Series([1, 2], dtype="category"), True),
        (pd.Series([True, False]), True),
        (pd.Series([True, None], dtype="boolean"), True),
        (pd.Series([True, False], dtype=object), True),
    ],
)
def test_text_category_and_bool_are_categories(values: pd.Series, *, category: bool) -> None:
    people = Demographics(pd.DataFrame({"it": values}))
    assert people.is_category("it", declared=False) is category
    assert people.is_category("it", declared=True)


def test_numbers_written_as_text_are_refused() -> None:
    with pytest.raises(NormalizerError, match="numbers written as text") as caught:
        Demographics(pd.DataFrame({"age": ["61", "70"]})).is_category("age", declared=False)
    assert (caught.value.code, caught.value.subject) == ("NRM-111", "age")


def test_one_level_has_one_text_in_every_type() -> None:
    assert {level_text(1), level_text(1.0), level_text(np.float32(1)), level_text("1")} == {"1"}
    assert level_text(1.5) == "1.5"
    people = Demographics(pd.DataFrame({"code": [1.0, None], "yes": pd.array([True, pd.NA], "boolean")}))
    assert people.levels("code").tolist() == ["1", None]
    assert people.levels("yes").tolist() == ["True", None]


def test_what_is_no_finite_number_is_marked() -> None:
    numbers, unreadable = read_numbers(pd.Series([1, "2", "two", None, -np.inf], dtype=object))
    np.testing.assert_array_equal(numbers, [1, 2, np.nan, np.nan, np.nan])
    assert unreadable.tolist() == [False, False, True, False, True]


def test_columns_must_be_there_once() -> None:
    frame = pd.DataFrame([[1.0, 2.0]], columns=["Age", "f1"])
    check_columns(frame, ["Age"])
    with pytest.raises(NormalizerError, match="did you mean 'Age'") as caught:
        check_columns(frame, ["age"])
    assert caught.value.code == "NRM-102"
    with pytest.raises(NormalizerError) as caught:
        check_columns(pd.DataFrame([[1.0, 2.0]], columns=["f1", "f1"]), [])
    assert (caught.value.code, caught.value.subject) == ("NRM-103", "f1")


def test_some_of_the_people_are_read_as_if_they_were_alone() -> None:
    frame = pd.DataFrame({"code": ["x", 1, 2, True, None], "text": ["x", "1", "2", "3", None]}, dtype=object)
    everybody = Demographics(frame)
    assert everybody.is_category("code", declared=False)
    assert not everybody.take(np.array([1, 2])).is_category("code", declared=False)
    assert everybody.take(np.array([1, 3])).is_category("code", declared=False)
    assert everybody.take(np.array([4])).is_category("text", declared=False)
    with pytest.raises(NormalizerError) as caught:
        everybody.take(np.array([4, 2, 1])).is_category("text", declared=False)
    assert (caught.value.code, caught.value.seen) == ("NRM-111", "'2'")
    part = everybody.take(np.array([4, 2, 0])).take(np.array([True, False, True]))
    assert (len(part), part.levels("text").tolist(), part.person(1)) == (2, [None, "x"], "row 0")


def test_levels_are_numbered_over_everybody_and_known_by_name() -> None:
    frame = pd.DataFrame({"site": ["b", None, "a", "c", "b"], "sex": list("FMFMF")})
    people = Demographics(frame)
    codes, levels = people.take(np.array([4, 1, 3])).codes("site")
    assert (codes.tolist(), levels) == ([1, -1, 2], ("a", "b", "c"))
    places, missing = Category("site", ("b", "z")).places(people)
    assert places.tolist() == [0, -1, -1, -1, 0]
    assert missing.tolist() == [False, True, False, False, False]
    assert Demographics(frame.assign(site=None)).codes("site")[0].tolist() == [-1] * 5
