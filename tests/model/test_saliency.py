"""Explanations point where the signal is, with the right sign."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import Pipeline

from normwise.classify import ConvClassifier
from normwise.errors import ClassifierError
from normwise.model.saliency import (
    draw_saliency,
    grad_cam,
    network_pictures,
    occlusion_by_region,
    person_pictures,
)
from normwise.networks.images import image_frame
from normwise.procedure.pipeline import DropDemographics
from normwise.run_folder import RunFolder


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


def test_a_run_and_each_person_get_pictures_of_the_network(tmp_path):
    images, labels = planted(2)
    X = image_frame(images, pd.DataFrame({"age": np.linspace(60, 90, len(labels))}))
    network = ConvClassifier(2, width=4, blocks=1, epochs=2, augmentation="none")
    pipeline = Pipeline([("normalize", DropDemographics(("age",))), ("classify", network)])
    pipeline.set_output(transform="pandas").fit(X, labels)
    procedure = SimpleNamespace(pipeline=pipeline, rule=SimpleNamespace(classes=("normal", "disease")))
    run = RunFolder(tmp_path)
    shown = [*network_pictures(procedure, X, labels, run), *person_pictures(procedure, X.iloc[:2], run)]
    assert [(each.subject, each.stage) for each in shown] == [
        ("network", "grad-cam"), ("network", "occlusion"), ("0", "grad-cam"), ("1", "grad-cam"),
    ]  # fmt: skip
    assert all(run.read(each.path).startswith(b"\x89PNG") for each in shown)
