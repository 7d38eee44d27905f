"""Check refuses what a run would be refused for, takes a table as the study, and names what is missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from normwise.cli.main import main
from phantoms import brain, save

ROWS = "".join(
    f"s{n:02d},{60 + n % 7},{'FM'[n // 2 % 2]},{('normal', 'AD')[n % 2]},{n}.5,{n % 3}\n" for n in range(40)
)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    path.write_text("Subject,age,sex,dx,v1,v2\n" + ROWS)
    return path


def check(table: Path, *flags: str) -> int:
    return main(["check", str(table), *flags])


def test_a_table_is_a_study_and_its_first_column_the_id(
    table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(table, "--label", "dx", "--demographics", "age,sex", "--columns", "v1,v2") == 0
    printed = capsys.readouterr()
    assert "for age, sex" in printed.out
    assert "40 of the table's 40" in printed.out
    assert "'table' was chosen" in " ".join(printed.err.split())


def test_a_diagnosis_that_was_never_named_is_looked_for(
    table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table.write_text(table.read_text().replace("dx", "outcome"))  # which no name tells to be it
    assert check(table, "--columns", "v1") == 2
    text = capsys.readouterr().err
    assert "--label NAME" in text
    assert "outcome (normal, AD)" in text
    assert "v1" not in text.partition("may be")[2]
    assert check(table, "--id", "participant", "--label", "outcome") == 2
    assert "Subject" in capsys.readouterr().err.partition("may be")[2]


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        (["--columns", "nothing*"], "FEA-201"),
        (["--extractor", "regions"], "FEA-107"),
        (["--extractor", "slides"], "FEA-107"),
    ],
)
def test_features_that_nobody_could_be_given_are_refused(
    table: Path, flags: list[str], code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(table, "--label", "dx", *flags) == 2
    assert f"{code}  " in capsys.readouterr().err


def test_a_score_among_the_numbers_leaves_the_features_to_be_named(
    table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(table, "--label", "dx") == 0
    assert "COH-312" in capsys.readouterr().err
    table.write_text(table.read_text().replace("v1", "mmse"))
    assert check(table, "--label", "dx") == 2
    assert "FEA-212  " in capsys.readouterr().err


def test_people_without_features_are_counted(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table.write_text(table.read_text().replace("s03,63,M,AD,3.5", "s03,63,M,AD,high"))
    assert check(table, "--label", "dx", "--columns", "v1") == 0
    assert "1 by FEA-203, as s03" in " ".join(capsys.readouterr().out.split()).replace("1 row by", "1 by")


def test_columns_of_an_atlas_are_looked_up_before_anybody_is_measured(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("ID,dx\n" + "".join(f"s{n},{'AB'[n % 2]}\n" for n in range(8)))
    image = brain()
    for number in range(8):
        save(image.voxels.astype(np.float32), image.affine, tmp_path / f"s{number}.nii.gz")
    words = ["check", str(tmp_path / "people.csv"), "--label", "dx", "--normal", "A", "--folds", "2"]
    words += ["--inner-folds", "2", "--cost.missed", "1", "--images", "{ID}.nii.gz", "--extractor", "regions"]
    assert main([*words, "--columns", "hippocampus_*"]) == 0
    assert main([*words, "--columns", "hipocampus_*"]) == 2


@pytest.mark.parametrize(("unreadable", "code"), [(40, 2), (0, 0)])
def test_a_study_whose_features_leave_nobody_is_refused(
    table: Path, unreadable: int, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = ROWS.splitlines()
    spoilt = [row.replace(".5,", ".5 mm,") if n < unreadable else row for n, row in enumerate(rows)]
    table.write_text("\n".join(["Subject,age,sex,dx,v1,v2", *spoilt]) + "\n")
    assert check(table, "--label", "dx", "--demographics", "age", "--columns", "v1,v2") == code
    printed = capsys.readouterr()
    assert "features" in printed.out  # the plan is shown either way
    assert ("PRC-114" in printed.err) == (code == 2)
