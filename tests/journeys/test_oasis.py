"""The main job on real brains: people of 60 and older of OASIS-1, half to train on, half never seen."""

import csv

import pytest

from normwise.results import Evaluation, read_result

pytestmark = [pytest.mark.slow, pytest.mark.realdata, pytest.mark.timeout(1200)]

STUDY = """\
title = "OASIS-1, 60 and older"
[cohort]
root = '{root}'
table = '{table}'
id = "ID"
group = "ID"
group_pattern = '^(OAS1_\\d+)_'
images = "volumes/{{ID}}.nii.gz"
label = "CDR"
classes = {{ normal = ["0"], dementia = ["0.5", "1", "2"] }}
normal = "normal"
demographics = ["Age", "M/F"]
include = ["Age >= 60"]
sessions = "first"
[features]
extractor = "regions"
[decision]
sensitivity = 0.90
[evaluation]
folds = 5
repeats = 1
inner_folds = 3
seed = 0
"""


@pytest.fixture(scope="module")
def halves(real_data, tmp_path_factory):
    """Two studies on people who do not overlap: every second person in the table's order."""
    folder = tmp_path_factory.mktemp("oasis")
    root = real_data / "oasis1"
    text = (root / "oasis_cross-sectional.csv").read_text().splitlines()
    rows = list(csv.DictReader(text))
    people = sorted({row["ID"].rpartition("_")[0] for row in rows})
    studies = []
    for place, name in enumerate(("seen", "unseen")):
        mine = set(people[place::2])
        kept = [
            line for line, row in zip(text[1:], rows, strict=True) if row["ID"].rpartition("_")[0] in mine
        ]
        table = folder / f"{name}.csv"
        table.write_text("\n".join([text[0], *kept]) + "\n")
        (folder / f"{name}.toml").write_text(STUDY.format(root=root, table=table))
        studies.append(folder / f"{name}.toml")
    return studies


@pytest.fixture(scope="module")
def trained(normwise, halves, tmp_path_factory):
    run = tmp_path_factory.mktemp("trained") / "run"
    normwise("train", halves[0], run, "--cache", run.with_name("cache"))
    return run


def test_training_people_are_evaluated_beside_the_other_arms(normwise, halves, trained):
    ending = normwise("evaluate", halves[0], trained, "--cache", trained.with_name("cache"))
    assert "from the cache" in ending.err
    evaluation = read_result(Evaluation, trained / "evaluation.json")
    assert set(evaluation.arms) == {
        "raw",
        "normalized",
        "adjusted",
        "normalized_all",
        "appended",
        "demographics",
    }
    # Half of the people leave wide intervals: far above chance is what they can show.
    assert evaluation.arms["normalized"].auc.low > 0.5


def test_people_never_seen_are_told_apart(normwise, halves, trained, tmp_path):
    normwise("test", trained, halves[1], tmp_path / "tested")
    evaluation = read_result(Evaluation, tmp_path / "tested" / "evaluation.json")
    assert evaluation.n_people > 60
    assert not any(note.code == "EVA-102" for note in evaluation.notes)
    assert evaluation.main_arm == "adjusted"
    assert evaluation.arms["adjusted"].auc.estimate > 0.65


def test_every_row_of_the_table_is_accounted_for(trained, halves):
    table = halves[0].with_name("seen.csv").read_text().splitlines()
    rows = list(csv.DictReader((trained / "cohort.tsv").read_text().splitlines(), delimiter="\t"))
    codes = [row["code"] for row in rows]
    assert codes.count("COH-209") > 50
    assert len(rows) == len(table) - 1
    assert all(row["status"] == "included" or row["code"].startswith("COH-") for row in rows)
