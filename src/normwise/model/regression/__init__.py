"""A trained model of a number: fitted on everybody in a study, and applied to new people.

- ``model``: `RegressionModel`, which turns a frame into numbers with intervals and reasons
- ``train``: trains, saves and explains one
- ``stored``: what its manifest says beside the pipeline
- ``apply``: measures new people, and predicts their numbers
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from normwise.lazy import on_use
from normwise.model.regression.model import RegressionModel

if TYPE_CHECKING:
    from normwise.model.regression.apply import predict_numbers
    from normwise.model.regression.train import train_regression

__all__ = ["RegressionModel", "predict_numbers", "train_regression"]

__getattr__ = on_use(__name__, {"predict_numbers": "apply", "train_regression": "train"})
