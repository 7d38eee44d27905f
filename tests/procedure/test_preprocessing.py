"""Arms that share a learnt extractor decide as if each had fitted its own, and it is fitted once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from normwise.learnt.principal_components import VoxelComponents
from normwise.procedure.fit import fit_procedure
from normwise.procedure.preprocessing import SharedFits
from normwise.schema import Study


def test_components_are_fitted_once_a_training_part_and_change_nothing(
    small: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = Study.model_validate(
        small.study.model_dump()
        | {"features": {"extractor": "voxels", "components": 3},
           "cohort": {"demographics": ["age", "sex"]}}
    )  # fmt: skip
    fits = []
    plain = VoxelComponents.fit
    monkeypatch.setattr(VoxelComponents, "fit", lambda self, *data: fits.append(1) or plain(self, *data))
    shared = SharedFits()
    arms = ("raw", "normalized", "appended")

    def fit(arm: str, shared: SharedFits | None) -> np.ndarray:
        fitted = fit_procedure(
            study, small.roles, small.X, small.labels, small.groups, arm=arm, seed=0, shared=shared
        )
        return fitted.probabilities(small.X)

    together = [fit(arm, shared) for arm in arms]
    # Three inner folds and everybody.
    assert len(fits) == 4
    for arm, table in zip(arms, together, strict=True):
        assert np.array_equal(table, fit(arm, None))
    assert len(fits) == 16


def test_what_an_estimator_made_is_not_taken_for_anothers() -> None:
    """An estimator may get the address of one that is gone."""
    shared = SharedFits()
    made = [shared.once("rows", lambda number=number: number, of=[number]) for number in range(20)]
    assert made == list(range(20))
