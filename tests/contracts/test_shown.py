"""What a session or a notebook shows of an object is short, escaped, well formed and whole in itself."""

from __future__ import annotations

import base64
import dataclasses
import io
import re
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evaluated import people, study_of
from normwise import results
from normwise.cohort import read_cohort
from normwise.evaluate import evaluate_study
from normwise.images import LabelVolume, Volume
from normwise.model import train_study
from normwise.report import read_run
from normwise.reprs import ShortRepr
from normwise.results import Contribution, Prediction, Predictions, ScoreShare

LINES, CHARACTERS, PAGE = 20, 2000, 200_000
"""The most that a session shows, and the bytes of a page."""

HOSTILE = "<script>alert('x')</script>\n&\"\u202e\x1b[2J" + "long " * 5000
"""A text as it may stand in somebody's table: markup, breaks, signs that turn a terminal, and no end."""

VOID = {"img", "br", "hr", "line", "circle"}
FETCHING = re.compile(
    r"""(?:src|href|xlink:href)\s*=\s*["'](?!data:)|url\(|@import|<(?:script|link|iframe|style)"""
)


class Balance(HTMLParser):
    """Keeps the elements that are open, and refuses an end that is not theirs."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.seen.append(tag)
        assert not [name for name, _ in attrs if name.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def check(thing: Any) -> tuple[str, str]:
    """Check both ways in which a thing is shown, and return them."""
    text, page = repr(thing), thing._repr_html_()
    assert len(text) <= CHARACTERS
    assert len(text.splitlines()) <= LINES
    assert text.replace("\n", "").isprintable()
    assert text.startswith(f"{type(thing).__name__}(")
    assert len(page.encode()) <= PAGE
    assert not FETCHING.search(page)
    assert "alert('x')" not in page
    balance = Balance()
    balance.feed(page)
    balance.close()
    assert balance.open == []
    assert "script" not in balance.seen
    # A fixed colour of text or paper would vanish on a page of the other theme.
    assert not re.search(r"(?:^|[^-])(?:background|color)\s*:(?!inherit)", page)
    return text, page


def hostile(kind: type) -> Any:
    """Make a result all of whose texts and lists are as bad as they can be."""
    values: dict[str, Any] = {}
    for field in dataclasses.fields(kind):
        named, annotation = field.name, str(field.type)
        if annotation.startswith("list") or annotation == "Notes":
            values[named] = [HOSTILE] * 3000
        elif annotation.startswith("dict"):
            values[named] = {f"{number}{HOSTILE}": number for number in range(3000)}
        elif annotation.startswith("str"):
            values[named] = HOSTILE
        elif annotation.startswith("Estimate"):
            values[named] = results.Estimate(0.8, None, float("nan"))
        else:
            values[named] = 0.25 if "float" in annotation else 3
    return kind(**values)


HELD = [
    name
    for name in results.__all__
    if dataclasses.is_dataclass(getattr(results, name))
    and any(
        str(field.type).startswith(("list", "dict")) for field in dataclasses.fields(getattr(results, name))
    )
]
SPECIAL = {"Evaluation", "Explanation", "PredictedNumber", "Prediction", "Regression"}
"""Results that show what lies inside them; their parts are made as such below."""


@pytest.mark.parametrize("name", HELD)
def test_a_result_that_holds_collections_is_shown_short(name: str) -> None:
    kind = getattr(results, name)
    assert issubclass(kind, ShortRepr)
    if name not in SPECIAL:
        check(hostile(kind))


@pytest.mark.parametrize(
    ("package", "name"),
    [
        ("cohort", "Table"), ("cohort", "ColumnReading"), ("evaluate", "ArmPredictions"),
        ("evaluate", "OutOfFold"),
        ("features", "FeatureTable"), ("features", "Drawing"), ("model", "Model"), ("model", "Norm"),
        ("model", "RegressionModel"),
        ("normalize", "Reference"), ("normalize", "SiteCard"), ("normalize", "Regression"),
        ("procedure", "FittedProcedure"), ("report", "SavedRun"),
        ("runs", "PreparedRun"), ("runs", "Departures"),
        ("serve", "HeatMap"),
    ],
)  # fmt: skip
def test_whatever_holds_arrays_and_tables_is_shown_short(package: str, name: str) -> None:
    assert issubclass(getattr(import_module(f"normwise.{package}"), name), ShortRepr)


def arm(**more: Any) -> results.Arm:
    row = results.Estimate(0.814, 0.75, 0.87)
    line = results.Curve([i / 5000 for i in range(5000)], [i / 5000 for i in range(5000)])
    known = {
        "title": HOSTILE, "auc": row, "balanced_accuracy": row,
        "specificity": results.Estimate(0.6, None, None),
        "sensitivity": results.Estimate(None, None, None), "confusion": [], "roc": line, "thresholds": line.x,
        "settings": [], "undecided": 0.0,
    }  # fmt: skip
    return results.Arm(**(known | more))


def test_an_evaluation_shows_its_arms_and_a_forest_of_them() -> None:
    evaluation = results.Evaluation(
        kind="crossval", classes=["normal", HOSTILE], negative="normal", positives=[HOSTILE], n_people=40,
        n_scans=44, n_per_class={"normal": 20, HOSTILE: 24}, folds=5, repeats=3, seed=0, confidence=0.95,
        decision=HOSTILE, main_arm="normalized", differences={},
        arms={"raw": arm(auc=results.Estimate(None, None, None)), "normalized": arm()}
        | {f"{number}{HOSTILE}": arm() for number in range(40)},
        alarms=[results.Alarm("EVA-301", "severe", HOSTILE, HOSTILE, HOSTILE)] * 100,
    )  # fmt: skip
    _, page = check(evaluation)
    assert page.count("<svg") == 1
    assert "normalized: 0.81 (0.75 to 0.87)" in page
    assert "raw: not defined" in page
    assert "EVA-301" in page
    assert "and 80 more" in page  # alarms beyond the first twenty
    # 0.75 to 0.87 lies where it should on an axis from 0.4 to 1.0.
    left, right = 10 + 320 * 0.35 / 0.6, 10 + 320 * 0.47 / 0.6
    assert f'<line x1="{left:.1f}" x2="{right:.1f}"' in page
    frame = evaluation.to_frame()
    assert list(frame.columns) == ["arm", "metric", "estimate", "low", "high"]


def test_a_regression_shows_its_arms_and_a_forest_of_their_errors() -> None:
    row, none = results.Estimate(4.2, 3.6, 4.9), results.Estimate(None, None, None)
    figures = dict.fromkeys(
        ("mae", "rmse", "r2", "spearman", "slope", "bias", "gap_rho", "corrected_rho"), row
    )
    arms = {
        "raw": results.RegressionArm(
            **figures | {"mae": none}, intervals=[], groups=[], unpredicted=0.0, beyond=0.0
        ),
        HOSTILE: results.RegressionArm(**figures, intervals=[], groups=[], unpredicted=0.0, beyond=0.0),
    }
    regression = results.Regression(
        kind="crossval", target=HOSTILE, normal=HOSTILE, n_people=40, n_scans=44, n_per_group={HOSTILE: 44},
        folds=5, repeats=1, seed=0, confidence=0.95, split="kfold", main_arm=HOSTILE,
        arms=arms, differences={}, notes=[],
        points=[results.RegressionPoint(1.0, 2.0, 1.5, True)] * 5000,
    )  # fmt: skip
    _, page = check(regression)
    assert "raw: not defined" in page
    assert page.count("<circle") == 1
    frame = regression.to_frame()
    assert frame.shape == (16, 5)
    assert frame.set_index(["arm", "metric"]).loc[(HOSTILE, "mae")].tolist() == [4.2, 3.6, 4.9]


def test_predicted_numbers_are_a_short_table() -> None:
    ends = [results.PredictionInterval(0.8, 61.0, 79.0), results.PredictionInterval(0.9, None, None)]
    row = results.PredictedNumber(HOSTILE, 70.0, ends, remarks=[HOSTILE] * 50, true=66.0, corrected_gap=1.5)
    text, page = check(row)
    assert "80% interval: 61 to 79" in text
    assert "unbounded" in page
    none = results.PredictedNumber("b", None, reason=HOSTILE, outcome="unsupported")
    _, page = check(results.PredictedNumbers([row, none] * 3000))
    assert "none (unsupported)" in page
    frame = results.PredictedNumbers([row, none]).to_frame()
    assert frame["gap"].tolist()[0] == 4.0
    assert frame.iloc[1][["predicted", "low_80", "high_90", "gap"]].isna().all()


def one(**more: Any) -> Prediction:
    contributions = [
        Contribution("hippocampus.volume", value=3.1, expected=3.9, w=-2.5, centile=0.6, weight=1.2),
        Contribution(HOSTILE, value=2.0, expected=None, w=None, centile=None, weight=None),
    ]
    known = {
        "subject": "sub-01", "probabilities": {"normal": 0.3, HOSTILE: 0.7}, "decision": HOSTILE,
        "reason": "", "threshold": 0.5,
        "contributions": contributions, "scores": [ScoreShare(HOSTILE, 1.2, 0.3)],
    }  # fmt: skip
    return Prediction(**(known | more))


def test_a_prediction_shows_a_short_page_of_the_person() -> None:
    text, page = check(one())
    assert "sub-01" in text
    assert "hippocampus.volume: -2.50" in page
    assert "no" in page
    assert "+0.90 is decided by" in page
    assert "not a diagnosis" in page
    frame = one().to_frame()
    assert frame.loc["hippocampus.volume", ["value", "expected", "w"]].tolist() == [3.1, 3.9, -2.5]
    assert pd.isna(frame.iloc[1]["w"])


def test_a_probability_is_withheld_where_it_would_be_extrapolated() -> None:
    outside = one(outcome="unsupported", decision=None, reason="older than anybody normal")
    text, page = check(outside)
    assert "probability" not in text
    assert "0.300" not in text + page
    assert "log-odds" not in page
    assert "older than anybody normal" in page


def test_several_predictions_are_a_table() -> None:
    several = Predictions(
        [one(), one(subject="sub-02", outcome="unsupported", decision=None), *[one()] * 5000]
    )
    text, page = check(several)
    assert text == "Predictions(5002: decided 5001, unsupported 1)"
    assert "and 4982 more" in page
    frame = several.to_frame()
    assert frame.shape == (5002, 6)
    assert frame.loc["sub-01", "probability_normal"].iloc[0] == 0.3
    assert pd.isna(frame.loc["sub-02", "probability_normal"])
    assert frame["threshold"].dtype == np.float64
    assert list(Predictions().to_frame().columns) == ["decision", "outcome", "threshold", "reason"]
    check(Predictions())


@pytest.mark.parametrize("shape", [(30, 40, 20), (1, 1, 1), (0, 3, 3), (700, 2, 2)])
@pytest.mark.parametrize("kind", [Volume, LabelVolume])
def test_a_volume_shows_three_slices(kind: type, shape: tuple[int, int, int]) -> None:
    voxels = np.arange(np.prod(shape)).reshape(shape) % 250
    _, page = check(kind(voxels, np.diag([2.0, 2.0, 3.0, 1.0])))
    assert page.count("<img") == (3 if voxels.size else 0)


def test_voxels_that_are_no_numbers_are_shown_as_dark() -> None:
    for value in (np.nan, np.inf):
        check(Volume(np.full((4, 5, 6), value), np.eye(4)))
    voxels = np.ones((4, 5, 6))
    voxels[0] = np.nan
    check(Volume(voxels, np.eye(4)))


def test_left_is_left_however_the_voxels_lie() -> None:
    from PIL import Image

    voxels = np.zeros((32, 32, 32))
    voxels[:8, 24:, 16] = 1.0  # to the left and to the front, in the middle axial slice
    standing = Volume(voxels, np.diag([1.0, 1.0, 1.0, 1.0]))
    turned = Volume(voxels[::-1], np.diag([-1.0, 1.0, 1.0, 1.0]))
    pages = [each._repr_html_() for each in (standing, turned)]
    pictures = [re.findall(r"base64,([^\"]+)", page) for page in pages]
    assert pictures[0] == pictures[1]
    axial = np.asarray(Image.open(io.BytesIO(base64.b64decode(pictures[0][2]))))
    bright = np.argwhere(axial > 128)
    assert bright[:, 0].max() < axial.shape[0] / 2  # front is above
    assert bright[:, 1].max() < axial.shape[1] / 2  # left is on the left


def test_a_slice_has_the_shape_that_it_has_in_millimetres() -> None:
    page = Volume(np.arange(6000).reshape(10, 20, 30), np.diag([4.0, 2.0, 1.0, 1.0]))._repr_html_()
    sizes = [tuple(map(int, each)) for each in re.findall(r'width="(\d+)" height="(\d+)"', page)]
    assert sizes == [(180, 135), (180, 135), (180, 180)]  # 40 × 30, 40 × 30 and 40 × 40 mm


def test_what_a_run_is_made_of_is_shown(tmp_path: Path) -> None:
    table = people()
    bad = "<b>dementia & co</b>"
    table["dx"] = table["dx"].replace("AD", bad)
    table.loc[3, "Age"] = np.nan
    study = study_of(tmp_path, table)
    cohort = read_cohort(study)
    text, page = check(cohort)
    assert f"{bad} 59" in text
    assert "&lt;b&gt;dementia &amp; co&lt;/b&gt; 59" in page
    assert "<td" in page
    assert "−1" in page  # the row without an age, between those listed and those who take part
    assert page.index("listed") < page.index("−1") < page.index("taking part")
    frame = cohort.to_frame()
    assert list(frame.columns) == ["person", "class", "site", "Age"]
    assert frame.index.equals(cohort.frame.index)
    _, page = check(study)
    assert "evaluation.folds" in page  # set by this study
    assert "evaluation.seed" not in page  # left at its default
    evaluation = evaluate_study(study, tmp_path / "run")
    _, page = check(evaluation)
    assert page.count("<circle") == len(evaluation.arms)
    for each in evaluation.arms.values():
        check(each)
    check(read_run(tmp_path / "run"))
    model = train_study(study, tmp_path / "run", jobs=1)
    _, page = check(model)
    assert "no diagnosis" in page
    assert "trained on" in page.lower()
    check(model.procedure)
    predictions = model.predictions(table.set_index("ID"))
    assert isinstance(predictions, Predictions)
    check(predictions)
    check(predictions[0])
