"""Predict: one line a person, the reason where there is no decision, and an exit code that says so."""

import csv
import os

import pytest

from normwise.cli.main import main

HEADER = "id,age,sex,volume,thickness\n"


def predict(run, text, tmp_path, capsys, *more):
    table = tmp_path / "new.csv"
    table.write_text(HEADER + text)
    code = main(["predict", str(run), "--table", str(table), *more])
    told = capsys.readouterr()
    return code, {row.get("id"): row for row in csv.DictReader(told.out.splitlines(), delimiter="\t")}, told


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
    from normwise.cli.new_subjects import feature_frame, from_table

    _, rows, _ = predict(table_run, "b,70,F,1800,2.5\na,61,M,2900,2.5\n", tmp_path, capsys)
    cohort = from_table(tmp_path / "new.csv", table_model)
    for prediction in table_model.predict(feature_frame(cohort, table_model)):
        told = float(rows[prediction.subject]["probability_AD"])
        assert told == pytest.approx(prediction.probabilities["AD"], rel=1e-5)


def test_out_of_range_is_no_decision_and_no_failure(table_run, tmp_path, capsys):
    code, rows, _ = predict(table_run, "young,20,F,3200,2.5\n", tmp_path, capsys)
    assert code == 0
    assert rows["young"]["decision"] == "no decision"
    assert "age" in rows["young"]["reason"]


def test_what_cannot_be_read_fails_alone(table_run, tmp_path, capsys):
    text = "good,70,F,1800,2.5\nold,very,F,1800,2.5\nbare,70,F,n/a,2.5\n"
    code, rows, _ = predict(table_run, text, tmp_path, capsys)
    assert code == 1
    assert rows["good"]["decision"] == "AD"
    assert rows["old"]["decision"] == rows["bare"]["decision"] == "no decision"
    assert rows["old"]["reason"].startswith("COH-")
    assert "volume is missing" in rows["bare"]["reason"]


def test_the_table_goes_into_a_file(table_run, tmp_path, capsys):
    out = tmp_path / "out" / "told.tsv"
    code, _, told = predict(table_run, "b,70,F,1800,2.5\n", tmp_path, capsys, "--out", str(out))
    assert code == 0
    assert told.out.splitlines()[-1] == str(out)
    assert out.read_text().splitlines()[1].startswith("b\tAD\t")


@pytest.mark.parametrize(
    "words", [[], ["scan.nii.gz", "--table", "new.tsv"], ["--table", "new.tsv", "--set", "a=1"]]
)
def test_images_or_a_table(table_run, words, capsys):
    assert main(["predict", str(table_run), *words]) == 2
    assert capsys.readouterr().err.startswith("CLI-102  ")


def test_demographics_that_decide_nothing_are_no_failure(table_run, tmp_path, capsys):
    code, rows, _ = predict(table_run, "old,very,F,1800,2.5\nodd,70,X,1800,2.5\n", tmp_path, capsys)
    assert code == 0
    assert {row["decision"] for row in rows.values()} == {"no decision"}


def test_an_output_that_cannot_be_written_is_refused_before_anything_is_read(tmp_path, capsys):
    assert main(["predict", "no-model", "--table", "new.tsv", "--out", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert told.startswith("CLI-301  ")
    assert str(tmp_path) in told


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
    told = {person.prediction.subject: person for person in people.people}
    assert told["b"].supported
    assert told["b"].prediction.decision == "AD"
    assert told["b"].demographics == {"age": "70", "sex": "F"}
    assert not told["young"].supported
    assert "age" in told["young"].support
    assert {path.name for path in (folder / "people").iterdir()} == {"index.html", "b.html", "young.html"}
