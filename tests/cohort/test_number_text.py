"""Numbers of a long table are held as numbers, and every cell is still the text that was written."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from normwise.cohort import read_cohort, read_table, tables
from normwise.cohort.number_text import NumberText, share_numbers
from normwise.cohort.tables import ROWS
from normwise.errors import CohortError, NormwiseWarning
from normwise.features.columns import read_columns
from normwise.schema import Study

ROWS_READ = ROWS + 500


def columns_of_every_kind() -> dict[str, list[str]]:
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=ROWS_READ)
    fixed = [f"{value:.4f}" for value in numbers]
    return {
        "fixed": fixed,
        "shortest": [repr(float(value)) for value in numbers],
        "tiny": [repr(float(value) * 1e-9) for value in numbers],
        "whole": [str(row - 700) for row in range(ROWS_READ)],
        "minus zero": ["-0.00" if row == 3 else "0.01" for row in range(ROWS_READ)],
        "mixed": [f"{value:.15g}" for value in np.round(numbers, 1)],
        "gaps": ["n/a" if row % 7 == 0 else cell for row, cell in enumerate(fixed)],
        "empty": ["" if row % 5 == 1 else cell for row, cell in enumerate(fixed)],
        "fifteen": [f"{row - 700}.{row % 1000:012d}" for row in range(ROWS_READ)],
        "late": ["n/a" if row > ROWS + 10 else cell for row, cell in enumerate(fixed)],
    }


def columns_of_text() -> dict[str, list[str]]:
    fixed = columns_of_every_kind()["fixed"]
    return {
        "two gaps": ["" if row % 7 == 0 else "n/a" if row % 7 == 1 else "1.5" for row in range(ROWS_READ)],
        "late word": [*fixed[: ROWS + 100], "bad", *fixed[ROWS + 101 :]],
        "commas": [cell.replace(".", ",") for cell in fixed],
        "nan": ["nan" if row == 3 else cell for row, cell in enumerate(fixed)],
        "inf": ["inf" if row == 3 else cell for row, cell in enumerate(fixed)],
        "sixteen": [f"9{row % 10}99999999.{2 * row + 1:07d}" for row in range(ROWS_READ)],
        "codes": [f"{row:04d}" for row in range(ROWS_READ)],
        "signed": [f"+{row}" for row in range(ROWS_READ)],
        "grouped": [f"{row}_000" for row in range(ROWS_READ)],
        "long": [str(2**60 + row) for row in range(ROWS_READ)],
        "changing": [f"{row}.50" if row < ROWS else f"{row}.5" for row in range(ROWS_READ)],
    }


def write(folder: Path, columns: dict[str, list[str]], rows: int = ROWS_READ) -> Path:
    path = folder / "people.tsv"
    table = [["id", *columns], *zip([f"s{row}" for row in range(rows)], *columns.values(), strict=False)]
    path.write_text("".join("\t".join(cells) + "\n" for cells in table), encoding="utf-8")
    return path


def test_every_cell_is_the_text_that_was_written_and_the_same_number(tmp_path: Path) -> None:
    packed, text = columns_of_every_kind(), columns_of_text()
    path = write(tmp_path, packed | text)
    plain = read_table(path).frame
    long = read_table(path, numbers=lambda names: names[1:]).frame
    held = {name for name in long if isinstance(long[name].array, NumberText)}
    assert held == set(packed)
    assert {long[name].dtype.name for name in ["id", *text]} == {"object"}
    for name, cells in (packed | text).items():
        assert long[name].tolist() == plain[name].tolist() == cells, name
        assert long[name].iloc[ROWS + 3] == cells[ROWS + 3]
        assert (long[name] == cells[2]).tolist() == [cell == cells[2] for cell in cells], name
    some = [3, 0, ROWS + 100]
    assert long.loc[some].astype(object).equals(plain.loc[some])
    names = [*packed, *text]
    expected, unread = read_columns(plain[names], "people.tsv")
    values, failures = read_columns(long[names], "people.tsv")
    np.testing.assert_array_equal(values, expected)
    assert {scan: str(error) for scan, error in failures.items()} == {
        scan: str(error) for scan, error in unread.items()
    }


@pytest.mark.parametrize(("rows", "packed"), [(ROWS - 1, False), (ROWS, True)])
def test_a_shorter_table_is_text_alone(tmp_path: Path, rows: int, *, packed: bool) -> None:
    path = write(tmp_path, {"a": ["1.5"] * rows}, rows)
    column = read_table(path, numbers=lambda names: names[1:]).frame["a"]
    assert isinstance(column.array, NumberText) is packed
    assert column.tolist() == ["1.5"] * rows


def test_only_features_without_another_role_are_held_so(tmp_path: Path) -> None:
    fixed = columns_of_every_kind()["fixed"]
    ages = [f"{60 + row % 20}.5" for row in range(ROWS_READ)]
    dx = ["AD" if row % 2 else "normal" for row in range(ROWS_READ)]
    write(tmp_path, {"x_1": fixed, "x_2": fixed, "x_3": fixed, "x_age": ages, "dx": dx, "y": fixed})
    study = Study.model_validate(
        {
            "cohort": {
                "root": tmp_path, "table": "people.tsv", "id": "id", "label": "dx",
                "demographics": ["x_age"], "include": ["x_3 >= 0"],
            },
            "features": {"extractor": "table", "columns": ["x_*"]},
        }
    )  # fmt: skip
    cohort = read_cohort(study)
    assert {name for name in cohort.raw if isinstance(cohort.raw[name].array, NumberText)} == {"x_1", "x_2"}
    kept = [row for row, cell in enumerate(fixed) if float(cell) >= 0]
    assert cohort.raw["x_1"].tolist() == [fixed[row] for row in kept]
    assert cohort.frame["x_age"].tolist() == [float(ages[row]) for row in kept]


def test_what_is_said_of_columns_holds_for_long_tables(tmp_path: Path) -> None:
    fixed = columns_of_every_kind()["fixed"]
    write(
        tmp_path,
        {"x_age_at_onset": ["600"] * ROWS_READ, "x_age_at_onset_unit": ["0"] * ROWS_READ, "x": fixed},
    )
    study = {
        "cohort": {"root": tmp_path, "table": "people.tsv", "id": "id", "label": "dx"},
        "features": {"extractor": "table", "columns": ["x*"]},
    }
    with (
        pytest.warns(NormwiseWarning, match="COH-313  x_age_at_onset: the unit '0' is not clear"),
        pytest.raises(CohortError) as caught,
    ):
        read_cohort(Study.model_validate(study))
    assert caught.value.code == "COH-107"


def test_more_cells_are_read_where_they_are_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fixed = columns_of_every_kind()["fixed"]
    path = write(tmp_path, {"a": fixed, "b": fixed})
    monkeypatch.setattr(tables, "MAX_CELLS", ROWS + 1)

    def numbers(*names: str) -> object:
        return read_table(path, numbers=lambda _: names)

    assert numbers("a", "b")
    for names in (("a",), ()):
        with pytest.raises(CohortError, match="COH-102"):
            numbers(*names)
    monkeypatch.setattr(tables, "MAX_NUMBERS", 2 * ROWS_READ)
    with pytest.raises(CohortError, match="COH-102"):
        numbers("a", "b")


def test_a_long_table_is_not_held_as_text(tmp_path: Path) -> None:
    rows, rng = 10_000, np.random.default_rng(0)
    columns = {f"x{n}": [f"{value:.5f}" for value in rng.normal(size=rows)] for n in range(40)}
    path = write(tmp_path, columns, rows)
    tracemalloc.start()
    try:
        read_table(path, numbers=lambda names: names[1:])
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # Bytes and text of the file, 8 bytes a number, the rows at hand; cells of text alone took 26 MB.
    assert most < 2.2 * path.stat().st_size + 8 * 40 * rows + 7e6


def test_numbers_that_are_features_too_are_held_once() -> None:
    cells, rows = ["1.50", "n/a", "-0.25"], pd.Index(["a", "b", "c"])
    numbers = np.array([1.5, np.nan, -0.25])
    text = pd.DataFrame(
        {name: NumberText(numbers.copy(), "%.2f", "n/a") for name in ("same", "unlike", "no feature")}
        | {"word": ["x", "y", "z"]},
        index=rows,
    )
    values = pd.DataFrame({"same": numbers, "unlike": numbers + 1, "word": numbers}, index=rows)
    shared = share_numbers(text, values)
    assert {name: shared[name].tolist() for name in shared} == {name: text[name].tolist() for name in text}
    assert shared["same"].tolist() == cells
    held = {name: np.shares_memory(shared[name].array.values, values[name].to_numpy())
            for name in ("same", "unlike")}  # fmt: skip
    assert held == {"same": True, "unlike": False}
