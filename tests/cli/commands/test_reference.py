"""reference, collect, merge, score: from tables of several hospitals to the W-scores of new people."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from normwise.cli.main import main
from normwise.normalize import FeatureNormalizer

STUDY = """\
[cohort]
table = "people.tsv"
demographics = ["age", "sex"]
[features]
extractor = "table"
columns = ["f?"]
"""
FEATURES = [f"f{place}" for place in range(4)]
HOSPITALS = ("north", "east", "west")
TAILS = '[normalizer]\ntails = "sinh_arcsinh"\n'


def people(n: int = 150, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    ill = np.arange(n) % 3 == 0
    table = pd.DataFrame({"participant_id": [f"secret{row:03d}" for row in range(n)]})
    table["age"], table["sex"] = rng.integers(20, 85, n), rng.choice(["F", "M"], n)
    table["diagnosis"] = np.where(ill, "AD", "normal")
    for place, name in enumerate(FEATURES):
        values = 1000 * place - 3 * table["age"] + 20 * (table["sex"] == "M") + rng.normal(0, 30, n)
        table[name] = (values - 40 * ill).round(2)
    return table.sample(frac=1, random_state=seed)


def write(table: pd.DataFrame, folder: Path, study: str = STUDY) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    table.to_csv(folder / "people.tsv", sep="\t", index=False)
    (folder / "study.toml").write_text(study)
    return str(folder / "study.toml")


@pytest.fixture(scope="module")
def hospitals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sums of three hospitals, and the reference of all their people."""
    folder = tmp_path_factory.mktemp("hospitals")
    table = people()
    assert main(["reference", write(table, folder / "all"), str(folder / "pooled.json"), "-q"]) == 0
    for part, name in zip(np.array_split(np.arange(150), [40, 90]), HOSPITALS, strict=True):
        study = write(table.iloc[part], folder / name)
        assert main(["collect", study, str(folder / f"{name}.sums"), "-q"]) == 0
    return folder


def refusal(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert main(list(map(str, words))) == 2
    return capsys.readouterr().err.split()[0]


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


def test_merged_in_any_grouping_it_is_the_pooled_reference(hospitals: Path, tmp_path: Path) -> None:
    north, east, west = (str(hospitals / f"{name}.sums") for name in HOSPITALS)
    pooled = (hospitals / "pooled.json").read_bytes()
    assert main(["merge", west, north, east, "--out", str(tmp_path / "one.json"), "-q"]) == 0
    assert main(["merge", east, west, "--out", str(tmp_path / "two.json"), "-q"]) == 0
    assert (
        main(["merge", str(tmp_path / "two.json"), north, "--out", str(tmp_path / "three.json"), "-q"]) == 0
    )
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "three.json").read_bytes() == pooled


@pytest.fixture(scope="module")
def counted(hospitals: Path) -> Path:
    """The second round of the three hospitals, by a study that asks for tails."""
    folder, table = hospitals / "tails", people()
    folder.mkdir()
    sums = [str(hospitals / f"{name}.sums") for name in HOSPITALS]
    assert main(["merge", *sums, "--out", str(folder / "norm.json"), "-q"]) == 0
    for part, name in zip(np.array_split(np.arange(150), [40, 90]), HOSPITALS, strict=True):
        study = write(table.iloc[part], folder / name, STUDY + TAILS)
        words = ["collect", study, str(folder / f"{name}.counts"), "--norm", str(folder / "norm.json"), "-q"]
        assert main(words) == 0
    study = write(table, folder / "all", STUDY + TAILS)
    assert main(["reference", study, str(folder / "pooled.json"), "-q"]) == 0
    return folder


def test_with_tails_every_grouping_of_both_rounds_is_the_pooled_reference(
    counted: Path, hospitals: Path, tmp_path: Path
) -> None:
    norm, whole = counted / "norm.json", counted / "pooled.json"
    sums = [hospitals / f"{name}.sums" for name in HOSPITALS]
    north, east, west = (counted / f"{name}.counts" for name in HOSPITALS)
    two, part = tmp_path / "two.counts", tmp_path / "part.json"
    assert main(["merge", str(east), str(north), "--out", str(two), "-q"]) == 0
    assert main(["merge", str(norm), str(west), "--out", str(part), "-q"]) == 0
    groupings = (
        [west, norm, north, east], [*sums, north, west, east], [two, part], [part, norm, two], [whole],
    )  # fmt: skip
    for place, words in enumerate(groupings):
        file = tmp_path / f"{place}.json"
        assert main(["merge", *map(str, words), "--out", str(file), "-q"]) == 0
        assert file.read_bytes() == whole.read_bytes(), place
    assert len({file.read_bytes() for file in (norm, part, whole)}) == 3
    for file in (north, two, whole):
        text = file.read_text("utf-8")
        assert "secret" not in text
        assert str(hospitals) not in text


def test_sums_of_a_study_with_tails_are_those_without(
    counted: Path, hospitals: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study, out = str(counted / "north" / "study.toml"), tmp_path / "north.sums"
    assert main(["collect", study, str(out)]) == 0
    assert out.read_bytes() == (hospitals / "north.sums").read_bytes()
    assert "in a second round" in capsys.readouterr().out


def test_scores_by_a_reference_with_tails_are_near_the_normalizers(counted: Path, tmp_path: Path) -> None:
    table, new = people(), people(40, seed=5).drop(columns="diagnosis")
    normals = table[table["diagnosis"] == "normal"]
    new.to_csv(tmp_path / "new.tsv", sep="\t", index=False)
    out = tmp_path / "W.tsv"
    words = ["score", str(counted / "pooled.json"), "--table", str(tmp_path / "new.tsv"), "--out", str(out)]
    assert main([*words, "-q"]) == 0
    found = np.array([[float(row[name]) for name in FEATURES] for row in rows_of(out)])
    frame = normals[[*FEATURES, "age", "sex"]]
    expected, plain = (
        FeatureNormalizer(["age", "sex"], tails=tails).fit(frame).transform(new[frame.columns])
        for tails in ("sinh_arcsinh", "gaussian")
    )
    assert np.abs(found - expected).mean() < 0.01 < np.abs(found - plain).mean()
    assert json.loads(out.with_suffix(".json").read_text("utf-8"))["GeneratedBy"]["Tails"] == "sinh_arcsinh"


def test_counts_that_do_not_belong_to_the_reference_are_refused(
    counted: Path, hospitals: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    norm, whole, out = counted / "norm.json", counted / "pooled.json", tmp_path / "out.json"
    north, sums, study = counted / "north.counts", hospitals / "north.sums", counted / "north" / "study.toml"
    for words, code in (
        ((norm, north, north), "NRM-411"),
        ((whole, north), "NRM-415"),
        ((sums, north), "NRM-414"),
        ((whole, sums), "NRM-414"),
    ):
        assert refusal(capsys, "merge", *words, "--out", out) == code
    assert (
        refusal(capsys, "score", north, "--table", counted / "all" / "people.tsv", "--out", out) == "NRM-401"
    )
    for words, code in (
        ((north,), "NRM-401"),
        ((norm, "--tails", "gaussian"), "NRM-413"),
        ((norm, "--design", "spline"), "NRM-406"),
        ((norm, "--features.columns=f[0-2]"), "NRM-403"),
        ((norm, "--fewest", 41), "NRM-409"),
        ((hospitals / "west.sums", "--label", "nothing"), "COH-107"),
    ):
        assert refusal(capsys, "collect", study, out, "--norm", *words) == code
    assert not out.exists()


def test_few_normals_refine_a_reference_with_tails(counted: Path, tmp_path: Path) -> None:
    keys = f'[normalizer]\nfrom = "{counted / "pooled.json"}"\n[evaluation]\nfolds = 2\nrepeats = 1\n'
    study = write(people(60, seed=9), tmp_path, STUDY + keys + "inner_folds = 2\nbootstrap = 200\n")
    assert main(["train", study, str(tmp_path / "run"), "-q", "-j", "1"]) == 0
    from normwise.model import load_model
    from normwise.normalize import read_reference

    normalizer = load_model(tmp_path / "run").procedure.pipeline.named_steps["normalize"]
    whole = read_reference(counted / "pooled.json").normalizer()
    assert (normalizer.tails, normalizer.n_normals_) == ("sinh_arcsinh", 140)
    np.testing.assert_array_equal(normalizer.regression_.tails.skew, whole.regression_.tails.skew)


def test_no_name_and_no_path_is_in_the_files(hospitals: Path) -> None:
    for file in (*hospitals.glob("*.sums"), hospitals / "pooled.json"):
        text = file.read_text("utf-8")
        assert "secret" not in text
        assert "people.tsv" not in text
        assert str(hospitals) not in text


def test_normals_alone_without_a_diagnosis_are_a_reference(
    hospitals: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = people()
    normals = table[table["diagnosis"] == "normal"].drop(columns="diagnosis")
    assert main(["reference", write(normals, tmp_path), str(tmp_path / "norm.json")]) == 0
    assert "NRM-205" in capsys.readouterr().err
    assert (tmp_path / "norm.json").read_bytes() == (hospitals / "pooled.json").read_bytes()
    named = STUDY.replace('demographics = ["age", "sex"]', 'demographics = ["age", "sex"]\nlabel = "dx"')
    assert refusal(capsys, "reference", write(normals, tmp_path, named), tmp_path / "other.json") == "COH-107"


def test_scores_are_the_normalizers(hospitals: Path, tmp_path: Path) -> None:
    table, new = people(), people(12, seed=5).drop(columns="diagnosis")
    normals = table[table["diagnosis"] == "normal"]
    fitted = FeatureNormalizer(["age", "sex"]).fit(normals[[*FEATURES, "age", "sex"]])
    new = new.rename(columns={"participant_id": "who"})[[*FEATURES[::-1], "who", "sex", "age"]]
    new.loc[new.index[3], "age"] = 99
    new.to_csv(tmp_path / "new.tsv", sep="\t", index=False)
    words = ["score", str(hospitals / "pooled.json"), "--table", str(tmp_path / "new.tsv"), "-q"]
    explained = fitted.explain(new[[*FEATURES, "age", "sex"]])
    for what in ("w", "centile", "expected", "residual", "value"):
        out = tmp_path / what / "W.tsv"
        assert main([*words, "--out", str(out), "--what", what]) == 0
        rows = rows_of(out)
        assert [*rows[0]] == ["id", *FEATURES, "outside_support"]
        assert [row["id"] for row in rows] == new["who"].tolist()
        found = [float(row[name]) for row in rows for name in FEATURES]
        np.testing.assert_allclose(found, explained[what], rtol=1e-6, atol=1e-6)
        outside = [row["outside_support"] for row in rows]
        assert outside[3].startswith("age 99 is outside the normal group")
        assert {*outside[:3], *outside[4:]} == {"n/a"}
        about = json.loads(out.with_suffix(".json").read_text("utf-8"))
        assert [*about][:-1] == [*rows[0]]
        assert about["GeneratedBy"]["Normals"] == len(normals)
    assert "standard deviations" in json.loads((tmp_path / "w" / "W.json").read_text("utf-8"))["f0"]["Units"]


def test_a_table_without_ids_is_refused(
    hospitals: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    people(4, seed=5)[[*FEATURES, "age", "sex"]].to_csv(tmp_path / "new.tsv", sep="\t", index=False)
    out = tmp_path / "W.tsv"
    words = ("--table", tmp_path / "new.tsv", "--out", out)
    assert refusal(capsys, "score", hospitals / "pooled.json", *words) == "COH-107"
    assert not out.exists()


def test_people_who_cannot_be_scored_are_named(hospitals: Path, tmp_path: Path) -> None:
    new = people(4, seed=5).drop(columns="diagnosis").astype(object)
    new.iloc[0, new.columns.get_loc("f2")] = "n/a"
    new.iloc[1, new.columns.get_loc("age")] = "n/a"
    new.to_csv(tmp_path / "new.tsv", sep="\t", index=False)
    out = tmp_path / "W.tsv"
    words = ["score", str(hospitals / "pooled.json"), "--table", str(tmp_path / "new.tsv"), "-q"]
    assert main([*words, "--out", str(out)]) == 1
    rows = rows_of(out)
    assert rows[0]["outside_support"] == "feature f2 is missing"
    assert rows[1]["outside_support"].startswith("COH-205")
    assert {row[name] for row in rows[:2] for name in FEATURES} == {"n/a"}
    assert all(float(row["f0"]) for row in rows[2:])


def test_a_model_scores_people_as_well(table_run: Path, tmp_path: Path) -> None:
    from normwise.model import load_model

    table = "id\tage\tsex\tvolume\tthickness\na\t70\tF\t2500\t2.5\nb\t61\tM\t2900\t2.4\n"
    (tmp_path / "new.tsv").write_text(table)
    out = tmp_path / "W.tsv"
    assert main(["score", str(table_run), "--table", str(tmp_path / "new.tsv"), "--out", str(out), "-q"]) == 0
    normalizer = load_model(table_run).procedure.pipeline.named_steps["normalize"]
    frame = pd.read_csv(tmp_path / "new.tsv", sep="\t")[["volume", "thickness", "age", "sex"]]
    found = [[float(row["volume"]), float(row["thickness"])] for row in rows_of(out)]
    np.testing.assert_allclose(found, normalizer.transform(frame), rtol=1e-9)


def test_few_normals_refine_a_reference_in_every_fold(hospitals: Path, tmp_path: Path) -> None:
    (tmp_path / "norm.json").write_bytes((hospitals / "pooled.json").read_bytes())
    keys = '[normalizer]\nfrom = "norm.json"\n[evaluation]\nfolds = 3\nrepeats = 1\ninner_folds = 3\n'
    study = write(people(60, seed=9), tmp_path, STUDY + keys + "bootstrap = 200\n")
    run = tmp_path / "run"
    assert main(["evaluate", study, str(run), "-q", "-j", "1"]) == 0
    assert main(["train", study, str(run), "-q", "-j", "1"]) == 0
    record = json.loads((run / "run.json").read_text("utf-8"))
    assert len(record["hashes"]["reference"]) == 64
    assert "normal people: 40 of this study, beside 100 of the reference norm.json" in record["readings"]
    from normwise.model import load_model

    model = load_model(run)
    normalizer = model.procedure.pipeline.named_steps["normalize"]
    assert (normalizer.n_normals_, normalizer.prior) == (140, None)
    assert model.training["reference"] == record["hashes"]["reference"]
    both = pd.concat([people(), people(60, seed=9)])
    whole = FeatureNormalizer(["age", "sex"], "normal")
    whole.fit(both[[*FEATURES, "age", "sex"]], both["diagnosis"].to_numpy(dtype=object))
    np.testing.assert_allclose(normalizer.coefficients(), whole.coefficients(), rtol=1e-6, atol=1e-6)


def test_a_spline_of_more_parameters_than_normals_is_refined(tmp_path: Path) -> None:
    knots = "[normalizer]\ndesign = 'spline'\nknots = {age = [25, 35, 50, 65, 80]}\n"
    norm = tmp_path / "norm.json"
    assert main(["reference", write(people(), tmp_path / "large", STUDY + knots), str(norm), "-q"]) == 0
    table = people(90, seed=9)
    ill = table["diagnosis"] == "AD"
    table = pd.concat([table[ill].head(24), table[~ill].head(8)])
    keys = f'[normalizer]\nfrom = "{norm}"\n[evaluation]\nfolds = 2\nrepeats = 1\ninner_folds = 2\n'
    study = write(table, tmp_path / "small", STUDY + keys + "bootstrap = 200\n")
    assert main(["evaluate", study, str(tmp_path / "run"), "-q", "-j", "1"]) == 0
    text = (tmp_path / "run" / "study.toml").read_text("utf-8")
    assert 'design = "spline"' in text
    assert "80.0" in text


REFUSED = {
    "other features": ("--features.columns=f[0-2]", "NRM-403"),
    "another demographic": ("--demographics=age", "NRM-406"),
    "another design": ("--design=spline", "NRM-406"),
    "a spread that varies": ("--variance=demographic", "NRM-410"),
    "sites": ("--harmonize=combat", "NRM-410"),
    "everybody": ("--normalizer.reference=all", "NRM-410"),
    "no reference": ("--normalizer.from=people.tsv", "NRM-401"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_study_that_does_not_belong_to_its_reference_is_refused(
    name: str, hospitals: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flag, code = REFUSED[name]
    (tmp_path / "norm.json").write_bytes((hospitals / "pooled.json").read_bytes())
    study = write(people(60), tmp_path, STUDY + '[normalizer]\nfrom = "norm.json"\n')
    assert refusal(capsys, "evaluate", study, tmp_path / "run", "-j", 1, flag) == code


def test_sums_that_do_not_belong_together_are_refused(
    hospitals: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    north, out = hospitals / "north.sums", tmp_path / "merged.json"
    table = people(40, seed=3)
    others = {
        "NRM-403": (table, STUDY.replace("f?", "f[0-2]")),
        "NRM-406": (table, STUDY.replace('["age", "sex"]', '["sex", "age"]')),
        "NRM-407": (table.assign(sex=table["sex"].map({"F": 1, "M": 2})), STUDY),
    }
    for code, (people_of, study) in others.items():
        sums = tmp_path / f"{code}.sums"
        assert main(["collect", write(people_of, tmp_path / code, study), str(sums), "-q"]) == 0
        assert refusal(capsys, "merge", north, sums, "--out", out) == code
    assert refusal(capsys, "merge", north, north, "--out", out) == "NRM-411"
    assert refusal(capsys, "merge", north, tmp_path / "nowhere", "--out", out) == "NRM-401"
    assert not out.exists()


@pytest.mark.parametrize(("normals", "code"), [(4, "NRM-409"), (5, None), (0, "NRM-409")])
def test_sums_of_few_people_are_refused(
    normals: int, code: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = people(60)
    normal = table[table["diagnosis"] == "normal"].head(normals)
    study = write(pd.concat([normal, table[table["diagnosis"] == "AD"]]), tmp_path)
    out = tmp_path / "few.sums"
    if code is None:
        assert main(["collect", study, str(out), "-q"]) == 0
        return
    assert refusal(capsys, "collect", study, out, "--normal", "normal") in (code, "STU-105")
    assert not out.exists()


def test_settings_that_sums_know_nothing_of_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study, out = write(people(60), tmp_path), tmp_path / "norm.json"
    for words in (
        ("--shrinkage", "empirical_bayes"), ("--variance", "demographic"), ("--normalizer.mode", "append"),
        ("--harmonize", "combat", "--site", "sex"),
    ):  # fmt: skip
        assert refusal(capsys, "reference", study, out, *words) == "NRM-410"
    assert refusal(capsys, "collect", study, out, "--design", "spline") == "NRM-412"
    assert refusal(capsys, "collect", study, out, "--fewest", 0) == "CLI-104"
    assert not out.exists()
    knots = ("--design", "spline", "--normalizer.knots.age", "30", "50", "70")
    assert main(["collect", study, str(out), *knots, "-q"]) == 0


SITES = '[sites]\nharmonize = "hierarchical"\nunseen = "predict"\n'


def with_sites(n: int = 200) -> pd.DataFrame:
    table = people(n).assign(scanner="")
    table["scanner"] = [f"s{place % 10}" for place in range(n)]
    for name in FEATURES:
        table[name] += table["scanner"].str[1:].astype(int) * 7.0
    return table


@pytest.fixture(scope="module")
def by_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two hospitals' sums, the reference of both, and people of a scanner that is in neither."""
    folder = tmp_path_factory.mktemp("sites")
    study = STUDY.replace("[features]", 'site = "scanner"\n[features]') + SITES
    table = with_sites()
    new = table["scanner"] == "s9"
    known = table[~new]
    north = known["scanner"].isin(["s0", "s1", "s2", "s3"])
    for name, part in (("north", known[north]), ("east", known[~north])):
        assert main(["collect", write(part, folder / name, study), str(folder / f"{name}.sums"), "-q"]) == 0
    assert main(["reference", write(known, folder / "all", study), str(folder / "pooled.json"), "-q"]) == 0
    write(
        table[new & (table["diagnosis"] == "normal")].head(6).drop(columns="diagnosis"), folder / "controls"
    )
    write(table[new].tail(8), folder / "new")
    return folder


def test_hospitals_with_sites_make_one_reference(by_site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sums = [str(by_site / f"{name}.sums") for name in ("east", "north")]
    assert main(["merge", *sums, "--out", str(by_site / "norm.json")]) == 0
    assert "9: s0 (" in capsys.readouterr().out
    assert (by_site / "norm.json").read_bytes() == (by_site / "pooled.json").read_bytes()
    assert "secret" not in (by_site / "norm.json").read_text()


def test_a_card_brings_a_new_scanner_to_the_reference(by_site: Path, tmp_path: Path) -> None:
    norm, card = str(by_site / "pooled.json"), str(tmp_path / "card.json")
    new, out = str(by_site / "new" / "people.tsv"), tmp_path / "w.tsv"
    assert main(["score", norm, "--table", new, "--out", str(out), "-q"]) == 0
    unknown = pd.read_csv(out, sep="\t")[FEATURES].to_numpy()
    controls = str(by_site / "controls" / "people.tsv")
    assert main(["adapt", norm, "--table", controls, "--out", card, "--same", "sex", "-q"]) == 0
    assert main(["score", norm, "--table", new, "--site-card", card, "--out", str(out), "-q"]) == 0
    adapted = pd.read_csv(out, sep="\t")[FEATURES].to_numpy()
    assert np.isfinite(unknown).all()
    assert np.isfinite(adapted).all()
    # The scanner measures 63 more than the first, and 31 more than the middle one.
    assert abs(adapted.mean()) < abs(unknown.mean())


def test_a_site_of_four_is_refused_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = with_sites()
    normals = table[(table["diagnosis"] == "normal")]
    few = pd.concat([normals[normals["scanner"] != "s3"], normals[normals["scanner"] == "s3"].head(4)])
    study = write(few, tmp_path / "few", STUDY.replace("[features]", 'site = "scanner"\n[features]') + SITES)
    for command in ("reference", "collect"):
        assert main([command, study, str(tmp_path / "x.json")]) == 2
        err = capsys.readouterr().err
        assert err.startswith("NRM-409")
        assert "s3" in err
        assert not (tmp_path / "x.json").exists()
    assert main(["collect", study, str(tmp_path / "x.json"), "--fewest", "4", "-q"]) == 0
