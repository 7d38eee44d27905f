from __future__ import annotations

import os

import pytest

from normwise.cohort import tables
from normwise.cohort.tables import read_table
from normwise.errors import CohortError

ROWS = [{"ID": "007", "Größe": "1,5"}, {"ID": "008", "Größe": "n/a"}]


def write(folder, content, name="people.csv"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refusal(path, **limits):
    with pytest.raises(CohortError) as caught:
        read_table(path, **limits)
    return caught.value


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-8", None),
        ("utf-8-sig", "byte order mark"),
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16-LE"),
        ("utf-16-be", "UTF-16-BE"),
        ("cp1252", "Windows-1252"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(("delimiter", "name"), [(",", None), (";", "semicolon"), ("\t", "tab")])
def test_every_spelling_of_one_table_is_the_same_table(tmp_path, encoding, said, end, delimiter, name):
    cells = [["ID", "Größe"], ["007", '"1,5"'], ["008", "n/a"]]
    text = end.join(delimiter.join(row) for row in cells) + end
    table = read_table(write(tmp_path, text.encode(encoding)))
    assert table.records() == ROWS
    assert table.lines.tolist() == [2, 3]
    readings = " | ".join(table.readings)
    for expected in (said, name, "carriage returns" if end == "\r" else None):
        assert expected is None or expected in readings
    plain = encoding == "utf-8" and delimiter == "," and end != "\r"
    assert bool(table.readings) != plain


def test_nothing_is_converted(tmp_path):
    table = read_table(write(tmp_path, "ID,site,x\n007,NA,1e3\n 008 ,nan, \n"))
    assert table.records() == [{"ID": "007", "site": "NA", "x": "1e3"}, {"ID": "008", "site": "nan", "x": ""}]


def test_a_tsv_keeps_its_commas(tmp_path):
    table = read_table(write(tmp_path, "participant_id\tage\nsub-01\t26,9\n", "participants.tsv"))
    assert table.records() == [{"participant_id": "sub-01", "age": "26,9"}]
    assert table.readings == []


def test_a_quoted_cell_may_hold_delimiter_and_line_break(tmp_path):
    table = read_table(write(tmp_path, 'ID,note\n1,"a, ""b""\nc"\n2,d\n'))
    assert table.frame["note"].tolist() == ['a, "b"\nc', "d"]
    assert table.lines.tolist() == [3, 4]


@pytest.mark.parametrize(
    ("row", "what"), [("3,F,80", "1 cell more"), ("3", "1 cell fewer"), ("3,F,", "1 cell more")]
)
def test_a_ragged_row_is_refused_with_its_number(tmp_path, row, what):
    error = refusal(write(tmp_path, f"ID,Sex\n1,F\n\n2,M\n{row}\n"))
    assert error.code == "COH-105"
    assert "row 3 (line 5)" in error.problem
    assert what in error.problem


@pytest.mark.parametrize(
    ("content", "advice"),
    [
        ("# from a study\nID,Sex\n1,F\n", "above the line of column names"),
        ("ID,Sex\n1,F,\n", "at the ends of lines"),
        ("ID,Sex\n1,p1,F\n", "row.names = FALSE"),
        ("ID,Sex\n1,F\n2,p2,F\n", "quotation marks"),
        ("ID,Sex,Age\n1,F\n", "n/a"),
    ],
)
def test_the_advice_for_a_ragged_row_is_for_its_likely_cause(tmp_path, content, advice):
    assert advice in refusal(write(tmp_path, content)).advice


def test_unnamed_columns(tmp_path):
    table = read_table(write(tmp_path, ",ID,\n0,a,\n1,b,\n,,\n"))
    assert list(table.frame.columns) == ["column 1", "ID"]
    assert table.readings == ["1 empty row skipped", "column 1 has no name"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "COH-104"),
        (b"\n\n\n", "COH-104"),
        (b"ID,Age\n", "COH-104"),
        (b"ID,Age,Age\n1,2,3\n", "COH-106"),
        (b'ID,Age\n1,"2\n3,4\n', "COH-108"),
        (b'ID,Age\n1,"2"3\n', "COH-108"),
        (b"ID,Age\n1,\x00\n", "COH-103"),
        (b"ID,Age\n1,\x1b[31m\n", "COH-103"),
        (b"ID,Gr\x81\n1,2\n", "COH-103"),
        (b"PK\x03\x04 and so on", "COH-103"),
        (b"\x1f\x8b\x08", "COH-103"),
        (bytes(range(256)) * 20, "COH-103"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, content, code):
    assert refusal(write(tmp_path, content)).code == code


def test_files_that_are_none(tmp_path):
    assert refusal(tmp_path / "absent.csv").code == "COH-101"
    assert refusal(tmp_path).code == "COH-101"
    os.mkfifo(tmp_path / "pipe.csv")
    assert refusal(tmp_path / "pipe.csv").code == "COH-101"


def test_bounds(tmp_path, monkeypatch):
    path = write(tmp_path, "ID,Age\n" + "1,2\n" * 100)
    assert refusal(path, max_bytes=100).code == "COH-102"
    assert len(read_table(path, max_bytes=407).frame) == 100
    for name, bound in (("MAX_LINES", 100), ("MAX_CELLS", 100), ("MAX_LINE", 5)):
        with monkeypatch.context() as patch:
            patch.setattr(tables, name, bound)
            assert refusal(path).code == "COH-102"


def test_a_newline_bomb_is_refused_quickly(tmp_path):
    assert refusal(write(tmp_path, b"ID\n" + b"\n" * (tables.MAX_LINES + 1))).code == "COH-102"


def test_a_cell_without_end_is_refused(tmp_path):
    assert refusal(write(tmp_path, 'ID,Age\n1,"' + "x" * 200_000)).code == "COH-108"


def test_a_missing_column_names_the_nearest(tmp_path):
    table = read_table(write(tmp_path, "ID,M/F\n1,F\n"))
    with pytest.raises(CohortError, match=r"cohort\.demographics") as caught:
        table.column("m_f", "cohort.demographics")
    assert caught.value.code == "COH-107"
    assert caught.value.advice == "did you mean 'M/F'?"


@pytest.mark.parametrize(
    ("text", "blanks"),
    [("ID dx\np1 AD\np2 HC\n", True), ("Subject ID\np1\np2\n", False), ("ID,dx\np 1,A D\n", False)],
)
def test_blanks_between_cells_are_named(tmp_path, text, blanks):
    with pytest.raises(CohortError) as caught:
        read_table(write(tmp_path, text)).column("age", "cohort.demographics")
    assert ("blanks part no columns" in str(caught.value.advice)) == blanks


def test_the_cap_is_what_the_documentation_says():
    assert tables.MAX_BYTES == 1024**3


def test_a_header_that_was_quoted_as_a_formula_is_read_as_it_was(tmp_path):
    path = write(tmp_path, "id\t'-log10p\t'name'\t-1.5\n'=1\t2\t3\t4\n", "features.tsv")
    assert read_table(path).records() == [{"id": "'=1", "-log10p": "2", "'name'": "3", "-1.5": "4"}]
