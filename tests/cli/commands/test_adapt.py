"""Adapt: a card out of controls, more decisions at the new site, and nothing written of what is refused."""

import csv
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from normwise.cli.main import main
from normwise.errors import ImageError
from normwise.files import content_digest
from normwise.model.train import train_study

HEADER = "id,age,sex,scanner,dx,volume,thickness\n"


def rows(site, count, shift, seed, ill=0.4):
    rng = np.random.default_rng(seed)
    lines = []
    for number in range(count):
        age, sex, patient = int(rng.integers(56, 84)), "FM"[number % 2], rng.uniform() < ill
        volume = 4000 - 20 * age - 400 * patient + shift + rng.normal(0, 150)
        label = "AD" if patient else "normal"
        lines.append(
            f"{site}{seed}-{number},{age},{sex},{site},{label},{volume:.1f},{rng.normal(2.5, 0.2):.3f}\n"
        )
    return lines


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A model of five sites that differ; a person at each end of the ages."""
    folder = tmp_path_factory.mktemp("sites")
    shifts = np.random.default_rng(0).normal(0, 150, 5)
    ends = [f"end{age},{age},F,a,normal,{4000 - 20 * age + shifts[0]},2.5\n" for age in (55, 85)]
    lines = [
        line for site, shift in zip("abcde", shifts, strict=True) for line in rows(site, 30, shift, ord(site))
    ]
    (folder / "people.csv").write_text(HEADER + "".join([*lines, *ends]))
    (folder / "study.toml").write_text(
        '[cohort]\ntable = "people.csv"\nid = "id"\nlabel = "dx"\ndemographics = ["age", "sex"]\n'
        'site = "scanner"\n[features]\nextractor = "table"\ncolumns = ["volume", "thickness"]\n'
        '[sites]\nharmonize = "hierarchical"\nunseen = "refuse"\n[evaluation]\ninner_folds = 3\n'
    )
    train_study(folder / "study.toml", folder / "run")
    return folder / "run"


def table(tmp_path, lines, name="controls.csv", header=HEADER):
    path = tmp_path / name
    path.write_text(header + "".join(lines))
    return str(path)


def decided(run, tmp_path, capsys, *more):
    people = table(tmp_path, rows("new", 40, 600.0, 9), "new.csv")
    code = main(["predict", str(run), "--table", people, *more])
    found = list(csv.DictReader(capsys.readouterr().out.splitlines(), delimiter="\t"))
    truth = [line.split(",")[4] for line in rows("new", 40, 600.0, 9)]
    return code, [row["decision"] for row in found], truth


def test_a_new_site_is_decided_by_its_card(run, tmp_path, capsys):
    controls = table(tmp_path, rows("new", 8, 600.0, 3, ill=0.0))
    card, grown = str(tmp_path / "card.json"), str(tmp_path / "grown.json")
    assert main(["adapt", str(run), "--table", controls, "--out", card]) == 0
    printed = capsys.readouterr().out
    assert "new, 8 controls" in printed
    assert "0: ±" in printed
    assert "50: ±" in printed
    assert "new3-" not in Path(card).read_text()
    code, found, _ = decided(run, tmp_path, capsys)
    assert set(found) == {"no decision"}
    code, found, truth = decided(run, tmp_path, capsys, "--site-card", card)
    assert code == 0
    assert np.mean([a == b for a, b in zip(found, truth, strict=True)]) > 0.7
    people, w = str(tmp_path / "new.csv"), tmp_path / "w.tsv"
    assert main(["score", str(run), "--table", people, "--site-card", card, "--out", str(w)]) == 0
    scored = list(csv.DictReader(w.read_text().splitlines(), delimiter="\t"))
    well = [float(row["volume"]) for row, label in zip(scored, truth, strict=True) if label == "normal"]
    assert abs(np.mean(well)) < 1.5  # of the four that the scanner adds
    more = table(tmp_path, rows("new", 5, 600.0, 4, ill=0.0))
    assert main(["adapt", str(run), "--table", more, "--card", card, "--out", grown, "--json-log"]) == 0
    end = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert end["controls"] == 13
    widths = list(end["half_widths"].values())
    assert widths == sorted(widths, reverse=True)
    assert list(end["half_widths"]) == ["0", "3", "5", "10", "20", "50"]


def test_the_model_alone_says_what_controls_are_worth(run, tmp_path, capsys):
    before = sorted(run.rglob("*"))
    assert main(["adapt", str(run)]) == 0
    assert "20: ±" in capsys.readouterr().out
    assert sorted(run.rglob("*")) == before


def test_what_is_refused_writes_nothing(run, tmp_path, capsys):
    healthy = rows("new", 8, 600.0, 3, ill=0.0)
    out = tmp_path / "card.json"
    bad = {
        "NRM-307": healthy[:1],
        "NRM-308": [*healthy[:7], healthy[7].replace("normal", "AD")],
        "NRM-309": [*healthy[:7], healthy[7].replace(healthy[7].split(",")[1], "20", 1)],
        "NRM-310": [line.replace(",new,", ",b,") for line in healthy],
        "NRM-311": [*healthy[:7], healthy[7].replace(",new,", ",other,")],
        "NRM-315": [line.replace(",M,", ",F,") for line in healthy],
        "CLI-110": [*healthy[:7], healthy[7].replace(",F,", ",,").replace(",M,", ",,")],
    }
    for code, lines in bad.items():
        assert main(["adapt", str(run), "--table", table(tmp_path, lines), "--out", str(out)]) == 2
        assert code in capsys.readouterr().err, code
    # A label that the study gives no class is not normal either.
    unknown = [*healthy[:7], healthy[7].replace("normal", "MCI")]
    assert main(["adapt", str(run), "--table", table(tmp_path, unknown), "--out", str(out)]) == 2
    assert "NRM-308" in capsys.readouterr().err
    assert main(["adapt", str(run), "--table", table(tmp_path, healthy)]) == 2
    assert "CLI-109" in capsys.readouterr().err
    assert not out.exists()
    other = tmp_path / "other.json"
    other.write_text("{}")
    assert main(["predict", str(run), "--table", table(tmp_path, healthy), "--site-card", str(other)]) == 2
    assert "NRM-313" in capsys.readouterr().err


def test_a_model_without_sites_makes_no_card(table_run, tmp_path, capsys):
    assert main(["adapt", str(table_run)]) == 2
    assert "NRM-305" in capsys.readouterr().err


def test_scans_of_one_control_count_once(tmp_path, capsys):
    header = HEADER.replace("\n", ",person\n")

    def named(lines):
        return [line.replace("\n", f",{line.split(',')[0]}\n") for line in lines]

    def repeated(lines):
        return [f"scan{number}{line}" for line in lines for number in range(3)]

    ends = [f"end{age},{age},F,a,normal,{4000 - 20 * age},2.5\n" for age in (55, 85)]
    trained = [
        line for site, shift in (("a", 0.0), ("b", 300.0)) for line in rows(site, 30, shift, ord(site))
    ]
    table(tmp_path, named([*trained, *ends]), "people.csv", header)
    study = tmp_path / "study.toml"
    study.write_text(
        '[cohort]\ntable = "people.csv"\nid = "id"\ngroup = "person"\nlabel = "dx"\n'
        'demographics = ["age", "sex"]\nsite = "scanner"\n[features]\nextractor = "table"\n'
        'columns = ["volume", "thickness"]\n[sites]\nharmonize = "hierarchical"\n'
        "[evaluation]\ninner_folds = 3\n"
    )
    train_study(study, tmp_path / "run")
    out = tmp_path / "card.json"
    adapt = ["adapt", str(tmp_path / "run"), "--out", str(out), "--table"]
    healthy = rows("new", 4, 600.0, 3, ill=0.0)
    assert main([*adapt, table(tmp_path, repeated(named(healthy)), header=header)]) == 0
    assert json.loads(out.read_text())["controls"] == 4
    out.unlink()
    # Three scans of two people are no three controls, and without the column nobody knows whose they are.
    assert main([*adapt, table(tmp_path, repeated(named(healthy[:2])), header=header)]) == 2
    assert "NRM-307" in capsys.readouterr().err
    assert main([*adapt, table(tmp_path, repeated(healthy))]) == 2
    assert "COH-107" in capsys.readouterr().err
    assert not out.exists()


def test_a_card_that_was_changed_is_refused(run, tmp_path, capsys):
    controls, card = table(tmp_path, rows("new", 4, 600.0, 3, ill=0.0)), tmp_path / "card.json"
    assert main(["adapt", str(run), "--table", controls, "--out", str(card)]) == 0
    held = json.loads(card.read_text())
    numbers = ("mean", "variance", "shift", "scale", "uncertainty", "df")
    changes = [
        {"features": held["features"][:1], **{name: held[name][:1] for name in numbers}},
        {"features": held["features"][::-1]},
        {"support": {}},
        {"support": {**held["support"], "age": ["x"]}},
        {"support": {**held["support"], "age": [None]}},
        {"support": {**held["support"], "sex": []}},
    ]
    for change in changes:
        content = {**held, **change}
        card.write_text(json.dumps({**content, "digest": content_digest(content)}))
        assert main(["score", str(run), "--table", controls, "--site-card", str(card)]) == 2
        assert "NRM-313" in capsys.readouterr().err, change
        grown = str(tmp_path / "grown.json")
        assert main(["adapt", str(run), "--table", controls, "--card", str(card), "--out", grown]) == 2
        assert "NRM-313" in capsys.readouterr().err, change


def test_a_reference_makes_no_card(run, tmp_path, capsys):
    reference = str(tmp_path / "norm.json")
    plain = ["--harmonize", "none"]
    assert main(["reference", str(run), reference, *plain]) == 0
    assert main(["adapt", reference]) == 2
    assert "a reference of sums" in capsys.readouterr().err


def test_a_control_who_cannot_be_measured_is_named(run, tmp_path, capsys, monkeypatch):
    healthy = [line.split(",") for line in rows("new", 5, 600.0, 3, ill=0.0)]
    values = pd.DataFrame(
        [[float(cells[5]), float(cells[6])] for cells in healthy[1:]],
        pd.Index([cells[0] for cells in healthy[1:]], dtype=object),
        ["volume", "thickness"],
    )
    failures = {healthy[0][0]: ImageError("IMG-101", "the image is dark.")}
    measured = SimpleNamespace(values=values, failures=failures)
    monkeypatch.setattr("normwise.model.measure_people", lambda *_, **__: measured)
    controls = table(
        tmp_path, [",".join(cells[:5]) + "\n" for cells in healthy], header="id,age,sex,scanner,dx\n"
    )
    out = tmp_path / "card.json"
    assert main(["adapt", str(run), "--table", controls, "--out", str(out)]) == 1
    assert f"{healthy[0][0]} was left out: IMG-101" in capsys.readouterr().err
    assert json.loads(out.read_text())["controls"] == 4
