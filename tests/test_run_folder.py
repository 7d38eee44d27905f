"""Run folders: what lies in them, and that a result which is not what was written is noticed."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from evaluated import study_of
from normwise.cli.main import main
from normwise.errors import RunError
from normwise.evaluate import evaluate_study
from normwise.files import sha256_file
from normwise.report import read_run
from normwise.results import Picture, Pictures, RunRecord
from normwise.run_folder import RunFolder

FLIPS = 25
"""Bits flipped a file."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A whole evaluation, with a picture and a page a person."""
    folder = tmp_path_factory.mktemp("evaluated")
    run = RunFolder(folder / "run")
    evaluate_study(study_of(folder / "study"), run.path, people=True)
    run.write(f"{run.PICTURE_FOLDER}/p000x_mask.png", b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    run.write_result(
        run.PICTURES, Pictures([Picture("p000x", "mask", "pictures/p000x_mask.png", "Mask", "A mask")])
    )
    return run


def results_in(run: RunFolder) -> list[str]:
    listed = json.loads((run / run.RECORD).read_bytes())["digests"]
    return sorted(listed)


def read_run_record(run: RunFolder) -> RunRecord:
    return run.read_result(RunRecord, run.RECORD)


def test_every_result_has_its_digest(run: RunFolder) -> None:
    digests = json.loads((run / run.RECORD).read_bytes())["digests"]
    assert set(digests) == {
        "cohort.tsv", "dataset_description.json", "evaluation.json", "explanation.json", "features.json",
        "features.tsv", "people.json", "pictures.json", "pictures/p000x_mask.png", "predictions.tsv",
        "run.json", "study.toml",
    }  # fmt: skip
    run.check()
    for name in set(digests) - {"run.json"}:
        assert digests[name] == sha256_file(run / name)


def test_every_flipped_bit_is_noticed_by_report(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(run), "--quiet"]) == 0
    draw, silent = random.Random(0), []
    for name in results_in(run):
        path = run / name
        whole = path.read_bytes()
        for _ in range(FLIPS):
            place, bit = draw.randrange(len(whole)), draw.randrange(8)
            damaged = bytearray(whole)
            damaged[place] ^= 1 << bit
            path.write_bytes(damaged)
            code = main(["report", str(run), "--quiet"])
            said = capsys.readouterr().err
            # A record that is no JSON any more is no record, which has a code of its own.
            if code != 2 or not said.startswith(("RUN-101", "REP-102")) or name not in said:
                silent.append((name, place, bit, said))
        path.write_bytes(whole)
    assert silent == []
    assert main(["report", str(run), "--quiet"]) == 0


@pytest.mark.parametrize("verb", ["checklist", "compare"])
def test_other_readers_notice_too(
    run: RunFolder, verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = run / run.PREDICTIONS
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"0.1", b"0.2", 1))
    runs = [str(run)] if verb == "checklist" else [str(run), str(run), "--out", str(tmp_path)]
    assert main([verb, *runs]) == 2
    assert "RUN-101" in capsys.readouterr().err
    path.write_bytes(whole)


def test_a_result_that_is_gone_is_named(run: RunFolder, tmp_path: Path) -> None:
    path = run / run.EXPLANATION
    path.rename(tmp_path / "elsewhere")
    for read in (lambda: run.read(run.EXPLANATION), run.check, lambda: read_run(run.path)):
        with pytest.raises(RunError) as caught:
            read()
        assert caught.value.code == "RUN-102"
        assert str(path) in str(caught.value)
    (tmp_path / "elsewhere").rename(path)


@pytest.mark.parametrize("field", ["digests", "schema_version"])
def test_digests_can_not_be_hidden(run: RunFolder, field: str) -> None:
    whole = (run / run.RECORD).read_bytes()
    (run / run.RECORD).write_bytes(whole.replace(f'"{field}"'.encode(), b'"other"'))
    with pytest.raises(RunError) as caught:
        read_run(run.path)
    assert caught.value.code == "RUN-101"
    (run / run.RECORD).write_bytes(whole)


def test_a_run_without_digests_is_read(run: RunFolder) -> None:
    whole = (run / run.RECORD).read_bytes()
    record = json.loads(whole)
    del record["digests"]
    (run / run.RECORD).write_text(json.dumps({**record, "schema_version": 1}))
    assert read_run(run.path).record.n_included == 120
    (run / run.RECORD).write_bytes(whole)


def test_a_result_written_later_gets_its_digest_and_others_keep_theirs(run: RunFolder) -> None:
    evaluation, explanation = (run / run.EVALUATION).read_bytes(), run.read(run.EXPLANATION)
    (run / run.EVALUATION).write_bytes(evaluation[:-2])
    run.write(run.EXPLANATION, explanation.replace(b"{", b"{ ", 1))
    run.read(run.EXPLANATION)
    run.write_record(read_run_record(run))
    with pytest.raises(RunError, match=r"not what was written") as caught:
        run.check()
    assert caught.value.subject == str(run / run.EVALUATION)
    (run / run.EVALUATION).write_bytes(evaluation)
    run.write(run.EXPLANATION, explanation)
    run.check()


def test_a_damaged_record_is_replaced_by_the_next_command(run: RunFolder) -> None:
    record, whole = read_run_record(run), (run / run.RECORD).read_bytes()
    (run / run.RECORD).write_bytes(whole[:-9])
    with pytest.raises(RunError):
        run.read(run.EVALUATION)
    run.write_record(record)
    run.check()
    assert (run / run.RECORD).read_bytes() == whole


def test_a_removed_result_is_not_missed(tmp_path: Path, run: RunFolder) -> None:
    record = read_run_record(run)
    other = RunFolder(tmp_path)
    other.write(other.FEATURE_MATRIX, b"rows")
    other.write_record(record)
    assert set(results_in(other)) == {"features.npy", "run.json"}
    other.remove(other.FEATURE_MATRIX)
    assert results_in(other) == ["run.json"]
    other.check()


def test_a_folder_with_a_users_files_is_never_marked(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    run = RunFolder(tmp_path)
    run.begin()
    assert (run.is_run, run.other_files()) == (False, ["letter.txt"])
    run.begin(beside=("letter.txt",))
    assert (run.is_run, run.other_files()) == (True, [])


def test_clearing_leaves_cache_logs_and_a_users_files(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    stays = {".normwise", ".cache/a", "logs/a", "notes.txt"}
    goes = {*run.RESULTS, *run.PAGES_AND_COPIES} - {run.MODEL, run.FIGURES, run.PICTURE_FOLDER}
    for name in (*stays, *goes, "model/a", "figures/a", "pictures/a"):
        (run / name).parent.mkdir(parents=True, exist_ok=True)
        (run / name).touch()
    run.clear()
    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()} == stays


def test_what_a_killed_command_left_half_written_is_removed(tmp_path):
    run = RunFolder(tmp_path)
    run.begin()
    run.write("pictures/a.png", b"whole")
    left = [
        ".report-c1b81eea.part.html",
        "pictures/.a-00000000.part.png",
        "model/.manifest-0123abcd.part.json",
    ]
    stays = [".notes-mine.part", "a-c1b81eea.part.html", "pictures/a.png", ".cache/.x-c1b81eea.part"]
    for name in (*left, *stays):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"half")
    run.begin()
    assert not any((tmp_path / name).exists() for name in left)
    assert all((tmp_path / name).exists() for name in stays)


def test_nothing_is_removed_from_a_folder_that_is_no_run(tmp_path):
    (tmp_path / ".report-c1b81eea.part.html").write_bytes(b"mine")
    (tmp_path / "thesis.doc").write_bytes(b"mine")
    RunFolder(tmp_path).begin()
    assert len(list(tmp_path.iterdir())) == 2


def test_two_that_mark_a_folder_at_once_share_one_marker(tmp_path, monkeypatch):
    run = RunFolder(tmp_path / "run")
    run.mark()
    held = (run / run.MARKER).stat().st_ino
    monkeypatch.setattr(RunFolder, "is_run", False)  # seen before the first was there
    monkeypatch.setattr(RunFolder, "other_files", lambda *_: [])
    run.mark()
    assert (run / run.MARKER).stat().st_ino == held
    assert (run / run.MARKER).read_bytes() == run.MARK
