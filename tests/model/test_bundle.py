"""The saved model: bit-identical when whole, refused with nothing executed when not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io

from normwise.classify import CLASSIFIERS
from normwise.errors import ModelError
from normwise.files import content_digest, sha256_file
from normwise.model import bundle
from normwise.model.bundle import load_model, save_model
from simulated import model_of, simulate


@pytest.fixture
def saved(small: Any, tmp_path: Path) -> Path:
    return save_model(model_of(small), tmp_path / "model")


def refused(folder: Path) -> str:
    with pytest.raises(ModelError) as caught:
        load_model(folder)
    return caught.value.code


@pytest.mark.parametrize("classifier", list(CLASSIFIERS))
@pytest.mark.parametrize("cohort", ["small", "three"])
def test_a_reloaded_model_predicts_the_same_bits(
    classifier: str, cohort: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    data = request.getfixturevalue(cohort)
    model = model_of(data, classifier)
    again = load_model(save_model(model, tmp_path / "model"))
    assert np.array_equal(model.procedure.probabilities(data.X), again.procedure.probabilities(data.X))
    assert again.predictions(data.X) == model.predictions(data.X)
    assert (again.study, again.notes, again.procedure.rule) == (
        model.study,
        model.notes,
        model.procedure.rule,
    )


@pytest.mark.parametrize("arm", ["raw", "adjusted", "appended", "normalized_all", "demographics"])
def test_every_arm_can_be_saved(small: Any, arm: str, tmp_path: Path) -> None:
    model = model_of(small, arm=arm)
    assert load_model(save_model(model, tmp_path)).predictions(small.X) == model.predictions(small.X)


@pytest.mark.parametrize("classifier", list(CLASSIFIERS))
def test_the_same_training_saves_the_same_bytes(classifier: str, tmp_path: Path) -> None:
    for name in ("first", "second"):
        save_model(model_of(simulate(), classifier), tmp_path / name)
    names = sorted(path.name for path in (tmp_path / "first").iterdir())
    assert names[:2] == ["manifest.json", "model.skops"]
    for file in names:
        first, second = ((tmp_path / name / file).read_bytes() for name in ("first", "second"))
        assert first == second, file


def test_the_run_folder_opens_too(saved: Path) -> None:
    assert load_model(saved.parent).classes == ("normal", "AD")


def test_an_absent_model_is_named(tmp_path: Path) -> None:
    assert refused(tmp_path) == "MDL-101"


@pytest.mark.parametrize("content", ["", "[]", "{}", "{", "\x00", '{"schema_version": 1}'])
def test_a_damaged_manifest_is_refused(saved: Path, content: str) -> None:
    (saved / "manifest.json").write_text(content)
    assert refused(saved) in {"MDL-102", "MDL-104"}


def test_another_schema_is_refused(saved: Path) -> None:
    edit(saved, schema_version=99)
    assert refused(saved) == "MDL-103"


def test_an_edited_threshold_is_refused(saved: Path) -> None:
    manifest = json.loads((saved / "manifest.json").read_text())
    manifest["rule"]["threshold"] = 0.999
    (saved / "manifest.json").write_text(json.dumps(manifest))
    assert refused(saved) == "MDL-104"


def test_a_flipped_bit_in_the_weights_is_refused(saved: Path) -> None:
    content = bytearray((saved / "model.skops").read_bytes())
    content[len(content) // 2] ^= 1
    (saved / "model.skops").write_bytes(bytes(content))
    assert refused(saved) == "MDL-104"


def test_a_path_out_of_the_folder_is_refused(saved: Path) -> None:
    edit(saved, files={"../model.skops": "0"})
    assert refused(saved) == "MDL-104"


class Foreign:
    """A type that Normwise does not write."""

    def __init__(self) -> None:
        self.value = 1


def test_a_foreign_type_is_refused_even_with_right_hashes(saved: Path) -> None:

    (saved / "model.skops").write_bytes(skops.io.dumps(Foreign()))
    edit(saved, files={"model.skops": sha256_file(saved / "model.skops")})
    assert refused(saved) == "MDL-105"


def test_another_scikit_learn_is_refused(saved: Path) -> None:
    manifest = json.loads((saved / "manifest.json").read_text())
    edit(saved, versions=manifest["versions"] | {"scikit-learn": "1.2.0"})
    assert refused(saved) == "MDL-106"


@pytest.mark.parametrize(
    "change",
    [
        {"versions": []}, {"notes": None}, {"arm": "other"}, {"feature_names": None}, {"feature_names": [1]},
        {"training": None}, {"setting": 1}, {"study": []},
    ],
)  # fmt: skip
def test_a_forged_manifest_of_other_kinds_is_refused(saved: Path, change: dict[str, Any]) -> None:
    edit(saved, **change)
    assert refused(saved) == "MDL-102"


@pytest.mark.parametrize("change", [{"negative": "x"}, {"classes": ["normal", "x"]}, {"costs": [[0.0]]}])
def test_a_rule_that_does_not_fit_the_pipeline_is_refused(saved: Path, change: dict[str, Any]) -> None:
    edit(saved, rule=json.loads((saved / "manifest.json").read_text())["rule"] | change)
    assert refused(saved) == "MDL-108"


def test_a_file_of_known_types_that_is_no_pipeline_is_refused(saved: Path) -> None:

    (saved / "model.skops").write_bytes(skops.io.dumps({"normalize": 1}))
    edit(saved, files={"model.skops": sha256_file(saved / "model.skops")})
    assert refused(saved) == "MDL-108"


def test_text_that_utf_8_does_not_know_is_refused(saved: Path) -> None:
    text = (saved / "manifest.json").read_text()
    (saved / "manifest.json").write_text(text.replace('"arm": "normalized"', '"arm": "\\ud800"'))
    assert refused(saved) == "MDL-104"


@pytest.fixture
def network(small: Any, tmp_path: Path) -> Path:
    return save_model(model_of(small, "neural"), tmp_path / "network")


def test_a_networks_weights_lie_apart_with_its_architecture_in_the_manifest(network: Path) -> None:
    import safetensors.numpy

    note = json.loads((network / "manifest.json").read_text())["networks"]["classify"]
    arrays = safetensors.numpy.load_file(network / "weights.safetensors")
    assert note["kind"] == "normwise.classify.neural.NeuralClassifier"
    assert note["settings"]["hidden"] == [32]
    assert note["members"] is None
    assert {f"classify/{name}": list(part) for name, (_, part) in note["arrays"].items()} == {
        name: list(part.shape) for name, part in arrays.items()
    }
    size = sum(part.nbytes for part in arrays.values())
    assert (network / "model.skops").stat().st_size < size + 100_000


def test_a_model_without_a_network_leaves_no_weights_of_another_behind(network: Path, small: Any) -> None:
    save_model(model_of(small), network)
    assert not (network / "weights.safetensors").exists()
    assert load_model(network).classes == ("normal", "AD")


def test_a_flipped_bit_in_a_networks_weights_is_refused(network: Path) -> None:
    content = bytearray((network / "weights.safetensors").read_bytes())
    content[-1] ^= 1
    (network / "weights.safetensors").write_bytes(bytes(content))
    assert refused(network) == "MDL-104"


@pytest.mark.parametrize("kind", ["shape", "type", "name", "nonsense", "nan", "more", "place"])
def test_forged_weights_with_right_hashes_are_refused(network: Path, kind: str) -> None:
    import safetensors.numpy

    path, manifest = network / "weights.safetensors", json.loads((network / "manifest.json").read_text())
    arrays, note = safetensors.numpy.load_file(path), manifest["networks"]["classify"]
    name = "classify/0.weight"
    if kind == "shape":
        arrays[name] = arrays[name][:, :-1].copy()
        note["arrays"]["0.weight"][1] = list(arrays[name].shape)
    elif kind == "type":
        arrays[name] = arrays[name].astype(np.float32)
        note["arrays"]["0.weight"][0] = "float32"
    elif kind == "name":
        arrays["classify/other"] = arrays.pop(name)
        note["arrays"]["other"] = note["arrays"].pop("0.weight")
    elif kind == "nan":
        arrays[name][0, 0, 0] = np.nan
    elif kind == "more":
        arrays["classify/more"] = np.zeros(1)
    elif kind == "place":
        manifest["networks"]["elsewhere"] = manifest["networks"].pop("classify")
    path.write_bytes(b"nonsense" if kind == "nonsense" else safetensors.numpy.save(arrays))
    files = manifest["files"] | {path.name: sha256_file(path)}
    edit(network, files=files, networks=manifest["networks"])
    assert refused(network) == ("MDL-102" if kind == "nonsense" else "MDL-108")


def test_a_network_whose_weights_are_left_in_the_other_file_is_refused(network: Path) -> None:
    manifest = json.loads((network / "manifest.json").read_text())
    del manifest["files"]["weights.safetensors"]
    edit(network, files=manifest["files"], networks={})
    assert refused(network) == "MDL-108"


def test_without_safetensors_the_line_to_type_is_said(network: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert refused(network) == "MDL-107"


@pytest.mark.parametrize(("spare", "code"), [(0, None), (-1, "MDL-102")])
def test_a_manifest_is_read_up_to_its_cap(
    saved: Path, spare: int, code: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bundle._MANIFEST_CAP == 256 << 20
    monkeypatch.setattr(bundle, "_MANIFEST_CAP", (saved / "manifest.json").stat().st_size + spare)
    if code is None:
        assert load_model(saved).classes == ("normal", "AD")
    else:
        assert refused(saved) == code


def edit(folder: Path, **changes: Any) -> None:
    """Change the manifest and make its digest right again, as a careful forger would."""
    manifest = json.loads((folder / "manifest.json").read_text()) | changes
    manifest["digest"] = content_digest(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))
