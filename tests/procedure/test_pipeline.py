"""The procedure as a plain scikit-learn pipeline: names given as they are, and no silent reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from normwise.errors import ProcedureError
from normwise.procedure import make_procedure


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
