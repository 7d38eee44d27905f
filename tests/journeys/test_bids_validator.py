"""What is written as BIDS has no error by the official validator, where it is installed."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dicoms import write_series
from normwise.cli.main import main
from normwise.samples import simulate_cohort

VALIDATOR = shutil.which("bids-validator-deno", path=str(Path(sys.executable).parent))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        VALIDATOR is None or importlib.util.find_spec("deno") is None,
        reason="pip install bids-validator-deno",
    ),
]


def errors_in(folder, cache):
    environment = {**os.environ, "DENO_DIR": str(cache), "NO_COLOR": "1"}
    assert VALIDATOR is not None
    done = subprocess.run(
        [VALIDATOR, "--format", "json", str(folder)],
        capture_output=True,
        env=environment,
        timeout=600,
        check=False,
    )
    issues = json.loads(done.stdout)["issues"]["issues"]
    return [(issue["code"], issue.get("location")) for issue in issues if issue["severity"] == "error"]


def test_the_simulated_cohort(tmp_path):
    simulate_cohort(tmp_path / "cohort", people=12)
    assert errors_in(tmp_path / "cohort", tmp_path / "deno") == []
    # The validator sees what is wrong.
    (tmp_path / "cohort" / "unheard.of").write_text("x")
    assert errors_in(tmp_path / "cohort", tmp_path / "deno") == [("NOT_INCLUDED", "/unheard.of")]


def test_a_dataset_from_dicom(tmp_path):
    pytest.importorskip("dcm2niix", reason="needs the dcm2niix program of the extra [brain]")
    write_series(tmp_path / "dicom" / "p01" / "t1", series="1")
    out = tmp_path / "ds" / "participants.tsv"
    assert main(["cohort", "from-dicom", str(tmp_path / "dicom"), "--out", str(out), "-j", "1", "-q"]) == 0
    assert errors_in(out.parent, tmp_path / "deno") == []


def test_a_run_with_all_that_commands_write_into_it(tmp_path):
    rows = [
        f"sub-{row:02d}\t{60 + row % 20}\t{('normal', 'AD')[row % 2]}\t{row / 7:.3f}" for row in range(40)
    ]
    (tmp_path / "ds").mkdir()
    (tmp_path / "ds" / "participants.tsv").write_text(
        "participant_id\tage\tdiagnosis\troi\n" + "\n".join(rows) + "\n"
    )
    (tmp_path / "ds" / "dataset_description.json").write_text('{"Name": "x", "DatasetDOI": "10.1/x"}')
    run = tmp_path / "run"
    words = [str(tmp_path / "ds"), str(run), "--columns", "roi", "-j", "1", "-q"]
    assert main(["train", *words, "--demographics", "age"]) == 0
    assert main(["normalize", *words, "--demographics", "age"]) == 0
    assert main(["checklist", str(run), "-q"]) == 0
    about = json.loads((run / "dataset_description.json").read_text())
    assert about["SourceDatasets"] == [{"DOI": "doi:10.1/x"}]
    assert errors_in(run, tmp_path / "deno") == []
