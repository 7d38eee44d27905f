"""A number from images: what is planted is found, and a saved network is that of its settings."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from normwise.classify import ConvRegressor
from normwise.errors import ClassifierError
from normwise.procedure import RegressionFitter
from normwise.schema import FittedParts, Roles, Study

pytest.importorskip("torch")

SMALL = {
    "ndim": 2,
    "width": 8,
    "blocks": 1,
    "epochs": 40,
    "augmentation": "none",
    "dropout": 0.0,
    "learning_rate": 0.01,
}


def images_of(numbers, seed=0):
    """Pictures whose middle brightens with the number."""
    images = np.random.default_rng(seed).normal(size=(len(numbers), 8, 8))
    images[:, 2:6, 2:6] += (numbers / 10)[:, None, None]
    return images


NUMBERS = np.random.default_rng(1).uniform(50, 90, 48)


def test_what_is_planted_is_found_in_new_pictures_and_in_the_numbers_unit():
    model = ConvRegressor(**SMALL).fit(images_of(NUMBERS), NUMBERS)
    new = np.array([55.0, 70.0, 85.0])
    assert np.abs(model.predict(images_of(new, 5)) - new).mean() < 6
    shifted = ConvRegressor(**SMALL).fit(images_of(NUMBERS), 100 * NUMBERS + 7)
    expected = 100 * model.predict(images_of(new, 5)) + 7
    np.testing.assert_allclose(shifted.predict(images_of(new, 5)), expected, rtol=1e-3)
    model.check_parts(FittedParts(model))
    assert model.losses_[0, -1] < 0.5 * model.losses_[0, 0]


def test_a_map_of_a_number_lies_where_it_shows():
    model = ConvRegressor(**SMALL).fit(images_of(NUMBERS), NUMBERS)
    sizes = np.abs(model.class_maps(images_of(NUMBERS), 0)).mean(axis=0)
    assert sizes.shape == (8, 8)
    assert np.isfinite(sizes).all()
    assert sizes[3:5, 3:5].mean() > sizes[[0, -1]].mean()


def test_epochs_are_chosen_by_folds_of_the_numbers():
    model = ConvRegressor(**SMALL | {"epochs": 3, "epoch_folds": 2}).fit(images_of(NUMBERS), NUMBERS)
    assert model.epoch_losses_.shape == (2, 3)
    assert 1 <= model.epochs_ <= 3


@pytest.mark.parametrize(
    ("numbers", "settings", "code"),
    [(np.full(48, 3.0), {}, "CLS-112"), (NUMBERS, {"class_weight": "balanced"}, "CLS-103")],
)
def test_one_number_and_weights_of_classes_are_refused(numbers, settings, code):
    with pytest.raises(ClassifierError) as caught:
        ConvRegressor(**SMALL | settings).fit(images_of(NUMBERS), numbers)
    assert caught.value.code == code


def test_a_part_that_no_training_leaves_is_refused():
    model = ConvRegressor(**SMALL | {"epochs": 1}).fit(images_of(NUMBERS), NUMBERS)
    model.deviation_ = float("nan")
    with pytest.raises(ValueError):
        model.check_parts(FittedParts(model))


def test_a_study_of_a_number_takes_images():
    from normwise.networks.images import image_frame

    demographics = pd.DataFrame({"sex": np.where(np.arange(48) % 2, "F", "M")})
    frame = image_frame(images_of(NUMBERS)[:, None], demographics)
    roles = Roles("Age", ("normal",), "normal", ("normal",), ("sex",), target="Age")
    study = Study.model_validate({
        "cohort": {"target": "Age", "demographics": ["sex"]}, "features": {"extractor": "images"},
        "classifier": {"name": "conv", "parameters": SMALL}, "evaluation": {"inner_folds": 2},
    })  # fmt: skip
    labels, groups = np.full(48, "normal", dtype=object), np.arange(48).astype(str).astype(object)
    one = RegressionFitter(study, roles, frame, "raw")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = one.fit(NUMBERS, labels, groups, np.arange(36), seed=0)
    rows = np.arange(36, 48)
    predicted = one.predict(fitted, rows)
    np.testing.assert_allclose(predicted, fitted.predict(frame.iloc[rows]), rtol=1e-6)
    assert np.abs(predicted - NUMBERS[36:]).mean() < 0.7 * np.abs(NUMBERS[36:] - NUMBERS[:36].mean()).mean()
