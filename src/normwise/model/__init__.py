"""Model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from normwise.lazy import on_use
from normwise.model.model import Model
from normwise.model.train import explain_model, train_model, train_study

if TYPE_CHECKING:
    from normwise.model.apply import apply_model, assert_same_pipeline
    from normwise.model.bundle import load_model
    from normwise.model.people_pages import write_new_people, write_run_people

__all__ = [
    "Model",
    "apply_model",
    "assert_same_pipeline",
    "explain_model",
    "load_model",
    "train_model",
    "train_study",
    "write_new_people",
    "write_run_people",
]

__getattr__ = on_use(
    __name__,
    {
        "apply_model": "apply",
        "assert_same_pipeline": "apply",
        "load_model": "bundle",
        "write_new_people": "people_pages",
        "write_run_people": "people_pages",
    },
)
