"""When things go wrong: one bad subject, a refused study, an interruption, a limit."""

import csv
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

from interrupts import obey_interrupts

pytestmark = pytest.mark.slow


@pytest.fixture
def own_cohort(cohort, tmp_path):
    """A copy of the cohort that may be damaged."""
    return shutil.copytree(cohort, tmp_path / "own")


def scan(cohort, name):
    return next((cohort / name / "anat").glob("*_T1w.nii.gz"))


def ledger(run):
    rows = csv.DictReader((run / "cohort.tsv").read_text().splitlines(), delimiter="\t")
    return {row["id"]: row for row in rows}


def test_a_damaged_image_costs_one_row_and_the_others_go_on(normwise, own_cohort, tmp_path):
    image = scan(own_cohort, "sub-003")
    content = bytearray(image.read_bytes())
    content[len(content) // 2] ^= 1  # a single flipped bit
    image.write_bytes(content)
    scan(own_cohort, "sub-005").unlink()
    ending = normwise("extract", own_cohort, tmp_path / "run", "--jobs", 2, code=1)
    assert "sub-003 was left out: IMG-" in ending.err
    rows = ledger(tmp_path / "run")
    assert len(rows) == 36
    assert rows["sub-003"]["code"].startswith("IMG-")
    assert rows["sub-005"]["code"] == "COH-214"
    assert sum(row["status"] == "included" for row in rows.values()) == 34
    features = (tmp_path / "run" / "features.tsv").read_text().splitlines()
    assert len(features) == 1 + 34


def test_a_damaged_image_gets_no_decision(normwise, own_cohort, quick, extracted, shared_cache, tmp_path):
    normwise("train", own_cohort, tmp_path / "run", *quick, "--cache", shared_cache)
    image = scan(own_cohort, "sub-003")
    image.write_bytes(image.read_bytes()[:-100])
    ending = normwise("predict", tmp_path / "run", image, "--set", "age=70", "--set", "sex=F", code=1)
    row = ending.out.splitlines()[1].split("\t")
    assert row[1] == "no decision"
    assert "IMG-" in ending.out


def test_a_refused_study_leaves_nothing_behind(normwise, cohort, tmp_path):
    ending = normwise("evaluate", cohort, tmp_path / "run", "--label", "diagnosos", code=2)
    assert ending.err.startswith(("COH-107", "STU-"))
    assert "did you mean 'diagnosis'" in ending.err
    assert ending.out == ""


def test_a_study_with_an_unknown_key_is_refused_with_a_suggestion(normwise, own_cohort, tmp_path):
    study = own_cohort / "study.toml"
    study.write_text(study.read_text().replace("demographics =", "demografics ="))
    ending = normwise("check", study, code=2)
    assert ending.err.startswith("STU-103")
    assert "demographics" in ending.err


def test_another_study_does_not_mix_into_a_run(normwise, cohort, extracted, shared_cache, tmp_path):
    shutil.copytree(extracted, tmp_path / "run")
    # Which classifier follows is nothing to an extraction.
    usual = ("--jobs", 2, "--cache", shared_cache)
    again = normwise("extract", cohort, tmp_path / "run", "--classifier", "svm", *usual)
    assert "36 from the cache" in again.err
    words = ("extract", cohort, tmp_path / "run", "--statistics", "mean")
    ending = normwise(*words, code=2)
    assert "features.statistics" in ending.err
    normwise(*words, "--overwrite", "--jobs", 2)


def test_a_run_inside_the_cohort_is_refused(normwise, own_cohort):
    ending = normwise("evaluate", own_cohort, own_cohort, "--overwrite", code=2)
    assert ending.err.startswith("CLI-201")


def test_a_time_limit_costs_the_subjects_that_pass_it(normwise, cohort, tmp_path):
    ending = normwise("extract", cohort, tmp_path / "run", "--timeout", 0.001, "--jobs", 2, code=2)
    assert "PRC-202" in ending.err
    assert {row["code"] for row in ledger(tmp_path / "run").values()} == {"ENG-201"}


def test_an_interrupted_extract_resumes(normwise, cohort, extracted, own_cache, tmp_path):
    run = tmp_path / "run"
    process = subprocess.Popen(
        [sys.executable, "-m", "normwise.cli", "extract", str(cohort), str(run), "--jobs", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        start_new_session=True,
        preexec_fn=obey_interrupts,
    )
    deadline = time.monotonic() + 300
    # A name with a dot in front is a result that is still being written.
    while len(list(own_cache.rglob("[!.]*.result"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=1000)
    assert process.returncode == 130, err
    assert "interrupted" in err
    assert "Traceback" not in err
    assert out == ""
    assert not (run / "features.tsv").exists()
    resumed = normwise("extract", cohort, run, "--jobs", 2)
    # A slow machine shows counts on the way as well; the last one is of all.
    assert 3 <= int(re.findall(r"(\d+) from the cache", resumed.err)[-1]) < 36
    assert (run / "features.tsv").read_bytes() == (extracted / "features.tsv").read_bytes()
