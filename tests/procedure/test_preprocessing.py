"""Arms that share a learnt extractor decide as if each had fitted its own, and it is fitted once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from normwise.learnt.principal_components import VoxelComponents
from normwise.procedure import ARMS
from normwise.procedure.fit import fit_procedure
from normwise.procedure.pipeline import arm_frame, make_preprocessing
from normwise.procedure.preprocessing import Preprocessing, SharedFits
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


@pytest.mark.filterwarnings("ignore:NRM-203")
@pytest.mark.parametrize("arm", [arm for arm in ARMS if arm != "bag_mean"])
def test_no_arm_writes_into_the_features_that_all_share(small: Any, arm: str) -> None:
    frame = arm_frame(small.X, small.roles, arm)
    before = frame.copy(deep=True)
    preprocessing = Preprocessing(make_preprocessing(small.study, small.roles, arm, 0), frame)
    everybody = np.arange(len(frame))
    fitted, first, _ = preprocessing.fit(everybody, small.labels)
    kept = np.array(first)
    again, _ = preprocessing.transform(fitted, everybody)
    np.testing.assert_array_equal(again, kept)
    np.testing.assert_array_equal(preprocessing.transform(fitted, everybody)[0], kept)
    pd.testing.assert_frame_equal(frame, before)
