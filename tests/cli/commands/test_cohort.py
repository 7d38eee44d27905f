"""`normwise cohort from-dicom`: a dataset that a study reads at once, and nothing of headers but facts."""

from __future__ import annotations

import csv

import pytest

from dicoms import SECRET, phantom, write_series
from normwise.cli.commands.cohort import labels_of
from normwise.cli.main import main
from normwise.errors import CommandError

pytest.importorskip("dcm2niix", reason="needs the dcm2niix program of the extra [brain]")


def rows_of(path):
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines(), delimiter="\t"))


@pytest.fixture
def people(tmp_path):
    folder = tmp_path / "dicom"
    write_series(folder / "p01" / "t1", series="1")
    write_series(folder / "p01" / "t2", series="2", EchoTime=90)
    write_series(folder / "p02", phantom() + 5, series="3", PatientAge="081Y", PatientSex="M", PatientID="B7")
    write_series(folder / "p03", series="4", keep=range(3))
    return folder


def test_the_table_the_images_and_the_refusals(people, tmp_path, capsys):
    out = tmp_path / "out" / "participants.tsv"
    assert main(["cohort", "from-dicom", str(people), "--out", str(out), "-j", "1"]) == 1
    assert [(row["participant_id"], row["age"], row["sex"]) for row in rows_of(out)] == [
        ("sub-p01", "70", "F"),
        ("sub-p02", "81", "M"),
    ]
    refused = {row["folder"]: row["code"] for row in rows_of(out.parent / "refused.tsv")}
    assert refused == {"p01/t2": "IMG-716", "p03": "IMG-713"}
    shown = capsys.readouterr().err
    assert "series: 3 of 3," in shown
    assert "failed" not in shown
    written = b"".join(path.read_bytes() for path in out.parent.rglob("*") if path.is_file())
    names = " ".join(str(path) for path in out.parent.rglob("*"))
    for secret in (SECRET, "19510203", "20210405", "B7"):
        assert secret not in names
        assert secret.encode() not in written
    assert not list(out.parent.glob(".dicom*"))


def test_a_study_reads_it_at_once(people, tmp_path):
    out = tmp_path / "out" / "participants.tsv"
    main(["cohort", "from-dicom", str(people), "--out", str(out), "-j", "1", "--quiet"])
    from normwise.cohort import read_cohort, read_study

    study = read_study(out.parent, {"cohort.demographics": ["age", "sex"]})
    cohort = read_cohort(study, labelled=False)
    assert cohort.frame["age"].to_list() == [70.0, 81.0]
    assert cohort.images is not None


def test_ids_from_the_patient_only_when_asked(people, tmp_path):
    out = tmp_path / "out" / "participants.tsv"
    words = ["cohort", "from-dicom", str(people), "--out", str(out), "-j", "1", "--quiet"]
    assert main([*words, "--ids", "patient"]) == 1
    assert [row["participant_id"] for row in rows_of(out)] == [f"sub-{SECRET}", "sub-B7"]
    assert (out.parent / rows_of(out)[1]["image"]).is_file()
    assert main(words) == 2  # the table is there
    assert main([*words, "--ids", "number", "--overwrite"]) == 1
    assert [row["participant_id"] for row in rows_of(out)] == ["sub-0001", "sub-0002"]


def test_nobody_usable_is_refused_with_the_reasons_written(people, tmp_path, capsys):
    out = tmp_path / "out" / "participants.tsv"
    assert main(["cohort", "from-dicom", str(people / "p03"), "--out", str(out)]) == 2
    text = capsys.readouterr().err
    assert "CLI-214" in text
    assert "IMG-713" in text
    assert not out.exists()
    assert [row["code"] for row in rows_of(out.parent / "refused.tsv")] == ["IMG-713"]


def test_two_names_with_one_label():
    with pytest.raises(CommandError) as caught:
        labels_of(["p_1", "p-1"])
    assert caught.value.code == "CLI-213"


def test_an_absent_folder(tmp_path, capsys):
    assert main(["cohort", "from-dicom", str(tmp_path / "absent"), "--out", str(tmp_path / "x.tsv")]) == 2
    assert "CLI-212" in capsys.readouterr().err
