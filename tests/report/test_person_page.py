"""One page a person says what was decided, why, and how far to trust it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from normwise.errors import ReportError
from normwise.report import read_run, write_people, write_report
from normwise.report.figures.brain import Outliner, Template
from normwise.report.person_page import outlined_regions
from normwise.results import (
    Contribution,
    Curve,
    FeatureNote,
    People,
    Person,
    Picture,
    Pictures,
    Prediction,
    Quality,
    write_result,
)
from report.example_runs import EXAMPLES, HOSTILE
from report.full_results import PNG
from report.read_html import Reader, read_html

TEXT_TAGS = ("p", "h1", "h2", "dt", "dd", "th", "td", "figcaption", "li")

NOTES = {
    "left_hippocampus.gm_share": FeatureNote("share", "Share of grey matter", "Left Hippocampus", 48),
    "right_amygdala.mean": FeatureNote("mm3", "Volume", "Right Amygdala", 31),
}


def person(name: str = "sub-1", **changes: object) -> Person:
    contributions = [
        Contribution("left_hippocampus.gm_share", 0.4, 0.7, -3.2, 0.1, 0.9),
        Contribution("right_amygdala.mean", 12.0, 11.0, 0.4, 65.0, -0.1),
    ]
    prediction = Prediction(
        name, {"normal": 0.2, "AD": 0.8}, "AD", "decided AD in 5 of 5 tests", None, contributions
    )
    checks = [Quality("mask", "volume", "ml", 700.0, 900.0, 2200.0, passed=False, text="a small mask")]
    whole = Person(prediction, "AD", {"Age": "71", "M/F": "F"}, supported=True, support="", quality=checks)
    return replace(whole, **changes)


def write(folder: Path, *people: Person, **changes: object) -> dict[str, Reader]:
    folder.mkdir(parents=True, exist_ok=True)
    found = People("normal", list(people), normal="normal", atlas="neuromorphometrics", notes=NOTES)
    write_result(replace(found, **changes), folder / "people.json")
    return {path.name: read_html(path.read_text(encoding="utf-8")) for path in write_people(folder)}


def test_an_extrapolated_probability_is_withheld_and_none_is_certain(tmp_path: Path) -> None:
    sure = Prediction("sure", {"normal": 1e-9, "AD": 1 - 1e-9}, "AD", "", 0.5)
    far = replace(sure, subject="far", decision=None, reason="age 20 is below 55", outcome="unsupported")
    pages = write(
        tmp_path, person(prediction=sure), person(prediction=far, supported=False, support="age 20")
    )
    assert "Probability of AD > 0.99 Probability of normal < 0.01" in text_of(pages["sure.html"])
    assert "Probability of AD withheld" in text_of(pages["far.html"])
    for name in ("sure.html", "far.html", "index.html"):
        assert "1.00" not in text_of(pages[name])


def test_a_person_who_was_trained_on_is_said_to_be(tmp_path: Path) -> None:
    pages = write(tmp_path, person("seen", trained_on=True), person("new"))
    del pages["index.html"]
    said = ["trained on this very scan" in text_of(page) for page in pages.values()]
    assert sorted(said) == [False, True]


def text_of(page: Reader) -> str:
    """What is read, cells separated by a space."""
    return " ".join(" ".join(element.text.split()) for element in page.elements if element.tag in TEXT_TAGS)


def test_a_page_says_decision_reason_support_and_quality(tmp_path: Path) -> None:
    text = text_of(write(tmp_path, person(), out_of_fold=True, models=5)["sub-1.html"])
    for sentence in (
        "Decision AD", "Probability of AD 0.80", "Decided AD in 5 of 5 tests", "the decision is right",
        "Age 71, M/F F", "Inside the range of the normal group", "1 check failed", "a small mask", "−3.20",
        "mean over 5 models that were trained without this person", "this person among them",
    ):  # fmt: skip
        assert sentence in text


def test_a_page_of_the_saved_model_does_not_speak_of_folds(tmp_path: Path) -> None:
    text = text_of(write(tmp_path, person(label=None))["sub-1.html"])
    assert "By the saved model" in text
    assert "trained without this person" not in text
    assert "True class" not in text


def test_nobody_is_decided_about_silently(tmp_path: Path) -> None:
    nothing = Prediction("sub-1", {}, None, "Age 20 is outside the normal group", None)
    page = write(
        tmp_path, person(prediction=nothing, supported=False, support="Age 20 is outside", quality=[])
    )
    text = text_of(page["sub-1.html"])
    assert "No decision" in text
    assert "Not supported. Age 20 is outside" in text
    assert not page["sub-1.html"].named("svg")


def test_regions_outside_the_centiles_are_outlined(tmp_path: Path) -> None:
    pages = write(tmp_path, person())
    assert list(outlined_regions(person().prediction.contributions, NOTES)) == [48]
    pictures = [picture.attributes["alt"] for picture in pages["sub-1.html"].named("img")]
    assert len(pictures) == 6
    assert all("outlined" in alt for alt in pictures)


def test_an_outline_is_blue_for_less_and_orange_for_more() -> None:
    from io import BytesIO

    from matplotlib.image import imread

    brain = np.ones((40, 40, 40))
    labels = np.zeros((40, 40, 40), dtype=int)
    labels[10:30, 10:30, 10:30] = 5
    outliner = Outliner(Template(brain, labels, np.eye(4)))
    for score, strongest in ((-2.0, 2), (2.0, 0)):
        cut = outliner.draw({5: score})[0]
        picture = imread(BytesIO(cut.png))
        # Rows 20 to 59 of the picture hold the region; its edge is coloured, its middle is not.
        assert picture[40, 21, :3].argmax() == strongest
        assert np.ptp(picture[40, 40, :3]) < 0.02
    assert outliner.draw({}) == outliner.draw({99: 3.0}) == []


def test_every_page_is_safe_well_formed_and_linked(tmp_path: Path) -> None:
    people = [person("a/b"), person("a b"), person(HOSTILE), person("sub-1")]
    pages = write(tmp_path, *people)
    assert len(pages) == len(list((tmp_path / "people").iterdir())) == 5
    for page in pages.values():
        assert page.faults == []
        assert len(page.named("script")) == 1  # the page's own, which saves figures
        policy = page.elements[[element.tag for element in page.elements].index("meta") + 1].attributes
        assert policy["content"].startswith("default-src 'none';")
    links = {link.attributes["href"] for link in pages["index.html"].named("a")}
    assert links == set(pages) - {"index.html"}
    assert HOSTILE in text_of(pages["index.html"])


def test_pages_of_people_who_are_gone_are_removed(tmp_path: Path) -> None:
    write(tmp_path, person("early"), person("late"))
    assert set(write(tmp_path, person("late"))) == {"index.html", "late.html"}
    assert not (tmp_path / "people" / "early.html").exists()


def test_pictures_of_the_person_are_shown(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.png").write_bytes(PNG)
    listed = [Picture("sub-1", "mask", "pictures/a.png", "Brain mask", "outline of the mask")]
    write_result(Pictures(listed), tmp_path / "pictures.json")
    alts = [picture.attributes["alt"] for picture in write(tmp_path, person())["sub-1.html"].named("img")]
    assert "outline of the mask" in alts


def test_without_people_there_is_nobody(tmp_path: Path) -> None:
    with pytest.raises(ReportError) as caught:
        write_people(tmp_path)
    assert caught.value.code == "REP-105"


def test_the_report_links_the_pages_of_the_worst_misses(tmp_path: Path) -> None:
    run = EXAMPLES["everything"](tmp_path / "run")
    people = [person(row.subject, quality=[]) for row in read_run(run).scored]
    write(run, *people, atlas=None)
    page = read_html(write_report(run).read_text(encoding="utf-8"))
    links = [link.attributes["href"] for link in page.named("a")]
    assert [link for link in links if link.startswith("people/")]
    assert all((run / link).is_file() for link in links if link.startswith("people/"))


def test_the_training_of_a_network_is_shown_where_the_run_has_one(tmp_path: Path) -> None:
    title = "How the network was trained"
    write(tmp_path, person())
    assert title not in (tmp_path / "people" / "sub-1.html").read_text("utf-8")
    curve = Curve([1.0, 2.0, 3.0], [0.69, 0.41, 0.2])
    page = write(tmp_path, person(), loss_curves={"Classifier": curve})["sub-1.html"]
    assert page.faults == []
    text = (tmp_path / "people" / "sub-1.html").read_text("utf-8")
    assert title in text
    assert "Classifier: 0.69 to 0.2" in text
