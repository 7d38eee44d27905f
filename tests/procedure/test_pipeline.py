"""The procedure as a plain scikit-learn pipeline: names given as they are, and no silent reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from normwise.errors import ProcedureError
from normwise.procedure import arms_of, main_arm, make_procedure
from normwise.schema import Roles, Study


def test_one_name_alone_may_be_given_as_it_is(small: Any) -> None:
    X = small.X.drop(columns="sex")
    alone, listed = (make_procedure(names, "normal").fit(X, small.labels) for names in ("age", ["age"]))
    assert np.array_equal(alone.predict_proba(X), listed.predict_proba(X))


def test_demographics_without_a_normal_group_are_refused() -> None:
    with pytest.raises(ProcedureError) as caught:
        make_procedure(["age", "sex"])
    assert caught.value.code == "PRC-106"


def test_everybody_may_be_the_reference_when_asked_for(small: Any) -> None:
    fitted = make_procedure(["age", "sex"], reference="all").fit(small.X, small.labels)
    assert fitted.named_steps["normalize"].n_normals_ == len(small.X)


@pytest.mark.parametrize(
    ("settings", "targets", "demographics", "arm"),
    [
        ({}, ("normal", "AD"), ("age",), "adjusted"),
        ({"decision": {"adjust": "none"}}, ("normal", "AD"), ("age",), "normalized"),
        ({}, ("MCI", "AD"), ("age",), "normalized"),
        ({"normalizer": {"reference": "all"}}, ("normal", "AD"), ("age",), "normalized_all"),
        ({"normalizer": {"mode": "append"}}, ("normal", "AD"), ("age",), "appended"),
        ({}, ("normal", "AD"), (), "raw"),
    ],
)
def test_the_studys_arm_is_among_those_compared(
    settings: dict[str, Any], targets: tuple[str, ...], demographics: tuple[str, ...], arm: str
) -> None:
    roles = Roles("dx", ("normal", "MCI", "AD"), "normal", targets, demographics)
    assert main_arm(Study.model_validate(settings), roles) == arm
    assert arm in arms_of(roles)
    assert ("adjusted" in arms_of(roles)) == (bool(demographics) and "normal" in targets)
