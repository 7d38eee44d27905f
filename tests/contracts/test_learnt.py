"""Learnt extractors and the image classifier keep scikit-learn's contract on a plain table."""

from __future__ import annotations

import pytest
from sklearn.utils.estimator_checks import check_estimator

from normwise.classify import ConvClassifier
from normwise.learnt import LEARNT, AttentionPooling
from normwise.learnt.autoencoder import ConvAutoencoder
from normwise.learnt.principal_components import VoxelComponents
from normwise.learnt.trunk import ConvTrunk
from normwise.schema import Study

NETWORK = {"width": 4, "blocks": 1, "epochs": 2, "augmentation": "none"}
ESTIMATORS = {
    "principal_components": VoxelComponents(2),
    "attention": AttentionPooling(epochs=2),
    "autoencoder": ConvAutoencoder(4, settings=NETWORK),
    "trunk": ConvTrunk({**NETWORK, "ndim": 2}),
    "conv": ConvClassifier(
        2, width=4, blocks=1, epochs=25, augmentation="none", learning_rate=0.02, dropout=0.0
    ),
}
CROSS_FITTED = (
    "training rows are embedded by a network that has not seen them: fit_transform differs from transform, "
    "as of scikit-learn's TargetEncoder"
)
CAN_NOT_HOLD = {
    "conv": {
        "check_classifier_data_not_an_array": "columns of a frame that are no voxels are demographics, those "
        "of an array are voxels: the same numbers are other data"
    },
    "trunk": {"check_transformer_general": CROSS_FITTED, "check_transformer_data_not_an_array": CROSS_FITTED},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_check_holds_but_those_named(name):
    expected = CAN_NOT_HOLD.get(name, {})
    results = check_estimator(ESTIMATORS[name], expected_failed_checks=expected, on_skip=None, on_fail=None)
    failed = {each["check_name"] for each in results if each["status"] == "failed"}
    assert not failed, failed


def test_every_learnt_extractor_is_checked_and_made_as_it_says():
    assert set(LEARNT) <= set(ESTIMATORS)
    for name, entry in LEARNT.items():
        assert entry.title
        extractor = {"principal_components": "voxels"}.get(name, name)
        step = entry.make(Study.model_validate({"features": {"extractor": extractor}}))
        assert f"{type(step).__module__}.{type(step).__qualname__}" == entry.estimator
        assert step.__sklearn_tags__().target_tags.required == entry.needs_labels
        assert ("joined" in step.get_params()) == entry.joins_demographics
