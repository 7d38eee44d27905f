"""Networks as learnt extractors: trunk and autoencoder."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline

from normwise.classify import LogisticClassifier
from normwise.errors import ClassifierError, NormwiseWarning
from normwise.learnt import LEARNT, TRUSTED_TYPES
from normwise.learnt.autoencoder import ConvAutoencoder
from normwise.learnt.base import count_people, draw_parts
from normwise.learnt.trunk import ConvTrunk
from normwise.networks.images import image_frame
from normwise.normalize import FeatureNormalizer
from normwise.procedure import SharedFits
from normwise.schema import Study
from planted_images import plant_blobs

SMALL = {"width": 4, "blocks": 2, "epochs": 2, "batch_size": 8}
NAMES = ("age", "sex")


@pytest.fixture(scope="module")
def cohort():
    return plant_blobs(36, edge=10, ndim=2, seed=3)


@pytest.fixture(scope="module")
def frame(cohort):
    return image_frame(cohort.images, cohort.demographics)


@pytest.fixture(scope="module")
def trunk(cohort, frame):
    return ConvTrunk(SMALL, demographics=NAMES).fit(frame, cohort.labels)


def test_demographics_pass_through_and_do_not_enter_the_embedding(frame, trunk):
    out = trunk.transform(frame)
    assert list(out.columns) == list(trunk.get_feature_names_out())
    assert out.shape == (36, trunk.kept_.sum() + 2)
    pd.testing.assert_frame_equal(out[list(NAMES)], frame[list(NAMES)])
    older = trunk.transform(frame.assign(age=frame["age"] + 30))
    pd.testing.assert_frame_equal(out.iloc[:, :-2], older.iloc[:, :-2])
    assert out.iloc[:, :-2].std().min() > 0


def test_a_training_row_is_embedded_by_the_network_that_has_not_seen_it(cohort, frame, trunk):
    out = clone(trunk).fit_transform(frame, cohort.labels).iloc[:, :-2].to_numpy()
    each = np.stack(
        [
            network.embed(frame) @ way[:-1] + way[-1]
            for network, way in zip(trunk.networks_, trunk.maps_, strict=True)
        ]
    )[:, :, trunk.kept_]
    splits = StratifiedKFold(3, shuffle=True, random_state=0).split(frame, cohort.labels)
    for network, (_, unseen) in enumerate(splits):
        np.testing.assert_allclose(out[unseen], each[network][unseen], atol=1e-9)
    np.testing.assert_allclose(trunk.transform(frame).iloc[:, :-2], each.mean(axis=0), atol=1e-9)
    new = plant_blobs(6, edge=10, ndim=2, seed=9)
    others = image_frame(new.images, new.demographics)
    moved = [
        net.embed(others) @ way[:-1] + way[-1] for net, way in zip(trunk.networks_, trunk.maps_, strict=True)
    ]
    mean = np.mean(moved, axis=0)[:, trunk.kept_]
    np.testing.assert_allclose(trunk.transform(others).iloc[:, :-2], mean, atol=1e-9)


def test_a_category_that_a_part_of_the_training_rows_lacks_is_known_from_the_others(cohort, frame):
    rare = frame.assign(sex="F")
    rare.loc[rare.index[4], "sex"] = "M"
    trunk = ConvTrunk(SMALL, demographics=NAMES)
    out = trunk.fit_transform(rare, cohort.labels)
    assert np.isfinite(out.iloc[:, :-2].to_numpy()).all()
    assert [network.encoding_["levels"] for network in trunk.networks_] == [{"sex": ["F", "M"]}] * 3


@pytest.mark.parametrize("sex", ["X", None])
def test_the_embedding_of_an_image_needs_no_demographics(frame, trunk, sex):
    out = trunk.transform(frame.assign(sex=sex, age=np.nan))
    pd.testing.assert_frame_equal(out.iloc[:, :-2], trunk.transform(frame).iloc[:, :-2])


def test_labels_of_the_training_rows_alone_are_used(cohort, frame, trunk):
    again = clone(trunk).fit(frame, cohort.labels)
    pd.testing.assert_frame_equal(again.transform(frame), trunk.transform(frame))
    with pytest.raises(ClassifierError) as caught:
        clone(trunk).fit(frame)
    assert caught.value.code == "CLS-507"


def test_a_class_of_two_people_is_too_small_for_folds(cohort, frame):
    few = np.r_[np.flatnonzero(cohort.labels == "normal"), np.flatnonzero(cohort.labels == "disease")[:2]]
    one = ConvTrunk({**SMALL, "epochs": 1}, demographics=NAMES).fit(frame.iloc[few], cohort.labels[few])
    assert len(one.networks_) == 1
    other = ConvTrunk({**SMALL, "epochs": 1}, demographics=NAMES)
    pd.testing.assert_frame_equal(
        other.fit_transform(frame.iloc[few], cohort.labels[few]), one.transform(frame.iloc[few])
    )


def test_it_stands_before_normalizer_and_classifier_and_survives_skops(cohort, frame):
    normalizer = FeatureNormalizer(NAMES, "normal", categorical=("sex",))
    pipeline = make_pipeline(ConvTrunk(SMALL, demographics=NAMES), normalizer, LogisticClassifier(C=0.1))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "NRM-201", NormwiseWarning)
        pipeline.fit(frame, cohort.labels)
    step = pipeline[0]
    saved = skops.io.dumps(step)
    trusted = TRUSTED_TYPES
    assert set(skops.io.get_untrusted_types(data=saved)) <= set(trusted)
    again = skops.io.loads(saved, trusted=list(trusted))
    pd.testing.assert_frame_equal(again.transform(frame), step.transform(frame))


@pytest.mark.parametrize("ndim", [2, 3])
def test_an_autoencoder_draws_what_it_was_given(ndim):
    rng = np.random.default_rng(0)
    shapes, amounts = rng.normal(size=(2, 9**ndim)), rng.normal(size=(24, 2))
    people = pd.DataFrame({"age": rng.uniform(60, 90, 24), "sex": "F"})
    X = image_frame((amounts @ shapes).reshape(24, *[9] * ndim), people)
    settings = {**SMALL, "epochs": 40, "learning_rate": 0.01}
    coder = ConvAutoencoder(4, settings=settings, demographics=NAMES).fit(X)
    assert coder.losses_[-1] < 0.7 * coder.losses_[0]
    out = coder.transform(X)
    assert list(out.columns) == ["code_001", "code_002", "code_003", "code_004", "age", "sex"]
    assert out.iloc[:, :4].std().min() > 0
    again = skops.io.loads(skops.io.dumps(coder), trusted=list(TRUSTED_TYPES))
    pd.testing.assert_frame_equal(again.transform(X), out)


def study(**features):
    return Study.model_validate({"features": features})


def test_the_study_names_the_network_and_its_settings():
    coder = LEARNT["autoencoder"].make(study(extractor="autoencoder", components=5, network={"width": 4}), 3)
    assert (coder.n_components, coder.settings, coder.random_state) == (5, {"width": 4}, 3)
    assert not LEARNT["trunk"].make(study(extractor="trunk"), joined=False).joined
    for wrong, code in (
        ({"widht": 4}, "CLS-102"),
        ({"width": 0}, "CLS-103"),
        ({"demographics": ["age"]}, "CLS-102"),
    ):
        with pytest.raises(ClassifierError) as caught:
            LEARNT["trunk"].make(study(extractor="trunk", network=wrong))
        assert caught.value.code == code


def test_scans_of_one_person_are_never_on_both_sides_of_a_part():
    codes, people = np.tile([0, 1], 12), np.repeat(np.arange(12), 2)
    codes = codes[people]  # one class a person
    numbered, fewest = count_people(codes, people.astype(str))
    assert fewest == 6
    parts = draw_parts(codes, numbered, 3, 0)
    assert sorted(np.concatenate([test for _, test in parts]).tolist()) == list(range(24))
    for train, test in parts:
        assert not set(people[train]) & set(people[test])
        assert set(codes[test]) == {0, 1}
    # With a scan each the parts are what they were.
    alone = StratifiedKFold(3, shuffle=True, random_state=0).split(codes, codes)
    own = draw_parts(codes, *count_people(codes, None)[:1], 3, 0)
    assert [test.tolist() for _, test in own] == [test.tolist() for _, test in alone]


def test_a_study_tells_a_trunk_whose_scans_they_are():
    asked = []

    class Asking(DropFirst):
        cross_fits = True

        def fit_transform(self, X, y=None, *, groups=None):
            asked.append(groups)
            return self.fit(X, y).transform(X)

    frame = pd.DataFrame({"a": np.arange(6.0), "b": np.arange(6.0)})
    labels, rows = np.array(["x", "y"] * 3, dtype=object), np.arange(6)
    people = np.array(list("ppqqrr"), dtype=object)
    SharedFits().fit_transform(Asking(), frame, labels, rows, people)
    SharedFits().fit_transform(Asking(), frame, labels, rows)
    SharedFits().fit_transform(DropFirst(), frame, labels, rows, people)
    assert asked[0] is people
    assert asked[1:] == [None]


class DropFirst(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X.iloc[:, 1:]
