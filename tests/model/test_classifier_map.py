"""What the trained classifier does: the plane of two columns, and the first tree of a forest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from normwise.model.train import train_study
from normwise.report import read_run
from normwise.results import Explanation
from normwise.run_folder import RunFolder
from normwise.schema import Study

COSTS = {"cost": {"missed": 1.0, "false_alarm": 1.0}}


def explained(folder: Path, classifier: dict[str, Any], columns: tuple[str, ...] = ("a", "b")) -> Explanation:
    """Train on forty people, and read what the model was found to do."""
    rng = np.random.default_rng(2)
    rows = ["participant_id\tdx\ta\tb\tc"]
    for number in range(40):
        ill = number % 2
        values = rng.normal(size=3) + 2.0 * ill
        rows.append(
            f"s{number}\t{'AD' if ill else 'normal'}\t" + "\t".join(f"{value:.3f}" for value in values)
        )
    (folder / "participants.tsv").write_text("\n".join(rows) + "\n")
    study = {
        "cohort": {"root": folder, "label": "dx"},
        "features": {"extractor": "table", "columns": list(columns)},
        "classifier": classifier,
        "decision": COSTS,
        "evaluation": {"inner_folds": 2},
    }
    train_study(Study.model_validate(study), folder / "run")
    return RunFolder(folder / "run").read_result(Explanation, RunFolder.EXPLANATION)


def test_the_boundary_of_a_logistic_model_is_where_its_score_is_the_threshold(tmp_path: Path) -> None:
    found = explained(tmp_path, {"name": "logistic", "parameters": {"C": 1.0}})
    plane = found.plane
    assert plane is not None
    assert (plane.columns, len(plane.people_x), found.tree) == (["a", "b"], 40, [])
    odds = np.log(np.array(plane.score) / (1 - np.array(plane.score)))
    # Straight lines of equal probability: the log-odds are a plane.
    x, y = np.meshgrid(plane.x, plane.y)
    design = np.column_stack([x.ravel(), y.ravel(), np.ones(x.size)])
    fit, *_ = np.linalg.lstsq(design, odds.ravel(), rcond=None)
    assert design @ fit == pytest.approx(odds.ravel(), abs=0.02)
    assert (fit[:2] > 0).all()  # patients have more of both
    page = (tmp_path / "run" / "report.html").read_text()
    assert 'data-figure="plane"' in page
    assert "What the classifier does" in page


def test_a_machine_has_its_margin_and_support_vectors(tmp_path: Path) -> None:
    plane = explained(tmp_path, {"name": "svm", "parameters": {"kernel": "linear", "C": 1.0}}).plane
    assert plane is not None
    margin = np.array(plane.margin)
    assert margin.min() < -1
    assert margin.max() > 1
    assert 0 < sum(plane.support) < 40
    ill = np.array(plane.people_class) == "AD"
    near = [
        margin[np.argmin(np.abs(np.array(plane.y) - y)), np.argmin(np.abs(np.array(plane.x) - x))]
        for x, y in zip(plane.people_x, plane.people_y, strict=True)
    ]
    # The classes are sorted by name, AD first, so that the machine's score is negative for it.
    held, sides = np.array(plane.support), np.where(ill, -1.0, 1.0)
    assert (sides * near)[held].max() < 1.3
    assert (sides * near)[~held].min() > 0.7
    assert "support vector" in (tmp_path / "run" / "report.html").read_text()


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("logistic", {"C": 1.0}), ("linear", {}), ("svm", {"kernel": "linear", "C": 1.0}),
        ("forest", {"n_estimators": 5}), ("neural", {"epochs": 5}),
    ],
)  # fmt: skip
def test_one_column_has_the_curve_of_every_classifier(
    tmp_path: Path, name: str, parameters: dict[str, Any]
) -> None:
    found = explained(tmp_path, {"name": name, "parameters": parameters}, columns=("a",))
    plane = found.plane
    assert plane is not None
    assert (plane.columns, plane.y, len(plane.score)) == (["a"], [], 1)
    ill = [own == "AD" for own in plane.people_class]
    assert plane.people_y == [float(own) for own in ill]
    curve = np.array(plane.score[0])
    assert len(curve) == len(plane.x)
    assert curve[-1] > curve[0]  # patients have more
    if name == "logistic":
        odds = np.log(curve / (1 - curve))
        assert np.diff(odds) == pytest.approx(np.diff(odds)[0], abs=5e-3)
    assert bool(plane.margin) == (name == "svm")
    page = (tmp_path / "run" / "report.html").read_text()
    assert "only column" in page
    assert 'data-figure="plane"' in page


def test_a_forest_shows_its_first_tree(tmp_path: Path) -> None:
    found = explained(
        tmp_path, {"name": "forest", "parameters": {"min_samples_leaf": 5}}, columns=("a", "b", "c")
    )
    assert found.plane is None  # three columns
    root = found.tree[0]
    assert root.column in ("a", "b", "c")
    assert -2 < root.cut < 4  # in the column's own unit, between the classes
    lower, upper = found.tree[root.lower], found.tree[root.upper]
    assert lower.people + upper.people == root.people
    assert lower.share < upper.share  # patients have more
    for node in found.tree:
        assert (node.lower < 0) == (node.column == "")
        assert 0 <= node.share <= 1
    assert 'data-figure="tree"' in (tmp_path / "run" / "report.html").read_text()


def test_other_runs_have_no_such_section(tmp_path: Path) -> None:
    explained(tmp_path, {"name": "logistic", "parameters": {"C": 1.0}}, columns=("a", "b", "c"))
    assert read_run(tmp_path / "run").explanation.plane is None
    assert "What the classifier does" not in (tmp_path / "run" / "report.html").read_text()
