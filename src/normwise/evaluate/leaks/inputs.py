"""What the alarms look at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from normwise.evaluate.compare_arms import SideBySide
from normwise.evaluate.cross_validation import ArmPredictions
from normwise.results import Arm
from normwise.runs import PreparedRun

__all__ = ["LeakInputs", "listed"]

_NAMED = 5


@dataclass(frozen=True)
class LeakInputs:
    """A run with its predictions and estimates.

    Attributes
    ----------
    kind : str
        ``"crossval"`` or ``"test"``.
    prepared : PreparedRun
        Cohort, features and folder.
    predictions : dict of str to ArmPredictions
        The arms.
    main : str
        The arm that is trained and saved.
    found : SideBySide
        Estimates and differences.
    by_site : Arm or None
        The main arm on sites it was not trained on.
    """

    kind: str
    prepared: PreparedRun
    predictions: dict[str, ArmPredictions]
    main: str
    found: SideBySide
    by_site: Arm | None = None

    @property
    def ids(self) -> pd.Index:
        """The scans, in the order of every array here."""
        return self.prepared.features.values.index

    @property
    def patient(self) -> NDArray[np.bool_]:
        """Whether each scan is of a target class other than the negative one, of shape (n_scans,)."""
        return self.predictions[self.main].scores.patient

    @property
    def tested(self) -> NDArray[np.bool_]:
        """Whether each scan is of a target class, of shape (n_scans,)."""
        scores = self.predictions[self.main].scores
        return scores.tested & np.isin(scores.labels, scores.classes)


def listed(names: list[str]) -> str:
    """Name the first few.

    Examples
    --------
    >>> listed(list("abcdefg"))
    'a, b, c, d, e and 2 more'
    """
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
