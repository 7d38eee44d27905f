"""`normwise cohort from-dicom`: a dataset that a study reads at once, and nothing of headers but facts."""

from __future__ import annotations

import csv
import tarfile

import pytest

from dicoms import SECRET, phantom, write_series
from normwise.cli.dicom_people import labels_of
from normwise.cli.main import main
from normwise.errors import CommandError, ImageError
from normwise.images import read_volume

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


def test_two_folders_of_one_patient_cost_the_second_and_nobody_else(people, tmp_path):
    write_series(
        people / "p04", phantom() + 9, series="5", PatientAge="082Y", PatientSex="M", PatientID="B-7"
    )
    out = tmp_path / "out" / "participants.tsv"
    assert main(["cohort", "from-dicom", str(people), "--out", str(out), "-j", "1", "--ids", "patient"]) == 1
    assert [(row["participant_id"], row["age"]) for row in rows_of(out)] == [
        (f"sub-{SECRET}", "70"),
        ("sub-B7", "81"),
    ]
    refused = {row["folder"]: row for row in rows_of(out.parent / "refused.tsv")}
    assert refused["0004"]["code"] == "CLI-213"
    assert "0002" in refused["0004"]["reason"]


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


def test_every_series_is_named_in_a_table(people, tmp_path):
    out = tmp_path / "out" / "participants.tsv"
    main(["cohort", "from-dicom", str(people), "--out", str(out), "-j", "1", "--quiet"])
    rows = rows_of(out.parent / "series.tsv")
    assert [(row["participant_id"], row["folder"], row["outcome"]) for row in rows] == [
        ("sub-p01", "p01/t1", "chosen"),
        ("sub-p01", "p01/t2", "refused"),
        ("sub-p02", "p02", "chosen"),
        ("n/a", "p03", "refused"),
    ]
    assert (rows[0]["contrast"], rows[0]["contrast_from"]) == (
        "T1-weighted",
        "TR 2300, TE 2.5 ms: the times of MPRAGE",
    )
    assert (rows[1]["contrast"], rows[1]["slices"], rows[1]["days"]) == ("T2-weighted", "20", "0")


@pytest.mark.parametrize("ids", ["number", "patient"])
def test_no_name_of_a_folder_is_written_or_shown_where_ids_are_others(tmp_path, capsys, ids):
    folder = tmp_path / "dicom"
    fields = {"Manufacturer": "Manfred Maker 1951", "ManufacturerModelName": "Molly Model", "PatientID": "B7"}
    write_series(folder / "Jane Doe" / "Jane head", series="1", **fields)
    write_series(folder / "Jane Doe" / "Jane neck", series="2", EchoTime=90, **fields)
    write_series(folder / "John Roe" / "John head", series="3", keep=range(3))
    (folder / "Max Moe.zip").write_bytes(b"no zip")
    (folder / "Tim Toe").mkdir()
    out = tmp_path / "out" / "participants.tsv"
    words = ["cohort", "from-dicom", str(folder), "--out", str(out), "-j", "1", "--ids", ids]
    assert main(words) == 1
    captured = capsys.readouterr()
    written = b"".join(path.read_bytes() for path in out.parent.rglob("*") if path.is_file())
    names = " ".join(str(path.relative_to(tmp_path)) for path in out.parent.rglob("*"))
    seen = written.decode("latin1") + names + captured.out + captured.err
    for secret in ("Jane", "Doe", "John", "Roe", "Moe", "Toe", "Manfred", "Molly", "1951", SECRET):
        assert secret not in seen, secret
    [person] = rows_of(out)
    assert (person["manufacturer"], person["model"]) == ("n/a", "n/a")
    refused = [(row["folder"], row["code"]) for row in rows_of(out.parent / "refused.tsv")]
    assert refused == [("0001/2", "IMG-716"), ("0002/1", "IMG-713"), ("0003", "IMG-701"), ("0004", "IMG-700")]
    assert {row["folder"] for row in rows_of(out.parent / "series.tsv")} == {"0001/1", "0001/2", "0002/1"}


def test_a_folders_name_is_no_formula_of_a_spreadsheet(tmp_path):
    write_series(tmp_path / "dicom" / "=1+cmd", series="1", keep=range(3))
    out = tmp_path / "out" / "participants.tsv"
    assert (
        main(["cohort", "from-dicom", str(tmp_path / "dicom"), "--out", str(out), "-j", "1", "--quiet"]) == 2
    )
    assert [row["folder"] for row in rows_of(out.parent / "refused.tsv")] == ["'=1+cmd"]


def test_loose_files_beside_people_are_read_or_named(people, tmp_path, capsys):
    write_series(people, phantom() + 9, series="5", PatientID="C8", PatientAge="066Y")
    (people / "list.csv").write_text("p01,70")
    (people / "p04.7z").write_bytes(b"7z")
    (people / "cut.dcm").write_bytes(next((people / "p02").iterdir()).read_bytes()[:300])
    (tmp_path / "elsewhere").write_text("no image")
    (people / "out.dcm").symlink_to(tmp_path / "elsewhere")
    out = tmp_path / "out" / "participants.tsv"
    assert main(["cohort", "from-dicom", str(people), "--out", str(out), "-j", "1"]) == 1
    assert [(row["participant_id"], row["age"]) for row in rows_of(out)] == [
        ("sub-p01", "70"), ("sub-p02", "81"), ("sub-0004", "66"),
    ]  # fmt: skip
    [row] = [row for row in rows_of(out.parent / "refused.tsv") if row["folder"] == "."]
    assert (row["slices"], row["code"]) == ("4", "CLI-215")
    assert row["reason"].endswith(
        "1 archives that were not unpacked, 1 damaged, 1 links that lead out of it, 1 not DICOM"
    )
    assert "CLI-215" in capsys.readouterr().err


@pytest.mark.parametrize(("suffix", "mode"), [(".tar", "w"), (".tar.gz", "w:gz"), (".tgz", "w:gz")])
def test_an_archive_is_a_person(tmp_path, suffix, mode):
    (tmp_path / "dicom").mkdir()
    with tarfile.open(tmp_path / "dicom" / f"p_07{suffix}", mode) as archive:
        archive.add(write_series(tmp_path / "made"), "made")
    out = tmp_path / "out" / "participants.tsv"
    assert (
        main(["cohort", "from-dicom", str(tmp_path / "dicom"), "--out", str(out), "-j", "1", "--quiet"]) == 0
    )
    assert [row["participant_id"] for row in rows_of(out)] == ["sub-p07"]


def test_one_person_in_two_folders_is_said(tmp_path, capsys):
    write_series(tmp_path / "dicom" / "p01", series="1")
    write_series(tmp_path / "dicom" / "p02", series="2")
    write_series(tmp_path / "dicom" / "p03", series="3", PatientID="B7")
    out = tmp_path / "out" / "participants.tsv"
    assert main(["cohort", "from-dicom", str(tmp_path / "dicom"), "--out", str(out), "-j", "1"]) == 0
    text = capsys.readouterr().err
    assert "CLI-216  p01, p02: 2 sources have one PatientID" in text
    assert SECRET not in text


@pytest.fixture
def flat(tmp_path):
    """Three people's files in one folder, one of them in two visits and above 89."""
    folder = tmp_path / "flat"
    for number, (age, sex) in enumerate([("060Y", "F"), ("089Y", "M"), ("095Y", "F")]):
        fields = {"PatientAge": age, "PatientSex": sex, "StudyInstanceUID": f"1.2.{number}"}
        write_series(folder, phantom() + number, series=f"{number}", PatientID=f"Zq{number}x", **fields)
    later = {"StudyInstanceUID": "1.2.9", "StudyDate": "20220505", "PatientAge": "061Y"}
    write_series(folder, phantom() + 9, series="9", PatientID="Zq0x", PatientSex="F", **later)
    return folder


@pytest.mark.parametrize("ids", ["folder", "patient"])
def test_a_flat_export_becomes_one_participant_a_person_and_a_session_a_visit(flat, tmp_path, capsys, ids):
    out = tmp_path / "out" / "participants.tsv"
    words = ["cohort", "from-dicom", str(flat), "--out", str(out), "-j", "1", "--ids", ids]
    assert main(words) == 0
    captured = capsys.readouterr()
    names = ["0001", "0002", "0003"] if ids == "folder" else ["Zq0x", "Zq1x", "Zq2x"]
    assert [(row["participant_id"], row["age"], row["sex"]) for row in rows_of(out)] == [
        (f"sub-{name}", age, sex) for name, age, sex in zip(names, ["60", "89", "90"], "FMF", strict=True)
    ]
    first = f"sub-{names[0]}"
    sessions = rows_of(out.parent / first / f"{first}_sessions.tsv")
    assert [(row["session_id"], row["age"], row["days"]) for row in sessions] == [
        ("ses-1", "60", "0"), ("ses-2", "61", "395"),
    ]  # fmt: skip
    least = [read_volume(out.parent / row["image"]).voxels.min() for row in [*sessions, *rows_of(out)]]
    assert least == [0, 9, 0, 1, 2]
    assert {row["outcome"] for row in rows_of(out.parent / "series.tsv")} == {"chosen"}
    assert "visits      4;" in captured.out
    assert ("told apart  3 people" in captured.out) == (ids == "folder")
    written = b"".join(path.read_bytes() for path in out.parent.rglob("*") if path.is_file()).decode("latin1")
    for secret in (SECRET, "19510203", "2021", "2022", "95", *(["Zq"] if ids == "folder" else [])):
        assert secret not in written.replace("395", "") + captured.out + captured.err, secret


def test_a_study_reads_the_visits_of_a_flat_export(flat, tmp_path):
    from normwise.cohort import read_cohort, read_study

    out = tmp_path / "out" / "participants.tsv"
    main(["cohort", "from-dicom", str(flat), "--out", str(out), "-j", "1", "--quiet"])
    keys = {"cohort.demographics": ["age", "sex"], "cohort.sessions": "all"}
    cohort = read_cohort(read_study(out.parent, keys), labelled=False)
    assert cohort.frame["age"].to_list() == [60.0, 61.0, 89.0, 90.0]
    assert len(set(cohort.groups)) == 3


def test_a_visit_that_is_gone_leaves_no_image(flat, tmp_path):
    out = tmp_path / "out" / "participants.tsv"
    words = ["cohort", "from-dicom", str(flat), "--out", str(out), "-j", "1", "--quiet", "--overwrite"]
    main(words)
    for path in flat.glob("9-*.dcm"):
        path.unlink()
    main(words)
    assert len(list(out.parent.rglob("*_T1w.nii.gz"))) == 3
    assert not list(out.parent.rglob("*_sessions.tsv"))


def test_loose_files_that_may_be_anybodys_are_refused_and_cost_nobody_else(flat, tmp_path, capsys):
    nothing = {"PatientID": "", "PatientBirthDate": None, "PatientSex": "", "PatientAge": ""}
    write_series(flat, series="8", StudyInstanceUID="1.2.8", **nothing)
    out = tmp_path / "out" / "participants.tsv"
    assert main(["cohort", "from-dicom", str(flat), "--out", str(out), "-j", "1"]) == 1
    assert len(rows_of(out)) == 3
    [row] = rows_of(out.parent / "refused.tsv")
    assert (row["folder"], row["slices"], row["code"]) == (".", "20", "CLI-217")
    assert "CLI-217" in capsys.readouterr().err


def test_two_people_of_one_patient_identifier_are_refused_alone(flat, tmp_path):
    write_series(flat, series="8", PatientID="Zq1x", StudyInstanceUID="1.2.8", PatientSex="F")
    out = tmp_path / "out" / "participants.tsv"
    assert main(["cohort", "from-dicom", str(flat), "--out", str(out), "-j", "1", "--quiet"]) == 1
    assert [row["age"] for row in rows_of(out)] == ["60", "90"]
    assert [row["code"] for row in rows_of(out.parent / "refused.tsv")] == ["IMG-722"]


def test_two_people_in_a_persons_folder_are_refused(tmp_path, capsys):
    for number in range(2):
        write_series(tmp_path / "dicom" / "p01", series=str(number), PatientID=f"P{number}")
    out = tmp_path / "out" / "participants.tsv"
    assert main(["cohort", "from-dicom", str(tmp_path / "dicom"), "--out", str(out), "-j", "1"]) == 2
    assert "IMG-722" in capsys.readouterr().err
    assert not out.exists()


def test_a_missing_converter_is_asked_for_first(people, tmp_path, capsys, monkeypatch):
    def absent():
        raise ImageError("IMG-720", "it is missing.", advice='type: python -m pip install "normwise[brain]"')

    monkeypatch.setattr("normwise.images.find_converter", absent)
    out = tmp_path / "out" / "participants.tsv"
    assert main(["cohort", "from-dicom", str(people), "--out", str(out)]) == 2
    captured = capsys.readouterr()
    assert "IMG-720" in captured.err
    assert "series:" not in captured.err
    assert not out.parent.exists()
