"""Networks for images: what they learn, what they keep to, and what they refuse."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.base import clone
from sklearn.model_selection import cross_val_predict

from normwise.classify import CLASSIFIERS, ConvClassifier
from normwise.errors import ClassifierError, FeatureError
from normwise.networks.images import image_frame
from planted_images import plant_blobs

SMALL = {"width": 4, "blocks": 2, "epochs": 2, "batch_size": 8}


@pytest.fixture(scope="module")
def cohort():
    return plant_blobs(32, edge=10, ndim=3, seed=3)


@pytest.fixture(scope="module")
def frame(cohort):
    return image_frame(cohort.images, cohort.demographics)


@pytest.fixture(scope="module")
def fitted(cohort, frame):
    return ConvClassifier(**SMALL, ensemble=2).fit(frame, cohort.labels)


def bright(n=32, seed=0):
    rng = np.random.default_rng(seed)
    y = np.repeat(["normal", "AD"], n // 2).astype(object)
    X = rng.normal(size=(n, 8, 8)).astype(np.float32)
    X[y == "AD", 2:6, 2:6] += 2
    return X, y


def test_it_learns_and_its_probabilities_follow_its_classes():
    X, y = bright()
    model = ConvClassifier(ndim=2, width=4, blocks=1, epochs=10, learning_rate=0.02).fit(X, y)
    new, truth = bright(seed=1)
    probabilities = model.predict_proba(new)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert model.classes_.tolist() == ["AD", "normal"]
    assert model.score(new, truth) > 0.9
    assert model.losses_[0, -1] < model.losses_[0, 0]
    assert (model.predict(new) == model.classes_[probabilities.argmax(axis=1)]).all()


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(cohort, frame, fitted):
    again = clone(fitted).fit(frame, cohort.labels)
    np.testing.assert_array_equal(again.predict_proba(frame), fitted.predict_proba(frame))
    other = clone(fitted).set_params(random_state=1).fit(frame, cohort.labels)
    assert not np.array_equal(other.predict_proba(frame), fitted.predict_proba(frame))
    first, second = fitted.weights_
    assert not np.array_equal(first["head.weight"], second["head.weight"])


def test_people_are_predicted_alone_as_in_company(frame, fitted):
    together = fitted.predict_proba(frame)
    np.testing.assert_allclose(fitted.predict_proba(frame.iloc[[5]]), together[[5]], atol=1e-6)


def test_an_array_and_a_frame_of_the_same_images_are_the_same(cohort):
    settings = {**SMALL, "demographics": (), "epochs": 1}
    of_array = ConvClassifier(**settings).fit(cohort.images, cohort.labels)
    of_frame = ConvClassifier(**settings).fit(image_frame(cohort.images, cohort.demographics), cohort.labels)
    settings["demographics"] = None
    channels = ConvClassifier(**settings).fit(cohort.images[:, None], cohort.labels)
    mixed = image_frame(cohort.images).iloc[:, ::-1]
    for same in (of_frame.predict_proba(image_frame(cohort.images)), of_frame.predict_proba(mixed)):
        np.testing.assert_array_equal(of_array.predict_proba(cohort.images), same)
    np.testing.assert_array_equal(
        of_array.predict_proba(cohort.images), channels.predict_proba(cohort.images[:, None])
    )


def test_demographics_are_joined_only_where_they_are_asked_for(cohort, frame):
    older = frame.assign(age=frame["age"] + 20)
    joined = ConvClassifier(**SMALL).fit(frame, cohort.labels)
    assert joined.joined_ == ["age", "sex"]
    assert not np.allclose(joined.predict_proba(older), joined.predict_proba(frame))
    alone = ConvClassifier(**SMALL, demographics=()).fit(frame, cohort.labels)
    np.testing.assert_array_equal(alone.predict_proba(older), alone.predict_proba(frame))
    np.testing.assert_array_equal(joined.embed(older), joined.embed(frame))


def test_demographics_have_the_unit_of_the_training_rows(cohort, frame):
    settings = {**SMALL, "epochs": 1}
    years = ConvClassifier(**settings).fit(frame, cohort.labels).predict_proba(frame)
    days = frame.assign(age=frame["age"] * 365.25)
    np.testing.assert_allclose(
        ConvClassifier(**settings).fit(days, cohort.labels).predict_proba(days), years, atol=1e-4
    )


def test_without_voxels_the_demographics_stand_alone(cohort):
    people = cohort.demographics.assign(age=np.where(cohort.labels == "disease", 80.0, 40.0))
    model = ConvClassifier(epochs=60, learning_rate=0.05, dropout=0).fit(people, cohort.labels)
    assert model.score(people, cohort.labels) == 1.0


def test_scikit_learn_can_clone_cross_validate_and_send_it(cohort, frame, fitted):
    model = ConvClassifier(**SMALL)
    out = cross_val_predict(model, frame, cohort.labels, cv=2, method="predict_proba")
    assert out.shape == (32, 2)
    assert clone(fitted).get_params() == fitted.get_params()
    sent = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(sent.predict_proba(frame), fitted.predict_proba(frame))


def test_reloaded_from_skops_it_predicts_the_same_bits(frame, fitted):
    saved, trusted = skops.io.dumps(fitted), CLASSIFIERS["conv"].trusted
    assert set(skops.io.get_untrusted_types(data=saved)) <= set(trusted)
    again = skops.io.loads(saved, trusted=list(trusted))
    np.testing.assert_array_equal(again.predict_proba(frame), fitted.predict_proba(frame))


def test_a_killed_training_goes_on_to_the_same_weights(cohort, frame, fitted, tmp_path, monkeypatch):
    from normwise.networks.images.training import ImageBatches

    kept = {**fitted.get_params(), "checkpoint": str(tmp_path)}
    draw, epochs = ImageBatches.__call__, []

    def stop_at_the_fourth(self, epoch):
        epochs.append(epoch)
        if len(epochs) == 4:  # the second epoch of the second member
            raise KeyboardInterrupt
        return draw(self, epoch)

    monkeypatch.setattr(ImageBatches, "__call__", stop_at_the_fourth)
    with pytest.raises(KeyboardInterrupt):
        ConvClassifier(**kept).fit(frame, cohort.labels)
    assert epochs == [0, 1, 0, 1]
    monkeypatch.undo()
    resumed = ConvClassifier(**kept).fit(frame, cohort.labels)
    for mine, whole in zip(resumed.weights_, fitted.weights_, strict=True):
        assert all(np.array_equal(mine[name], whole[name]) for name in whole)
    with pytest.raises(ClassifierError) as caught:
        ConvClassifier(**kept).fit(frame.assign(age=1.0 * frame["age"][::-1].to_numpy()), cohort.labels)
    assert caught.value.code == "CLS-303"


def test_epochs_are_chosen_by_inner_folds():
    X, y = bright()
    rng = np.random.default_rng(0)
    nothing = rng.permutation(y)  # the longer these are learnt, the worse the held-out loss
    settings = {"ndim": 2, "width": 4, "blocks": 1, "epochs": 12, "learning_rate": 0.03}
    settings["augmentation"] = "none"
    learnt = ConvClassifier(**settings, epoch_folds=2).fit(X, y)
    memorised = ConvClassifier(**settings, epoch_folds=2).fit(X, nothing)
    assert learnt.epoch_losses_.shape == (2, 12)
    assert learnt.losses_.shape == (1, learnt.epochs_)
    assert memorised.epochs_ < learnt.epochs_


def test_class_weights_pull_towards_the_heavier_class():
    X, y = bright()
    settings = {"ndim": 2, "width": 4, "blocks": 1, "epochs": 12}
    shares = [
        ConvClassifier(**settings, class_weight=weight).fit(X, y).predict_proba(X)[:, 0].mean()
        for weight in ({"normal": 20.0}, None, {"AD": 20.0})
    ]
    assert shares == sorted(shares)
    assert shares[2] - shares[0] > 0.05


@pytest.mark.parametrize(("setting", "wrong"), [
    ("ndim", 4), ("network", "vgg"), ("width", 0), ("epochs", 1.5), ("epoch_folds", 1), ("dropout", 1.0),
    ("augmentation", {"colour": 1}), ("augmentation", "wild"), ("demographics", "age"), ("freeze", "half"),
    ("device", "tpu"), ("ensemble", 0), ("learning_rate", float("nan")), ("checkpoint", ""),
])  # fmt: skip
def test_a_setting_out_of_bounds_is_refused(setting, wrong):
    X, y = bright(4)
    with pytest.raises(ClassifierError, match=setting) as caught:
        ConvClassifier(ndim=2).set_params(**{setting: wrong}).fit(X, y)
    assert caught.value.code == "CLS-103"


def test_what_can_not_be_learnt_from_is_named(cohort, frame, fitted):
    X, y = bright(8)

    def refused(code, kind=ClassifierError):
        class Catch:
            def __enter__(self):
                return self

            def __exit__(self, kind_, error, trace):
                assert isinstance(error, kind), error
                assert error.code == code
                return True

        return Catch()

    with refused("CLS-502"):
        ConvClassifier(ndim=3).fit(X, y)
    with refused("CLS-502"):
        ConvClassifier(ndim=2).fit(X, y[:-1])
    with refused("CLS-502"):
        ConvClassifier().fit(pd.DataFrame(index=range(8)), y)
    with refused("CLS-107"):
        ConvClassifier(ndim=2).fit(X, np.full(8, "normal", dtype=object))
    with refused("CLS-504"):
        ConvClassifier(ndim=2).fit(np.where(X[3, 2, 2] == X, np.nan, X), y)
    with refused("CLS-503"):
        ConvClassifier(demographics=("weight",)).fit(frame, cohort.labels)
    with refused("CLS-503"):
        fitted.predict_proba(frame.assign(sex="unknown"))
    with refused("CLS-503"):
        fitted.predict_proba(frame.assign(age=np.nan))
    with refused("CLS-505"):
        ConvClassifier(ndim=2, width=2, blocks=1, epochs=1).fit(X, y).predict_proba(X[:, :6])
    with refused("FEA-501", FeatureError):
        fitted.predict_proba(frame.drop(columns="image_3_3_3"))
    with refused("CLS-501"):
        ConvClassifier(ndim=2, network="DenseNet121", epochs=1).fit(X, y)


def test_memory_maps_stay_on_disk(tmp_path):
    X, y = bright()
    np.save(tmp_path / "images.npy", X)
    stored = np.load(tmp_path / "images.npy", mmap_mode="r")
    settings = {"ndim": 2, "width": 2, "blocks": 1, "epochs": 1}
    mapped = ConvClassifier(**settings).fit(stored, y)
    plain = ConvClassifier(**settings).fit(X, y)
    np.testing.assert_array_equal(mapped.predict_proba(stored), plain.predict_proba(X))
    assert np.shares_memory(mapped.rows_of(stored).images, stored)
