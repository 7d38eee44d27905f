"""Predict: one line a person, the reason where there is no decision, and an exit code that says so."""

import csv
import os
from dataclasses import replace

import numpy as np
import pytest

from normwise.cli.commands.predict import (
    feature_frame,
    features_in,
    from_images,
    from_table,
    image_in,
    read_settings,
)
from normwise.cli.main import main
from normwise.errors import CohortError, CommandError
from normwise.schema import RegionsSection

HEADER = "id,age,sex,volume,thickness\n"


def predict(run, text, tmp_path, capsys, *more):
    table = tmp_path / "new.csv"
    table.write_text(HEADER + text)
    code = main(["predict", str(run), "--table", str(table), *more])
    printed = capsys.readouterr()
    return (
        code,
        {row.get("id"): row for row in csv.DictReader(printed.out.splitlines(), delimiter="\t")},
        printed,
    )


def test_everybody_gets_a_line_in_the_tables_order(table_run, table_model, tmp_path, capsys):
    text = "b,70,F,1800,2.5\na,70,F,3200,2.5\n"
    code, rows, _ = predict(table_run, text, tmp_path, capsys)
    assert code == 0
    assert list(rows) == ["b", "a"]
    assert [rows[name]["decision"] for name in "ba"] == ["AD", "normal"]
    assert float(rows["b"]["probability_AD"]) > float(rows["b"]["threshold"])
    assert rows["b"]["reason"] == "n/a"
    assert rows["b"]["telling"].startswith("volume W=-")


def test_the_lines_are_the_models_own_predictions(table_run, table_model, tmp_path, capsys):
    _, rows, _ = predict(table_run, "b,70,F,1800,2.5\na,61,M,2900,2.5\n", tmp_path, capsys)
    cohort = from_table(tmp_path / "new.csv", table_model)
    for prediction in table_model.predictions(feature_frame(cohort, table_model)):
        probability = float(rows[prediction.subject]["probability_AD"])
        assert probability == pytest.approx(prediction.probabilities["AD"], rel=1e-5)


def test_a_value_in_another_unit_is_named(table_run, tmp_path, capsys):
    _, rows, printed = predict(table_run, "b,70,F,1800,2.5\na,70,F,3.2,2.5\n", tmp_path, capsys)
    assert rows["a"]["reason"].startswith("EVA-113 feature volume lies")
    assert rows["b"]["reason"] == "n/a"
    assert "in 1 scan a feature lies more than 15" in " ".join(printed.err.split())


def test_a_scan_that_was_trained_on_is_named(table_run, tmp_path, capsys):
    head, *rows = (table_run.parent / "people.tsv").read_text().splitlines()
    table = tmp_path / "again.tsv"
    # The table has another order of columns; one person's volume is not the one that was trained on.
    order = [5, 4, 0, 1, 2]
    lines = [line.split("\t") for line in (head, rows[4], rows[5])]
    lines[2][4] = str(float(lines[2][4]) + 0.1)
    table.write_text("\n".join("\t".join(line[place] for place in order) for line in lines) + "\n")
    pages, out = tmp_path / "pages", tmp_path / "out.tsv"
    words = ["predict", str(table_run), "--table", str(table), "--people", str(pages), "--out", str(out)]
    assert main(words) == 0
    first, second = csv.DictReader(out.read_text().splitlines(), delimiter="\t")
    assert "EVA-102" in first["reason"]
    assert "EVA-102" not in second["reason"]
    assert "EVA-102 1 of 2 scans" in " ".join(capsys.readouterr().err.split())
    assert "trained on this very scan" in (pages / "people" / "p04.html").read_text()
    assert "trained on this very scan" not in (pages / "people" / "p05.html").read_text()


def test_no_probability_is_written_as_certain(table_run, tmp_path, capsys):
    text = "sure,70,F,900,2.5\nhealthy,70,F,4900,2.5\n"
    _, rows, _ = predict(table_run, text, tmp_path, capsys)
    assert {rows["sure"]["probability_AD"], rows["healthy"]["probability_AD"]} == {"0.999999", "1e-06"}
    assert rows["sure"]["probability_normal"] == "1e-06"


def test_out_of_range_is_no_decision_and_no_failure(table_run, tmp_path, capsys):
    code, rows, _ = predict(table_run, "young,20,F,3200,2.5\n", tmp_path, capsys)
    assert code == 0
    assert rows["young"]["decision"] == "no decision"
    assert "age" in rows["young"]["reason"]
    assert rows["young"]["probability_AD"] == "n/a"  # an extrapolated one would be read as one


def test_what_cannot_be_read_fails_alone(table_run, tmp_path, capsys):
    text = "good,70,F,1800,2.5\nold,very,F,1800,2.5\nbare,70,F,n/a,2.5\n"
    code, rows, _ = predict(table_run, text, tmp_path, capsys)
    assert code == 1
    assert rows["good"]["decision"] == "AD"
    assert rows["old"]["decision"] == rows["bare"]["decision"] == "no decision"
    assert rows["old"]["reason"].startswith("COH-")
    assert "volume is missing" in rows["bare"]["reason"]


def test_the_table_goes_into_a_file(table_run, tmp_path, capsys):
    out = tmp_path / "out" / "decisions.tsv"
    code, _, printed = predict(table_run, "b,70,F,1800,2.5\n", tmp_path, capsys, "--out", str(out))
    assert code == 0
    assert printed.out.splitlines()[-1] == str(out)
    assert out.read_text().splitlines()[1].startswith("b\tAD\t")


@pytest.mark.parametrize(
    "words", [[], ["scan.nii.gz", "--table", "new.tsv"], ["--table", "new.tsv", "--set", "a=1"]]
)
def test_images_or_a_table(table_run, words, capsys):
    assert main(["predict", str(table_run), *words]) == 2
    assert capsys.readouterr().err.startswith("CLI-102  ")


def test_a_table_in_place_of_an_image_is_a_table(table_run, tmp_path, capsys):
    _, rows, printed = predict(table_run, "b,70,F,1800,2.5\n", tmp_path, capsys)
    assert main(["predict", str(table_run), str(tmp_path / "new.csv")]) == 0
    assert capsys.readouterr().out == printed.out
    assert list(rows) == ["b"]
    assert main(["predict", str(table_run), str(tmp_path / "new.csv"), "--set", "Age=70"]) == 2
    assert capsys.readouterr().err.startswith("CLI-102  --set")


def test_demographics_that_decide_nothing_are_no_failure(table_run, tmp_path, capsys):
    code, rows, _ = predict(table_run, "old,very,F,1800,2.5\nodd,70,X,1800,2.5\n", tmp_path, capsys)
    assert code == 0
    assert {row["decision"] for row in rows.values()} == {"no decision"}


def test_an_output_that_cannot_be_written_is_refused_before_anything_is_read(tmp_path, capsys):
    assert main(["predict", "no-model", "--table", "new.tsv", "--out", str(tmp_path)]) == 2
    text = capsys.readouterr().err
    assert text.startswith("CLI-301  ")
    assert str(tmp_path) in text


def test_the_table_goes_into_a_pipe_without_replacing_it(table_run, tmp_path, capsys):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    code, _, _ = predict(table_run, "b,70,F,1800,2.5\n", tmp_path, capsys, "--out", str(pipe))
    assert code == 0
    assert pipe.is_fifo()
    assert b"\tAD\t" in os.read(reader, 1 << 16)
    os.close(reader)


def test_a_negative_top_is_refused(table_run, capsys):
    assert main(["predict", str(table_run), "--table", "new.tsv", "--top", "-1"]) == 2
    assert capsys.readouterr().err.startswith("CLI-104  ")


def test_everybody_gets_a_page(table_run, tmp_path, capsys):
    from normwise.results import People, read_result

    folder = tmp_path / "pages"
    text = "b,70,F,1800,2.5\nyoung,20,F,3200,2.5\n"
    code, _, _ = predict(table_run, text, tmp_path, capsys, "--people", str(folder))
    assert code == 0
    people = read_result(People, folder / "people.json")
    assert not people.out_of_fold
    person_of = {person.prediction.subject: person for person in people.people}
    assert person_of["b"].supported
    assert person_of["b"].prediction.decision == "AD"
    assert person_of["b"].demographics == {"age": "70", "sex": "F"}
    assert not person_of["young"].supported
    assert "age" in person_of["young"].support
    assert {path.name for path in (folder / "people").iterdir()} == {"index.html", "b.html", "young.html"}


@pytest.fixture
def image_model(table_model):
    """The same model, as if it measured images."""
    features = RegionsSection()
    cohort = table_model.study.cohort.model_copy(update={"images": "scans/{id}.nii.gz"})
    study = table_model.study.model_copy(update={"features": features, "cohort": cohort})
    return replace(table_model, study=study)


@pytest.mark.parametrize("texts", [["Age"], ["=71"], ["Age="], ["Age=71", "Age=72"]])
def test_settings_not_of_the_form_are_refused(texts):
    with pytest.raises(CommandError) as caught:
        read_settings(texts)
    assert caught.value.code == "CLI-105"


def test_a_value_may_hold_an_equals_sign():
    assert read_settings(["note=a=b"]) == {"note": "a=b"}


def test_images_of_one_person_share_its_demographics(image_model, tmp_path):
    paths = [tmp_path / name for name in ("one.nii.gz", "two.nii")]
    for path in paths:
        path.touch()
    cohort = from_images(paths, {"age": "071Y", "sex": "female"}, image_model)
    assert cohort.frame.to_dict("index") == {
        "one": {"age": 71.0, "sex": "F"},
        "two": {"age": 71.0, "sex": "F"},
    }
    assert cohort.images.to_list() == [str(path) for path in paths]
    assert cohort.labels is None


def test_two_images_of_one_name_are_told_apart_by_their_paths(image_model, tmp_path):
    paths = [tmp_path / name / "T1.nii.gz" for name in "ab"]
    for path in paths:
        path.parent.mkdir()
        path.touch()
    cohort = from_images(paths, {"age": "71", "sex": "F"}, image_model)
    assert list(cohort.frame.index) == [str(path) for path in paths]


def test_an_image_that_is_absent_or_given_twice_is_refused(image_model, tmp_path):
    present = tmp_path / "one.nii.gz"
    present.touch()
    for images in ([tmp_path / "absent.nii.gz"], [present, present]):
        with pytest.raises(CommandError) as caught:
            from_images(images, {"age": "71", "sex": "F"}, image_model)
        assert caught.value.code == "CLI-106"


def test_a_pair_is_one_image_whichever_file_is_given(image_model, tmp_path):
    for name in ("one.hdr", "one.img", "half.img"):
        (tmp_path / name).touch()
    settings = {"age": "71", "sex": "F"}
    for given in ("one.hdr", "one.img"):
        cohort = from_images([tmp_path / given], settings, image_model)
        assert cohort.images.to_dict() == {"one": str(tmp_path / "one.hdr")}
    for images in (["half.img"], ["one.hdr", "one.img"]):
        with pytest.raises(CommandError) as caught:
            from_images([tmp_path / name for name in images], settings, image_model)
        assert caught.value.code == "CLI-106"


def test_a_missing_demographic_is_refused(image_model, tmp_path):
    (tmp_path / "one.nii.gz").touch()
    with pytest.raises(CohortError) as caught:
        from_images([tmp_path / "one.nii.gz"], {"age": "71"}, image_model)
    assert "--set sex=" in caught.value.advice


def test_a_model_of_measurements_takes_no_image(table_model, tmp_path):
    (tmp_path / "one.nii.gz").touch()
    with pytest.raises(CommandError) as caught:
        from_images([tmp_path / "one.nii.gz"], {"age": "71", "sex": "F"}, table_model)
    assert caught.value.code == "CLI-107"


def test_a_table_is_read_without_labels_and_conditions(table_model, tmp_path):
    # 50 would be left out by the training's condition: the model decides about everybody who is asked about.
    table = tmp_path / "new.csv"
    table.write_text(
        "id,age,sex,volume,thickness\nnew1,50,F,2000,2.5\nnew2,70,m,n/a,2.4\nnew3,old,F,2000,2.4\n"
    )
    cohort = from_table(table, table_model)
    assert list(cohort.frame.index) == ["new1", "new2"]
    assert cohort.ledger["code"].to_list()[2].startswith("COH-")
    assert features_in(list(cohort.raw.columns), table_model)
    frame = feature_frame(cohort, table_model)
    assert frame.loc["new1", "volume"] == 2000.0
    assert np.isnan(frame.loc["new2", "volume"])


def test_images_of_a_table_are_named_or_found_as_the_study_finds_them(image_model, tmp_path):
    for name in ("named.nii.gz", "scans/new1.nii.gz"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "named.csv").write_text("id,age,sex,image\nnew1,70,F,named.nii.gz\n")
    (tmp_path / "found.csv").write_text("id,age,sex\nnew1,70,F\n")
    assert from_table(tmp_path / "named.csv", image_model).images.to_list() == [
        str(tmp_path / "named.nii.gz")
    ]
    assert from_table(tmp_path / "found.csv", image_model).images.to_list() == [
        str(tmp_path / "scans/new1.nii.gz")
    ]


def test_a_persons_folder_stands_for_the_one_image_in_it(tmp_path):
    anat = tmp_path / "sub-001" / "ses-1" / "anat"
    anat.mkdir(parents=True)
    (anat / "sub-001_ses-1_T1w.nii.gz").touch()
    (anat / "sub-001_ses-1_T2w.nii.gz").touch()
    assert image_in(tmp_path / "sub-001") == anat / "sub-001_ses-1_T1w.nii.gz"
    dicom = tmp_path / "dicom"
    dicom.mkdir()
    (dicom / "IM0").touch()
    assert image_in(dicom) == dicom
    for name in ("head.hdr", "head.img"):
        (tmp_path / "pair").mkdir(exist_ok=True)
        (tmp_path / "pair" / name).touch()
    assert image_in(tmp_path / "pair") == tmp_path / "pair" / "head.hdr"
    (anat / "sub-001_ses-1_run-2_T1w.nii.gz").touch()
    with pytest.raises(CommandError) as caught:
        image_in(tmp_path / "sub-001")
    assert caught.value.code == "CLI-106"
    assert "2 images" in caught.value.problem
