"""Model."""

from normwise.model.apply import apply_model, assert_same_pipeline
from normwise.model.bundle import load_model
from normwise.model.model import Model
from normwise.model.people_pages import write_new_people, write_run_people
from normwise.model.train import explain_model, train_model, train_study

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
