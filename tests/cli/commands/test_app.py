"""`normwise app`: a dataset measured person by person and gathered, in the form of BIDS Apps."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from normwise.cli.main import main


@pytest.fixture
def dataset(tmp_path):
    """Four people with an image in the space of the default mask, and no diagnosis."""
    root, rng = tmp_path / "ds", np.random.default_rng(0)
    affine = np.diag([20.0, 20.0, 20.0, 1.0])
    affine[:3, 3] = (-90, -126, -72)
    for row in range(1, 5):
        place = root / f"sub-{row:02d}" / "pet" / f"sub-{row:02d}_pet.img"
        place.parent.mkdir(parents=True)
        voxels = rng.normal(100, 5, (10, 12, 10)).astype(np.float32)
        nib.save(nib.Nifti1Pair(voxels, affine), place)
    rows = [f"sub-{row:02d}\t{60 + row}\n" for row in range(1, 5)]
    (root / "participants.tsv").write_text("participant_id\tage\n" + "".join(rows))
    return root


FLAGS = ("--extractor", "voxels", "--voxel-size-mm", "20", "--components", "1")


def test_people_are_measured_in_parts_and_gathered(dataset, tmp_path, capsys):
    out = tmp_path / "out"
    words = [str(dataset), str(out)]
    assert (
        main(["app", *words, "participant", "--participant-label", "01", "sub-03", *FLAGS, "--n-procs", "1"])
        == 0
    )
    assert "measured    2 of 2 scans" in capsys.readouterr().out
    assert main(["app", *words, "participant", "-j", "1", *FLAGS]) == 0
    assert "measured    4 of 4 scans" in capsys.readouterr().out
    assert main(["app", *words, "group", "-j", "1", *FLAGS]) == 0
    said = capsys.readouterr().out
    assert "features of 4 scans" in said
    assert "images by BIDS layout (pet)" in said
    ids = [line.split("\t")[0] for line in (out / "features.tsv").read_text().splitlines()[1:]]
    assert ids == [f"sub-{row:02d}" for row in range(1, 5)]


def test_a_diagnosis_that_is_named_and_not_there_is_refused(dataset, tmp_path, capsys):
    words = ["app", str(dataset), str(tmp_path / "out"), "group", "--label", "dx", *FLAGS]
    assert main(words) == 2
    assert "COH-107" in capsys.readouterr().err


def test_where_there_is_a_diagnosis_the_group_is_evaluated(dataset, tmp_path, monkeypatch):
    called = []
    monkeypatch.setattr(
        "normwise.cli.commands.app.evaluate", lambda *where, **how: called.append((where, how)) or 0
    )
    table = dataset / "participants.tsv"
    people = table.read_text().splitlines()
    rows = [f"{line}\t{('HC', 'AD')[place % 2]}" for place, line in enumerate(people[1:])]
    table.write_text("\n".join([f"{people[0]}\tdx", *rows]) + "\n")
    assert main(["app", str(dataset), str(tmp_path / "out"), "group", "--n-procs", "3"]) == 0
    [(where, how)] = called
    assert where == (dataset, tmp_path / "out")
    assert how["running"].workers == 3
