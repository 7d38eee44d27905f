"""The procedure: normalize on the normal group, classify, choose a threshold; nothing learnt sees a test row.

``folds`` keeps every person on one side of a split. ``pipeline`` builds the arms that are compared, as
scikit-learn pipelines, and ``preprocessing`` fits their steps before the classifier on rows of one frame.
``candidates`` and ``selection`` say what tuning chooses among: classifiers, their settings, features.
``fit`` tunes, chooses the decision rule and fits. ``score`` takes out of the classifier's score what
demographics explain of it among the normals. ``decision`` turns probabilities into a decision, with
``calibration`` (probabilities to weigh with costs), ``conformal`` (sets of likely classes, for referral) and
``degenerate`` (warnings of rules that decide everybody alike). ``regression`` does the same for a number, of
the same ``steps``. ``rates`` says what learning rate a study
bears.
"""

from typing import TYPE_CHECKING

from normwise.lazy import on_use
from normwise.procedure.candidates import candidates_of, check_packages
from normwise.procedure.decision import (
    DecisionRule,
    check_costs,
    check_promise,
    choose_rule,
    describe_rule,
    fewest_to_train,
    wished_sensitivity,
)
from normwise.procedure.degenerate import (
    is_saturated,
    is_too_few,
    warn_of_few_images,
    warn_of_numbers,
    warn_untuned,
)
from normwise.procedure.fit import ArmFitter, FittedProcedure, fit_procedure, make_fitters
from normwise.procedure.folds import (
    Fold,
    assert_no_person_on_both_sides,
    count_patients,
    draw_folds,
    draw_inner_folds,
    draw_repeats,
    keys_of,
    leave_group_out,
    people_per_class,
    seed_for,
)
from normwise.procedure.pipeline import (
    ARMS,
    DropDemographics,
    TargetClassifier,
    arm_frame,
    arms_of,
    looks_at_images,
    main_arm,
    make_preprocessing,
    make_procedure,
    prior_of,
    site_column,
)
from normwise.procedure.preprocessing import FittedSteps, SharedFits, encodable_rows
from normwise.procedure.score import ScoreNormalizer
from normwise.procedure.selection import FeatureSelector

if TYPE_CHECKING:
    from normwise.procedure.rates import stable_rates, training_columns
    from normwise.procedure.regression import (
        LEVELS,
        FittedRegression,
        GapLine,
        RegressionFitter,
        draw_target_repeats,
        half_width,
    )

__all__ = [
    "ARMS",
    "LEVELS",
    "ArmFitter",
    "DecisionRule",
    "DropDemographics",
    "FeatureSelector",
    "FittedProcedure",
    "FittedRegression",
    "FittedSteps",
    "Fold",
    "GapLine",
    "RegressionFitter",
    "ScoreNormalizer",
    "SharedFits",
    "TargetClassifier",
    "arm_frame",
    "arms_of",
    "assert_no_person_on_both_sides",
    "candidates_of",
    "check_costs",
    "check_packages",
    "check_promise",
    "choose_rule",
    "count_patients",
    "describe_rule",
    "draw_folds",
    "draw_inner_folds",
    "draw_repeats",
    "draw_target_repeats",
    "encodable_rows",
    "fewest_to_train",
    "fit_procedure",
    "half_width",
    "is_saturated",
    "is_too_few",
    "keys_of",
    "leave_group_out",
    "looks_at_images",
    "main_arm",
    "make_fitters",
    "make_preprocessing",
    "make_procedure",
    "people_per_class",
    "prior_of",
    "seed_for",
    "site_column",
    "stable_rates",
    "training_columns",
    "warn_of_few_images",
    "warn_of_numbers",
    "warn_untuned",
    "wished_sensitivity",
]

__getattr__ = on_use(
    __name__,
    {
        "stable_rates": "rates",
        "training_columns": "rates",
        **dict.fromkeys(
            (
                "LEVELS",
                "FittedRegression",
                "FittedSteps",
                "GapLine",
                "RegressionFitter",
                "draw_target_repeats",
                "half_width",
            ),
            "regression",
        ),
    },
)
