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

from normwise.procedure.candidates import candidates_of
from normwise.procedure.decision import (
    DecisionRule,
    check_costs,
    choose_rule,
    describe_rule,
    wished_sensitivity,
)
from normwise.procedure.fit import ArmFitter, FittedProcedure, fit_procedure
from normwise.procedure.folds import (
    Fold,
    assert_no_person_on_both_sides,
    draw_folds,
    draw_repeats,
    keys_of,
    leave_group_out,
    people_per_class,
    seed_for,
)
from normwise.procedure.pipeline import (
    ARMS,
    arm_frame,
    arms_of,
    looks_at_images,
    main_arm,
    make_preprocessing,
    make_procedure,
    site_column,
)
from normwise.procedure.preprocessing import SharedExtraction, encodable_rows

__all__ = [
    "ARMS",
    "ArmFitter",
    "DecisionRule",
    "FittedProcedure",
    "Fold",
    "SharedExtraction",
    "arm_frame",
    "arms_of",
    "assert_no_person_on_both_sides",
    "candidates_of",
    "check_costs",
    "choose_rule",
    "describe_rule",
    "draw_folds",
    "draw_repeats",
    "encodable_rows",
    "fit_procedure",
    "keys_of",
    "leave_group_out",
    "looks_at_images",
    "main_arm",
    "make_preprocessing",
    "make_procedure",
    "people_per_class",
    "seed_for",
    "site_column",
    "wished_sensitivity",
]
