"""Weights of another network: begun from, checked, and frozen."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from normwise.classify import ConvClassifier  # noqa: E402 - torch may be missing
from normwise.errors import ClassifierError  # noqa: E402 - torch may be missing
from normwise.networks.images.architectures import build_network  # noqa: E402 - torch may be missing
from normwise.networks.images.transfer import save_trunk  # noqa: E402 - torch may be missing
from planted_images import plant_blobs  # noqa: E402 - torch may be missing

SMALL = {"ndim": 2, "width": 4, "blocks": 2, "epochs": 1, "batch_size": 8}


@pytest.fixture(scope="module")
def cohort():
    return plant_blobs(16, edge=8, seed=0)


@pytest.fixture(scope="module")
def source(cohort, tmp_path_factory):
    model = ConvClassifier(**SMALL).fit(cohort.images, cohort.labels)
    path = tmp_path_factory.mktemp("weights") / "trunk.safetensors"
    save_trunk(model.weights_[0], path)
    return model, str(path)


@pytest.mark.parametrize(("freeze", "kept", "learnt"), [
    ("trunk", ["trunk.stem.0.weight", "trunk.blocks.1.first.weight", "trunk.stem.1.running_mean"],
     ["head.weight"]),
    ("all_but_last_block",
     ["trunk.stem.0.weight", "trunk.blocks.0.first.weight", "trunk.stem.1.running_mean"],
     ["trunk.blocks.1.second.weight", "head.weight"]),
    ("nothing", [], ["trunk.stem.0.weight", "head.weight"]),
])  # fmt: skip
def test_what_is_frozen_stays_and_the_rest_learns(cohort, source, freeze, kept, learnt):
    model, path = source
    began = model.weights_[0]
    settings = {**SMALL, "start_from": path, "freeze": freeze, "random_state": 5}
    after = ConvClassifier(**settings).fit(cohort.images, cohort.labels).weights_[0]
    assert all(np.array_equal(after[name], began[name]) for name in kept)
    assert not any(np.array_equal(after[name], began[name]) for name in learnt)


def test_another_trunk_and_no_file_are_refused(cohort, source, tmp_path):
    _, path = source
    (tmp_path / "broken.safetensors").write_bytes(b"nothing of the kind")
    for settings in (
        {"start_from": path, "width": 8},
        {"start_from": path, "blocks": 3},
        {"start_from": str(tmp_path / "broken.safetensors")},
        {"start_from": str(tmp_path / "absent.safetensors")},
        {"freeze": "trunk"},
    ):
        with pytest.raises(ClassifierError) as caught:
            ConvClassifier(**{**SMALL, **settings}).fit(cohort.images, cohort.labels)
        assert caught.value.code == "CLS-506"


def test_a_network_of_monai_is_taken_by_name(cohort, monkeypatch):
    class Net(torch.nn.Module):
        def __init__(self, spatial_dims, in_channels, out_channels):
            super().__init__()
            self.features = torch.nn.Conv2d(in_channels, 6, 3, padding=1)
            self.class_layers = torch.nn.Module()
            self.class_layers.out = torch.nn.Linear(6, out_channels)

    nets, networks, monai = (
        ModuleType("monai.networks.nets"),
        ModuleType("monai.networks"),
        ModuleType("monai"),
    )
    nets.DenseNet121, networks.nets = Net, nets
    for name, module in (("monai", monai), ("monai.networks", networks), ("monai.networks.nets", nets)):
        monkeypatch.setitem(sys.modules, name, module)
    model = ConvClassifier(**{**SMALL, "network": "DenseNet121"}).fit(cohort.images, cohort.labels)
    assert model.embed(cohort.images).shape == (16, 6)


def test_the_default_network_is_small():
    network = build_network(
        "residual",
        ndim=3,
        channels=1,
        width=8,
        blocks=3,
        stem_stride=2,
        demographics=2,
        classes=2,
        dropout=0.2,
    )
    assert sum(part.numel() for part in network.parameters()) < 60_000
    assert network(torch.zeros(2, 1, 20, 24, 20), torch.zeros(2, 2)).shape == (2, 2)


def test_a_flipped_bit_in_the_weights_is_refused_and_foreign_weights_are_taken(cohort, source, tmp_path):
    from safetensors.torch import load_file, save_file

    whole = Path(source[1]).read_bytes()
    path = tmp_path / "damaged.safetensors"
    path.write_bytes(whole[:-3] + bytes([whole[-3] ^ 1]) + whole[-2:])
    with pytest.raises(ClassifierError, match="begin with") as caught:
        ConvClassifier(**SMALL, start_from=str(path)).fit(cohort.images, cohort.labels)
    assert (caught.value.code, "SHA-256" in caught.value.seen) == ("CLS-506", True)
    save_file(load_file(source[1]), path)
    ConvClassifier(**SMALL, start_from=str(path)).fit(cohort.images, cohort.labels)
