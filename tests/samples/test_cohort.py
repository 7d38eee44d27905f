"""The cohort on disk: complete, the same bytes every time, resumed, and never mixed with something else."""

import csv
import json
import tomllib

import pytest

from normwise.errors import SampleError
from normwise.files import sha256_file
from normwise.images import read_volume
from normwise.samples import simulate_cohort


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    folder = tmp_path_factory.mktemp("samples") / "cohort"
    simulate_cohort(folder, people=12, seed=5)
    return folder


def hashes(folder):
    return {
        path.relative_to(folder).as_posix(): sha256_file(path) for path in folder.rglob("*") if path.is_file()
    }


def test_every_person_of_the_table_has_a_scan_and_a_truth(cohort):
    study = tomllib.loads((cohort / "study.toml").read_text())
    rows = list(csv.DictReader((cohort / "participants.tsv").read_text().splitlines(), delimiter="\t"))
    truth = {person["name"]: person for person in json.loads((cohort / "truth.json").read_text())["people"]}
    assert len(rows) == 12
    for row in rows:
        path = cohort / study["cohort"]["images"].format(**row)
        assert read_volume(path).spacing == (2.0, 2.0, 2.0)
        person = truth[row["participant_id"]]
        assert (str(person["age"]), person["sex"], person["diagnosis"]) == (
            row["age"],
            row["sex"],
            row["diagnosis"],
        )


def test_the_table_is_described_column_by_column(cohort):
    header = (cohort / "participants.tsv").read_text().splitlines()[0].split("\t")
    assert list(json.loads((cohort / "participants.json").read_text())) == header
    assert json.loads((cohort / "dataset_description.json").read_text())["DatasetType"] == "derivative"


def test_the_same_seed_gives_the_same_bytes(cohort, tmp_path):
    simulate_cohort(tmp_path / "again", people=12, seed=5)
    assert hashes(tmp_path / "again") == hashes(cohort)


def test_a_cohort_left_half_done_is_completed(cohort, tmp_path):
    simulate_cohort(tmp_path / "half", people=12, seed=5)
    (tmp_path / "half" / "study.toml").unlink()
    scans = sorted((tmp_path / "half").rglob("*.nii.gz"))
    scans[3].unlink()
    kept = scans[4].stat().st_mtime_ns
    simulate_cohort(tmp_path / "half", people=12, seed=5)
    assert hashes(tmp_path / "half") == hashes(cohort)
    assert scans[4].stat().st_mtime_ns == kept


@pytest.mark.parametrize(("people", "seed"), [(13, 5), (12, 6)])
def test_another_cohort_is_not_mixed_in(cohort, people, seed):
    before = hashes(cohort)
    with pytest.raises(SampleError) as caught:
        simulate_cohort(cohort, people=people, seed=seed)
    assert caught.value.code == "SAM-103"
    assert hashes(cohort) == before


def test_a_folder_with_something_else_is_refused(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(SampleError) as caught:
        simulate_cohort(tmp_path, people=12)
    assert caught.value.code == "SAM-102"
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]
