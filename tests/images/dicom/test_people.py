"""Whose a file is: people are told apart by what their headers say, and only where that tells."""

from __future__ import annotations

import pytest

from dicoms import SECRET, phantom, slice_of
from normwise.errors import ImageError
from normwise.images.dicom.header import read_header
from normwise.images.dicom.people import group_by_person, identify_files, refuse_two_people


@pytest.mark.parametrize(
    ("seen", "first", "second"),
    [
        ("2 patient identifiers", {"PatientID": "A"}, {"PatientID": "B"}),
        ("2 sexes", {"PatientSex": "F"}, {"PatientSex": "M"}),
        ("2 dates of birth", {"PatientBirthDate": "19510203"}, {"PatientBirthDate": "19510204"}),
        ("ages 2.08 years further apart than the studies", {"PatientAge": "070Y"}, {"PatientAge": "865M"}),
        (
            "ages 4.99 years further apart than the studies",
            {"PatientAge": "070Y"},
            {"PatientAge": "070Y", "StudyDate": "20260403"},
        ),
        (
            "ages 5 years further apart than the studies",
            {"PatientAge": "070Y", "StudyDate": None},
            {"PatientAge": "075Y", "StudyDate": None},
        ),
    ],
)
def test_two_people(header, seen, first, second):
    with pytest.raises(ImageError) as caught:
        refuse_two_people([header(**first), header(2, **second)], "p01")
    assert (caught.value.code, caught.value.seen) == ("IMG-722", seen)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({}, {}),
        ({"PatientID": " a1 "}, {"PatientID": "A1"}),
        ({"PatientID": ""}, {"PatientID": "A1"}),
        ({"PatientSex": "O"}, {"PatientSex": "M"}),
        ({"PatientBirthDate": None}, {}),
        ({"PatientAge": "070Y"}, {"PatientAge": "864M"}),
        ({"PatientAge": "070Y"}, {"PatientAge": ""}),
        ({"PatientAge": "070Y"}, {"PatientAge": "075Y", "StudyDate": "20260405"}),
    ],
)
def test_one_person(header, first, second):
    refuse_two_people([header(**first), header(2, **second)], "p01")


@pytest.fixture
def sorted_files(tmp_path):
    """Group files, each given by its elements, by person."""

    def group(**files):
        for number, (name, fields) in enumerate(files.items()):
            slice_of(phantom()[0], number, (0, 0, 0), **{"series": name, **fields}).save_as(tmp_path / name)
        (tmp_path / "z").write_bytes(b"")
        names = sorted(path.name for path in tmp_path.iterdir())
        return group_by_person(identify_files(str(tmp_path), names, "aa" * 16)["files"])

    return group


ANN, BOB = {"PatientID": "A", "StudyInstanceUID": "1.1"}, {"PatientID": "B", "StudyInstanceUID": "1.2"}
LOST = {"PatientID": "", "StudyInstanceUID": "1.3"}


@pytest.mark.parametrize(
    ("files", "people", "undecided"),
    [
        ({"a": ANN, "b": BOB, "c": ANN}, [["a", "c"], ["b"]], []),
        # Two studies of one person.
        ({"a": ANN, "b": {**ANN, "StudyInstanceUID": "1.9"}}, [["a", "b"]], []),
        # The study tells whose a file without an identifier is.
        ({"a": ANN, "b": BOB, "c": {**LOST, "StudyInstanceUID": "1.2"}}, [["a"], ["b", "c"]], []),
        ({"a": LOST, "b": LOST}, [["a", "b"]], []),
        ({"a": ANN, "b": LOST}, [["a"]], [["b"]]),
        ({"a": LOST, "b": {**LOST, "StudyInstanceUID": "1.4"}}, [], [["a"], ["b"]]),
        # Another sex, or date of birth, than everybody else's.
        ({"a": ANN, "b": {**LOST, "PatientSex": "M"}}, [["a"], ["b"]], []),
        ({"a": ANN, "b": {**LOST, "PatientBirthDate": "19600101"}}, [["a"], ["b"]], []),
        (
            {"a": ANN, "b": {**BOB, "PatientSex": "M"}, "c": {**LOST, "PatientSex": "M"}},
            [["a"], ["b"]],
            [["c"]],
        ),
        # What de-identification gives everybody is no identifier.
        (
            {"a": {**ANN, "PatientID": "ANONYMOUS"}, "b": {**BOB, "PatientID": "anonymous"}},
            [],
            [["a"], ["b"]],
        ),
        (
            {"a": {**ANN, "PatientID": "0"}, "b": {**BOB, "PatientID": "0", "PatientSex": "M"}},
            [["a"], ["b"]],
            [],
        ),
        # One series of two people is nobody's; a series tells whose a file without an identifier is.
        ({"a": {**ANN, "series": "s"}, "b": {**BOB, "series": "s"}, "c": ANN}, [["c"]], [["a", "b"]]),
        ({"a": {**ANN, "series": "s"}, "b": BOB, "c": {**LOST, "series": "s"}}, [["a", "c"], ["b"]], []),
        # Without an identifier of the study a date is not one person's.
        (
            {"a": {**ANN, "StudyInstanceUID": None}, "b": BOB, "c": {**LOST, "StudyInstanceUID": None}},
            [["a"], ["b"]],
            [["c"]],
        ),
    ],
)
def test_files_are_grouped_by_person(sorted_files, files, people, undecided):
    found = sorted_files(**files)
    assert (found.people, found.undecided) == (people, undecided)
    assert dict(found.others) == {"empty": 1}


def test_what_is_no_image_is_counted_and_a_cut_slice_is_its_persons(tmp_path):
    slice_of(phantom()[0], 1, (0, 0, 0)).save_as(tmp_path / "a")
    whole = (tmp_path / "a").read_bytes()
    (tmp_path / "b").write_bytes(whole[:-20])
    (tmp_path / "c").write_bytes(whole[:300])
    (tmp_path / "d").write_text("no image")
    found = group_by_person(identify_files(str(tmp_path), ["a", "b", "c", "d"], "aa" * 16)["files"])
    assert found.people == [["a", "b"]]
    assert dict(found.others) == {"damaged": 1, "not DICOM": 1}


@pytest.mark.parametrize("name", ["X07", "test0", "anon1", "日本", "00A", "nada", "patient7"])
def test_an_identifier_that_only_begins_as_none_is_one(tmp_path, name):
    slice_of(phantom()[0], 1, (0, 0, 0), PatientID=name, SpecificCharacterSet="ISO_IR 192").save_as(
        tmp_path / "a"
    )
    assert read_header(tmp_path / "a").person


@pytest.mark.parametrize(
    "name", ["0", "000", "Anonymous", "ANON", "DE-IDENTIFIED", "n/a", "No_ID", "xxx", " ", "\0"]
)
def test_an_identifier_that_is_everybodys_is_none(tmp_path, name):
    slice_of(phantom()[0], 1, (0, 0, 0), PatientID=name).save_as(tmp_path / "a")
    assert read_header(tmp_path / "a").person == ""


def test_no_identifier_is_returned(tmp_path):
    slice_of(phantom()[0], 1, (0, 0, 0)).save_as(tmp_path / "a")
    text = repr(identify_files(str(tmp_path), ["a"], "aa" * 16))
    assert not any(secret in text for secret in (SECRET, "19510203", "20210405", "2.25"))
