from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from normwise.cohort.number_text import read_decimals
from normwise.cohort.values import is_missing, read_numbers
from normwise.errors import CohortError


def column(*cells):
    return pd.Series(cells, dtype=object)


def test_only_empty_and_na_are_missing():
    cells = column("", "n/a", "N/A", "NA", "nan", "NaN", "None", "null", ".", "-", "0", "-9999")
    assert is_missing(cells).tolist() == [True] * 3 + [False] * 9


def test_plain_numbers():
    reading = read_numbers("x", column("1", "-2.5", "+.5", "3.", "1e3", "2E-2"))
    assert reading.values.tolist() == [1.0, -2.5, 0.5, 3.0, 1000.0, 0.02]
    assert not reading.problems
    assert not reading.readings


@pytest.mark.parametrize(
    "cell",
    [
        "nan",
        "inf",
        "1_000",
        "0x10",
        "1e999",
        "1e-400",
        "0.1e-400",
        "١٢",
        "12a",
        "1,2,3",
        "1.2.3",
        "--1",
        "1 2",
    ],
)
def test_what_is_no_number_costs_its_row(cell):
    reading = read_numbers("x", column("1.5", cell, "2.5"))
    assert list(reading.problems) == [1]
    assert reading.problems[1].code == "COH-206"
    assert np.isnan(reading.values[1])
    assert cell in reading.problems[1].text


def test_decimal_comma_is_that_of_most_values():
    reading = read_numbers("x", column("71,5", "68", "1,25", "60.5"))
    np.testing.assert_array_equal(reading.values, [71.5, 68.0, 1.25, np.nan])
    assert reading.readings == ["x: decimal comma, as '71,5'"]
    assert list(reading.problems) == [3]
    assert "comma" in reading.problems[3].advice
    other = read_numbers("x", column("71,5", "60.5", "1.25"))
    assert list(other.problems) == [0]
    assert other.readings == []


def test_commas_that_may_separate_thousands_are_refused():
    with pytest.raises(CohortError) as caught:
        read_numbers("eTIV", column("1,147", "1,454"))
    assert caught.value.code == "COH-110"
    assert read_numbers("nWBV", column("0,147", "0,454")).values.tolist() == [0.147, 0.454]
    assert read_numbers("x", column("1,147", "1,5")).values.tolist() == [1.147, 1.5]


@pytest.mark.parametrize(
    ("cells", "plain"),
    [
        (["1", "2.5", "-3e2", "0", "0.0"], True),
        (["1", ""], False),
        (["1", "2,5"], False),
        (["1", "nan"], False),
        (["1", "1e999"], False),
        (["1", "1e-999"], False),  # no zero, and too small for a number
        (["1", "0" * 401], False),
    ],
)
def test_numbers_alone_are_read_as_they_are_beside_others(cells: list[str], *, plain: bool) -> None:
    alone = read_numbers("x", pd.Series(cells, dtype=object))
    beside = read_numbers("x", pd.Series([*cells, "n/a"], dtype=object))  # which is read one by one
    np.testing.assert_array_equal(alone.values, beside.values[:-1])
    assert alone.problems == beside.problems
    assert alone.missing.tolist() == beside.missing[:-1].tolist()
    assert (not alone.problems and not alone.missing.any() and "," not in "".join(cells)) is plain


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (["1.25", "-0.50", "900.00"], [1.25, -0.5, 900.0]),
        (["1", "-2", "0"], [1.0, -2.0, 0.0]),
        (["123456789.012345"], [123456789.012345]),
        (["1234567890.012345"], None),  # sixteen digits
        (["1.25", "-0.00"], None),
        (["1.25", "1.5"], None),
        (["1.25", "01.50"], None),
        (["1.25\n2.50"], None),
    ],
)
def test_decimals_of_equal_length_are_read_at_once_where_they_give_their_text_back(cells, numbers):
    found = read_decimals(cells, "\n".join(cells) + "\n", len(cells[0].partition(".")[2]))
    assert (None if found is None else found.tolist()) == numbers
    held = pd.Series(cells, dtype=object)
    if "\n" not in cells[0]:
        assert read_numbers("x", held).values.tolist() == [float(cell) for cell in cells]
    else:
        assert 0 in read_numbers("x", held).problems
