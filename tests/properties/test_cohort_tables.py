"""Laws of tables: what was written is read, hostile bytes never surprise, everybody is accounted for."""

from __future__ import annotations

import csv
import io
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from normwise.cohort import read_cohort, read_table
from normwise.cohort.conditions import parse_condition
from normwise.cohort.values import read_numbers
from normwise.errors import NormwiseError, NormwiseWarning
from normwise.schema import Study

CELLS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=6).map(str.strip)
TABLES = st.integers(2, 4).flatmap(
    lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=5)
)


def on_disk(content: bytes, suffix: str = ".csv"):
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"table{suffix}"
        path.write_bytes(content)
        return read_table(path)


def outcome(action):
    """What the action returns, or the code of the error it is refused with; anything else is a failure."""
    try:
        return action(), None
    except NormwiseError as error:
        return None, error.code


@given(rows=TABLES, delimiter=st.sampled_from(",;\t"), end=st.sampled_from(["\n", "\r\n", "\r"]))
def test_what_was_written_is_read(rows, delimiter, end):
    header = [f"c{place}" for place in range(len(rows[0]))]
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(
        [header, *rows]
    )
    kept = [row for row in rows if any(row)]
    content = text.getvalue().encode()
    table, code = outcome(lambda: on_disk(content))
    assert code == (None if kept else "COH-104")
    assert not kept or table.frame.to_numpy().tolist() == kept


@settings(max_examples=200)
@given(
    content=st.binary(max_size=300),
    start=st.sampled_from([b"", b"ID,Age\n", b"\xff\xfe", b"\xef\xbb\xbf", b'"']),
)
def test_hostile_bytes_are_a_table_or_a_named_error(content, start):
    table, code = outcome(lambda: on_disk(start + content))
    assert code.startswith("COH-1") if code else len(table.frame) == len(table.lines) > 0


@settings(max_examples=200)
@given(
    text=st.one_of(
        st.text(max_size=30), st.from_regex(r"[a-z/ ]{1,6} ?(==|!=|<|>=|in|not in) ?[0-9a-z,'\" ]{0,8}")
    )
)
def test_any_text_is_a_condition_or_a_named_error(text):
    condition, code = outcome(lambda: parse_condition(text))
    assert code in {None, "STU-108"}
    if condition is not None:
        condition.judge(pd.Series(["1", "a", "", "n/a"], dtype=object))


@given(values=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1), comma=st.booleans())
def test_numbers_are_read_exactly(values, comma):
    texts = [repr(value) for value in values]
    if comma:
        # A first value that can't be thousands fixes the mark.
        texts = [text.replace(".", ",") for text in [*texts, "0.5", "0.25"]]
        values = [*values, 0.5, 0.25]
    assert read_numbers("x", pd.Series(texts, dtype=object)).values.tolist() == values


AGES = st.sampled_from(["71", "71,5", "042Y", "89+", "35-40", "0Y", "", "n/a", "old", "-3"])
SEXES = st.sampled_from(["F", "f", "Male", "D", "", "n/a"])
LABELS = st.sampled_from(["0", "0.0", "1", "2", "", "n/a"])
IDS = st.sampled_from(["1", "01", "2", "3", "", "n/a"])
VISITS = st.sampled_from(["v1", "v2", "v10", ""])


@settings(max_examples=150)
@given(
    rows=st.lists(st.tuples(IDS, VISITS, AGES, SEXES, LABELS), min_size=1, max_size=12),
    sessions=st.sampled_from(["first", "all"]),
    visit=st.booleans(),
    include=st.sampled_from([[], ["Age >= 42"], ["Sex != n/a", "Age < 72"]]),
)
def test_everybody_is_accounted_for(rows, sessions, visit, include):
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", NormwiseWarning)
        path = Path(folder) / "people.tsv"
        path.write_text("\n".join("\t".join(row) for row in [("ID", "visit", "Age", "Sex", "dx"), *rows]))
        section = {
            "root": folder, "table": "people.tsv", "id": "ID", "label": "dx", "sessions": sessions,
            "session": "visit" if visit else None, "include": include, "demographics": ["Age", "Sex"],
            "classes": {"normal": ["0"], "AD": ["1"]},
        }  # fmt: skip
        cohort, code = outcome(lambda: read_cohort(Study.model_validate({"cohort": section})))
    rows = [row for row in rows if any(row)]
    assert code == (None if rows else "COH-104")
    if not rows:
        return
    assert len(cohort.ledger) == len(rows)
    out = cohort.ledger["status"] == "excluded"
    assert (~out).sum() + out.sum() == len(rows)
    assert (
        cohort.ledger.loc[out, "code"].str.fullmatch(r"COH-2\d\d") & (cohort.ledger.loc[out, "reason"] != "")
    ).all()
    assert (cohort.ledger.loc[~out, "code"] == "").all()
    assert cohort.frame.notna().all(axis=None)
    assert cohort.frame.index.is_unique
    assert set(cohort.labels) <= {"normal", "AD"}
    if sessions == "first":
        assert cohort.groups.is_unique
