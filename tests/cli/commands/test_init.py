"""`normwise init`: a commented study out of a folder, asked for on a terminal, never over another one."""

from __future__ import annotations

import builtins
import json
import tomllib

import pytest

from normwise.cli.main import main
from normwise.cohort import read_cohort, read_study

LEVELS = {"dx": {"Levels": {"1": "patient", "2": "control"}}}


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "data"
    place.mkdir()
    rows = [f"p{i:02d}\t{50 + i % 30}\t{'FM'[i % 2]}\t{1 + i // 2 % 2}\t{i / 7:.3f}" for i in range(40)]
    (place / "participants.tsv").write_text("participant_id\tage\tsex\tdx\troi\n" + "\n".join(rows) + "\n")
    (place / "participants.json").write_text(json.dumps(LEVELS))
    return place


def answering(monkeypatch, *answers):
    """Sit at the terminal; the questions are returned."""
    asked, left = [], list(answers)

    def ask(question):
        asked.append(question)
        return left.pop(0)

    monkeypatch.setattr("normwise.cli.commands.init._on_terminal", lambda: True)
    monkeypatch.setattr(builtins, "input", ask)
    return asked


def test_what_only_one_column_can_be_is_written_with_comments(folder, capsys):
    assert main(["init", str(folder)]) == 0
    text = (folder / "study.toml").read_text()
    study = read_study(folder / "study.toml")
    assert study.cohort.classes == {"patient": ["1"], "control": ["2"]}
    assert (study.cohort.label, study.cohort.normal) == ("dx", "control")
    assert study.cohort.demographics == ["age", "sex"]
    assert (study.features.extractor, study.features.columns) == ("table", ["roi"])
    assert 'label = "dx"  # column that holds the diagnosis' in text
    assert "root" not in tomllib.loads(text)["cohort"]
    assert len(read_cohort(study).frame) == 40
    said = capsys.readouterr().out
    assert (
        "taken       people of participants.tsv, measured by 'table'; dx, of which 'control' is normal"
        in said
    )
    assert "classes     patient 20, control 20 (defines normal)" in said
    assert "normwise evaluate" in said


def test_flags_are_written_and_a_file_elsewhere_finds_the_folder(folder, tmp_path):
    file = tmp_path / "own.toml"
    flags = ["--label", "sex", "--normal", "F", "--demographics", "age", "--folds", "3"]
    assert main(["init", str(folder / "participants.tsv"), "--out", str(file), *flags]) == 0
    assert not (folder / "study.toml").exists()
    study = read_study(file)
    assert (study.cohort.label, study.cohort.normal, study.cohort.demographics) == ("sex", "F", ["age"])
    assert (study.cohort.root, study.evaluation.folds) == (folder, 3)


def test_a_study_that_is_there_is_kept_unless_it_is_to_be_replaced(folder, capsys):
    (folder / "study.toml").write_text("title = 'mine'\n")
    assert main(["init", str(folder)]) == 2
    assert "CLI-218" in capsys.readouterr().err
    assert (folder / "study.toml").read_text() == "title = 'mine'\n"
    assert main(["init", str(folder), "--overwrite"]) == 0
    assert read_study(folder).cohort.label == "dx"


def test_what_is_not_clear_is_refused_and_nothing_is_written(folder, capsys):
    (folder / "participants.json").unlink()
    assert main(["init", str(folder)]) == 2
    assert "STU-105" in capsys.readouterr().err
    assert not (folder / "study.toml").exists()


def test_on_a_terminal_it_asks_with_what_it_would_take(folder, monkeypatch, capsys):
    asked = answering(monkeypatch, "", "nothing of the kind", "sex", "F", "age")
    (folder / "participants.tsv").write_text(
        (folder / "participants.tsv").read_text().replace("\tdx\t", "\tarm\t")
    )
    assert main(["init", str(folder)]) == 0
    assert asked[0] == "diagnosis: "  # no column is likely
    assert [question.partition(" ")[0] for question in asked] == ["diagnosis:"] * 3 + ["the", "demographics"]
    assert asked[4].endswith("[age]: ") or asked[4].endswith("[age, sex]: ")
    study = read_study(folder)
    assert (study.cohort.label, study.cohort.normal, study.cohort.demographics) == ("sex", "F", ["age"])
    assert "arm" in capsys.readouterr().out


def test_empty_lines_take_what_stands_in_brackets(folder, monkeypatch):
    asked = answering(monkeypatch, "", "", "")
    assert main(["init", str(folder)]) == 0
    assert [question.rpartition("[")[2] for question in asked] == ["dx]: ", "control]: ", "age, sex]: "]
    study = read_study(folder)
    assert (study.cohort.label, study.cohort.normal, study.cohort.demographics) == (
        "dx",
        "control",
        ["age", "sex"],
    )


def test_too_few_people_are_said_beside_the_study(folder, capsys):
    table = folder / "participants.tsv"
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:5]))
    assert main(["init", str(folder), "--columns", "roi"]) == 0
    assert (folder / "study.toml").is_file()
    assert "CLI-219" in capsys.readouterr().err


def test_a_few_images_and_the_cells_are_looked_at(folder, capsys):
    table = folder / "participants.tsv"
    table.write_text(table.read_text().replace("\t0.143\n", "\tnone\n"))
    assert main(["init", str(folder)]) == 0
    assert "1 row by FEA-203, as p01" in capsys.readouterr().out
    for row in range(40):
        (folder / f"p{row:02d}.nii.gz").write_bytes(b"no image")
    assert main(["init", str(folder), "--overwrite", "--extractor", "regions"]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "an evaluation would be refused: IMG-201" in said
    assert read_study(folder / "study.toml").features.extractor == "regions"


def test_a_study_is_replaced_by_what_lies_there_and_not_by_its_table_alone(folder):
    for row in range(40):
        stats = folder / "freesurfer" / f"p{row:02d}" / "stats"
        stats.mkdir(parents=True)
        (stats / "aseg.stats").write_text(
            f"# ColHeaders Index SegId NVoxels Volume_mm3 StructName\n1 17 40 {4000 + row} Left-Hippocampus\n"
        )
    for flags in ([], ["--overwrite"]):
        assert main(["init", str(folder), *flags]) == 0
        assert read_study(folder / "study.toml").features.extractor == "freesurfer"
    (folder / "participants.tsv").rename(folder / "people.tsv")
    (folder / "more.tsv").write_text((folder / "people.tsv").read_text())
    (folder / "study.toml").write_text('[cohort]\ntable = "people.tsv"\n')
    assert main(["init", str(folder), "--overwrite", "--label", "dx", "--normal", "2"]) == 0
    assert read_study(folder / "study.toml").cohort.table == "people.tsv"


@pytest.mark.parametrize("table", ["participants.tsv", "people.tsv"])
def test_a_study_whose_people_lie_elsewhere_is_replaced_by_what_lies_there(folder, tmp_path, table):
    (folder / "participants.tsv").rename(folder / table)
    (folder / "more.tsv").write_text((folder / table).read_text())
    own = tmp_path / "own"
    own.mkdir()
    (own / "study.toml").write_text(
        f'title = "mine"\n[cohort]\nroot = "../{folder.name}"\ntable = "{table}"\n'
    )
    words = [
        "init",
        str(own),
        "--overwrite",
        "--label",
        "dx",
        "--normal",
        "control" if table == "participants.tsv" else "2",
    ]
    assert main(words) == 0
    study = read_study(own / "study.toml")
    assert (study.cohort.root.resolve(), study.cohort.table) == (folder.resolve(), table)
    assert study.title != "mine"
    assert not (folder / "study.toml").exists()


def test_a_study_whose_people_are_gone_is_replaced_by_what_lies_beside_it(folder, tmp_path):
    (folder / "study.toml").write_text('[cohort]\nroot = "../gone"\ntable = "people.tsv"\n')
    assert main(["init", str(folder), "--overwrite"]) == 0
    assert read_study(folder / "study.toml").cohort.table == "participants.tsv"
