from __future__ import annotations

from pathlib import Path

import pytest

from normwise.cohort import read_cohort, read_study, study_to_toml
from normwise.errors import CohortError, NormwiseWarning, StudyError

PARTICIPANTS = "participant_id\tage\tsex\tdx\nsub-01\t71\tF\tnormal\nsub-02\t80\tM\tAD\n"
LABEL = {"cohort.label": "dx", "cohort.demographics": ["age", "sex"], "cohort.sessions": "all"}


def dataset(root: Path, *images: str, participants: str | None = PARTICIPANTS) -> Path:
    for image in images:
        (root / image).parent.mkdir(parents=True, exist_ok=True)
        (root / image).touch()
    root.mkdir(exist_ok=True)
    if participants is not None:
        (root / "participants.tsv").write_text(participants)
    return root


def anat(subject, *, session="", extra="", end="nii.gz"):
    folder = f"sub-{subject}/{session}/anat" if session else f"sub-{subject}/anat"
    visit = f"_{session}" if session else ""
    return f"{folder}/sub-{subject}{visit}{extra}_T1w.{end}"


def codes(cohort):
    return dict(zip(cohort.ledger["id"], cohort.ledger["code"], strict=True))


def test_a_dataset_without_sessions(tmp_path):
    root = dataset(tmp_path / "ds", anat("01"), anat("02", end="nii"), "sub-01/anat/sub-01_T2w.nii.gz")
    study = read_study(root, LABEL)
    assert study.cohort.images == "bids"
    assert study.cohort.root == root
    cohort = read_cohort(study)
    assert cohort.images.to_dict() == {
        "sub-01": str(root / anat("01")),
        "sub-02": str(root / anat("02", end="nii")),
    }
    assert cohort.groups.tolist() == ["sub-01", "sub-02"]
    assert cohort.frame["age"].tolist() == [71.0, 80.0]


def test_ids_with_and_without_the_prefix(tmp_path):
    root = dataset(tmp_path / "ds", anat("01"), anat("02"), participants=PARTICIPANTS.replace("sub-", ""))
    cohort = read_cohort(read_study(root, LABEL))
    assert cohort.frame.index.tolist() == ["sub-01", "sub-02"]
    assert "participant_id: 'sub-' put before each name, as the folders have it" in cohort.readings


def test_each_session_is_a_scan_of_its_participant(tmp_path):
    root = dataset(
        tmp_path / "ds", anat("01", session="ses-1"), anat("01", session="ses-2"), anat("02", session="ses-1")
    )
    (root / "sub-01" / "sub-01_sessions.tsv").write_text(
        "session_id\tage\tdx\tday\nses-1\t71\tn/a\t9\n2\t73\tAD\t8\nses-3\t75\tAD\t7\n"
    )
    with pytest.warns(NormwiseWarning, match="COH-305"):
        cohort = read_cohort(read_study(root, LABEL))
    assert cohort.frame["age"].to_dict() == {"sub-01_ses-1": 71.0, "sub-01_ses-2": 73.0, "sub-02_ses-1": 80.0}
    assert cohort.labels.tolist() == ["normal", "AD", "AD"]
    assert cohort.groups.tolist() == ["sub-01", "sub-01", "sub-02"]
    assert codes(cohort)["sub-01_ses-3"] == "COH-215"
    with pytest.warns(NormwiseWarning, match="COH-305"):
        first = read_cohort(read_study(root, {**LABEL, "cohort.sessions": "first"}))
    assert first.frame.index.tolist() == ["sub-01_ses-1", "sub-02_ses-1"]
    with pytest.warns(NormwiseWarning, match="COH-305"):
        by_day = read_cohort(read_study(root, {**LABEL, "cohort.sessions": "first", "cohort.session": "day"}))
    assert by_day.frame.index.tolist() == ["sub-01_ses-2", "sub-02_ses-1"]
    with pytest.raises(CohortError) as caught:
        read_cohort(read_study(root, {**LABEL, "cohort.session": "acq_time"}))
    assert caught.value.code == "COH-107"


def test_a_table_with_sessions_of_its_own(tmp_path):
    table = (
        "participant_id\tsession_id\tage\tsex\tdx\n"
        "01\t1\t71\tF\tnormal\n01\tses-2\t72\tF\tnormal\n02\t1\t80\tM\tAD\n02\t2\t81\tM\tAD\n"
    )
    scans = (anat("01", session="ses-1"), anat("01", session="ses-2"), anat("02", session="ses-1"))
    root = dataset(tmp_path / "ds", *scans, participants=table)
    cohort = read_cohort(read_study(root, LABEL))
    assert cohort.frame["age"].to_dict() == {"sub-01_ses-1": 71.0, "sub-01_ses-2": 72.0, "sub-02_ses-1": 80.0}
    assert codes(cohort)["sub-02_ses-2"] == "COH-215"
    assert cohort.images.str.contains("ses-2").tolist() == [False, True, False]


def test_nobody_is_lost_between_table_and_images(tmp_path):
    root = dataset(tmp_path / "ds", anat("01"), anat("03"), anat("04", session="ses-1"))
    cohort = read_cohort(read_study(root, LABEL))
    assert codes(cohort) == {
        "sub-01": "", "sub-02": "COH-215", "sub-03": "COH-217", "sub-04_ses-1": "COH-217",
    }  # fmt: skip
    assert cohort.frame.index.tolist() == ["sub-01"]


def test_the_first_run_is_used_and_other_choices_are_refused(tmp_path):
    root = dataset(
        tmp_path / "ds",
        anat("01", extra="_run-10"), anat("01", extra="_run-2"),
        anat("02", extra="_acq-mprage"), anat("02", extra="_acq-spgr"),
    )  # fmt: skip
    cohort = read_cohort(read_study(root, LABEL))
    assert cohort.images.to_dict() == {"sub-01": str(root / anat("01", extra="_run-2"))}
    assert any("first run" in reading for reading in cohort.readings)
    assert codes(cohort)["sub-02"] == "COH-216"
    assert "bids:acq-mprage" in cohort.ledger["reason"][1]
    chosen = read_cohort(read_study(root, {**LABEL, "cohort.images": "bids:acq-spgr"}))
    assert codes(chosen) == {"sub-01": "COH-215", "sub-02": ""}


def test_the_only_derivative_with_images(tmp_path):
    inside = "derivatives/prep/"
    root = dataset(
        tmp_path / "ds",
        *(inside + anat(s, extra="_space-MNI152NLin2009cAsym_desc-preproc") for s in ("01", "02")),
        *(inside + anat(s, extra="_desc-preproc") for s in ("01", "02")),
        "derivatives/other/sub-01/func/sub-01_bold.nii.gz",
    )
    refused = read_cohort(read_study(root, LABEL))
    assert set(codes(refused).values()) == {"COH-216"}
    for images, part in (("bids:space-MNI152NLin2009cAsym", "_space-"), ("bids:space-", "01_desc-")):
        cohort = read_cohort(read_study(root, {**LABEL, "cohort.images": images}))
        assert len(cohort.frame) == 2
        assert part in cohort.images["sub-01"]
        assert "images are those of derivatives/prep" in cohort.readings


def test_several_derivatives_must_be_chosen_from(tmp_path):
    root = dataset(tmp_path / "ds", f"derivatives/a/{anat('01')}", f"derivatives/b/{anat('02')}")
    with pytest.raises(CohortError) as caught:
        read_cohort(read_study(root, LABEL))
    assert caught.value.code == "COH-112"
    study = read_study(root / "derivatives" / "a", LABEL)
    assert study.cohort.table == str(root / "participants.tsv")
    assert read_cohort(study).frame.index.tolist() == ["sub-01"]


def test_a_study_of_a_dataset_runs_from_anywhere(tmp_path, monkeypatch):
    dataset(tmp_path / "ds", anat("01"), anat("02"))
    monkeypatch.chdir(tmp_path)
    study = read_study("ds", LABEL)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "study.toml").write_text(study_to_toml(study))
    again = read_study(tmp_path / "elsewhere" / "study.toml")
    assert again == study
    assert len(read_cohort(again).frame) == 2


def test_one_bad_sessions_file_costs_one_participant(tmp_path):
    root = dataset(tmp_path / "ds", anat("01", session="ses-1"), anat("02", session="ses-1"))
    (root / "sub-01" / "sub-01_sessions.tsv").write_text("session_id\tage\nses-1\n")
    cohort = read_cohort(read_study(root, LABEL))
    assert codes(cohort) == {"sub-01_ses-1": "COH-105", "sub-02_ses-1": ""}


def test_folders_that_are_no_dataset(tmp_path):
    with pytest.raises(StudyError) as caught:
        read_study(dataset(tmp_path / "empty", participants=None))
    assert caught.value.code == "STU-107"
    root = dataset(tmp_path / "noimages")
    assert read_study(root, LABEL).cohort.images is None  # a table of people, with features or without
    (root / "sub-01").mkdir()
    with pytest.raises(CohortError) as missing:
        read_cohort(read_study(root, LABEL))
    assert missing.value.code == "COH-113"
    tables = read_cohort(read_study(root, {**LABEL, "features.extractor": "table"}))
    assert tables.images is None
    assert len(tables.frame) == 2


def test_a_folder_with_a_study_is_that_study(tmp_path):
    (dataset(tmp_path / "ds") / "study.toml").write_text('title = "mine"\n')
    assert read_study(tmp_path / "ds").title == "mine"


def test_files_that_only_look_like_images_of_the_participant(tmp_path):
    root = dataset(
        tmp_path / "ds", anat("01"), "sub-02/anat/sub-03_T1w.nii.gz", "sub-02/anat/sub-02_T1w.nii.gz.part",
        "sub-02/anat/sub-02_label-brain_mask.nii.gz",
    )  # fmt: skip
    assert codes(read_cohort(read_study(root, LABEL))) == {"sub-01": "", "sub-02": "COH-215"}
