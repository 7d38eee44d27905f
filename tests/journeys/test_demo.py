"""The demo, with fewer people: the whole way in one command, ending with the report."""

import re

import pytest

from normwise.results import Evaluation, read_result

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def demo(normwise, tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    words = ("demo", "--people", 30, "--seed", 1, "--cache", "cache")
    return folder / "normwise-demo", normwise(*words, folder=folder)


def test_the_demo_ends_with_three_sentences_and_the_report(demo):
    run, ending = demo
    lines = ending.out.splitlines()
    assert lines[-1] == "normwise-demo/report.html"
    assert "<html" in (run / "report.html").read_text()[:200]
    assert (run / "model" / "manifest.json").is_file()
    evaluation = read_result(Evaluation, run / "evaluation.json")
    auc = evaluation.arms[evaluation.main_arm].auc.estimate
    text = "\n".join(lines)
    assert f"with an AUC of {auc:.2f}" in text
    assert len(re.findall(r"\.$", text, flags=re.MULTILINE)) == 3


def test_the_demo_again_takes_up_its_run(demo, normwise):
    run, first = demo
    again = normwise("demo", "--people", 30, "--seed", 1, "--cache", "cache", folder=run.parent)
    assert again.out == first.out
    assert "30 from the cache" in again.err


def test_the_demo_with_other_people_needs_another_folder(demo, normwise):
    run, _ = demo
    ending = normwise("demo", "--people", 31, "--seed", 1, folder=run.parent, code=2)
    assert "SAM-103" in ending.err


def test_the_demo_does_not_write_into_a_folder_of_yours(normwise, tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    assert "CLI-201" in normwise("demo", tmp_path, code=2).err
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]
