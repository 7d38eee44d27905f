"""A model of a number fitted on everybody in a study, and applied to new people.

- ``train``: trains, saves and explains a `RegressionModel`
- ``apply``: measures new people, and predicts their numbers
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from normwise.lazy import on_use

if TYPE_CHECKING:
    from normwise.model.regression.apply import predict_numbers
    from normwise.model.regression.train import train_regression

__all__ = ["predict_numbers", "train_regression"]

__getattr__ = on_use(__name__, {"predict_numbers": "apply", "train_regression": "train"})
