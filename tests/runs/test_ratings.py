"""Whoever was rated out leaves the next run of the folder, with the reason; a damaged file stops it."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluated import study_of
from normwise.cli.main import main
from normwise.cohort import read_cohort, study_to_toml
from normwise.errors import NormwiseWarning, RunError
from normwise.run_folder import RunFolder
from normwise.runs import Rating, apply_ratings, prepare_run, read_ratings, write_ratings


def test_ratings_are_read_as_they_were_written(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    assert read_ratings(run) == {}
    ratings = {
        "p 1": Rating("exclude", " moved,\n\ttwice "),
        "p2": Rating("keep"),
        "ü": Rating("exclude", '=1+1 "x"'),
    }
    write_ratings(run, ratings)
    assert read_ratings(run) == ratings
    assert read_ratings(run)["p 1"].note == "moved, twice"
    assert (tmp_path / "ratings.tsv").read_text("utf-8").splitlines()[:2] == [
        "id\trating\tnote",
        "p 1\texclude\tmoved, twice",
    ]
    assert "'=1+1" in (tmp_path / "ratings.tsv").read_text("utf-8")
    write_ratings(run, {})
    assert not (tmp_path / "ratings.tsv").exists()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "id\tnote\np1\tx\n",
        "id\trating\tnote\np1\tmaybe\tx\n",
        "id\trating\tnote\np1\tkeep\nx\n",
        "id\trating\np1\tkeep\np1\texclude\n",
        b"id\trating\n\xff\tkeep\n",
    ],
)
def test_what_is_no_rating_is_refused(content: str | bytes, tmp_path: Path) -> None:
    (tmp_path / "ratings.tsv").write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(RunError, match="RUN-105"):
        read_ratings(RunFolder(tmp_path))


def test_hand_written_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "ratings.tsv").write_bytes(b"\xef\xbb\xbfid\trating\r\np1\texclude\r\n\r\np2\tkeep\r\n")
    assert read_ratings(RunFolder(tmp_path)) == {"p1": Rating("exclude"), "p2": Rating("keep")}


def test_the_excluded_leave_with_their_note_and_nobody_else(tmp_path: Path) -> None:
    study, run = study_of(tmp_path / "cohort"), RunFolder(tmp_path / "run")
    write_ratings(run, {"p000x": Rating("keep"), "p003x": Rating("exclude", "moved")})
    prepared = prepare_run(study, run.path, purpose="evaluate", cache_dir=tmp_path / "cache")
    everybody = read_cohort(study)
    gone = set(everybody.frame.index) - set(prepared.cohort.frame.index)
    assert gone == {"p003x"} == set(everybody.frame.index) - set(prepared.features.values.index)
    ledger = (run / run.COHORT).read_text("utf-8")
    assert (
        "p003x\tp003x\tAD\texcluded\tCOH-220\texcluded when the scan was looked at (ratings.tsv); moved"
        in ledger
    )
    assert prepared.cohort.readings[-1] == "ratings.tsv: 1 excluded by who looked at it (p003x)"
    write_ratings(run, {"p003x": Rating("keep", "fine")})
    again = prepare_run(study, run.path, purpose="evaluate", cache_dir=tmp_path / "cache")
    assert again.cohort.frame.equals(everybody.frame)


def test_a_rated_scan_that_the_table_lacks_is_named(tmp_path: Path) -> None:
    cohort, run = read_cohort(study_of(tmp_path / "cohort")), RunFolder(tmp_path)
    write_ratings(run, {"p003x": Rating("exclude"), "gone": Rating("exclude"), "also": Rating("keep")})
    with pytest.warns(NormwiseWarning, match="1 that the table does not hold: gone"):
        left = apply_ratings(cohort, run)
    assert len(left.frame) == len(cohort.frame) - 1


def test_the_terminal_and_the_flow_say_who_was_rated_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study, run = study_of(tmp_path / "cohort"), tmp_path / "run"
    (tmp_path / "study.toml").write_text(study_to_toml(study), "utf-8")
    arguments = ["extract", str(tmp_path / "study.toml"), str(run), "--cache", str(tmp_path / "cache")]
    assert main(arguments) == 0
    assert "ratings" not in capsys.readouterr().out
    write_ratings(RunFolder(run), {"p003x": Rating("exclude", "moved"), "p004x": Rating("exclude")})
    assert main(arguments) == 0
    assert "2 excluded in" in (printed := capsys.readouterr().out)
    assert "p003x, p004x" in printed
    assert '"code": "COH-220"' in (run / "run.json").read_text("utf-8")
    assert main([*arguments, "--overwrite"]) == 0
    assert (run / "ratings.tsv").is_file(), "what a person has written is nobody's to remove"
