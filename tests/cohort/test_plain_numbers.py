"""Rows of a wide table are read at once, and nothing is read otherwise than cell by cell."""

from __future__ import annotations

import csv
import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from normwise.cohort import read_table
from normwise.cohort.plain_numbers import MISSING, exceeds, read_cell, read_plain, read_plain_rows
from normwise.cohort.tables import _records
from normwise.errors import CohortError
from normwise.features.columns import choose_columns, read_columns

ODD = [
    "", "n/a", "N/A", "NA", "nan", "inf", "-inf", "1_000", "0x1f", "1e", "e5", "+-1", "--1", ".", "-", "+",
    "-.", "1.2.3", "1-2", "1 2", "1\n2", "\u0661", "\u00bd", "1,5", "1,000", "0,5", "1e999", "-1e999",
    "1e-400", "0e-400", "-0.0", "-0", "+.5", "5.", "1E3", "1e+3", "007", "0." + "0" * 290 + "1",
    "0." + "0" * 330 + "1", "0" * 350 + "1", "9" * 310, "9" * 500, "0." + "0" * 500,
    "9007199254740993", "0.1", "2.2250738585072014e-308", "5e-324", "=1", "true", "n/a ", "1\t",
]  # fmt: skip
cells = st.one_of(
    st.sampled_from(ODD),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(10**20), 10**20).map(str),
    st.text("0123456789.-+eE,", max_size=6),
)


def same(found: float, wanted: float) -> bool:
    return (np.isnan(found) and np.isnan(wanted)) or (
        found == wanted and np.signbit(found) == np.signbit(wanted)
    )


@given(st.lists(cells, max_size=6))
def test_cells_at_once_are_the_cells_one_by_one(row):
    wanted = [np.nan if cell in MISSING else read_cell(cell) for cell in row]
    unread = [
        cell for cell, number in zip(row, wanted, strict=True) if np.isnan(number) and cell not in MISSING
    ]
    found = read_plain(row)
    if unread:
        assert found is None
    elif found is None:  # longer than what is read at once
        assert max(map(len, row)) > 300
    else:
        assert all(map(same, found, wanted))


@settings(max_examples=60)
@given(
    st.integers(1, 3).flatmap(
        lambda rows: st.lists(st.lists(cells, min_size=rows, max_size=rows), min_size=4, max_size=9)
    )
)
def test_a_wide_table_is_read_as_its_columns_are(columns):
    text = pd.DataFrame(
        {f"v{place}": pd.Series(column, dtype=object) for place, column in enumerate(columns)}
    )
    text.index = pd.Index([f"s{row}" for row in text.index], name="id")
    try:
        alone = [read_columns(text[[name]], "people.tsv") for name in text]
    except CohortError as error:
        with pytest.raises(CohortError, match=error.code):
            read_columns(text, "people.tsv")
        return
    values, failures = read_columns(text, "people.tsv")
    for name, (column, _) in zip(text, alone, strict=True):
        assert all(map(same, values[name], column[name])), name
    assert set(failures) == {scan for _, failed in alone for scan in failed}


@pytest.mark.parametrize("bad", ["old", "1,5", "nan", "1e999", "0." + "0" * 330 + "1"])
def test_one_bad_cell_is_its_column_s_alone(bad):
    rows = np.array([["1.5"] * 9, ["2", "n/a"] + ["-3"] * 7], dtype=object)
    rows[1, 4] = bad
    values = np.empty(rows.shape, order="F")
    assert read_plain_rows(rows, values) == [4]
    others = np.delete(values, 4, axis=1)
    np.testing.assert_array_equal(others, [[1.5] * 8, [2.0, np.nan] + [-3.0] * 6])


def test_a_column_has_one_decimal_mark():
    columns = {
        "comma": ["0,5", "1,234", "n/a"], "whole": ["7", "8", ""], "mixed": ["0,5", "0.5", "1,5"],
        "thousands": ["1,234", "12,345,678", "7"], "one": ["7", "-1,25", "8"], "two": ["1,2,3", "1,5", "2"],
        "point": ["1.5", "2", "3"],
    }  # fmt: skip
    rows = np.array(list(columns.values()), dtype=object).T
    values = np.empty(rows.shape, order="F")
    unread = read_plain_rows(rows, values)
    assert [list(columns)[place] for place in unread] == ["mixed", "thousands", "two"]
    read = dict(zip(columns, values.T.tolist(), strict=True))
    assert read["comma"][:2] == [0.5, 1.234]
    assert np.isnan([read["comma"][2], read["whole"][2]]).all()
    assert read["one"] == [7.0, -1.25, 8.0]


@given(st.text('a"1 \t,;.\r\n\xa0é', max_size=40), st.sampled_from("\t,;"))
def test_lines_are_taken_apart_as_the_csv_module_does(text, delimiter):
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    wanted, found = [], []
    broken, problem = "", ""
    try:
        wanted.extend((reader.line_num, [cell.strip() for cell in row]) for row in reader)
    except csv.Error:
        broken = f"COH-108 people.csv: the cells of line {max(reader.line_num, 1)} can't be told apart."
    try:
        found.extend(_records(text, delimiter, "people.csv"))
    except CohortError as error:
        problem = f"{error.code} {error.subject}: {error.problem}"
    assert (found, problem) == (wanted, broken)


@pytest.mark.parametrize(("length", "long"), [(131072, False), (131073, True)])
def test_a_cell_has_a_longest_length_with_and_without_marks(tmp_path, length, long):
    path = tmp_path / "people.csv"
    for cell in ("x" * length, '"' + "x" * length + '"'):
        path.write_text(f"ID,note,more\n1,{cell},2\n")
        if long:
            with pytest.raises(CohortError, match="COH-108"):
                read_table(path)
        else:
            assert read_table(path).frame["note"].tolist() == ["x" * length]


@given(st.lists(st.text("ab", max_size=7), min_size=1), st.integers(1, 8))
def test_a_long_cell_is_found_wherever_it_is(row, most):
    assert exceeds(",".join(row), ",", most) == (max(map(len, row)) > most)


def test_a_wide_row_is_named_as_before(tmp_path):
    path = tmp_path / "wide.tsv"
    names = [f"v{number}" for number in range(5000)]
    row = ["1.5"] * 5000
    path.write_text(
        "\t".join(["id", *names]) + "\n" + "\t".join(["s1", *row]) + "\n" + "\t".join(["s2", *row[1:]]) + "\n"
    )
    with pytest.raises(CohortError, match=r"row 2 \(line 3\) has 1 cell fewer") as caught:
        read_table(path)
    assert caught.value.code == "COH-105"


def test_names_and_patterns_choose_among_many():
    names = [f"v{number}" for number in range(3000)] + ["[odd]", "a*b", "axb", "!lead"]
    assert choose_columns(names[:2000], names, [], "t") == names[:2000]
    assert choose_columns(["a*b"], names, [], "t") == ["a*b", "axb"]
    assert choose_columns(["[odd]"], names, [], "t") == ["[odd]"]
    assert choose_columns(["v1", "!lead"], names, [], "t") == ["v1", "!lead"]
    assert choose_columns(["v?", "!v1", "!none"], names, ["v2"], "t") == [
        f"v{n}" for n in (0, 3, 4, 5, 6, 7, 8, 9)
    ]
    assert choose_columns(["left"], ["a", "b"], [], "t", {"a": "left", "b": ["right", "left"]}) == ["a", "b"]
