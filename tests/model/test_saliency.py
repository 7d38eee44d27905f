"""Explanations point where the signal is, with the right sign."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import Pipeline

from normwise.classify import ConvClassifier, LogisticClassifier
from normwise.errors import ClassifierError
from normwise.learnt.autoencoder import ConvAutoencoder
from normwise.learnt.trunk import ConvTrunk
from normwise.model.saliency import (
    draw_saliency,
    grad_cam,
    has_image_network,
    name_columns,
    network_pictures,
    occlusion_by_region,
    person_pictures,
    place_contributions,
)
from normwise.networks.images import image_frame
from normwise.procedure.pipeline import DropDemographics
from normwise.run_folder import RunFolder
from normwise.schema import ImagesSection


def planted(ndim, seed=0):
    rng = np.random.default_rng(seed)
    y = np.tile(["normal", "disease"], 20).astype(object)
    X = rng.normal(0, 0.3, size=(40, *[12] * ndim)).astype(np.float32)
    corner = (slice(None), *[slice(1, 5)] * ndim)
    X[corner] += np.where(y == "disease", 2.0, 0.0).reshape(-1, *[1] * ndim).astype(np.float32)
    return X, y


@pytest.fixture(scope="module", params=[2, 3])
def model(request):
    X, y = planted(request.param)
    settings = {
        "width": 4,
        "blocks": 1,
        "epochs": 8,
        "learning_rate": 0.02,
        "stem_stride": 1,
        "augmentation": "none",
    }
    fitted = ConvClassifier(ndim=request.param, **settings).fit(X, y)
    assert fitted.score(X, y) > 0.95
    return fitted


def test_grad_cam_points_at_what_speaks_for_the_class(model):
    ndim = model.ndim
    X, y = planted(ndim, seed=1)
    ill = X[y == "disease"]
    maps = grad_cam(model, ill, "disease")
    assert maps.shape == ill.shape
    assert (maps >= 0).all()
    places = np.array([np.unravel_index(np.argmax(each), each.shape) for each in maps])
    assert ((places >= 0) & (places <= 5)).all(axis=1).mean() > 0.9
    inside = (slice(None), *[slice(1, 5)] * ndim)
    for_it, against = (grad_cam(model, ill, name, signed=True) for name in ("disease", "normal"))
    # What speaks for one of two classes speaks against the other, by as much.
    np.testing.assert_allclose(for_it, -against, atol=1e-4)
    assert for_it[inside].mean() > for_it.mean()
    assert for_it[inside].mean() > 0


def test_covering_the_signal_takes_the_evidence_away(model):
    X, y = planted(model.ndim, seed=2)
    regions = np.zeros(X.shape[1:], dtype=int)
    regions[(slice(1, 5),) * model.ndim] = 7
    regions[(slice(7, 11),) * model.ndim] = 8
    X[(slice(None), *[slice(1, 5)] * model.ndim)][:, 0] = 0.0  # a signal with a shape, which its mean has not
    lost = occlusion_by_region(model, X[y == "disease"], regions, "disease", chunk=7)
    assert list(lost.columns) == [7, 8]
    assert lost.shape == (20, 2)
    assert np.abs(lost[7]).mean() > 3 * np.abs(lost[8]).mean()


def test_a_drawing_says_where(model):
    X, _ = planted(model.ndim)
    weight = np.zeros(X.shape[1:])
    weight[(3,) * model.ndim] = 1.0
    drawing = draw_saliency(X[0], weight, "Evidence for disease")
    assert drawing.png.startswith(b"\x89PNG")
    assert " × ".join(["3"] * model.ndim) in drawing.alt
    assert drawing.png == draw_saliency(X[0], weight, "Evidence for disease").png


def test_what_has_no_evidence_is_refused(model):
    X, _ = planted(model.ndim)
    with pytest.raises(ClassifierError) as caught:
        grad_cam(model, X, "stroke")
    assert caught.value.code == "CLS-508"
    with pytest.raises(ClassifierError) as caught:
        occlusion_by_region(model, X, np.zeros((3, 3)), "disease")
    assert caught.value.code == "CLS-508"


def procedure_of(pipeline, classes=("normal", "disease")):
    """A fitted procedure as far as pictures need it."""
    return SimpleNamespace(
        pipeline=pipeline, rule=SimpleNamespace(classes=classes), roles=SimpleNamespace(), arm="raw"
    )


def people(ndim=2):
    images, labels = planted(ndim)
    return image_frame(images, pd.DataFrame({"age": np.linspace(60, 90, len(labels))})), labels


@pytest.fixture(scope="module")
def looking():
    """One network that decides, one whose trunk gives features, and one that learns without classes."""
    X, labels = people()
    network = {"width": 4, "blocks": 1, "epochs": 8, "learning_rate": 0.02, "augmentation": "none"}
    coder = {"width": 4, "epochs": 4}
    steps = {
        "conv": [("classify", ConvClassifier(2, **network))],
        "trunk": [
            ("extract", ConvTrunk(network, demographics=("age",), joined=False)),
            ("classify", LogisticClassifier()),
        ],
        "autoencoder": [
            ("extract", ConvAutoencoder(4, settings=coder, demographics=("age",))),
            ("classify", LogisticClassifier()),
        ],
    }
    found = {}
    for name, each in steps.items():
        pipeline = Pipeline([*each[:-1], ("normalize", DropDemographics(("age",))), each[-1]])
        if name == "conv":
            pipeline.set_output(transform="pandas")
        found[name] = procedure_of(pipeline.fit(X, labels))
    return found


@pytest.mark.parametrize("name", ["conv", "trunk", "autoencoder"])
def test_a_run_and_each_person_get_pictures_of_the_network(tmp_path, looking, name):
    X, labels = people()
    run, section = RunFolder(tmp_path), ImagesSection()
    stages = ["occlusion"] if name == "autoencoder" else ["grad-cam", "occlusion"]
    shown = network_pictures(looking[name], X, labels, run, section)
    assert [(each.subject, each.stage) for each in shown] == [("network", stage) for stage in stages]
    places = {
        str(row): each for row, each in place_contributions(looking[name], X[:2], section, top=9).items()
    }
    own, notes = person_pictures(looking[name], X[:2], run, section, places)
    assert [(each.subject, each.stage) for each in own] == [(row, each) for row in "01" for each in stages]
    assert all(run.read(each.path).startswith(b"\x89PNG") for each in [*shown, *own])
    assert "strongest place is" in own[0].alt
    assert set(notes) == {each.feature for each in places["0"]}
    assert notes["upper left"].description == "Rows 0 to 3 from the top, columns 0 to 3 from the left"


def test_the_place_that_speaks_for_the_class_comes_first_by_its_name(looking):
    X, labels = people()
    ill = X[labels == "disease"]
    # A signal with a shape, which covering by the mean takes away.
    ill = ill.assign(**{f"image_1_{column}": 0.0 for column in range(1, 5)})
    for name in ("conv", "trunk"):
        found = place_contributions(looking[name], ill, ImagesSection(), top=3)
        first = [each[0] for each in found.values()]
        assert [len(each) for each in found.values()] == [3] * len(ill)
        assert np.mean([each.feature in ("upper left", "upper", "left", "centre") for each in first]) > 0.9
        assert [each.w for each in first] == [None] * len(ill)
        # Who else is looked at changes nothing.
        alone = place_contributions(looking[name], ill[3:4], ImagesSection(), top=3)
        assert alone[ill.index[3]] == found[ill.index[3]]


def test_voxels_are_called_by_their_places():
    X, _ = people()
    names = name_columns(ImagesSection(), X, ["image_0_11", "image_11_5", "age"])
    assert names == {"image_0_11": "upper right, pixel 0 × 11", "image_11_5": "lower, pixel 11 × 5"}


def test_who_can_not_be_encoded_and_what_is_no_network_get_nothing(tmp_path, looking):
    X, labels = people()
    nothing = procedure_of(Pipeline([("classify", LogisticClassifier().fit(X[["age"]], labels))]))
    assert network_pictures(nothing, X, labels, RunFolder(tmp_path), ImagesSection()) == []
    assert person_pictures(nothing, X, RunFolder(tmp_path), ImagesSection(), {}) == ([], {})
    assert not has_image_network(nothing)
    assert network_pictures(looking["conv"], X[:0], labels[:0], RunFolder(tmp_path), ImagesSection()) == []
