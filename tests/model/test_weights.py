"""Networks leave a pipeline without the places of the machine that trained them."""

import numpy as np
import pytest
from sklearn.pipeline import Pipeline

from normwise.classify.conv import ConvClassifier
from normwise.model.archive import pipeline_bytes
from normwise.model.weights import detach_weights
from normwise.procedure import TargetClassifier


@pytest.mark.parametrize("setting", ["checkpoint", "start_from"])
def test_a_setting_that_names_a_file_of_the_machine_is_not_saved(setting):
    outer = TargetClassifier(ConvClassifier(**{setting: "/home/ann/mr"}))  # both before and after training
    outer.classifier_ = ConvClassifier(**{setting: "/home/ann/mr"}, dropout=0.25)
    outer.classifier_.weights_ = [{"bias": np.ones(2)}]
    without, arrays, notes = detach_weights(Pipeline([("classify", outer)]))
    [note] = notes.values()
    assert (note.settings[setting], note.settings["dropout"], len(arrays)) == (None, 0.25, 1)
    assert b"ann" not in pipeline_bytes(without)
    assert getattr(outer.classifier_, setting) == "/home/ann/mr"  # what was trained is left as it is
