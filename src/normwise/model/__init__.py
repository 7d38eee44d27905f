"""The trained model: fitted on everybody in a study, saved, opened, and applied to new people.

``model.py`` has `Model`, which turns a frame into predictions with reasons, ``regression_model.py`` the same
for a number. ``train.py`` fits, saves and explains one, ``regression/`` one of a number; ``bundle.py`` writes
and opens the model folder, with the weights of networks in ``weights.py`` and the archive of the pipeline in
``archive.py``; ``parts.py`` checks what was opened.
``norm.py`` scores people without a classifier, by a model or by a reference that ``reference.py`` makes.
``apply.py`` extracts the features of new people and predicts. ``explain.py`` has importances, contributions
and trajectories, ``site_cards.py`` sites by a few controls,
``saliency.py`` the maps of image networks, ``people_pages.py`` the pages a person.
``onnx/`` exports a model as one graph and is loaded when asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from normwise.lazy import on_use
from normwise.model.model import Model
from normwise.model.train import explain_model, train_model, train_study

if TYPE_CHECKING:
    from normwise.model.apply import (
        Applicable,
        apply_model,
        assert_same_pipeline,
        measure_people,
        warn_of_far_values,
        warn_of_training_scans,
    )
    from normwise.model.bundle import load_model
    from normwise.model.explain import most_unusual, trajectories_of
    from normwise.model.norm import Norm, open_norm
    from normwise.model.people_pages import describe_people, out_of_fold, write_new_people, write_run_people
    from normwise.model.reference import count_study, make_reference, merge_references
    from normwise.model.regression import predict_numbers, train_regression
    from normwise.model.regression_model import RegressionModel
    from normwise.model.site_cards import expected_half_widths, site_card, with_site_cards

__all__ = [
    "Applicable",
    "Model",
    "Norm",
    "RegressionModel",
    "apply_model",
    "assert_same_pipeline",
    "count_study",
    "describe_people",
    "expected_half_widths",
    "explain_model",
    "load_model",
    "make_reference",
    "measure_people",
    "merge_references",
    "most_unusual",
    "open_norm",
    "out_of_fold",
    "predict_numbers",
    "site_card",
    "train_model",
    "train_regression",
    "train_study",
    "trajectories_of",
    "warn_of_far_values",
    "warn_of_training_scans",
    "with_site_cards",
    "write_new_people",
    "write_run_people",
]

__getattr__ = on_use(
    __name__,
    {
        "Applicable": "apply",
        "Norm": "norm",
        "RegressionModel": "regression_model",
        "apply_model": "apply",
        "assert_same_pipeline": "apply",
        "count_study": "reference",
        "describe_people": "people_pages",
        "expected_half_widths": "site_cards",
        "load_model": "bundle",
        "make_reference": "reference",
        "measure_people": "apply",
        "merge_references": "reference",
        "most_unusual": "explain",
        "open_norm": "norm",
        "out_of_fold": "people_pages",
        "predict_numbers": "regression",
        "site_card": "site_cards",
        "train_regression": "regression",
        "trajectories_of": "explain",
        "warn_of_far_values": "apply",
        "warn_of_training_scans": "apply",
        "with_site_cards": "site_cards",
        "write_new_people": "people_pages",
        "write_run_people": "people_pages",
    },
)
