"""`normwise check`: counts of people and of scans, and who would be left out."""

from __future__ import annotations

import json

import nibabel as nib
import numpy as np
import pytest

from normwise.cli.main import main

ROWS = [
    (f"p{place:02d}", session, 60 + place % 20 + session, "FM"[place // 2 % 2], ("normal", "AD")[place % 2])
    for place in range(40)
    for session in (0, 2)
]  # fmt: skip


@pytest.fixture
def study(tmp_path):
    lines = [
        f"{name}_{visit}\t{name}\t{age}\t{sex}\t{dx}\t{age / 7:.3f}" for name, visit, age, sex, dx in ROWS
    ]
    lines += [f"q{place}\tq{place}\tn/a\tF\tAD\t1.0" for place in range(3)]
    lines += ["r0\tr0\t70\tF\tunknown\t1.0"]
    head = "participant_id\tperson\tage\tsex\tdx\troi\n"
    (tmp_path / "participants.tsv").write_text(head + "\n".join(lines) + "\n")
    (tmp_path / "study.toml").write_text(
        '[cohort]\nlabel = "dx"\ngroup = "person"\nsessions = "all"\ndemographics = ["age", "sex"]\n'
        'classes = { normal = ["normal"], AD = ["AD"] }\n[features]\nextractor = "table"\ncolumns = ["roi"]\n'
    )
    return tmp_path


def test_people_and_scans_are_counted_apart_and_the_worst_reason_comes_first(study, capsys):
    assert main(["check", str(study)]) == 0
    text = capsys.readouterr().out
    assert "80 of the table's 84, of 40 people" in text
    assert "normal 20 people with 40 scans (defines normal), AD 20 people with 40 scans" in text
    left = [line for line in text.splitlines() if " by COH-" in line]
    assert left[0].startswith("left out    3 rows by COH-205, as q0: age is missing")
    assert left[1].startswith("            1 row by COH-203, as r0")


def test_one_scan_each_needs_one_number(study, capsys):
    assert main(["check", str(study), "--cohort.sessions", "first"]) == 0
    assert "normal 20 (defines normal), AD 20" in capsys.readouterr().out


def test_what_leaves_too_few_is_counted(study, capsys):
    assert main(["check", str(study), "--cohort.include", "age > 600", "--json-log"]) == 2
    error = json.loads(capsys.readouterr().err.splitlines()[-1])
    assert error["code"] == "PRC-114"
    assert "81 rows by COH-209" in error["seen"]
    assert "3 rows by COH-204" in error["seen"]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ((), "without images"),
        (("--images", "t1/{participant_id}.nii"), "with intensity and thickness of t1/{participant_id}.nii"),
    ],
)
def test_label_maps_are_said_with_what_their_images_add(study, capsys, flags, said):
    """The atlas is not that of a raw head's chain, and a named image makes more columns."""
    for folder in ("maps", "t1"):
        (study / folder).mkdir()
        for name, visit, *_ in ROWS:
            voxels = np.arange(8, dtype=np.int16).reshape(2, 2, 2)
            nib.save(nib.Nifti1Image(voxels, np.eye(4)), study / folder / f"{name}_{visit}.nii")
    words = ["check", str(study), "--extractor", "brain", "--columns", "*", *flags]
    assert main([*words, "--features.labels", "maps/{participant_id}.nii"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert f"features brain, on label maps maps/{{participant_id}}.nii, {said}" in text
