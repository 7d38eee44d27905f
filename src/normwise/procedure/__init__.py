"""The lecture's procedure: train extractor, normalizer and classifier; apply them to people never seen.

The files in the order in which data walks: ``folds`` (people on one side only) → ``steps`` and ``pipeline``
(the arms as scikit-learn pipelines) → ``ranking`` and ``selection`` (which features) → ``candidates`` (what
tuning chooses among) → ``calibration``, ``conformal`` and ``decision`` (probabilities to a decision) →
``front``, ``fit`` and ``shortcut`` (tune, choose the threshold, fit) → ``plan`` (what is refused early) →
``run`` (the run folder) and ``composition`` (who is in it) → ``train`` → ``model``, ``archive`` and
``bundle`` (the saved model; ``networks`` keeps a network's weights apart) → ``apply`` (new people) →
``explain`` and ``attribution`` (what the model looks at) → ``onnx_export`` (the model as one graph, drawn by
``onnx_front`` and ``onnx_classifiers`` on an ``onnx_graph``).
"""

from normwise.procedure.apply import apply_model, assert_same_pipeline
from normwise.procedure.bundle import load_model, save_model
from normwise.procedure.decision import DecisionRule, choose_rule, describe_rule
from normwise.procedure.fit import FittedProcedure, fit_procedure
from normwise.procedure.folds import (
    Fold,
    assert_no_person_on_both_sides,
    draw_folds,
    draw_layers,
    keys_of,
    leave_group_out,
    people_per_class,
    seed_for,
)
from normwise.procedure.front import SharedExtraction
from normwise.procedure.model import Model
from normwise.procedure.onnx_export import export_onnx
from normwise.procedure.people import write_new_people, write_run_people
from normwise.procedure.pipeline import ARMS, arms_of, main_arm, make_procedure
from normwise.procedure.plan import check_plan
from normwise.procedure.run import PreparedRun, prepare_run, record_run, travelling_frame
from normwise.procedure.shortcut import Shortcut
from normwise.procedure.train import explain_model, train_model, train_study

__all__ = [
    "ARMS",
    "DecisionRule",
    "FittedProcedure",
    "Fold",
    "Model",
    "PreparedRun",
    "SharedExtraction",
    "Shortcut",
    "apply_model",
    "arms_of",
    "assert_no_person_on_both_sides",
    "assert_same_pipeline",
    "check_plan",
    "choose_rule",
    "describe_rule",
    "draw_folds",
    "draw_layers",
    "explain_model",
    "export_onnx",
    "fit_procedure",
    "keys_of",
    "leave_group_out",
    "load_model",
    "main_arm",
    "make_procedure",
    "people_per_class",
    "prepare_run",
    "record_run",
    "save_model",
    "seed_for",
    "train_model",
    "train_study",
    "travelling_frame",
    "write_new_people",
    "write_run_people",
]
