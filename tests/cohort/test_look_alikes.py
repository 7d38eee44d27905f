"""Names that look alike are one person, or are named."""

from __future__ import annotations

import pytest

from normwise.cohort import read_cohort, read_study
from normwise.cohort.look_alikes import join_look_alikes
from normwise.errors import NormwiseWarning


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("sub-01", "sub-01\u200b"), ("Jos\u00e9", "Jose\u0301"), ("a b", "a\u00a0b"), ("ab", "a\u00adb"),
        ("x\ufeff1", "x1"), ("k\u2060", "k"), ("k\ufe0f", "k"),
    ],
)  # fmt: skip
def test_what_nobody_sees_makes_no_other_person(one, other):
    with pytest.warns(NormwiseWarning, match="COH-306") as caught:
        assert join_look_alikes([one, "else", other]) == {other: one}
    assert ascii(other) in caught[0].message.text
    assert caught[0].message.value == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [("sub-A1", "SUB-a1"), ("A1", "\u04101"), ("P7", "\u03a17"), ("a-1", "a\u20131"), ("a1", "a\uff11")],
)
def test_what_looks_alike_is_named_and_stays_apart(one, other):
    with pytest.warns(NormwiseWarning, match="COH-307") as caught:
        assert join_look_alikes([one, other]) == {}
    assert ascii(one) in caught[0].message.text


def test_different_names_are_different(recwarn):
    assert (
        join_look_alikes(
            [
                "sub-01",
                "sub-1",
                "sub-02",
                "Jose",
                "Jos\u00e9",
                "a_1",
                "a-1",
                "\u0915\u0941",
                "\u0915",
                "\u00df",
                "b",
            ]
        )
        == {}
    )
    assert not recwarn.list


def test_both_spellings_are_one_group_of_the_cohort(tmp_path):
    (tmp_path / "participants.tsv").write_text(
        "participant_id\tdx\np1\tnormal\np1\u200b\tnormal\np2\tAD\n", encoding="utf-8"
    )
    (tmp_path / "study.toml").write_text('[cohort]\nlabel = "dx"\nsessions = "all"\n')
    with pytest.warns(NormwiseWarning, match="COH-306"):
        cohort = read_cohort(read_study(tmp_path))
    assert cohort.groups.tolist() == ["p1", "p1", "p2"]
    assert cohort.frame.index.tolist() == ["p1", "p1\u200b", "p2"]
