"""A folder that names no study is taken for what lies in it, and that is said."""

from __future__ import annotations

import re
import warnings
import zipfile
from pathlib import Path

import pytest

from normwise.cohort import read_cohort, read_study
from normwise.errors import StudyError

pytestmark = pytest.mark.filterwarnings("ignore::normwise.errors.NormwiseWarning")

PEOPLE = "ID,Age,diagnosis,note\n7,70,normal,\n71,71,AD,\n8,72,AD,x\n9,73,normal,\n"


def folder_of(place: Path, *files: str, table: str = "people.csv", text: str = PEOPLE) -> Path:
    place.mkdir(exist_ok=True)
    (place / table).write_text(text)
    for name in files:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).touch()
    return place


def taken(place: Path, says: str, **flags: str):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        study = read_study(place, {key.replace("_", ".", 1): value for key, value in flags.items()})
    assert any(re.search(says, str(each.message)) for each in caught)
    return study


def refusal(place: Path) -> StudyError:
    with pytest.raises(StudyError) as caught:
        read_study(place)
    return caught.value


@pytest.mark.parametrize(
    ("files", "pattern"),
    [
        (["7.nii.gz", "71.nii.gz", "8.nii.gz"], "{ID}.nii.gz"),
        (["mri/7/T1.mgz", "mri/71/T1.mgz"], "mri/{ID}/T1.mgz"),
        (["a/sub-7_pet.hdr", "a/sub-7_pet.img", "a/sub-8_pet.hdr", "a/sub-8_pet.img"], "a/sub-{ID}_pet.hdr"),
        (["7.svs", "8.svs", "9.svs", "7.png"], "{ID}.svs"),
        # most people's counts, and a stray one does not
        (["7.nii", "71.nii", "8.nii", "old/7.nii"], "{ID}.nii"),
        (["7.nii", "71.nii", ".hidden/7.nii"], "{ID}.nii"),
    ],
)
def test_images_called_after_people_are_found(tmp_path, files, pattern):
    study = taken(folder_of(tmp_path / "d", *files), "COH-309.*was chosen")
    assert (study.cohort.table, study.cohort.id, study.cohort.images) == ("people.csv", "ID", pattern)
    there = {str(Path(path).relative_to(tmp_path / "d")) for path in read_cohort(study).images}
    assert there <= set(files)


def test_two_kinds_of_images_are_a_question(tmp_path):
    names = [f"{person}_{kind}.nii" for person in (7, 71, 8) for kind in ("T1", "T2")]
    error = refusal(folder_of(tmp_path / "d", *names))
    assert (error.code, error.seen) == ("STU-117", "{ID}_T1.nii, {ID}_T2.nii")
    study = taken(tmp_path / "d", "COH-308", cohort_images="{ID}_T2.nii")
    assert study.cohort.images == "{ID}_T2.nii"


@pytest.mark.parametrize(("files", "found"), [(["7.nii", "8.nii"], True), (["7.nii", "x.nii"], False)])
def test_half_of_the_people_must_have_one(tmp_path, files, found):
    study = taken(folder_of(tmp_path / "d", *files), "COH-308")
    assert (study.cohort.images is not None) == found


def test_a_table_of_features_beside_that_of_people(tmp_path):
    place = folder_of(tmp_path / "d")
    (place / "volumes.tsv").write_text("ID\tinsula\n7\t1\n71\t2\n8\t3\n9\t4\n")
    (place / "other.tsv").write_text("scanner\tinsula\n7\t1\n")
    study = taken(place, "FEA-906.*volumes.tsv")
    assert (study.features.extractor, study.features.table) == ("table", ["volumes.tsv"])
    named = taken(place, "COH-308", features_columns=["note"])
    assert "table" not in named.features.model_fields_set


def test_the_table_with_the_diagnosis_is_that_of_people(tmp_path):
    place = folder_of(tmp_path / "d", text=PEOPLE.replace("diagnosis", "dx"))
    assert taken(place, "COH-308.*people.csv", cohort_label="dx").cohort.table == "people.csv"
    (place / "more.csv").write_text("ID,insula\n7,1\n")
    assert taken(place, "COH-308.*people.csv", cohort_label="dx").cohort.table == "people.csv"
    assert taken(place, "COH-308.*people.csv").cohort.label == "dx"
    (place / "others.csv").write_text(PEOPLE.replace("diagnosis", "dx"))
    error = refusal(place)
    assert (error.code, error.seen) == (
        "STU-107",
        "more.csv (ID, insula), others.csv (ID, Age, dx, note), people.csv (ID, Age, dx, note)",
    )


def test_freesurfers_subjects_are_found_under_any_name(tmp_path):
    place = folder_of(tmp_path / "d", "fs/7/stats/aseg.stats", "fs/8/stats/aseg.stats")
    study = taken(place, "FEA-906.*freesurfer")
    assert (study.features.subjects_dir, study.cohort.id) == ("fs", "ID")


@pytest.mark.parametrize(
    ("folder", "found"),
    [
        ("derivatives/freesurfer/{}", "derivatives/freesurfer"),
        ("derivatives/freesurfer/sub-{}", "derivatives/freesurfer/sub-{ID}"),
        ("derivatives/prep/sourcedata/freesurfer/sub-{}", "derivatives/prep/sourcedata/freesurfer/sub-{ID}"),
        ("sourcedata/freesurfer/{}_ses-1", "sourcedata/freesurfer/{ID}_ses-1"),
        ("{}", "."),
        ("sub-{}", "sub-{ID}"),
        ("fs/other{}", "fs"),  # whose they are is said later, of each person
    ],
)
def test_freesurfers_subjects_are_found_by_peoples_ids(tmp_path, folder, found):
    files = [f"{folder.format(person)}/stats/lh.aparc.stats" for person in (7, 71, 8, 9)]
    study = taken(folder_of(tmp_path / "d", *files), "FEA-906.*freesurfer")
    assert study.features.subjects_dir == found


def test_two_measurements_of_each_person_are_a_question(tmp_path):
    files = [f"fs/{person}_ses-{session}/stats/aseg.stats" for person in (7, 71, 8) for session in (1, 2)]
    error = refusal(folder_of(tmp_path / "d", *files))
    assert (error.code, error.seen) == ("STU-117", "fs/{ID}_ses-1, fs/{ID}_ses-2")


def test_measurements_of_sessions_are_no_question_beside_images(tmp_path):
    files = [f"sub-{person}/anat/sub-{person}_T1w.nii.gz" for person in (7, 71, 8, 9)]
    files += [f"fs/sub-{person}_ses-{ses}/stats/aseg.stats" for person in (7, 71, 8, 9) for ses in (1, 2)]
    text = PEOPLE.replace("ID", "participant_id").replace(",", "\t")
    place = folder_of(tmp_path / "d", *files, table="participants.tsv", text=text)
    assert taken(place, "COH-309.*_ses-1, fs/.*_ses-2").cohort.images == "bids"


def test_the_id_of_a_folders_table_is_found_as_of_a_table(tmp_path):
    rows = [line.split(",") for line in PEOPLE.splitlines()]
    text = "\n".join(",".join([*row[1:], row[0]]) for row in rows) + "\n"
    place = folder_of(tmp_path / "d", "fs/7/stats/aseg.stats", "fs/8/stats/aseg.stats", text=text)
    assert taken(place, "FEA-906.*freesurfer").cohort.id == "ID"


def test_images_are_chosen_before_measurements_and_that_is_said(tmp_path):
    files = [f"sub-{person}/anat/sub-{person}_T1w.nii.gz" for person in (7, 71, 8, 9)]
    files += [f"derivatives/freesurfer/sub-{person}/stats/aseg.stats" for person in (7, 71, 8, 9)]
    place = folder_of(
        tmp_path / "d",
        *files,
        table="participants.tsv",
        text=PEOPLE.replace("ID", "participant_id").replace(",", "\t"),
    )
    study = taken(place, "COH-309.*--features.subjects_dir 'derivatives/freesurfer/sub-{participant_id}'")
    assert study.cohort.images == "bids"


@pytest.mark.parametrize("table", [True, False])
def test_dicom_files_lead_to_the_command_that_makes_a_cohort_of_them(tmp_path, table):
    place = tmp_path / "d"
    (place / "7" / "series").mkdir(parents=True)
    (place / "7" / "series" / "IM1").write_bytes(bytes(128) + b"DICM")
    if table:
        error = refusal(folder_of(place))
    else:
        with pytest.raises(StudyError) as caught:
            read_study(place)
        error = caught.value
    assert error.code == "STU-116"
    assert "normwise cohort from-dicom" in error.advice


def test_dicom_files_in_an_archive_lead_there_too(tmp_path):
    with zipfile.ZipFile(tmp_path / "one.zip", "w") as archive:
        archive.writestr("series/IM1", bytes(128) + b"DICM")
    (tmp_path / "two.zip").write_bytes(b"PK\x03\x04 and nothing else")
    assert refusal(tmp_path).code == "STU-116"
    (tmp_path / "one.zip").unlink()
    error = refusal(tmp_path)
    assert (error.code, error.seen) == ("STU-107", "1 .zip")
