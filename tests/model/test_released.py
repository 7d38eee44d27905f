"""What Normwise 0.1.0 saved is read: its models decide the same to the last bit, its run makes a report.

``released/v0.1.0/models/NAME`` holds ``model.zip``, the folder that ``normwise train`` of 0.1.0 left,
``new.csv`` with people it never saw, and ``expected.json`` with what 0.1.0 predicted for them, floats in
hexadecimal. ``released/v0.1.0/run`` is a run folder. Everything in them is simulated.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import normwise
from normwise.report import read_run

SAVED = Path(__file__).parent / "released" / "v0.1.0"
MODELS = sorted(path.name for path in SAVED.glob("models/*"))
TEXT = ("sex", "site", "diagnosis")
FLOAT32 = ("image_", "voxel_")
"""Columns that the extractors hand on in single precision."""
PLACED = ("autoencoder", "conv", "conv_appended", "trunk")
"""Models of images, whose contributions name places: 0.1.0 gave none, or numbers that name nothing."""
PLACES = {"lower", "upper", "left", "right", "back", "front", "centre"}


def read_people(folder: Path) -> pd.DataFrame:
    """Read a fixture's new people: the index names them, an empty cell is missing, every number is exact."""
    frame = pd.read_csv(folder / "new.csv", index_col="id", dtype=str, keep_default_na=False)
    return pd.DataFrame(
        {
            name: [each or None for each in column]
            if name in TEXT
            else np.array(
                [float(each or "nan") for each in column],
                dtype=np.float32 if name.startswith(FLOAT32) else np.float64,
            )
            for name, column in frame.items()
        },
        index=frame.index,
    )


def plain(prediction: Any) -> dict[str, Any]:
    """Return what was predicted for one person, floats as hexadecimal, so that == compares every bit."""

    def exact(value: Any) -> Any:
        return float(value).hex() if isinstance(value, float) else value

    return {
        "subject": prediction.subject,
        "outcome": prediction.outcome,
        "decision": prediction.decision,
        "reason": prediction.reason,
        "threshold": exact(prediction.threshold),
        "probabilities": {name: exact(value) for name, value in prediction.probabilities.items()},
        "contributions": [
            {
                name: exact(getattr(part, name))
                for name in ("feature", "value", "expected", "w", "centile", "weight")
            }
            for part in prediction.contributions
        ],
    }


def predicted_by(model: Any, frame: pd.DataFrame, top: int) -> list[dict[str, Any]]:
    return [plain(each) for each in model.predictions(frame, top=top)]


def unpack(name: str, to: Path) -> Path:
    """Unpack a model; skip where its network's packages are missing.

    safetensors reads a network's weights, and torch runs the networks that look at images.
    """
    shutil.unpack_archive(SAVED / "models" / name / "model.zip", to)
    if (to / "weights.safetensors").is_file():
        on_images = '"kind": "normwise.classify.conv' in (to / "manifest.json").read_text(encoding="utf-8")
        for package in ["safetensors", *(["torch"] if on_images else [])]:
            if importlib.util.find_spec(package) is None:
                pytest.skip(f"{package} is not installed")
    return to


def arithmetic() -> dict[str, str]:
    """Name how this machine rounds: kernels of BLAS, NumPy and torch differ by processor in last bits."""
    rng = np.random.default_rng(0)
    parts = []
    for rows, inner, columns in ((12, 6, 1), (12, 6, 3), (7, 33, 5), (60, 125, 4), (1, 6, 6)):
        left, right = rng.normal(size=(rows, inner)), rng.normal(size=(inner, columns))
        parts += [
            left @ right,
            left @ right[:, 0],
            left.T @ left,
            np.exp(left),
            np.tanh(left),
            left.sum(axis=0),
        ]
        parts.append(np.linalg.solve(left.T @ left + np.eye(inner), right))
    recorded = {"numpy": _named(parts)}
    if importlib.util.find_spec("torch") is not None:
        import torch

        image = torch.from_numpy(rng.normal(size=(12, 2, 5, 5, 5)).astype(np.float32))
        kernel = torch.from_numpy(rng.normal(size=(4, 2, 3, 3, 3)).astype(np.float32))
        passed = torch.nn.functional.conv3d(image, kernel, stride=2, padding=1)
        pooled = torch.nn.functional.instance_norm(passed).mean(dim=(2, 3, 4))
        recorded["torch"] = _named([passed.numpy(), pooled.numpy()])
    return recorded


def _named(parts: list[np.ndarray]) -> str:
    return hashlib.sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in parts)).hexdigest()


@cache
def rounds_alike() -> bool:
    """Say whether this machine rounds as the one on which the models were saved."""
    recorded = json.loads((SAVED / "arithmetic.json").read_text(encoding="utf-8"))
    return arithmetic().items() <= recorded.items()


def assert_same(now: Any, then: Any, place: str = "") -> None:
    """Assert that every bit is the same; where a machine rounds otherwise, the same numbers."""
    if now == then:
        return
    assert type(now) is type(then), place
    if isinstance(now, dict):
        assert list(now) == list(then), place
        for name in now:
            assert_same(now[name], then[name], f"{place}.{name}")
    elif isinstance(now, list):
        assert len(now) == len(then), place
        for number, pair in enumerate(zip(now, then, strict=True)):
            assert_same(*pair, f"{place}[{number}]")
    else:
        assert isinstance(now, str), place
        assert now[:3] in ("0x1", "0x0", "-0x"), (place, now, then)
        assert not rounds_alike(), (place, now, then)
        # Networks on images compute in single precision.
        assert float.fromhex(now) == pytest.approx(float.fromhex(then), rel=1e-4, abs=1e-7), place


def expected_of(name: str) -> dict[str, Any]:
    return dict(json.loads((SAVED / "models" / name / "expected.json").read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", MODELS)
def test_a_model_of_0_1_0_predicts_the_same_for_everybody(name: str, tmp_path: Path) -> None:
    expected = expected_of(name)
    model, frame = normwise.load_model(unpack(name, tmp_path)), read_people(SAVED / "models" / name)
    assert list(model.classes) == expected["classes"]
    assert list(model.columns) == expected["columns"]
    predicted = predicted_by(model, frame, expected["top"])
    assert [each["subject"] for each in predicted] == [each["subject"] for each in expected["people"]]
    if name in PLACED:
        assert all(
            set(part["feature"].split()) <= PLACES for each in predicted for part in each["contributions"]
        )
        predicted, expected["people"] = (
            [each | {"contributions": []} for each in people] for people in (predicted, expected["people"])
        )
    assert_same(predicted, expected["people"])


@pytest.mark.parametrize("name", [name for name in MODELS if "adapted" in expected_of(name)])
def test_a_model_of_0_1_0_adapts_to_new_sites_as_it_did(name: str, tmp_path: Path) -> None:
    expected = expected_of(name)
    model, frame = normwise.load_model(unpack(name, tmp_path)), read_people(SAVED / "models" / name)
    adapted = model.adapt_to_sites(frame, frame["diagnosis"].to_numpy(dtype=object))
    assert_same(predicted_by(adapted, frame, expected["top"]), expected["adapted"])


def test_nobodys_decision_depends_on_the_order_of_the_people(tmp_path: Path) -> None:
    expected = expected_of("logistic")
    model = normwise.load_model(unpack("logistic", tmp_path))
    frame = read_people(SAVED / "models" / "logistic")
    assert [row["decision"] for row in predicted_by(model, frame.iloc[::-1], 1)] == [
        row["decision"] for row in expected["people"][::-1]
    ]


def test_a_run_of_0_1_0_is_read_and_makes_its_report(tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(SAVED / "run", run)
    before = {path.relative_to(run): path.read_bytes() for path in run.rglob("*") if path.is_file()}
    saved = read_run(run)
    recorded = json.loads((SAVED / "run_expected.json").read_text())
    assert saved.record.versions["normwise"] == "0.1.0"
    assert (saved.record.n_listed, saved.record.n_included) == (recorded["n_listed"], recorded["n_included"])
    assert saved.evaluation is not None
    assert saved.explanation is not None
    assert {name: arm.auc.estimate.hex() for name, arm in saved.evaluation.arms.items()} == recorded["auc"]
    assert len(saved.scored) == recorded["scored"]
    assert saved.no_decision == recorded["no_decision"]
    page = normwise.write_report(run)
    assert page.is_file()
    text = page.read_text(encoding="utf-8")
    assert saved.record.title in text
    assert {path: (run / path).read_bytes() for path in before} == before


def test_a_run_of_0_1_0_opens_as_its_model() -> None:
    model = normwise.load_model(SAVED / "run")
    frame = read_people(SAVED / "models" / "logistic")
    recorded = json.loads((SAVED / "run_expected.json").read_text())
    assert_same(predicted_by(model, frame, recorded["top"]), recorded["people"])


def test_this_machine_rounds_as_the_one_that_wrote_the_models() -> None:
    if not rounds_alike():
        pytest.skip("BLAS or torch round otherwise than where models were saved: compared to 1e-4")
