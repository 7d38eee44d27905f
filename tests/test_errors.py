"""What errors and warnings leave in files names no folder: folders name users and patients."""

from __future__ import annotations

import pickle

import pytest

from normwise.cohort.cohort import one_line
from normwise.errors import ImageError, NormwiseWarning, error_from_dict, without_folders
from normwise.features import FeatureTable, write_features
from normwise.results import Note


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("can't open /home/Ann Lee/mr/a.nii", "can't open a.nii"),
        ("can't open /home/Ann Lee/mr/a.nii and /data/Dr. Roe/b.nii", "can't open a.nii and b.nii"),
        ("/home/Ann Marie van Lee/x/y", "y"),
        ("C:\\Users\\Ann Lee\\a.nii", "a.nii"),
        ("~/Ann Lee/a.nii: bad", "a.nii: bad"),
        ("'/home/Ann Lee/a b.nii' is cut", "'a b.nii' is cut"),
        (
            "a.nii of /d/x.nii has 3 mm/s, see https://e.org/a/b",
            "a.nii of x.nii has 3 mm/s, see https://e.org/a/b",
        ),
        ("/d/x.nii is no km/h", "x.nii is no km/h"),
        ("/d/v1.2/x", "x"),
        ("3 and/or 4", "3 and/or 4"),
        ("<b>a</b> /", "<b>a</b> /"),
    ],
)
def test_of_a_path_the_last_name_is_left(text, left):
    assert without_folders(text) == left


def test_a_long_text_takes_no_time():
    assert len(without_folders("/a b c d e" * 20_000)) > 0


def test_what_is_written_of_an_error_names_no_folder_and_what_is_shown_does(tmp_path):
    error = ImageError(
        "IMG-101", "/ward/Ann Lee/a.nii is empty.", subject="sub-1", seen="/ward/Ann Lee/a.nii"
    )
    written = error.to_dict()
    assert (written["problem"], written["seen"]) == ("a.nii is empty.", "a.nii")
    assert error_from_dict(written).seen == "a.nii"
    assert "/ward/Ann Lee" in str(error)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_a_note_of_a_warning_names_no_folder():
    note = Note.of(
        NormwiseWarning("RUN-201", "/ward/Ann Lee/run is old", subject="/ward/Ann Lee/run", value=3)
    )
    assert note == Note("RUN-201", "run is old", "run", 3)


def test_a_reason_in_the_ledger_names_no_folder():
    assert one_line("can't read '/ward/Ann Lee/a.nii'", "copy it") == "can't read 'a.nii'; copy it"


def test_failures_beside_the_features_name_no_folder(tmp_path):
    import pandas as pd

    error = ImageError("IMG-101", "/ward/Ann/a.nii is empty.", subject="s1", seen="/ward/Ann/a.nii")
    write_features(
        FeatureTable(pd.DataFrame(index=pd.Index([], name="id")), {}, {"s1": error}, "abc"), tmp_path
    )
    assert "Ann" not in (tmp_path / "features.json").read_text()
